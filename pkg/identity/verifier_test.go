package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is an issuer with its published keys, a clock and a verifier.
type world struct {
	verifier *identity.Verifier
	now      atomic.Int64
	fetches  atomic.Int64
	down     atomic.Bool

	mu        sync.Mutex
	published []ed25519.PublicKey
}

func newWorld(t *testing.T, published ...ed25519.PrivateKey) *world {
	t.Helper()
	w := &world{}
	w.now.Store(begin.UnixNano())
	w.publish(published...)
	issuer := httptest.NewServer(w)
	t.Cleanup(issuer.Close)
	w.verifier = identity.NewVerifier(identity.VerifierConfig{JWKSURL: issuer.URL, Client: issuer.Client(), Now: w.clock})
	return w
}

func (w *world) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	w.fetches.Add(1)
	if w.down.Load() {
		http.Error(rw, "<html>down</html>", http.StatusBadGateway)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	set, err := identity.MarshalKeySet(w.published)
	if err != nil {
		panic(err)
	}
	if _, err := rw.Write(set); err != nil {
		panic(err)
	}
}

func (w *world) publish(keys ...ed25519.PrivateKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.published = nil
	for _, key := range keys {
		w.published = append(w.published, public(key))
	}
}

func (w *world) clock() time.Time        { return time.Unix(0, w.now.Load()) }
func (w *world) advance(d time.Duration) { w.now.Add(int64(d)) }
func (w *world) accepts(t *testing.T, token string) bool {
	t.Helper()
	_, err := w.verifier.Verify(t.Context(), token)
	return err == nil
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func issue(t *testing.T, key ed25519.PrivateKey, now time.Time) (string, identity.Caller) {
	t.Helper()
	c := identity.Caller{UserID: id.New(id.User), SessionID: id.New(id.Session)}
	token, _, err := identity.Issuer{TTL: 5 * time.Minute}.Issue(key, c, now)
	if err != nil {
		t.Fatal(err)
	}
	return token, c
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// sign makes a token of any header and claims, however wrong, with a correct signature.
func sign(key ed25519.PrivateKey, header, claims string) string {
	text := b64(header) + "." + b64(claims)
	return text + "." + b64(string(ed25519.Sign(key, []byte(text))))
}

func TestIssuedTokenIsAccepted(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	w := newWorld(t, key)
	want := identity.Caller{UserID: id.New(id.User), SessionID: id.New(id.Session), Scopes: []string{"operator", "audit"}}
	token, expires, err := identity.Issuer{TTL: 5 * time.Minute}.Issue(key, want, begin.Add(700*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if expires != begin.Add(5*time.Minute) {
		t.Errorf("expires at %s, want %s", expires, begin.Add(5*time.Minute))
	}
	got, err := w.verifier.Verify(t.Context(), token)
	if err != nil || got.UserID != want.UserID || got.SessionID != want.SessionID ||
		!slices.Equal(got.Scopes, want.Scopes) {
		t.Errorf("Verify = %+v, %v, want %+v", got, err, want)
	}
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	w := newWorld(t, key)
	kid := identity.KeyID(public(key))
	user, session := id.New(id.User), id.New(id.Session)

	goodHeader := `{"alg":"EdDSA","typ":"at+jwt","kid":"` + kid + `"}`
	claim := map[string]string{
		"iss": `"boxoffice"`, "aud": `"boxoffice"`, "sub": `"` + user + `"`, "sid": `"` + session + `"`,
		"iat": "1767323045", "nbf": "1767323045", "exp": "1767323345",
	}
	if begin.Unix() != 1767323045 {
		t.Fatalf("begin is %d", begin.Unix())
	}
	encode := func(claims map[string]string) string {
		var members []string
		for _, name := range slices.Sorted(maps.Keys(claims)) {
			members = append(members, `"`+name+`":`+claims[name])
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	goodClaims := encode(claim)
	good := sign(key, goodHeader, goodClaims)
	if _, err := w.verifier.Verify(t.Context(), good); err != nil {
		t.Fatalf("the token that the others are variations of: %v", err)
	}

	header := func(h string) string { return sign(key, h, goodClaims) }
	with := func(name, value string) string {
		c := maps.Clone(claim)
		c[name] = value
		return sign(key, goodHeader, encode(c))
	}
	without := func(name string) string {
		c := maps.Clone(claim)
		delete(c, name)
		return sign(key, goodHeader, encode(c))
	}
	withHeader := func(member string) string { return header(goodHeader[:len(goodHeader)-1] + "," + member + "}") }
	parts := strings.Split(good, ".")
	hs256 := func(secret []byte) string {
		text := b64(`{"alg":"HS256","typ":"at+jwt","kid":"`+kid+`"}`) + "." + parts[1]
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return text + "." + b64(string(mac.Sum(nil)))
	}
	set, err := identity.MarshalKeySet([]ed25519.PublicKey{public(key)})
	if err != nil {
		t.Fatal(err)
	}
	// The last character of a 64-byte signature carries 4 unused bits; a lax decoder ignores them.
	lax := good[:len(good)-1] + map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[good[len(good)-1]]

	for name, token := range map[string]string{
		"empty":                          "",
		"not a token":                    "abc",
		"two parts":                      parts[0] + "." + parts[1],
		"four parts":                     good + ".x",
		"JWE, five parts":                good + ".x.y",
		"longer than 8 kB":               with("scope", `"`+strings.Repeat("a ", 5000)+`"`),
		"1 MB header":                    withHeader(`"x":"` + strings.Repeat("a", 1<<20) + `"`),
		"alg none":                       b64(`{"alg":"none","typ":"at+jwt","kid":"`+kid+`"}`) + "." + parts[1] + ".",
		"alg none with signature":        header(`{"alg":"none","typ":"at+jwt","kid":"` + kid + `"}`),
		"alg None":                       header(`{"alg":"None","typ":"at+jwt","kid":"` + kid + `"}`),
		"HMAC with the public key":       hs256(public(key)),
		"HMAC with the key set":          hs256(set),
		"alg RS256":                      header(`{"alg":"RS256","typ":"at+jwt","kid":"` + kid + `"}`),
		"alg in another case":            header(`{"alg":"eddsa","typ":"at+jwt","kid":"` + kid + `"}`),
		"alg missing":                    header(`{"typ":"at+jwt","kid":"` + kid + `"}`),
		"alg not a string":               header(`{"alg":["EdDSA"],"typ":"at+jwt","kid":"` + kid + `"}`),
		"kid unknown":                    header(`{"alg":"EdDSA","typ":"at+jwt","kid":"unknown"}`),
		"kid missing":                    header(`{"alg":"EdDSA","typ":"at+jwt"}`),
		"kid empty":                      header(`{"alg":"EdDSA","typ":"at+jwt","kid":""}`),
		"kid with a path":                header(`{"alg":"EdDSA","typ":"at+jwt","kid":"../../etc/passwd"}`),
		"kid with SQL":                   header(`{"alg":"EdDSA","typ":"at+jwt","kid":"' OR 1=1 --"}`),
		"kid 65 characters long":         header(`{"alg":"EdDSA","typ":"at+jwt","kid":"` + strings.Repeat("k", 65) + `"}`),
		"kid not a string":               header(`{"alg":"EdDSA","typ":"at+jwt","kid":1}`),
		"jku":                            withHeader(`"jku":"https://evil.example/jwks.json"`),
		"x5u":                            withHeader(`"x5u":"https://evil.example/cert"`),
		"x5c":                            withHeader(`"x5c":"MIIB"`),
		"jwk":                            withHeader(`"jwk":{"kty":"OKP"}`),
		"crit":                           withHeader(`"crit":["exp"]`),
		"b64":                            withHeader(`"b64":false`),
		"cty":                            withHeader(`"cty":"JWT"`),
		"typ JWT":                        header(`{"alg":"EdDSA","typ":"JWT","kid":"` + kid + `"}`),
		"typ missing":                    header(`{"alg":"EdDSA","kid":"` + kid + `"}`),
		"typ replaced by another member": header(`{"alg":"EdDSA","kid":"` + kid + `","Typ":"at+jwt"}`),
		"exp missing":                    without("exp"),
		"exp in the past":                with("exp", "1767323035"),
		"exp a string":                   with("exp", `"1767323345"`),
		"exp null":                       with("exp", "null"),
		"nbf missing":                    without("nbf"),
		"nbf in the future":              with("nbf", "1767323055"),
		"iat missing":                    without("iat"),
		"iat in the future":              with("iat", "1767323055"),
		"iat a string":                   with("iat", `"now"`),
		"iat null":                       with("iat", "null"),
		"iss missing":                    without("iss"),
		"iss of another issuer":          with("iss", `"evil"`),
		"iss in another case":            with("iss", `"Boxoffice"`),
		"aud missing":                    without("aud"),
		"aud of another audience":        with("aud", `"evil"`),
		"aud empty":                      with("aud", `""`),
		"aud a list":                     with("aud", `["boxoffice","evil"]`),
		"sub missing":                    without("sub"),
		"sub not a user":                 with("sub", `"`+session+`"`),
		"sub empty":                      with("sub", `""`),
		"sid missing":                    without("sid"),
		"sid not a session":              with("sid", `"`+user+`"`),
		"duplicate claim":                sign(key, goodHeader, goodClaims[:len(goodClaims)-1]+`,"exp":9999999999}`),
		"duplicate claim, escaped":       sign(key, goodHeader, goodClaims[:len(goodClaims)-1]+`,"\u0065xp":9999999999}`),
		"duplicate header member":        header(`{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"` + kid + `"}`),
		"claims a list":                  sign(key, goodHeader, `[`+goodClaims+`]`),
		"claims followed by more":        sign(key, goodHeader, goodClaims+goodClaims),
		"claims cut off":                 sign(key, goodHeader, goodClaims[:len(goodClaims)-1]),
		"claims null":                    sign(key, goodHeader, `null`),
		"signed by another key":          sign(newKey(t), goodHeader, goodClaims),
		"claims changed":                 parts[0] + "." + b64(strings.Replace(goodClaims, user, id.New(id.User), 1)) + "." + parts[2],
		"signature missing":              parts[0] + "." + parts[1] + ".",
		"signature cut off":              good[:len(good)-4],
		"unused bits set":                lax,
		"padding":                        good + "==",
		"line break":                     parts[0] + "." + parts[1] + ".\n" + parts[2],
		"standard base64 alphabet":       parts[0] + "." + parts[1] + "." + base64.RawStdEncoding.EncodeToString(ed25519.Sign(key, []byte(parts[0]+"."+parts[1]))) + "+",
		"blank before it":                " " + good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, err := w.verifier.Verify(t.Context(), token)
			if !errors.Is(err, identity.ErrInvalid) {
				t.Errorf("Verify = %+v, %v, want ErrInvalid", caller, err)
			}
			if caller.SignedIn() {
				t.Errorf("Verify returned %+v beside its error", caller)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	w := newWorld(t, key)
	token, _ := issue(t, key, begin)
	w.advance(5*time.Minute + 4*time.Second)
	if !w.accepts(t, token) {
		t.Error("refused within the leeway of 5 s")
	}
	w.advance(time.Second)
	if w.accepts(t, token) {
		t.Error("accepted after expiry and leeway")
	}
}

// TestRememberedTokens expire, and end with their key, like all others.
func TestRememberedTokens(t *testing.T) {
	t.Parallel()
	first, second := newKey(t), newKey(t)
	w := newWorld(t, first)
	token, _ := issue(t, first, begin)
	want, err := w.verifier.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := w.verifier.Verify(t.Context(), token); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	}
	w.publish(second)
	w.advance(identity.FreshFor)
	if w.accepts(t, token) {
		t.Error("a token was accepted after its key was withdrawn")
	}
	w.publish(first, second)
	w.advance(time.Minute)
	if !w.accepts(t, token) {
		t.Error("a token was refused after its key was published again")
	}
	w.advance(want.ExpiresAt.Sub(w.clock()) + 5*time.Second)
	if w.accepts(t, token) {
		t.Error("a token was accepted after it expired")
	}
}

func BenchmarkVerify(b *testing.B) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	set, err := identity.MarshalKeySet([]ed25519.PublicKey{public(key)})
	if err != nil {
		b.Fatal(err)
	}
	v := identity.NewVerifier(identity.VerifierConfig{KeySet: func(context.Context) ([]byte, error) { return set, nil }})
	caller := identity.Caller{UserID: id.New(id.User), SessionID: id.New(id.Session)}
	token, _, err := identity.Issuer{TTL: time.Hour}.Issue(key, caller, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	first, second := newKey(t), newKey(t)
	w := newWorld(t, first)
	var current atomic.Pointer[ed25519.PrivateKey]
	current.Store(&first)

	// while makes the change while eight callers sign and verify.
	while := func(change func()) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 10 {
					token, want := issue(t, *current.Load(), w.clock())
					got, err := w.verifier.Verify(t.Context(), token)
					if err != nil || got.UserID != want.UserID {
						t.Errorf("Verify = %+v, %v, want %+v", got, err, want)
					}
				}
			})
		}
		change()
		group.Wait()
	}
	while(func() { w.publish(first, second) }) // published …
	while(func() { w.advance(identity.FreshFor) })
	while(func() { current.Store(&second) }) // … before it is used
	for range 6 {                            // until the last token of the first key has expired
		while(func() { w.advance(time.Minute) })
	}
	while(func() { w.publish(second) })

	w.advance(identity.FreshFor)
	if token, _ := issue(t, second, w.clock()); !w.accepts(t, token) {
		t.Error("the new key is refused after the rotation")
	}
	if token, _ := issue(t, first, w.clock()); w.accepts(t, token) {
		t.Error("the withdrawn key is still accepted")
	}
}

func TestUnknownKeysCauseNoStorm(t *testing.T) {
	t.Parallel()
	key, stranger := newKey(t), newKey(t)
	w := newWorld(t, key)
	good, _ := issue(t, key, begin)
	if !w.accepts(t, good) {
		t.Fatal("good token refused")
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				token, _ := issue(t, stranger, begin)
				if w.accepts(t, token) {
					t.Error("stranger's token accepted")
				}
			}
		})
	}
	group.Wait()
	if got := w.fetches.Load(); got != 1 {
		t.Errorf("%d fetches within a second, want 1", got)
	}
	w.publish(key, stranger)
	w.advance(time.Second)
	token, _ := issue(t, stranger, begin)
	if !w.accepts(t, token) {
		t.Error("a key that was published meanwhile is refused")
	}
	if got := w.fetches.Load(); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}
}

