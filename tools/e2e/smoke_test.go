package e2e

import "testing"

func TestSmoke(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	const viewer = `{ viewer { email user { id } } }`
	type viewerData struct {
		Viewer *struct {
			Email string
			User  struct{ ID string }
		}
	}

	t.Run("viewer is null when signed out", func(t *testing.T) {
		t.Parallel()
		if got := Must[viewerData](t, s.Anonymous(), viewer, nil).Viewer; got != nil {
			t.Errorf("got viewer %v, want null", *got)
		}
	})
	for name, signUp := range map[string]func(*testing.T) *Client{"API client": s.SignUp, "browser": s.SignUpBrowser} {
		t.Run("sign up as "+name, func(t *testing.T) {
			t.Parallel()
			c := signUp(t)
			got := Must[viewerData](t, c, viewer, nil).Viewer
			if got == nil || got.Email != c.Email || got.User.ID != c.UserID {
				t.Errorf("got viewer %+v, want %s with id %s", got, c.Email, c.UserID)
			}
		})
	}
}
