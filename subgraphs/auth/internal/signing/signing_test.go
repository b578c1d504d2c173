package signing_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/auth/internal/signing"
)

const (
	secret = "a secret of the test, 32 characters"
	ttl    = 5 * time.Minute
)

// clock is a time that stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func newClock() *clock { return &clock{time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func open(t *testing.T, pool *pgxpool.Pool, c *clock) *signing.Keyring {
	t.Helper()
	ring, err := signing.Open(t.Context(), pool, secret, identity.Issuer{TTL: ttl}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func published(t *testing.T, ring *signing.Keyring) []string {
	t.Helper()
	data, err := ring.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(data, &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, key := range set.Keys {
		kids = append(kids, key.Kid)
	}
	return kids
}

func issue(t *testing.T, ring *signing.Keyring) string {
	t.Helper()
	token, _, err := ring.Issue(identity.Caller{UserID: id.New(id.User), SessionID: id.New(id.Session)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func rotate(t *testing.T, rings ...*signing.Keyring) {
	t.Helper()
	for _, ring := range rings {
		if err := ring.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRotation simulates three months, minute by minute around each rotation, with two keyrings that rotate in turns and
// a verifier for each. No token is ever refused.
func TestRotation(t *testing.T) {
	t.Parallel()
	pool, c := pgtest.New(t, signing.Migrations()), newClock()
	rings := []*signing.Keyring{open(t, pool, c), open(t, pool, c)}
	var verifiers []*identity.Verifier
	for _, ring := range rings {
		verifiers = append(verifiers, identity.NewVerifier(identity.VerifierConfig{KeySet: ring.KeySet, Now: c.Now}))
	}
	headers := map[string]bool{}
	var alive []string // tokens of the last five minutes
	step := func(d time.Duration) {
		c.advance(d)
		if d >= ttl {
			alive = nil
		}
		for i, ring := range rings {
			rotate(t, ring)
			token := issue(t, ring)
			header, _, _ := strings.Cut(token, ".")
			headers[header] = true
			alive = append(alive, token)
			for _, token := range alive[max(0, len(alive)-2*int(ttl/time.Minute)):] {
				for _, v := range verifiers {
					if _, err := v.Verify(t.Context(), token); err != nil {
						t.Fatalf("%s, keyring %d: %v", c.now, i, err)
					}
				}
			}
			if n := len(published(t, ring)); n > 2 {
				t.Fatalf("%s: %d keys are published", c.now, n)
			}
		}
	}
	step(0)
	for range 3 {
		step(signing.Period - time.Minute)
		for range 30 {
			step(time.Minute)
		}
	}
	if len(headers) != 4 {
		t.Errorf("%d keys have signed, want 4", len(headers))
	}
	if n := len(published(t, rings[0])); n != 1 {
		t.Errorf("%d keys are published at the end, want 1", n)
	}
}

func TestConcurrentStart(t *testing.T) {
	t.Parallel()
	pool, c := pgtest.New(t, signing.Migrations()), newClock()
	var group sync.WaitGroup
	rings := make([]*signing.Keyring, 8)
	for i := range rings {
		group.Go(func() {
			ring, err := signing.Open(t.Context(), pool, secret, identity.Issuer{TTL: ttl}, c.Now)
			if err != nil {
				t.Error(err)
			}
			rings[i] = ring
		})
	}
	group.Wait()
	want := published(t, rings[0])
	for i, ring := range rings {
		if got := published(t, ring); len(got) != 1 || got[0] != want[0] {
			t.Errorf("keyring %d publishes %v, want %v", i, got, want)
		}
	}
}

func TestKeysAreEncrypted(t *testing.T) {
	t.Parallel()
	pool, c := pgtest.New(t, signing.Migrations()), newClock()
	ring := open(t, pool, c)

	t.Run("a restart reads the same keys", func(t *testing.T) {
		if got, want := published(t, open(t, pool, c)), published(t, ring); got[0] != want[0] {
			t.Errorf("published %v, want %v", got, want)
		}
	})
	t.Run("another secret is refused", func(t *testing.T) {
		_, err := signing.Open(t.Context(), pool, "another secret that is long enough", identity.Issuer{TTL: ttl}, c.Now)
		if err == nil || !strings.Contains(err.Error(), "another secret") {
			t.Errorf("Open: %v", err)
		}
	})
	t.Run("a changed key is refused", func(t *testing.T) {
		var sealed []byte
		if err := pool.QueryRow(t.Context(), `SELECT sealed FROM signing_keys`).Scan(&sealed); err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(sealed)
		changed[len(changed)-1] ^= 1
		for _, value := range [][]byte{changed, sealed[:5], {}} {
			if _, err := pool.Exec(t.Context(), `UPDATE signing_keys SET sealed = $1`, value); err != nil {
				t.Fatal(err)
			}
			if err := ring.Rotate(t.Context()); err == nil {
				t.Errorf("accepted %x for %x", value, sealed)
			}
		}
		if got := issue(t, ring); got == "" {
			t.Error("the keys in memory were lost")
		}
	})
}
