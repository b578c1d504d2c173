package authn_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
)

const whoami = `{ viewer { email } }`

func viewer(a gatewaytest.Response) string {
	viewer, _ := a.Data["viewer"].(map[string]any)
	email, _ := viewer["email"].(string)
	return strings.TrimSuffix(email, "@example.com")
}

func TestBearerWinsOverCookies(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for _, c := range []struct{ name, authorization, cookie, want string }{
		{"bearer", "Bearer token-anna", "", "anna"},
		{"scheme in other letters", "bearer token-anna", "", "anna"},
		{"cookie", "", "access=token-bert", "bert"},
		{"both", "Bearer token-anna", "access=token-bert; refresh=refresh-bert", "anna"},
		{"an invalid bearer token is anonymous, despite cookies", "Bearer expired", "access=token-bert; refresh=refresh-bert", ""},
		{"another scheme is no token", "Basic YTpi", "access=token-bert", "bert"},
		{"an invalid cookie", "", "access=tampered", ""},
		{"nothing", "", "", ""},
	} {
		req := w.Request(whoami, nil)
		if c.authorization != "" {
			req.Header.Set("Authorization", c.authorization)
		}
		if c.cookie != "" {
			req.Header.Set("Cookie", c.cookie)
		}
		if a := w.Do(req); viewer(a) != c.want || len(a.Errors) > 0 {
			t.Errorf("%s: got %s, want %q", c.name, a.Body, c.want)
		}
	}
	for _, r := range w.Auth.Requests() {
		if strings.Contains(r.Query, "refreshSession") {
			t.Errorf("a session was renewed: %s", r.Query)
		}
	}
}

func TestSessionRenewal(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for _, cookies := range []string{"refresh=refresh-anna", "access=expired; refresh=refresh-anna"} {
		a := w.Query(whoami, nil, "Cookie", cookies, "X-Forwarded-For", "6.6.6.6")
		if viewer(a) != "anna" {
			t.Errorf("%s: got %s", cookies, a.Body)
		}
		set := strings.Join(a.Header.Values("Set-Cookie"), "\n")
		if !strings.Contains(set, "access=token-anna") || !strings.Contains(set, "refresh=refresh-anna-2") || !strings.Contains(set, "HttpOnly") {
			t.Errorf("%s: got Set-Cookie %s", cookies, set)
		}
	}
	requests := w.Auth.Requests()
	if h := requests[0].Header; h.Get("Cookie") != "refresh=refresh-anna" || h.Get("X-Service-Token") != gatewaytest.ServiceToken || h.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("the renewal was asked for with %v", h)
	}
	if h := requests[1].Header; h.Get("Cookie") != "refresh=refresh-anna-2" || h.Get("Authorization") != "Bearer token-anna" {
		t.Errorf("after the renewal auth was asked with %v", h)
	}
}

func TestARefusedRenewalClearsTheCookies(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(whoami, nil, "Cookie", "refresh=refresh-revoked")
	if viewer(a) != "" || len(a.Errors) > 0 {
		t.Errorf("got %s", a.Body)
	}
	if set := a.Header.Values("Set-Cookie"); len(set) != 1 || !strings.HasPrefix(set[0], "refresh=;") {
		t.Errorf("got Set-Cookie %q", set)
	}
}

func TestTokensGoToAuthOnly(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Query(`{ viewer { email } orders { id } ticket(id: "t1") { id } }`, nil, "Cookie", "access=token-anna; refresh=refresh-anna")
	if got := w.Auth.Requests()[0].Header.Get("Cookie"); got != "refresh=refresh-anna" {
		t.Errorf("auth got Cookie %q", got)
	}
	for name, h := range map[string]http.Header{"orders": w.Orders.Requests()[0].Header, "tickets": w.Tickets.Requests()[0].Header} {
		if h.Get("Cookie") != "" || h.Get("X-Refresh-Token") != "" {
			t.Errorf("%s got %v", name, h)
		}
	}
}

func TestCookiesOfEveryMutationReachTheClient(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(`mutation { signOut signIn(email: "bert@example.com", password: "x") { viewer { email } } }`, nil, "Cookie", "access=token-anna")
	var names []string
	for _, line := range a.Header.Values("Set-Cookie") {
		name, _, _ := strings.Cut(line, ";")
		names = append(names, name)
	}
	if got, want := strings.Join(names, " "), "access= refresh= access=token-bert refresh=refresh-bert-2"; got != want {
		t.Errorf("got %s, want %s (%s)", got, want, a.Body)
	}
}

func TestOnlyAuthSetsCookies(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Tickets.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Set-Cookie", "access=token-forged")
		rw.Write([]byte(`{"data":{"ticket":{"id":"t1"}}}`))
	})
	if a := w.Query(`{ ticket(id: "t1") { id } }`, nil); len(a.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("got Set-Cookie %q", a.Header.Values("Set-Cookie"))
	}
}

func TestProductionCookiesCarryThePrefix(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) { c.SecureCookies = true })
	if a := w.Query(whoami, nil, "Cookie", "access=token-anna; refresh=refresh-anna"); viewer(a) != "" {
		t.Errorf("a cookie without the prefix was taken: %s", a.Body)
	}
	if a := w.Query(whoami, nil, "Cookie", "__Host-access=token-anna"); viewer(a) != "anna" {
		t.Errorf("got %s", a.Body)
	}
}

// While the session subgraph is down, sessions cannot be renewed, and no client is signed out.
func TestRenewalWithoutAuthIsNoSignOut(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Auth.Answer(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) })
	if a := w.Query(whoami, nil, "Cookie", "refresh=refresh-anna"); a.Status != 503 || a.Code() != "SUBGRAPH_UNAVAILABLE" || len(a.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

// Without the issuer's keys no token can be verified, and no client is signed out.
func TestUnknownKeysAreNoSignOut(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) {
		c.Verify = func(context.Context, string) (identity.Caller, error) {
			return identity.Caller{}, errors.New("no keys yet")
		}
	})
	if a := w.Query(whoami, nil, gatewaytest.As("anna")...); a.Status != 503 || a.Code() != "SUBGRAPH_UNAVAILABLE" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if a := w.Query(whoami, nil); a.Body != `{"data":{"viewer":null}}` {
		t.Errorf("anonymous: got %s", a.Body)
	}
}
