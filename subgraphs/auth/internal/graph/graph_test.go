package graph_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph"
	"boxoffice.dev/subgraphs/auth/internal/password"
	"boxoffice.dev/subgraphs/auth/internal/signing"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/gqlserver/gqltest"
)

const (
	secret       = "a secret of the test, 32 characters"
	goodPassword = "correct horse battery"
	ttl          = 5 * time.Minute
)

// subgraph is the auth subgraph with its own database and a clock that stands still.
type subgraph struct {
	t       *testing.T
	handler http.Handler
	mu      sync.Mutex
	now     time.Time
}

func newSubgraph(t *testing.T, cookies graph.Cookies) *subgraph {
	t.Helper()
	t.Parallel()
	s := &subgraph{t: t, now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	pool := pgtest.New(t, account.Migrations(), signing.Migrations())
	keys, err := signing.Open(t.Context(), pool, secret, identity.Issuer{TTL: ttl}, s.clock)
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.NewService(pool, password.NewHasher(password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}), account.Limits{
		Window: 15 * time.Minute, SignInsPerAccount: 10, SignInsPerAddress: 30, SignUpsPerAddress: 10,
	}, secret, s.clock)
	verifier := identity.NewVerifier(identity.VerifierConfig{KeySet: keys.KeySet, Now: s.clock})
	mux := http.NewServeMux()
	mux.Handle("/graphql", graph.WithSession(gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(accounts, keys, nil, s.clock), ServiceToken: gqltest.ServiceToken, Verify: verifier.Verify,
	}), cookies))
	mux.Handle("GET /.well-known/jwks.json", graph.KeySet(keys.KeySet))
	s.handler = mux
	return s
}

func (s *subgraph) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *subgraph) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// session is the credentials of a session.
type session struct{ access, refresh string }

// ask sends an operation as the router would, with headers given as "Name: value".
func (s *subgraph) ask(query string, variables map[string]any, headers ...string) gqltest.Response {
	s.t.Helper()
	headers = append(headers, "X-Forwarded-For: 192.0.2.1")
	return gqltest.Send(s.t, s.handler, gqltest.NewRequest(s.t.Context(), s.t, query, variables, headers...))
}

func bearer(g session) string        { return gqltest.Bearer(g.access) }
func refreshHeader(g session) string { return "X-Refresh-Token: " + g.refresh }
func refreshCookie(g session) string { return "Cookie: refresh=" + g.refresh }