func TestIssuerDown(t *testing.T) {
	t.Parallel()

	t.Run("the last good keys stay in use", func(t *testing.T) {
		t.Parallel()
		key := newKey(t)
		w := newWorld(t, key)
		for range 3 {
			token, _ := issue(t, key, w.clock())
			if !w.accepts(t, token) {
				t.Error("good token refused")
			}
			w.down.Store(true)
			w.advance(24 * time.Hour)
		}
	})

	t.Run("an empty key set counts as down", func(t *testing.T) {
		t.Parallel()
		key := newKey(t)
		w := newWorld(t, key)
		for range 2 {
			token, _ := issue(t, key, w.clock())
			if !w.accepts(t, token) {
				t.Error("good token refused")
			}
			w.publish()
			w.advance(identity.FreshFor)
		}
	})

	t.Run("down from the start is not the token's fault", func(t *testing.T) {
		t.Parallel()
		key := newKey(t)
		w := newWorld(t, key)
		w.down.Store(true)
		token, _ := issue(t, key, begin)
		if _, err := w.verifier.Verify(t.Context(), token); err == nil || errors.Is(err, identity.ErrInvalid) {
			t.Errorf("Verify: %v, want an error other than ErrInvalid", err)
		}
		w.down.Store(false)
		w.advance(time.Second)
		if !w.accepts(t, token) {
			t.Error("refused after the issuer came up")
		}
	})
}

func TestKeySet(t *testing.T) {
	t.Parallel()
	// The key and its thumbprint are those of RFC 8037, appendix A.
	x, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := identity.KeyID(x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got != want {
		t.Errorf("KeyID = %s, want %s", got, want)
	}
	got, err := identity.MarshalKeySet([]ed25519.PublicKey{x})
	want := `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	if err != nil || string(got) != want {
		t.Errorf("MarshalKeySet = %s, %v, want %s", got, err, want)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Bearer a.b.c": "a.b.c",
		"bearer a.b.c": "a.b.c",
		"Basic abc":    "",
		"Bearer ":      "",
		"Bearer":       "",
		"":             "",
	} {
		if got, ok := identity.Bearer(header); got != want || ok != (want != "") {
			t.Errorf("Bearer(%q) = %q, %v, want %q", header, got, ok, want)
		}
	}
}
