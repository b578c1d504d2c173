package account_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/logging/logtest"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/password"
)

const (
	secret       = "a secret of the test, 32 characters"
	goodPassword = "correct horse battery"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
)

// logged is the log of all tests of this package.
var logged logtest.Buffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	code := m.Run()
	if text := logged.String(); strings.Contains(text, "@") || strings.Contains(text, goodPassword) {
		fmt.Fprintf(os.Stderr, "an email address or a password was logged:\n%s", text)
		code = 1
	}
	os.Exit(code)
}

// world is a service with its own database and a clock that stands still.
type world struct {
	*account.Service
	t      *testing.T
	pool   *pgxpool.Pool
	hasher *password.Hasher
	mu     sync.Mutex
	now    time.Time
}

var cheap = password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

var limits = account.Limits{Window: 15 * time.Minute, SignInsPerAccount: 5, SignInsPerAddress: 20, SignUpsPerAddress: 50}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, pool: pgtest.New(t, account.Migrations()), now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.hasher = password.NewHasher(cheap)
	w.Service = w.service(w.hasher)
	return w
}

// service returns another process of the service.
func (w *world) service(hasher *password.Hasher) *account.Service {
	return account.NewService(w.pool, hasher, limits, secret, w.clock)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) signUp(email string) account.Grant {
	w.t.Helper()
	grant, err := w.SignUp(w.t.Context(), account.SignUpInput{Email: email, Password: goodPassword, From: here})
	if err != nil {
		w.t.Fatal(err)
	}
	return grant
}

func (w *world) signIn(email, pw string) error {
	_, err := w.SignIn(w.t.Context(), account.SignInInput{Email: email, Password: pw, From: here})
	return err
}

func (w *world) refresh(token string) account.Grant {
	w.t.Helper()
	grant, err := w.Refresh(w.t.Context(), token, here)
	if err != nil {
		w.t.Fatal(err)
	}
	return grant
}

func (w *world) count(sql string) int {
	w.t.Helper()
	var n int
	if err := w.pool.QueryRow(w.t.Context(), sql).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// alive reports whether the session has a viewer.
func (w *world) alive(g account.Grant) bool {
	w.t.Helper()
	v, err := w.Viewer(w.t.Context(), g.Viewer.User.ID, g.Viewer.Session.ID)
	if err != nil && !apperr.Has(err, apperr.Unauthenticated) {
		w.t.Fatal(err)
	}
	return err == nil && v.User == g.Viewer.User
}

// hold locks the session and returns a function that releases it once n transactions wait for it, so that they continue
// at the same time.
func (w *world) hold(g account.Grant, n int) (release func()) {
	w.t.Helper()
	ctx := w.t.Context()
	tx, err := w.pool.Begin(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `SELECT FROM sessions WHERE id = $1 FOR UPDATE`, g.Viewer.Session.ID); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		for waiting := 0; waiting < n; {
			err := w.pool.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
			if err != nil {
				w.t.Error(err)
				break
			}
		}
		if err := tx.Rollback(ctx); err != nil {
			w.t.Error(err)
		}
	}
}

// errorAs returns the error as an E.
func errorAs[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got error %v, want %T", err, e)
	}
	return e
}

func wantError[E error](t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[E](err); !ok {
		t.Fatalf("got error %v, want %T", err, e)
	}
}

// Codes that race counts.
var (
	emailInUse         = account.EmailInUseError{}.Code()
	invalidCredentials = account.InvalidCredentialsError{}.Code()
	rateLimited        = account.RateLimitedError{}.Code()
)

