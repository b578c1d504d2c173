package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	viewerQuery    = `{ viewer { email user { id } session { id } } }`
	errorFields    = `errors { __typename ... on UserError { code message path } ... on ValidationError { rule } ... on RateLimitedError { retryAfterSeconds } }`
	signUpMutation = `mutation($input: SignUpInput!) { signUp(input: $input) { viewer { email user { id } } tokens { accessToken refreshToken } ` + errorFields + ` } }`
	signInMutation = `mutation($input: SignInInput!) { signIn(input: $input) { viewer { email user { id } } tokens { accessToken refreshToken } ` + errorFields + ` } }`
	renewMutation  = `mutation { refreshSession { viewer { email user { id } } tokens { accessToken refreshToken } errors { __typename ... on UserError { code message path } } } }`
	sellMutation   = `mutation { createTicket(input: {title: "Front row", price: {minorUnits: 1999, currency: "USD"}}) { ticket { id } errors { __typename } } }`
)

// sessionPayload is the payload of signUp, signIn and refreshSession.
type sessionPayload struct {
	Viewer *struct {
		Email string
		User  struct{ ID string }
	}
	Tokens *struct{ AccessToken, RefreshToken string }
	Errors []userError
}

type userError struct {
	Typename          string `json:"__typename"`
	Code, Message     string
	Path              []string
	Rule              string
	RetryAfterSeconds int
}

func (e userError) String() string {
	return strings.TrimSpace(strings.Join([]string{e.Typename, strings.Join(e.Path, "."), e.Rule}, " "))
}

// session sends signUp, signIn or refreshSession.
func session(t *testing.T, c *Client, mutation string, input Vars) (sessionPayload, *Response) {
	t.Helper()
	r := c.Do(t, mutation, Vars{"input": input})
	if len(r.Errors) > 0 {
		t.Fatalf("with %v: got errors: %v", input, r.Errors)
	}
	for _, payload := range Decode[map[string]sessionPayload](t, r) {
		return payload, r
	}
	t.Fatalf("empty response %s", r.Content)
	return sessionPayload{}, nil
}

func wantErrors(t *testing.T, got []userError, want ...string) {
	t.Helper()
	var lines []string
	for _, e := range got {
		lines = append(lines, e.String())
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got errors %q, want %q", lines, want)
	}
}

// viewer returns the user id of the viewer, "" when signed out. Errors fail the test.
func viewer(t *testing.T, c *Client) string {
	t.Helper()
	v := Must[struct {
		Viewer *struct{ User struct{ ID string } }
	}](t, c, viewerQuery, nil).Viewer
	if v == nil {
		return ""
	}
	return v.User.ID
}

// cookie returns the value of a cookie in the browser, "" when there is none.
func (c *Client) cookie(t *testing.T, name string) string {
	t.Helper()
	for _, cookie := range c.HTTP.Jar.Cookies(c.site(t)) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// setCookie sets a cookie in the browser, or deletes it when the value is empty.
func (c *Client) setCookie(t *testing.T, name, value string) {
	t.Helper()
	cookie := &http.Cookie{Name: name, Value: value, Path: "/"} //nolint:gosec // tests use plain HTTP, so it cannot be Secure
	if value == "" {
		cookie.MaxAge = -1
	}
	c.HTTP.Jar.SetCookies(c.site(t), []*http.Cookie{cookie})
}

func (c *Client) site(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// setCookies returns the cookies that the response sets, by name.
func setCookies(t *testing.T, r *Response) map[string]*http.Cookie {
	t.Helper()
	found := map[string]*http.Cookie{}
	for _, line := range r.Header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatalf("Set-Cookie %q: %v", line, err)
		}
		if found[cookie.Name] != nil {
			t.Errorf("cookie %s is set twice: %q", cookie.Name, r.Header.Values("Set-Cookie"))
		}
		found[cookie.Name] = cookie
	}
	return found
}

func accountsWith(t *testing.T, s *System, email string) int {
	t.Helper()
	return s.Count(t, "auth", `SELECT count(*) FROM accounts WHERE lower(email) = lower($1)`, email)
}

