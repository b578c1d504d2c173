package authn_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/authn"
	"boxoffice.dev/router/internal/upstream"
)

// The renewal is answered when all tabs wait for it, so that each could have started one of its own.
func TestConcurrentRequestsShareOneRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		renewals := 0
		answer := make(chan struct{})
		sessions := authn.New(authn.Config{
			Verify: func(_ context.Context, token string) (identity.Caller, error) {
				if token != "token-anna" {
					return identity.Caller{}, fmt.Errorf("%w: %s", identity.ErrInvalid, token)
				}
				return identity.Caller{UserID: "anna"}, nil
			},
			Fetch: func(context.Context, http.Header, []byte) (upstream.Answer, error) {
				renewals++
				<-answer
				return upstream.Answer{Header: http.Header{"Set-Cookie": {"access=token-anna; Path=/", "refresh=next; Path=/"}}, Body: []byte("{}")}, nil
			},
		})
		const tabs = 10
		var wg sync.WaitGroup
		for i := range tabs {
			wg.Go(func() {
				r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
				r.Header.Set("Cookie", "access=expired; refresh=first")
				s, err := sessions.Authenticate(r, func(authn.Session) http.Header { return http.Header{} })
				if err != nil || s.Caller.UserID != "anna" || s.AccessToken != "token-anna" || s.RefreshCookie != "refresh=next" || len(s.SetCookies) != 2 {
					t.Errorf("tab %d: got %+v, %v", i, s, err)
				}
			})
		}
		synctest.Wait() // until all of them are blocked
		if renewals != 1 {
			t.Errorf("%d tabs started %d renewals, want one", tabs, renewals)
		}
		close(answer)
		wg.Wait()
		if renewals != 1 {
			t.Errorf("%d renewals in the end, want one", renewals)
		}
	})
}