const (
	viewerQuery  = `{ viewer { email user { id displayName memberSince } session { id createdAt expiresAt } } }`
	errorFields  = `errors { __typename ... on UserError { code message path } ... on ValidationError { rule } ... on RateLimitedError { retryAfterSeconds } }`
	tokenFields  = `tokens { accessToken accessTokenExpiresAt refreshToken }`
	signUp       = `mutation($input: SignUpInput!) { signUp(input: $input) { viewer { email user { id } session { id } } ` + tokenFields + ` ` + errorFields + ` } }`
	signIn       = `mutation($input: SignInInput!) { signIn(input: $input) { viewer { email user { id } session { id } } ` + tokenFields + ` ` + errorFields + ` } }`
	refresh      = `mutation { refreshSession { viewer { email session { id } } ` + tokenFields + ` errors { __typename ... on UserError { code message path } } } }`
	signOut      = `mutation { signOut { signedOut errors { code } } }`
	signOutAll   = `mutation { signOutEverywhere { signedOut errors { code } } }`
	nodeQuery    = `query($id: ID!) { node(id: $id) { __typename id ... on User { displayName } } }`
	entityQuery  = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on User { id displayName } } }`
	unknownToken = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func input(email, pw string, more ...string) map[string]any {
	in := map[string]any{"email": email, "password": pw}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		in[name] = value
	}
	return map[string]any{"input": in}
}

// signUp creates an account and returns its session as an API client gets it.
func (s *subgraph) signUp(email string) session {
	s.t.Helper()
	a := s.ask(signUp, input(email, goodPassword, "delivery=BEARER"))
	g := session{a.Text("signUp.tokens.accessToken"), a.Text("signUp.tokens.refreshToken")}
	if g.access == "" || g.refresh == "" {
		s.t.Fatalf("sign up %s: %v %v", email, a.Data, a.Errors)
	}
	return g
}

func (s *subgraph) signedIn(g session) bool {
	s.t.Helper()
	a := s.ask(viewerQuery, nil, bearer(g))
	if a.Codes() != "" {
		s.t.Errorf("viewer: errors %s", a.Codes())
	}
	return a.Value("viewer") != nil
}

// wantErrors compares the typed errors at the payload with lines of type, path and rule.
func (s *subgraph) wantErrors(a gqltest.Response, payload string, want ...string) {
	s.t.Helper()
	list, ok := a.Value(payload + ".errors").([]any)
	if !ok {
		s.t.Errorf("%s has no errors: %v", payload, a.Data)
	}
	got := []string{}
	for _, e := range list {
		e := e.(map[string]any)
		line := fmt.Sprint(e["__typename"])
		if path, ok := e["path"].([]any); ok {
			line += " " + strings.Trim(strings.ReplaceAll(fmt.Sprint(path), " ", "."), "[]")
		}
		if rule, ok := e["rule"]; ok {
			line += " " + fmt.Sprint(rule)
		}
		if e["code"] == "" || e["message"] == "" {
			s.t.Errorf("no code or message: %v", e)
		}
		got = append(got, line)
	}
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		s.t.Errorf("got errors %q, want %q; top level: %s", got, want, a.Codes())
	}
	if a.Value(payload+".viewer") != nil && len(want) > 0 {
		s.t.Errorf("a viewer beside errors: %v", a.Data)
	}
}

func TestSignUp(t *testing.T) {
	t.Run("A1 cookies in production", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		a := s.ask(signUp, input("Ada@Example.com", goodPassword))
		s.wantErrors(a, "signUp")
		if a.Text("signUp.viewer.email") != "Ada@Example.com" || !id.Valid(id.User, a.Text("signUp.viewer.user.id")) || a.Value("signUp.tokens") != nil {
			t.Errorf("got %v", a.Data)
		}
		for name, seconds := range map[string]int{"__Host-access": int(ttl / time.Second), "__Host-refresh": int(account.Idle / time.Second)} {
			c := a.Cookies[name]
			if c == nil {
				t.Fatalf("cookie %s is missing", name)
			}
			want := fmt.Sprintf("%s=%s; Path=/; Max-Age=%d; HttpOnly; Secure; SameSite=Lax", name, c.Value, seconds)
			if c.Raw != want || c.Value == "" {
				t.Errorf("got %s, want %s", c.Raw, want)
			}
		}
	})
	t.Run("A1 cookies in development", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		a := s.ask(signUp, input("ada@example.com", goodPassword))
		for _, name := range []string{"access", "refresh"} {
			if c := a.Cookies[name]; c == nil || c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("cookie %s: %+v", name, c)
			}
		}
		if !s.signedIn(session{access: a.Cookies["access"].Value}) {
			t.Error("the access cookie's token is refused")
		}
	})
	t.Run("A13 tokens", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		a := s.ask(signUp, input("ada@example.com", goodPassword, "delivery=BEARER"))
		s.wantErrors(a, "signUp")
		if len(a.Cookies) > 0 {
			t.Errorf("cookies %v", a.Cookies)
		}
		if got, want := a.Text("signUp.tokens.accessTokenExpiresAt"), "2030-01-02T03:09:05.000Z"; got != want {
			t.Errorf("expires at %s, want %s", got, want)
		}
	})
	t.Run("A2 A3 A5 invalid fields", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		for _, test := range []struct {
			in   map[string]any
			want []string
		}{
			{input("ada", goodPassword), []string{"ValidationError input.email email"}},
			{input("ada@example.com", "1234567"), []string{"ValidationError input.password minLength"}},
			{input("ada@example.com", strings.Repeat("x", 129)), []string{"ValidationError input.password maxLength"}},
			{input("ada@example.com", "password123"), []string{"ValidationError input.password commonPassword"}},
			{input("", ""), []string{"ValidationError input.email email", "ValidationError input.password minLength"}},
			{input("ada@example.com", goodPassword, "displayName= "), []string{"ValidationError input.displayName minLength"}},
		} {
			a := s.ask(signUp, test.in)
			s.wantErrors(a, "signUp", test.want...)
			if len(a.Cookies) > 0 {
				t.Errorf("cookies %v", a.Cookies)
			}
		}
	})
	t.Run("A4 missing fields", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		for _, in := range []map[string]any{{"email": "ada@example.com"}, {"password": goodPassword}, {}, {"email": nil, "password": nil}} {
			if a := s.ask(signUp, map[string]any{"input": in}); len(a.Errors) == 0 || a.Value("signUp") != nil {
				t.Errorf("%v: got %v, %v", in, a.Data, a.Errors)
			}
		}
	})
	t.Run("A6 duplicate", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		s.signUp("ada@example.com")
		a := s.ask(signUp, input("ADA@example.com", goodPassword))
		s.wantErrors(a, "signUp", "EmailInUseError input.email")
		if len(a.Cookies) > 0 {
			t.Errorf("cookies %v", a.Cookies)
		}
	})
	t.Run("A6 throttled", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		for i := range 10 {
			s.signUp(fmt.Sprintf("u%d@example.com", i))
		}
		a := s.ask(signUp, input("ada@example.com", goodPassword))
		s.wantErrors(a, "signUp", "RateLimitedError")
		if got := a.Value("signUp.errors.0.retryAfterSeconds"); got != 900.0 {
			t.Errorf("retry after %v s, want 900", got)
		}
	})
}

func TestSignIn(t *testing.T) {
	t.Run("A8 cookies or tokens", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		s.signUp("ada@example.com")
		a := s.ask(signIn, input("ada@example.com", goodPassword))
		s.wantErrors(a, "signIn")
		if len(a.Cookies) != 2 || a.Value("signIn.tokens") != nil || a.Text("signIn.viewer.email") != "ada@example.com" {
			t.Errorf("got %v and cookies %v", a.Data, a.Cookies)
		}
		a = s.ask(signIn, input("ada@example.com", goodPassword, "delivery=BEARER"))
		if len(a.Cookies) > 0 || !s.signedIn(session{access: a.Text("signIn.tokens.accessToken")}) {
			t.Errorf("got %v and cookies %v", a.Data, a.Cookies)
		}
	})
	t.Run("A7 unknown email address and wrong password have equal responses", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		s.signUp("ada@example.com")
		wrong := s.ask(signIn, input("ada@example.com", "wrong horse battery"))
		unknown := s.ask(signIn, input("eve@example.com", goodPassword))
		s.wantErrors(wrong, "signIn", "InvalidCredentialsError")
		if !reflect.DeepEqual(wrong, unknown) {
			t.Errorf("responses differ:\n%+v\n%+v", wrong, unknown)
		}
		if len(wrong.Cookies) > 0 {
			t.Errorf("cookies %v", wrong.Cookies)
		}
	})
	t.Run("A7 a hundred aliases count as a hundred attempts", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		s.signUp("ada@example.com")
		var aliases strings.Builder
		for i := range 100 {
			fmt.Fprintf(&aliases, "a%d: signIn(input: {email: \"ada@example.com\", password: \"guess %d\"}) { errors { __typename } }\n", i+1, i)
		}
		a := s.ask("mutation { "+aliases.String()+" }", nil)
		count := map[string]int{}
		for i := range 100 {
			count[a.Text(fmt.Sprintf("a%d.errors.0.__typename", i+1))]++
		}
		if count["InvalidCredentialsError"] != 10 || count["RateLimitedError"] != 90 {
			t.Errorf("got %v, want 10 guesses admitted", count)
		}
	})
	t.Run("A8 two sessions in one request leave one pair of cookies", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		s.signUp("ada@example.com")
		query := `mutation($input: SignInInput!) { a: signIn(input: $input) { viewer { session { id } } } b: signIn(input: $input) { viewer { session { id } } } }`
		a := s.ask(query, input("ada@example.com", goodPassword))
		viewer := s.ask(viewerQuery, nil, bearer(session{access: a.Cookies["access"].Value}))
		if got, want := viewer.Text("viewer.session.id"), a.Text("b.viewer.session.id"); got != want || got == "" {
			t.Errorf("the cookies are of session %q, want the second one, %q", got, want)
		}
	})
}

func TestSession(t *testing.T) {
	t.Run("A10 viewer", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		g := s.signUp("ada@example.com")
		a := s.ask(viewerQuery, nil, bearer(g))
		if a.Text("viewer.email") != "ada@example.com" || a.Text("viewer.session.expiresAt") != "2030-01-09T03:04:05.000Z" {
			t.Errorf("got %v, %v", a.Data, a.Errors)
		}
		for name, header := range map[string]string{
			"signed out":        "Accept: application/json",
			"tampered":          "Authorization: Bearer " + g.access[:len(g.access)-8] + "AAAAAAAA",
			"no token":          "Authorization: Bearer nonsense",
			"refresh token":     "Authorization: Bearer " + g.refresh,
			"cookie by itself":  "Cookie: __Host-access=" + g.access, // only the router turns it into a bearer token
			"user in a header":  "X-User-Id: " + a.Text("viewer.user.id"),
			"two authorization": "Authorization: Bearer x " + g.access,
		} {
			if a := s.ask(viewerQuery, nil, header); a.Value("viewer") != nil || len(a.Errors) > 0 {
				t.Errorf("%s: got %v, %v, want null and no error", name, a.Data, a.Errors)
			}
		}
		s.advance(ttl + time.Minute)
		if s.signedIn(g) {
			t.Error("an expired access token is accepted")
		}
	})
	t.Run("A11 no email of others, no password hash", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		for _, field := range []string{"email", "passwordHash", "password", "password_hash"} {
			if a := s.ask(fmt.Sprintf(`{ user(id: "usr_1") { %s } }`, field), nil); len(a.Errors) == 0 {
				t.Errorf("User has a field %s", field)
			}
		}
	})
	t.Run("A12 refresh by cookie", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		s.signUp("ada@example.com")
		a := s.ask(signIn, input("ada@example.com", goodPassword))
		g := session{refresh: a.Cookies["refresh"].Value}
		s.advance(24 * time.Hour)
		a = s.ask(refresh, nil, refreshCookie(g))
		s.wantErrors(a, "refreshSession")
		if a.Value("refreshSession.tokens") != nil || a.Cookies["refresh"].Value == g.refresh || !s.signedIn(session{access: a.Cookies["access"].Value}) {
			t.Errorf("got %v and cookies %v", a.Data, a.Cookies)
		}
	})
	t.Run("A12 refresh by header", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		g, other := s.signUp("ada@example.com"), s.signUp("eve@example.com")
		a := s.ask(refresh, nil, refreshHeader(g), refreshCookie(other)) // the header wins
		s.wantErrors(a, "refreshSession")
		next := session{a.Text("refreshSession.tokens.accessToken"), a.Text("refreshSession.tokens.refreshToken")}
		if len(a.Cookies) > 0 || a.Text("refreshSession.viewer.email") != "ada@example.com" || next.refresh == g.refresh || !s.signedIn(next) {
			t.Errorf("got %v and cookies %v", a.Data, a.Cookies)
		}
	})
	t.Run("A12 reuse ends the session and clears the cookies", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		g := s.signUp("ada@example.com")
		a := s.ask(refresh, nil, refreshHeader(g))
		next := session{a.Text("refreshSession.tokens.accessToken"), a.Text("refreshSession.tokens.refreshToken")}
		s.advance(account.Grace)
		a = s.ask(refresh, nil, refreshCookie(g))
		s.wantErrors(a, "refreshSession", "SessionExpiredError")
		wantCleared(t, a, "access", "refresh")
		if s.signedIn(next) {
			t.Error("the session has not ended")
		}
		a = s.ask(refresh, nil, refreshHeader(next))
		s.wantErrors(a, "refreshSession", "SessionExpiredError")
		if len(a.Cookies) > 0 {
			t.Errorf("an API client was sent cookies %v", a.Cookies)
		}
	})
	t.Run("A12 refresh without a token or with an unknown one", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		for _, header := range []string{"Accept: */*", "Cookie: refresh=" + unknownToken, "X-Refresh-Token: " + unknownToken} {
			s.wantErrors(s.ask(refresh, nil, header), "refreshSession", "SessionExpiredError")
		}
	})
}

func TestSignOut(t *testing.T) {
	t.Run("A9 sign-out", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		g := s.signUp("ada@example.com")
		for _, header := range []string{bearer(g), bearer(g), "Accept: */*"} { // signed in once, then signed out twice
			a := s.ask(signOut, nil, header)
			if a.Value("signOut.signedOut") != true {
				t.Errorf("got %v, %v", a.Data, a.Errors)
			}
			s.wantErrors(a, "signOut")
			wantCleared(t, a, "__Host-access", "__Host-refresh")
			if s.signedIn(g) {
				t.Error("still signed in")
			}
		}
		s.wantErrors(s.ask(refresh, nil, refreshHeader(g)), "refreshSession", "SessionExpiredError")
	})
	t.Run("A9 sign-out with only the refresh token", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		g := s.signUp("ada@example.com")
		s.ask(signOut, nil, refreshCookie(g))
		if s.signedIn(g) {
			t.Error("still signed in")
		}
	})
	t.Run("A9 a bearer token has precedence over the cookie of another user", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{Development: true})
		ada, eve := s.signUp("ada@example.com"), s.signUp("eve@example.com")
		s.ask(signOut, nil, bearer(ada), refreshCookie(eve))
		if s.signedIn(ada) || !s.signedIn(eve) {
			t.Errorf("signed in: ada %v, eve %v, want only eve", s.signedIn(ada), s.signedIn(eve))
		}
	})
	t.Run("A12 sign-out everywhere", func(t *testing.T) {
		s := newSubgraph(t, graph.Cookies{})
		g := s.signUp("ada@example.com")
		a := s.ask(signIn, input("ada@example.com", goodPassword, "delivery=BEARER"))
		other := session{a.Text("signIn.tokens.accessToken"), a.Text("signIn.tokens.refreshToken")}
		if got := s.ask(signOutAll, nil).Codes(); got != "UNAUTHENTICATED" {
			t.Errorf("signed out: got %q, want UNAUTHENTICATED", got)
		}
		a = s.ask(signOutAll, nil, bearer(g))
		if a.Value("signOutEverywhere.signedOut") != true || s.signedIn(g) || s.signedIn(other) {
			t.Errorf("got %v; signed in: %v %v", a.Data, s.signedIn(g), s.signedIn(other))
		}
		s.wantErrors(a, "signOutEverywhere")
		wantCleared(t, a, "__Host-access", "__Host-refresh")
		s.wantErrors(s.ask(refresh, nil, refreshHeader(other)), "refreshSession", "SessionExpiredError")
	})
}

func wantCleared(t *testing.T, a gqltest.Response, names ...string) {
	t.Helper()
	for _, name := range names {
		if c := a.Cookies[name]; c == nil || c.Value != "" || c.MaxAge != -1 || c.Path != "/" {
			t.Errorf("cookie %s is not cleared: %+v", name, c)
		}
	}
}

func TestNodes(t *testing.T) {
	s := newSubgraph(t, graph.Cookies{})
	a := s.ask(signUp, input("ada@example.com", goodPassword, "displayName=Ada"))
	ada, ticket, order := a.Text("signUp.viewer.user.id"), id.New(id.Ticket), id.New(id.Order)

	for want, ids := range map[string][]string{
		"User":   {ada},
		"Ticket": {ticket},
		"Order":  {order},
		"":       {id.New(id.User), id.New(id.Session), id.New(id.OrderHistoryEntry), "", "x", "tkt_", "usr_\u0000", ticket + " ", strings.ToUpper(ada)},
	} {
		for _, nodeID := range ids {
			a := s.ask(nodeQuery, map[string]any{"id": nodeID})
			if a.Text("node.__typename") != want || (want != "" && a.Text("node.id") != nodeID) || len(a.Errors) > 0 {
				t.Errorf("node(%q) = %v, %v, want a %q", nodeID, a.Data, a.Errors, want)
			}
		}
	}

	a = s.ask(`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": []string{order, "x", ada, order}})
	if got, want := fmt.Sprint(a.Value("nodes")), fmt.Sprintf("[map[id:%s] <nil> map[id:%s] map[id:%s]]", order, ada, order); got != want {
		t.Errorf("nodes = %s, want %s", got, want)
	}
	for n, code := range map[int]string{0: "", 100: "", 101: "BAD_USER_INPUT"} {
		a := s.ask(`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": slices.Repeat([]string{ticket}, n)})
		if list, ok := a.Value("nodes").([]any); a.Codes() != code || ok != (code == "") || (ok && len(list) != n) {
			t.Errorf("%d ids: got %d nodes and errors %q, want %q", n, len(list), a.Codes(), code)
		}
	}

	a = s.ask(`query($id: ID!) { user(id: $id) { displayName } unknown: user(id: "usr_1") { id } }`, map[string]any{"id": ada})
	if a.Text("user.displayName") != "Ada" || a.Value("unknown") != nil || len(a.Errors) > 0 {
		t.Errorf("user: got %v, %v", a.Data, a.Errors)
	}

	rep := func(userID string) map[string]any { return map[string]any{"__typename": "User", "id": userID} }
	a = s.ask(entityQuery, map[string]any{"reps": []any{rep("usr_1"), rep(ada), rep(id.New(id.User)), rep(ada)}})
	if got, want := fmt.Sprint(a.Value("_entities")), fmt.Sprintf("[<nil> map[displayName:Ada id:%s] <nil> map[displayName:Ada id:%s]]", ada, ada); got != want {
		t.Errorf("_entities = %s, want %s; errors %s", got, want, a.Codes())
	}
}

// The router refers to the viewer by id when another subgraph adds fields to it.
func TestViewerEntity(t *testing.T) {
	s := newSubgraph(t, graph.Cookies{})
	ada, eve := s.signUp("ada@example.com"), s.signUp("eve@example.com")
	idOf := func(g session) string {
		a := s.ask(`{ viewer { id user { id } } }`, nil, bearer(g))
		if a.Value("viewer.id") != a.Value("viewer.user.id") {
			t.Errorf("got %v, want two equal ids", a.Data)
		}
		return a.Text("viewer.id")
	}
	adaID, eveID := idOf(ada), idOf(eve)
	rep := func(userID string) map[string]any { return map[string]any{"__typename": "Viewer", "id": userID} }
	query := `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on Viewer { id email } } }`
	for name, tt := range map[string]struct {
		headers []string
		want    string
	}{
		"A10 the caller": {[]string{bearer(ada)}, fmt.Sprintf("[<nil> map[email:ada@example.com id:%s] <nil>]", adaID)},
		"A10 signed out": {nil, "[<nil> <nil> <nil>]"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask(query, map[string]any{"reps": []any{rep(eveID), rep(adaID), rep("")}}, tt.headers...)
			if got := fmt.Sprint(a.Value("_entities")); got != tt.want || len(a.Errors) > 0 {
				t.Errorf("got %s, errors %v, want %s", got, a.Errors, tt.want)
			}
		})
	}
	t.Run("A9 an ended session", func(t *testing.T) {
		s.ask(signOut, nil, bearer(ada))
		a := s.ask(query, map[string]any{"reps": []any{rep(adaID)}}, bearer(ada))
		if got := fmt.Sprint(a.Value("_entities")); got != "[<nil>]" || len(a.Errors) > 0 {
			t.Errorf("got %s, errors %v", got, a.Errors)
		}
	})
}

func TestKeySetIsOpen(t *testing.T) {
	s := newSubgraph(t, graph.Cookies{})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	w := get("/.well-known/jwks.json")
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=60" || w.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if body := w.Body.String(); !strings.Contains(body, `"crv":"Ed25519"`) || strings.Contains(body, `"d"`) {
		t.Errorf("key set: %s", body)
	}
	if w := get("/graphql?query={__typename}"); w.Code != http.StatusForbidden {
		t.Errorf("GraphQL without the service token: %d, want 403", w.Code)
	}
}