// race calls fn n times concurrently and counts the codes of the errors, "" for success.
func race(n int, fn func(i int) error) map[apperr.Code]int {
	var mu sync.Mutex
	var group sync.WaitGroup
	codes := map[apperr.Code]int{}
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			err := fn(i)
			code := apperr.Code("")
			if e, ok := errors.AsType[apperr.UserError](err); ok {
				code = e.Code()
			} else if err != nil {
				code = apperr.Code(err.Error())
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	close(start)
	group.Wait()
	return codes
}

func TestSignUp(t *testing.T) {
	t.Run("A1 valid input", func(t *testing.T) {
		w := newWorld(t)
		name := "Ada Lovelace"
		grant, err := w.SignUp(t.Context(), account.SignUpInput{Email: "Ada@Example.com", Password: goodPassword, DisplayName: &name, From: here})
		if err != nil {
			t.Fatal(err)
		}
		want := account.Viewer{
			User:    account.User{ID: grant.Viewer.User.ID, DisplayName: name, MemberSince: w.now},
			Email:   "Ada@Example.com",
			Session: account.Session{ID: grant.Viewer.Session.ID, CreatedAt: w.now, ExpiresAt: w.now.Add(account.Idle)},
		}
		if grant.Viewer != want || !id.Valid(id.User, want.User.ID) || !id.Valid(id.Session, want.Session.ID) {
			t.Errorf("got  %+v\nwant %+v", grant.Viewer, want)
		}
		if len(grant.RefreshToken) < 22 {
			t.Errorf("refresh token %q has less than 128 bits", grant.RefreshToken)
		}
		got, err := w.Viewer(t.Context(), want.User.ID, want.Session.ID)
		if err != nil || got.Email != want.Email || got.User.MemberSince != w.now {
			t.Errorf("Viewer = %+v, %v, want %+v", got, err, want)
		}
	})

	t.Run("A11 a generated name does not reveal the email address", func(t *testing.T) {
		w := newWorld(t)
		name := w.signUp("ada.lovelace@example.com").Viewer.User.DisplayName
		if name == "" || strings.Contains(strings.ToLower(name), "ada") {
			t.Errorf("display name %q", name)
		}
	})

	t.Run("A11 neither password nor refresh token is stored", func(t *testing.T) {
		w := newWorld(t)
		grant := w.signUp("ada@example.com")
		for _, table := range []string{"accounts", "sessions", "refresh_tokens", "throttles"} {
			rows, err := w.pool.Query(t.Context(), "SELECT row_to_json(r)::text FROM "+table+" r")
			if err != nil {
				t.Fatal(err)
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil || len(lines) == 0 {
				t.Fatalf("%s: %v, %v", table, lines, err)
			}
			for _, line := range lines {
				if strings.Contains(line, goodPassword) || strings.Contains(line, grant.RefreshToken) {
					t.Errorf("%s has %s", table, line)
				}
			}
		}
	})

	t.Run("A2 invalid email address", func(t *testing.T) {
		w := newWorld(t)
		for _, email := range []string{
			"", " ", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "ada@exa mple.com", "ada @example.com",
			" ada@example.com", "ada@example.com ", "ada@example.com\n", "Ada <ada@example.com>", "<ada@example.com>",
			"ada@example.com, eve@example.com", "ada@example.com (Ada)", `"ada"@example.com`, "ada@[192.0.2.1]", "ada@example..com",
			"ada@.example.com", "ada@example.com.", ".ada@example.com", "ada\x00@example.com", "ada@exam\x00ple.com", "ada@ex_ample.com",
			strings.Repeat("a", 65) + "@example.com", "ada@" + strings.Repeat("a.", 124) + "com",
		} {
			_, err := w.SignUp(t.Context(), account.SignUpInput{Email: email, Password: goodPassword, From: here})
			if e := errorAs[apperr.ValidationError](t, err); e.Field != "email" {
				t.Errorf("%q: field %s", email, e.Field)
			}
		}
		if n := w.count(`SELECT count(*) FROM accounts`); n != 0 {
			t.Errorf("%d accounts, want none", n)
		}
	})

	t.Run("A2 valid email address", func(t *testing.T) {
		w := newWorld(t)
		for _, email := range []string{
			"a@b.co", "ada.lovelace+tickets@mail.example.co.uk", "o'brien@example.ie", "ädä@exämple.com", "用户@例子.广告",
			strings.Repeat("a", 64) + "@example.com",
		} {
			w.signUp(email)
		}
	})

	t.Run("A5 several invalid fields", func(t *testing.T) {
		w := newWorld(t)
		name := " \t"
		_, err := w.SignUp(t.Context(), account.SignUpInput{Email: "x", Password: "short", DisplayName: &name, From: here})
		var got []string
		for _, e := range apperr.Split(err) {
			invalid := errorAs[apperr.ValidationError](t, e)
			got = append(got, invalid.Field+" "+invalid.Rule)
		}
		want := []string{"email email", "password minLength", "displayName minLength"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := w.hasher.Computed(); n != 0 {
			t.Errorf("%d hashes computed, want none", n)
		}
	})

	t.Run("A5 display name", func(t *testing.T) {
		w := newWorld(t)
		for name, rule := range map[string]string{
			"": "minLength", "   ": "minLength", strings.Repeat("ü", 51): "maxLength", "a\x00b": "characters", "a\nb": "characters",
			"a\u202eb": "characters", strings.Repeat("ü", 50): "", "Zoë 🎟": "",
		} {
			email := fmt.Sprintf("u%x@example.com", []byte(name)[:min(3, len(name))])
			_, err := w.SignUp(t.Context(), account.SignUpInput{Email: email, Password: goodPassword, DisplayName: &name, From: here})
			if rule == "" {
				if err != nil {
					t.Errorf("%q: %v", name, err)
				}
				continue
			}
			if e := errorAs[apperr.ValidationError](t, err); e.Rule != rule {
				t.Errorf("%q: rule %s, want %s", name, e.Rule, rule)
			}
		}
	})
}

func TestSignUpDuplicates(t *testing.T) {
	t.Run("A6 duplicate email address, also in another form", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("Ädä@Example.com")
		for _, email := range []string{"Ädä@Example.com", "ädä@example.com", "ÄDÄ@EXAMPLE.COM", "A\u0308da\u0308@example.com"} {
			_, err := w.SignUp(t.Context(), account.SignUpInput{Email: email, Password: goodPassword, From: here})
			wantError[account.EmailInUseError](t, err)
		}
	})

	t.Run("A6 twenty concurrent sign-ups", func(t *testing.T) {
		w := newWorld(t)
		codes := race(20, func(i int) error {
			email := []string{"ada@example.com", "ADA@example.com"}[i%2]
			_, err := w.SignUp(t.Context(), account.SignUpInput{Email: email, Password: goodPassword, From: here})
			return err
		})
		if codes[""] != 1 || codes[emailInUse] != 19 {
			t.Errorf("got %v, want one account and 19 %s", codes, emailInUse)
		}
		if n := w.count(`SELECT count(*) FROM accounts`); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
		if n := w.count(`SELECT count(*) FROM sessions`); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
	})

	t.Run("A6 sign-up attempts from one network address are limited", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("ada@example.com")
		codes := race(limits.SignUpsPerAddress+10, func(int) error {
			_, err := w.SignUp(t.Context(), account.SignUpInput{Email: "ada@example.com", Password: goodPassword, From: here})
			return err
		})
		if codes[emailInUse] != limits.SignUpsPerAddress-1 || codes[rateLimited] != 11 {
			t.Errorf("got %v, want %d attempts admitted", codes, limits.SignUpsPerAddress-1)
		}
		if _, err := w.SignUp(t.Context(), account.SignUpInput{Email: "eve@example.com", Password: goodPassword, From: there}); err != nil {
			t.Errorf("from another address: %v", err)
		}
	})
}

func TestSignIn(t *testing.T) {
	t.Run("A8 right password, any form of the address", func(t *testing.T) {
		w := newWorld(t)
		up := w.signUp("Ada@Example.com")
		for _, email := range []string{"Ada@Example.com", "ada@example.com"} {
			in, err := w.SignIn(t.Context(), account.SignInInput{Email: email, Password: goodPassword, From: here})
			if err != nil || in.Viewer.User != up.Viewer.User || in.Viewer.Email != "Ada@Example.com" {
				t.Errorf("got %+v, %v, want %+v", in, err, up)
			}
			if in.Viewer.Session.ID == up.Viewer.Session.ID || in.RefreshToken == up.RefreshToken {
				t.Error("the session is not a new one")
			}
		}
	})

	t.Run("A7 unknown email address and wrong password have equal results", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("ada@example.com")
		var results []string
		for _, in := range []account.SignInInput{
			{Email: "eve@example.com", Password: goodPassword, From: here},
			{Email: "ada@example.com", Password: "wrong horse battery", From: here},
			{Email: "ada@example.com", Password: "", From: here},
			{Email: "eve@example.com", Password: strings.Repeat("x", 1000), From: here},
		} {
			before := w.hasher.Computed()
			grant, err := w.SignIn(t.Context(), in)
			wantError[account.InvalidCredentialsError](t, err)
			if grant != (account.Grant{}) {
				t.Errorf("granted %+v", grant)
			}
			if n := w.hasher.Computed() - before; n != 1 {
				t.Errorf("%d hashes computed for %q, want 1", n, in.Email)
			}
			results = append(results, fmt.Sprintf("%#v", err))
		}
		for _, result := range results {
			if result != results[0] {
				t.Errorf("results differ:\n%s\n%s", results[0], result)
			}
		}
	})

	t.Run("A7 an old hash is renewed at sign-in", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("ada@example.com")
		hash := func() string {
			var s string
			if err := w.pool.QueryRow(t.Context(), `SELECT password_hash FROM accounts`).Scan(&s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		before := hash()
		expensive := w.service(password.NewHasher(password.Params{MemoryKiB: 128, Passes: 1, Lanes: 1}))
		if _, err := expensive.SignIn(t.Context(), account.SignInInput{Email: "ada@example.com", Password: "wrong", From: here}); err == nil {
			t.Fatal("wrong password accepted")
		}
		if hash() != before {
			t.Error("a wrong password renewed the hash")
		}
		for range 2 {
			if _, err := expensive.SignIn(t.Context(), account.SignInInput{Email: "ada@example.com", Password: goodPassword, From: here}); err != nil {
				t.Fatal(err)
			}
			if got := hash(); !strings.Contains(got, "$m=128,") {
				t.Errorf("hash is %s", got)
			}
		}
	})

	t.Run("A7 malformed address", func(t *testing.T) {
		w := newWorld(t)
		wantError[apperr.ValidationError](t, w.signIn("ada\x00", goodPassword))
	})
}

func TestSignInLimits(t *testing.T) {
	t.Run("A7 a hundred concurrent failures all count", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("ada@example.com")
		codes := race(100, func(int) error { return w.signIn("ada@example.com", "wrong horse battery") })
		if codes[invalidCredentials] != limits.SignInsPerAccount || codes[rateLimited] != 100-limits.SignInsPerAccount {
			t.Errorf("got %v, want %d admitted", codes, limits.SignInsPerAccount)
		}
		// The right password counts, too, and so does another form of the address.
		e := errorAs[account.RateLimitedError](t, w.signIn("Ada@Example.com", goodPassword))
		if e.RetryAfterSeconds != int(limits.Window/time.Second) {
			t.Errorf("retry after %d s, want %v", e.RetryAfterSeconds, limits.Window)
		}
		w.advance(limits.Window - 100*time.Millisecond)
		if e := errorAs[account.RateLimitedError](t, w.signIn("ada@example.com", goodPassword)); e.RetryAfterSeconds != 1 {
			t.Errorf("retry after %d s, want 1", e.RetryAfterSeconds)
		}
		w.advance(100 * time.Millisecond)
		if err := w.signIn("ada@example.com", goodPassword); err != nil {
			t.Errorf("after the window: %v", err)
		}
	})

	t.Run("A7 an unknown account has the same limit", func(t *testing.T) {
		w := newWorld(t)
		for range limits.SignInsPerAccount {
			wantError[account.InvalidCredentialsError](t, w.signIn("unknown@example.com", "wrong horse battery"))
		}
		wantError[account.RateLimitedError](t, w.signIn("unknown@example.com", "wrong horse battery"))
	})

	t.Run("A7 failures from one network address are limited across accounts", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("ada@example.com")
		codes := race(2*limits.SignInsPerAddress, func(i int) error {
			return w.signIn(fmt.Sprintf("u%d@example.com", i), "wrong horse battery")
		})
		if codes[invalidCredentials] != limits.SignInsPerAddress || codes[rateLimited] != limits.SignInsPerAddress {
			t.Errorf("got %v, want %d admitted", codes, limits.SignInsPerAddress)
		}
		wantError[account.RateLimitedError](t, w.signIn("ada@example.com", goodPassword))
		if _, err := w.SignIn(t.Context(), account.SignInInput{Email: "ada@example.com", Password: goodPassword, From: there}); err != nil {
			t.Errorf("from another address: %v", err)
		}
	})

	t.Run("A7 one IPv6 network is one address", func(t *testing.T) {
		w := newWorld(t)
		codes := race(2*limits.SignInsPerAddress, func(i int) error {
			_, err := w.SignIn(t.Context(), account.SignInInput{
				Email: fmt.Sprintf("u%d@example.com", i), Password: "wrong", From: netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%x", i+1)),
			})
			return err
		})
		if codes[invalidCredentials] != limits.SignInsPerAddress {
			t.Errorf("got %v, want %d admitted", codes, limits.SignInsPerAddress)
		}
	})

	t.Run("A8 successful sign-ins do not count", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("ada@example.com")
		for range 3 * limits.SignInsPerAddress {
			if err := w.signIn("ada@example.com", goodPassword); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSessions(t *testing.T) {
	t.Run("A10 viewer", func(t *testing.T) {
		w := newWorld(t)
		ada, eve := w.signUp("ada@example.com"), w.signUp("eve@example.com")
		if !w.alive(ada) {
			t.Error("a new session has no viewer")
		}
		for name, ids := range map[string][2]string{
			"session of another user": {ada.Viewer.User.ID, eve.Viewer.Session.ID},
			"unknown session":         {ada.Viewer.User.ID, id.New(id.Session)},
			"signed out":              {"", ""},
		} {
			_, err := w.Viewer(t.Context(), ids[0], ids[1])
			if !apperr.Has(err, apperr.Unauthenticated) {
				t.Errorf("%s: %v, want %s", name, err, apperr.Unauthenticated)
			}
		}
		w.advance(account.Idle)
		if w.alive(ada) {
			t.Error("an expired session has a viewer")
		}
	})

	t.Run("A9 sign-out ends one session, by id or refresh token, repeatedly", func(t *testing.T) {
		w := newWorld(t)
		first := w.signUp("ada@example.com")
		var others []account.Grant
		for range 2 {
			grant, err := w.SignIn(t.Context(), account.SignInInput{Email: "ada@example.com", Password: goodPassword, From: here})
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, grant)
		}
		for range 2 {
			if err := w.SignOut(t.Context(), first.Viewer.Session.ID, ""); err != nil {
				t.Fatal(err)
			}
			if err := w.SignOut(t.Context(), "", others[0].RefreshToken); err != nil {
				t.Fatal(err)
			}
			if err := w.SignOut(t.Context(), "", ""); err != nil {
				t.Fatal(err)
			}
		}
		if w.alive(first) || w.alive(others[0]) || !w.alive(others[1]) {
			t.Errorf("alive: %v %v %v, want only the last", w.alive(first), w.alive(others[0]), w.alive(others[1]))
		}
		_, err := w.Refresh(t.Context(), first.RefreshToken, here)
		wantError[account.SessionExpiredError](t, err)
	})
}

func TestRefresh(t *testing.T) {
	t.Run("A12 a renewal keeps the session", func(t *testing.T) {
		w := newWorld(t)
		grant := w.signUp("ada@example.com")
		begin := grant.Viewer.Session
		for range 3 {
			w.advance(6 * 24 * time.Hour)
			next := w.refresh(grant.RefreshToken)
			if next.RefreshToken == grant.RefreshToken || next.Viewer.User != grant.Viewer.User || next.Viewer.Session.ID != begin.ID {
				t.Errorf("got %+v after %+v", next, grant)
			}
			if got, want := next.Viewer.Session.ExpiresAt, w.now.Add(account.Idle); got != want {
				t.Errorf("expires at %s, want %s", got, want)
			}
			grant = next
		}
	})

	t.Run("A12 absolute lifetime", func(t *testing.T) {
		w := newWorld(t)
		grant := w.signUp("ada@example.com")
		end := w.now.Add(account.Lifetime)
		for w.now.Before(end.Add(-24 * time.Hour)) {
			w.advance(24 * time.Hour)
			grant = w.refresh(grant.RefreshToken)
		}
		if got := grant.Viewer.Session.ExpiresAt; got != end {
			t.Errorf("expires at %s, want %s", got, end)
		}
		w.advance(24 * time.Hour)
		_, err := w.Refresh(t.Context(), grant.RefreshToken, here)
		wantError[account.SessionExpiredError](t, err)
	})

	t.Run("A12 idle limit", func(t *testing.T) {
		w := newWorld(t)
		grant := w.signUp("ada@example.com")
		w.advance(account.Idle)
		_, err := w.Refresh(t.Context(), grant.RefreshToken, here)
		wantError[account.SessionExpiredError](t, err)
	})

	t.Run("A12 unknown tokens", func(t *testing.T) {
		w := newWorld(t)
		for _, token := range []string{"", "x", "\x00", strings.Repeat("A", 43)} {
			_, err := w.Refresh(t.Context(), token, here)
			wantError[account.SessionExpiredError](t, err)
		}
	})

	t.Run("A12 ten concurrent tabs get the same successor", func(t *testing.T) {
		w := newWorld(t)
		grant := w.signUp("ada@example.com")
		processes := []*account.Service{w.Service, w.service(w.hasher)}
		release := w.hold(grant, 10)
		var mu sync.Mutex
		successors := map[string]int{}
		codes := race(11, func(i int) error {
			if i == 10 {
				release()
				return nil
			}
			next, err := processes[i%2].Refresh(t.Context(), grant.RefreshToken, here)
			mu.Lock()
			defer mu.Unlock()
			successors[next.RefreshToken]++
			return err
		})
		if codes[""] != 11 || len(successors) != 1 {
			t.Fatalf("got %v and %d different successors", codes, len(successors))
		}
		for token := range successors {
			w.refresh(token)
		}
	})

	t.Run("A12 a lost response can be requested again within the grace period", func(t *testing.T) {
		w := newWorld(t)
		grant := w.signUp("ada@example.com")
		lost := w.refresh(grant.RefreshToken)
		w.advance(account.Grace - time.Millisecond)
		if again := w.refresh(grant.RefreshToken); again.RefreshToken != lost.RefreshToken {
			t.Error("the successor has changed")
		}
	})

	t.Run("A12 a late tab gets the newest token", func(t *testing.T) {
		w := newWorld(t)
		first := w.signUp("ada@example.com")
		newest := w.refresh(w.refresh(w.refresh(first.RefreshToken).RefreshToken).RefreshToken)
		if late := w.refresh(first.RefreshToken); late.RefreshToken != newest.RefreshToken {
			t.Error("the late tab got an older token")
		}
	})
}

func TestRefreshTokenReuse(t *testing.T) {
	t.Run("A12 reuse after the grace period ends the session", func(t *testing.T) {
		w := newWorld(t)
		stolen := w.signUp("ada@example.com")
		other, err := w.SignIn(t.Context(), account.SignInInput{Email: "ada@example.com", Password: goodPassword, From: here})
		if err != nil {
			t.Fatal(err)
		}
		current := w.refresh(stolen.RefreshToken)
		w.advance(account.Grace)
		_, err = w.Refresh(t.Context(), stolen.RefreshToken, there)
		wantError[account.SessionExpiredError](t, err)
		if w.alive(current) {
			t.Error("the session has not ended")
		}
		_, err = w.Refresh(t.Context(), current.RefreshToken, here)
		wantError[account.SessionExpiredError](t, err)
		if !w.alive(other) {
			t.Error("another session of the same user has ended")
		}
		want := fmt.Sprintf(`msg="refresh token reused, session ended" user=%s session=%s address=%s`, stolen.Viewer.User.ID, stolen.Viewer.Session.ID, there)
		if !strings.Contains(logged.String(), want) {
			t.Errorf("not logged: %s", want)
		}
	})

	t.Run("A12 concurrent reuse and renewal", func(t *testing.T) {
		w := newWorld(t)
		stolen := w.signUp("ada@example.com")
		current := w.refresh(stolen.RefreshToken)
		w.advance(account.Grace)
		race(20, func(i int) error {
			_, err := w.Refresh(t.Context(), []string{stolen.RefreshToken, current.RefreshToken}[i%2], here)
			return err
		})
		if n := w.count(`SELECT count(*) FROM sessions`) + w.count(`SELECT count(*) FROM refresh_tokens`); n != 0 {
			t.Errorf("%d sessions and tokens are left", n)
		}
	})
}

func TestSignOutEverywhere(t *testing.T) {
	t.Run("A12 sign-out everywhere", func(t *testing.T) {
		w := newWorld(t)
		ada, eve := w.signUp("ada@example.com"), w.signUp("eve@example.com")
		again, err := w.SignIn(t.Context(), account.SignInInput{Email: "ada@example.com", Password: goodPassword, From: there})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SignOutEverywhere(t.Context(), ada.Viewer.User.ID); err != nil {
			t.Fatal(err)
		}
		if w.alive(ada) || w.alive(again) || !w.alive(eve) {
			t.Errorf("alive: %v %v %v, want only the other user's", w.alive(ada), w.alive(again), w.alive(eve))
		}
		for _, grant := range []account.Grant{ada, again} {
			_, err := w.Refresh(t.Context(), grant.RefreshToken, here)
			wantError[account.SessionExpiredError](t, err)
		}
		if want := fmt.Sprintf(`msg="signed out everywhere" user=%s sessions=2`, ada.Viewer.User.ID); !strings.Contains(logged.String(), want) {
			t.Errorf("not logged: %s", want)
		}
	})

	t.Run("A12 expired rows are removed", func(t *testing.T) {
		w := newWorld(t)
		w.signUp("idle@example.com")
		grant := w.signUp("ada@example.com")
		wantError[account.InvalidCredentialsError](t, w.signIn("ada@example.com", "wrong"))
		w.advance(time.Minute)
		grant = w.refresh(grant.RefreshToken)
		w.advance(account.Idle - time.Second)
		grant = w.refresh(grant.RefreshToken)
		w.advance(2 * time.Second)
		if err := w.RemoveExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`SELECT count(*) FROM sessions`); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
		if n := w.count(`SELECT count(*) FROM refresh_tokens`); n != 2 { // the current one and the one before
			t.Errorf("%d refresh tokens, want 2", n)
		}
		if n := w.count(`SELECT count(*) FROM throttles`); n != 0 {
			t.Errorf("%d throttles, want 0", n)
		}
		w.refresh(grant.RefreshToken)
	})
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	ada, eve := w.signUp("ada@example.com").Viewer.User, w.signUp("eve@example.com").Viewer.User
	got, err := w.Users(t.Context(), []string{eve.ID, "x", "usr_\x00", id.New(id.User), ada.ID, eve.ID})
	if err != nil || len(got) != 2 || got[ada.ID] != ada || got[eve.ID] != eve {
		t.Errorf("Users = %v, %v", got, err)
	}
}