// endGracePeriod backdates the rotation of a user's refresh tokens by more than the grace period.
func endGracePeriod(t *testing.T, s *System, userID string) {
	t.Helper()
	if _, err := s.DB(t, "auth").Exec(t.Context(), `UPDATE refresh_tokens SET rotated_at = rotated_at - interval '1 minute'
		FROM sessions WHERE sessions.id = session_id AND account_id = $1`, userID); err != nil {
		t.Fatal(err)
	}
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	s := Shared(t)

	t.Run("A1 valid input", func(t *testing.T) {
		t.Parallel()
		c, email := s.Browser(), NewEmail()
		got, r := session(t, c, signUpMutation, Vars{"email": email, "password": Password})
		if got.Viewer == nil || got.Viewer.Email != email || !strings.HasPrefix(got.Viewer.User.ID, "usr_") || len(got.Errors) > 0 || got.Tokens != nil {
			t.Errorf("got %s", r.Content)
		}
		if !strings.Contains(string(r.Content), `"errors":[]`) {
			t.Errorf("errors is not an empty list: %s", r.Content)
		}
		for _, name := range []string{"access", "refresh"} { // the system runs as in development
			cookie := setCookies(t, r)[name]
			if cookie == nil || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.Domain != "" {
				t.Errorf("cookie %s: %+v", name, cookie)
			}
		}
		if viewer(t, c) != got.Viewer.User.ID {
			t.Error("the cookies do not sign in")
		}
	})

	t.Run("A2 A3 A5 invalid fields", func(t *testing.T) {
		t.Parallel()
		c := s.Browser()
		for _, test := range []struct {
			email, password string
			want            []string
		}{
			{"not an address", Password, []string{"ValidationError input.email email"}},
			{NewEmail(), "1234567", []string{"ValidationError input.password minLength"}},
			{NewEmail(), strings.Repeat("x", 129), []string{"ValidationError input.password maxLength"}},
			{NewEmail(), "password123", []string{"ValidationError input.password commonPassword"}},
			{"@", "short", []string{"ValidationError input.email email", "ValidationError input.password minLength"}},
		} {
			got, r := session(t, c, signUpMutation, Vars{"email": test.email, "password": test.password})
			wantErrors(t, got.Errors, test.want...)
			if got.Viewer != nil || len(setCookies(t, r)) > 0 || accountsWith(t, s, test.email) != 0 {
				t.Errorf("%s: got %s and cookies %v", test.email, r.Content, r.Header.Values("Set-Cookie"))
			}
		}
	})

	t.Run("A3 passwords are neither trimmed nor truncated", func(t *testing.T) {
		t.Parallel()
		email, long := NewEmail(), "  "+strings.Repeat("ü", 124)+"  "
		session(t, s.Anonymous(), signUpMutation, Vars{"email": email, "password": long, "delivery": "BEARER"})
		for password, want := range map[string]bool{long: true, strings.TrimSpace(long): false, long[:len(long)-1]: false} {
			got, _ := session(t, s.Anonymous(), signInMutation, Vars{"email": email, "password": password, "delivery": "BEARER"})
			if (got.Viewer != nil) != want {
				t.Errorf("%q: signed in %v, want %v", password, got.Viewer != nil, want)
			}
		}
	})

	t.Run("A4 missing fields", func(t *testing.T) {
		t.Parallel()
		email := NewEmail()
		for _, input := range []Vars{{"email": email}, {"password": Password}, {"email": email, "password": nil}} {
			r := s.Anonymous().Do(t, signUpMutation, Vars{"input": input})
			if len(r.Errors) == 0 || strings.Contains(string(r.Data), "signUp") {
				t.Errorf("%v: got %s", input, r.Content)
			}
		}
		if n := accountsWith(t, s, email); n != 0 {
			t.Errorf("%d accounts", n)
		}
	})

	t.Run("A6 duplicate email, also in another letter case", func(t *testing.T) {
		t.Parallel()
		c := s.SignUp(t)
		for _, email := range []string{c.Email, strings.ToUpper(c.Email)} {
			got, r := session(t, s.Browser(), signUpMutation, Vars{"email": email, "password": Password})
			wantErrors(t, got.Errors, "EmailInUseError input.email")
			if len(setCookies(t, r)) > 0 {
				t.Error("cookies were set")
			}
		}
		if n := accountsWith(t, s, c.Email); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
	})

	t.Run("A6 concurrent sign-ups with one email", func(t *testing.T) {
		t.Parallel()
		email := NewEmail()
		var group sync.WaitGroup
		payloads := make([]sessionPayload, 8)
		for i := range payloads {
			group.Go(func() {
				spelling := []string{email, strings.ToUpper(email)}[i%2]
				r, err := s.Anonymous().Client.Do(t.Context(), signUpMutation, Vars{"input": Vars{"email": spelling, "password": Password}})
				if err != nil || len(r.Errors) > 0 {
					t.Errorf("got %v, %+v", err, r)
					return
				}
				var data struct{ SignUp sessionPayload }
				if err := json.Unmarshal(r.Data, &data); err != nil {
					t.Error(err)
				}
				payloads[i] = data.SignUp
			})
		}
		group.Wait()
		created := 0
		for _, p := range payloads {
			if p.Viewer != nil {
				created++
				continue
			}
			wantErrors(t, p.Errors, "EmailInUseError input.email")
		}
		if n := accountsWith(t, s, email); created != 1 || n != 1 {
			t.Errorf("%d responses with an account and %d accounts, want 1 and 1", created, n)
		}
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := Shared(t)

	t.Run("A8 valid", func(t *testing.T) {
		t.Parallel()
		person, c := s.SignUp(t), s.Browser()
		got, r := session(t, c, signInMutation, Vars{"email": strings.ToUpper(person.Email), "password": Password})
		if got.Viewer == nil || got.Viewer.User.ID != person.UserID || got.Viewer.Email != person.Email || len(setCookies(t, r)) != 2 {
			t.Errorf("got %s and cookies %v", r.Content, setCookies(t, r))
		}
		if got := viewer(t, c); got != person.UserID {
			t.Errorf("viewer is %q, want %s", got, person.UserID)
		}
	})

	t.Run("A7 unknown email and wrong password have equal responses", func(t *testing.T) {
		t.Parallel()
		person := s.SignUp(t)
		wrong, r1 := session(t, s.Browser(), signInMutation, Vars{"email": person.Email, "password": "wrong horse battery"})
		_, r2 := session(t, s.Browser(), signInMutation, Vars{"email": NewEmail(), "password": Password})
		wantErrors(t, wrong.Errors, "InvalidCredentialsError")
		if string(r1.Content) != string(r2.Content) {
			t.Errorf("responses differ:\n%s\n%s", r1.Content, r2.Content)
		}
		if len(setCookies(t, r1))+len(setCookies(t, r2)) > 0 {
			t.Error("cookies were set")
		}
	})

	t.Run("A7 guesses of one password are limited, from any address", func(t *testing.T) {
		t.Parallel()
		person, limit := s.SignUp(t), 10
		for i := range limit + 1 {
			got, _ := session(t, s.Anonymous(), signInMutation, Vars{"email": person.Email, "password": fmt.Sprintf("guess number %d", i)})
			want := "InvalidCredentialsError"
			if i == limit {
				want = "RateLimitedError"
			}
			wantErrors(t, got.Errors, want)
		}
		got, _ := session(t, s.Anonymous(), signInMutation, Vars{"email": person.Email, "password": Password})
		wantErrors(t, got.Errors, "RateLimitedError")
		if len(got.Errors) == 1 && got.Errors[0].RetryAfterSeconds < 1 {
			t.Errorf("retry after %d s", got.Errors[0].RetryAfterSeconds)
		}
	})
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	s := Shared(t)

	t.Run("A9 sign-out, also when signed out", func(t *testing.T) {
		t.Parallel()
		c := s.SignUpBrowser(t)
		refresh := c.cookie(t, "refresh")
		for range 2 {
			r := c.Do(t, `mutation { signOut { signedOut } }`, nil)
			if string(r.Data) != `{"signOut":{"signedOut":true}}` || len(r.Errors) > 0 {
				t.Errorf("got %s", r.Content)
			}
			for _, name := range []string{"access", "refresh"} {
				if cookie := setCookies(t, r)[name]; cookie == nil || cookie.Value != "" || cookie.MaxAge != -1 {
					t.Errorf("cookie %s: %+v", name, cookie)
				}
			}
			if got := viewer(t, c); got != "" {
				t.Errorf("viewer is %s, want null", got)
			}
		}
		c.setCookie(t, "refresh", refresh)
		if got := viewer(t, c); got != "" {
			t.Errorf("the refresh token still works: viewer is %s", got)
		}
	})

	t.Run("A9 sign-out without an access token", func(t *testing.T) {
		t.Parallel()
		c := s.SignUpBrowser(t)
		refresh := c.cookie(t, "refresh")
		c.setCookie(t, "access", "")
		c.Do(t, `mutation { signOut { signedOut } }`, nil)
		if got := c.cookie(t, "access") + c.cookie(t, "refresh"); got != "" {
			t.Error("the browser still has cookies")
		}
		c.setCookie(t, "refresh", refresh)
		if got := viewer(t, c); got != "" {
			t.Errorf("the refresh token still works: viewer is %s", got)
		}
	})

	t.Run("A12 sign-out everywhere", func(t *testing.T) {
		t.Parallel()
		phone, stranger := s.SignUpBrowser(t), s.SignUp(t)
		laptop := s.Browser()
		session(t, laptop, signInMutation, Vars{"email": phone.Email, "password": Password})
		tool := s.Anonymous()
		got, _ := session(t, tool, signInMutation, Vars{"email": phone.Email, "password": Password, "delivery": "BEARER"})
		tool.Bearer, tool.RefreshToken = got.Tokens.AccessToken, got.Tokens.RefreshToken

		const everywhere = `mutation { signOutEverywhere { signedOut } }`
		WantCode(t, s.Anonymous().Do(t, everywhere, nil), "UNAUTHENTICATED")
		Must[any](t, laptop, everywhere, nil)
		for name, c := range map[string]*Client{"phone": phone, "laptop": laptop, "tool": tool} {
			if got := viewer(t, c); got != "" {
				t.Errorf("%s: viewer is %s", name, got)
			}
		}
		phone.setCookie(t, "access", "")
		if got := viewer(t, phone); got != "" {
			t.Errorf("phone, renewed: viewer is %s", got)
		}
		tool.Header = http.Header{"X-Refresh-Token": {tool.RefreshToken}}
		renewed, _ := session(t, tool, renewMutation, nil)
		wantErrors(t, renewed.Errors, "SessionExpiredError")
		if got := viewer(t, stranger); got != stranger.UserID {
			t.Errorf("a stranger's viewer is %q, want %s", got, stranger.UserID)
		}
	})
}

func TestViewer(t *testing.T) {
	t.Parallel()
	s := Shared(t)

	t.Run("A10 viewer without a session or with a forged token", func(t *testing.T) {
		t.Parallel()
		person := s.SignUp(t)
		token := person.Bearer
		if got := viewer(t, person); got != person.UserID {
			t.Fatalf("viewer is %q, want %s", got, person.UserID)
		}
		parts := strings.Split(token, ".")
		for name, forged := range map[string]string{
			"none":              "",
			"nonsense":          "nonsense",
			"signature changed": token[:len(token)-10] + "AAAAAAAAAA",
			"signature missing": parts[0] + "." + parts[1] + ".",
			"alg none":          "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
			"refresh token":     person.RefreshToken,
		} {
			c := s.Anonymous()
			c.Bearer = forged
			if got := viewer(t, c); got != "" {
				t.Errorf("%s: viewer is %s, want null", name, got)
			}
		}
		c := s.Browser()
		c.setCookie(t, "access", token[:len(token)-10]+"AAAAAAAAAA")
		if got := viewer(t, c); got != "" {
			t.Errorf("forged cookie: viewer is %s, want null", got)
		}
	})

	t.Run("A11 users have no email and no password hash", func(t *testing.T) {
		t.Parallel()
		person := s.SignUp(t)
		for _, field := range []string{"email", "password", "passwordHash"} {
			r := s.Anonymous().Do(t, fmt.Sprintf(`{ user(id: %q) { %s } }`, person.UserID, field), nil)
			if len(r.Errors) == 0 {
				t.Errorf("User has a field %s: %s", field, r.Content)
			}
		}
		r := s.Anonymous().Do(t, fmt.Sprintf(`{ user(id: %q) { id displayName memberSince } }`, person.UserID), nil)
		local, _, _ := strings.Cut(person.Email, "@")
		if len(r.Errors) > 0 || !strings.Contains(string(r.Data), person.UserID) || strings.Contains(string(r.Data), local) {
			t.Errorf("got %s", r.Content)
		}
	})

}

func TestSessionRenewal(t *testing.T) {
	t.Parallel()
	s := Shared(t)

	t.Run("A12 a browser keeps its session by rotation", func(t *testing.T) {
		t.Parallel()
		c := s.SignUpBrowser(t)
		for range 3 {
			before := c.cookie(t, "refresh")
			c.setCookie(t, "access", "") // as browsers do when it expires
			if got := viewer(t, c); got != c.UserID {
				t.Fatalf("viewer is %q, want %s", got, c.UserID)
			}
			if after := c.cookie(t, "refresh"); after == before || after == "" || c.cookie(t, "access") == "" {
				t.Error("the tokens were not rotated")
			}
		}
	})

	t.Run("A12 concurrent tabs stay signed in", func(t *testing.T) {
		t.Parallel()
		c := s.SignUpBrowser(t)
		refresh := c.cookie(t, "refresh")
		var group sync.WaitGroup
		tabs := make([]*Client, 10)
		for i := range tabs {
			tabs[i] = s.Browser()
			tabs[i].setCookie(t, "refresh", refresh)
			group.Go(func() {
				r, err := tabs[i].Client.Do(t.Context(), viewerQuery, nil)
				if err != nil || !strings.Contains(string(r.Data), c.UserID) {
					t.Errorf("tab %d: got %v, %s", i, err, r.Data)
				}
			})
		}
		group.Wait()
		for i, tab := range tabs {
			if got, want := tab.cookie(t, "refresh"), tabs[0].cookie(t, "refresh"); got != want || got == "" {
				t.Errorf("tab %d has another refresh token", i)
			}
		}
		// Tabs of one browser share cookies, and the last response wins.
		for range 3 {
			for i, tab := range tabs {
				tab.setCookie(t, "access", "")
				if got := viewer(t, tab); got != c.UserID {
					t.Fatalf("tab %d: viewer is %q, want %s", i, got, c.UserID)
				}
			}
		}
	})

	t.Run("A12 a reused refresh token ends its session and no other", func(t *testing.T) {
		t.Parallel()
		c := s.SignUpBrowser(t)
		other := s.Browser()
		session(t, other, signInMutation, Vars{"email": c.Email, "password": Password})
		stolen := c.cookie(t, "refresh")
		c.setCookie(t, "access", "")
		viewer(t, c) // rotates the refresh token
		endGracePeriod(t, s, c.UserID)

		thief := s.Browser()
		thief.setCookie(t, "refresh", stolen)
		if got := viewer(t, thief); got != "" {
			t.Errorf("the thief is %s", got)
		}
		if got := thief.cookie(t, "refresh"); got != "" {
			t.Error("the thief's cookies were not cleared")
		}
		if got := viewer(t, c); got != "" {
			t.Errorf("with its access token: viewer is %s, want null", got)
		}
		c.setCookie(t, "access", "")
		if got := viewer(t, c); got != "" {
			t.Errorf("with its refresh token: viewer is %s, want null", got)
		}
		if got := viewer(t, other); got != c.UserID {
			t.Errorf("on the other device: viewer is %q, want %s", got, c.UserID)
		}
	})

	t.Run("A12 sign-in after the session has ended", func(t *testing.T) {
		t.Parallel()
		c := s.SignUpBrowser(t)
		if _, err := s.DB(t, "auth").Exec(t.Context(), `DELETE FROM sessions WHERE account_id = $1`, c.UserID); err != nil {
			t.Fatal(err)
		}
		c.setCookie(t, "access", "")
		session(t, c, signInMutation, Vars{"email": c.Email, "password": Password})
		if got := viewer(t, c); got != c.UserID {
			t.Errorf("viewer is %q, want %s", got, c.UserID)
		}
	})
}

func TestClients(t *testing.T) {
	t.Parallel()
	s := Shared(t)

	for name, signUp := range map[string]func(*testing.T) *Client{"bearer": s.SignUp, "cookies": s.SignUpBrowser} {
		t.Run("A13 queries and mutations with "+name, func(t *testing.T) {
			t.Parallel()
			c := signUp(t)
			if got := viewer(t, c); got != c.UserID {
				t.Errorf("viewer is %q, want %s", got, c.UserID)
			}
			got := Must[struct {
				CreateTicket struct{ Ticket *struct{ ID string } }
			}](t, c, sellMutation, nil)
			if got.CreateTicket.Ticket == nil {
				t.Error("no ticket")
			}
		})
	}

	t.Run("A13 a mutation of another subgraph when signed out", func(t *testing.T) {
		t.Parallel()
		WantCode(t, s.Anonymous().Do(t, sellMutation, nil), "UNAUTHENTICATED")
	})

	t.Run("A13 a bearer client gets tokens and no cookies, and rotates them", func(t *testing.T) {
		t.Parallel()
		c := s.Anonymous()
		email := NewEmail()
		got, r := session(t, c, signUpMutation, Vars{"email": email, "password": Password, "delivery": "BEARER"})
		if got.Tokens == nil || len(setCookies(t, r)) > 0 {
			t.Fatalf("got %s and cookies %v", r.Content, setCookies(t, r))
		}
		first := got.Tokens.RefreshToken
		c.Header = http.Header{"X-Refresh-Token": {first}}
		renewed, r := session(t, c, renewMutation, nil)
		if renewed.Tokens == nil || renewed.Viewer.Email != email || renewed.Tokens.RefreshToken == first || len(setCookies(t, r)) > 0 {
			t.Fatalf("got %s and cookies %v", r.Content, setCookies(t, r))
		}
		again, _ := session(t, c, renewMutation, nil) // as if the response was lost, within the grace period
		if again.Tokens == nil || again.Tokens.RefreshToken != renewed.Tokens.RefreshToken {
			t.Errorf("again: got %+v, want the same refresh token", again)
		}
		endGracePeriod(t, s, renewed.Viewer.User.ID)
		reused, _ := session(t, c, renewMutation, nil)
		wantErrors(t, reused.Errors, "SessionExpiredError")
		c.Header, c.Bearer = nil, renewed.Tokens.AccessToken
		if got := viewer(t, c); got != "" {
			t.Errorf("after reuse: viewer is %s, want null", got)
		}
	})

	t.Run("A13 a bearer token takes precedence over cookies", func(t *testing.T) {
		t.Parallel()
		browser, api := s.SignUpBrowser(t), s.SignUp(t)
		browser.Bearer = api.Bearer
		if got := viewer(t, browser); got != api.UserID {
			t.Errorf("viewer is %q, want %s", got, api.UserID)
		}
		Must[any](t, browser, `mutation { signOut { signedOut } }`, nil)
		if got := viewer(t, api); got != "" {
			t.Errorf("the session of the bearer token did not end: viewer is %s", got)
		}
	})
}

func TestNode(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	c := s.SignUp(t)
	ticketID := Must[struct {
		CreateTicket struct{ Ticket struct{ ID string } }
	}](t, c, sellMutation, nil).CreateTicket.Ticket.ID

	const query = `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on User { displayName } ... on Ticket { title } } }`
	type node struct {
		Typename           string `json:"__typename"`
		ID                 string
		DisplayName, Title string
	}
	got := Must[struct{ Nodes []*node }](t, s.Anonymous(), query, Vars{"ids": []string{ticketID, "nonsense", c.UserID}}).Nodes
	if len(got) != 3 || got[0] == nil || got[1] != nil || got[2] == nil {
		t.Fatalf("got %v", got)
	}
	if *got[0] != (node{Typename: "Ticket", ID: ticketID, Title: "Front row"}) {
		t.Errorf("got %+v", *got[0])
	}
	if got[2].Typename != "User" || got[2].ID != c.UserID || got[2].DisplayName == "" {
		t.Errorf("got %+v", *got[2])
	}
}

// Access tokens end after a second and the five seconds that clocks may differ by.
func TestShortSessions(t *testing.T) {
	t.Parallel()
	s := Shared(t).Variant(t, "auth.ACCESS_TOKEN_TTL=1s")
	browser, api := s.SignUpBrowser(t), s.SignUp(t)

	Eventually(t, "A10 an expired access token means signed out", func() bool { return viewer(t, api) == "" })
	WantCode(t, api.Do(t, sellMutation, nil), "UNAUTHENTICATED")
	// The browser's access cookie has expired too. The router renews the session on the way, also for mutations.
	if got := viewer(t, browser); got != browser.UserID {
		t.Errorf("A12 viewer is %q, want %s", got, browser.UserID)
	}
	Must[any](t, browser, sellMutation, nil)
	api.Header = http.Header{"X-Refresh-Token": {api.RefreshToken}}
	if got, _ := session(t, api, renewMutation, nil); got.Viewer == nil || got.Viewer.User.ID != api.UserID {
		t.Errorf("A12 an API client with an expired bearer token could not renew: %+v", got)
	}
}

func TestSignUpsPerAddress(t *testing.T) {
	t.Parallel()
	s := Shared(t).Variant(t, "auth.SIGN_UPS_PER_ADDRESS=3", "router.TRUSTED_PROXIES=127.0.0.0/8")
	from := func(address string, want ...string) {
		t.Helper()
		c := s.Anonymous()
		c.Header = http.Header{"X-Forwarded-For": {address}}
		got, _ := session(t, c, signUpMutation, Vars{"email": NewEmail(), "password": Password, "delivery": "BEARER"})
		wantErrors(t, got.Errors, want...)
	}
	for range 3 {
		from("203.0.113.7")
	}
	from("203.0.113.7", "RateLimitedError")
	from("203.0.113.8")
}
