package password_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/auth/internal/password"
)

// cheap keeps the tests fast; one test uses the real parameters.
var cheap = password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ password, rule string }{
		"A3 7 characters":                             {"xkcd 93", "minLength"},
		"A3 8 characters":                             {"xkcd 936", ""},
		"A3 8 characters of 4 bytes each":             {strings.Repeat("🎟", 8), ""},
		"A3 7 characters of 4 bytes each":             {strings.Repeat("🎟", 7), "minLength"},
		"A3 8 code points that are 4 characters":      {strings.Repeat("e\u0301", 4), "minLength"},
		"A3 only spaces":                              {strings.Repeat(" ", 8), ""},
		"A3 spaces around 6 characters":               {" xkcd93 ", ""},
		"A3 128 characters":                           {strings.Repeat("ü", 128), ""},
		"A3 129 characters":                           {strings.Repeat("ü", 129), "maxLength"},
		"A3 very common":                              {"password", "commonPassword"},
		"A3 very common in another case":              {"PassWord123", "commonPassword"},
		"A3 the least common one of the list":         {"11234567", "commonPassword"},
		"A3 contains a common one":                    {"password of mine", ""},
		"A3 empty":                                    {"", "minLength"},
		"A3 a common one with a blank at its end":     {"password ", ""},
		"A3 128 characters once they are in NFC form": {strings.Repeat("e\u0301", 128), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := password.Validate(test.password)
			invalid, _ := errors.AsType[apperr.ValidationError](err)
			if invalid.Rule != test.rule || (err == nil) != (test.rule == "") || (err != nil && invalid.Field != "password") {
				t.Errorf("Validate(%q) = %#v, want rule %q", test.password, err, test.rule)
			}
		})
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	r := password.Recommended
	for params, ok := range map[password.Params]bool{
		r: true,
		{MemoryKiB: r.MemoryKiB + 1, Passes: 3, Lanes: 4}: true,
		{MemoryKiB: r.MemoryKiB - 1, Passes: 2, Lanes: 1}: false,
		{MemoryKiB: r.MemoryKiB, Passes: 1, Lanes: 1}:     false,
		{MemoryKiB: r.MemoryKiB, Passes: r.Passes}:        false,
		{}: false,
	} {
		if err := params.Check(); (err == nil) != ok {
			t.Errorf("%+v: %v, want accepted %v", params, err, ok)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	matches := func(t *testing.T, h *password.Hasher, hash, pw string, want, wantOutdated bool) {
		t.Helper()
		ok, outdated, err := h.Matches(t.Context(), hash, pw)
		if err != nil || ok != want || outdated != wantOutdated {
			t.Errorf("Matches(%s, %q) = %v, %v, %v, want %v, %v", hash, pw, ok, outdated, err, want, wantOutdated)
		}
	}
	hash := func(t *testing.T, h *password.Hasher, pw string) string {
		t.Helper()
		s, err := h.Hash(t.Context(), pw)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	t.Run("the recommended parameters are in the hash", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(password.Recommended)
		s := hash(t, h, "correct horse")
		if !strings.HasPrefix(s, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("hash is %s", s)
		}
		matches(t, h, s, "correct horse", true, false)
		matches(t, h, s, "correct horse ", false, false)
	})
	t.Run("a hash of another implementation", func(t *testing.T) {
		t.Parallel()
		// Test vector of the reference implementation's test.c: argon2id, v=0x13, t=2, m=2^8, p=1.
		s := "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
		matches(t, password.NewHasher(cheap), s, "password", true, true)
		matches(t, password.NewHasher(cheap), s, "passwore", false, true)
	})
	t.Run("one password, two salts", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(cheap)
		if a, b := hash(t, h, "correct horse"), hash(t, h, "correct horse"); a == b {
			t.Errorf("both hashes are %s", a)
		}
	})
	t.Run("A3 the end of a long password counts", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(cheap)
		long := strings.Repeat("x", 127)
		s := hash(t, h, long+"a")
		matches(t, h, s, long+"b", false, false)
		matches(t, h, s, long+"a", true, false)
	})
	t.Run("composed and decomposed letters are the same", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(cheap)
		matches(t, h, hash(t, h, "Caf\u00e9 noir"), "Cafe\u0301 noir", true, false)
	})
	t.Run("A7 outdated parameters are reported", func(t *testing.T) {
		t.Parallel()
		s := hash(t, password.NewHasher(cheap), "correct horse")
		dearer := cheap
		dearer.Passes++
		matches(t, password.NewHasher(dearer), s, "correct horse", true, true)
	})
	t.Run("A7 no hash matches nothing and costs one computation", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(cheap)
		matches(t, h, "", "correct horse", false, false)
		if got := h.Computed(); got != 1 {
			t.Errorf("%d computations, want 1", got)
		}
	})
	t.Run("a damaged hash is a fault", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(cheap)
		for _, s := range []string{"x", "$argon2id$v=19$m=64,t=1,p=1$AA", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA"} {
			if _, _, err := h.Matches(t.Context(), s, "correct horse"); err == nil {
				t.Errorf("Matches(%s) succeeded", s)
			}
		}
	})
	t.Run("A7 a cancelled wait computes nothing", func(t *testing.T) {
		t.Parallel()
		h := password.NewHasher(cheap)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Hash(ctx, "correct horse"); err == nil || h.Computed() != 0 {
			t.Errorf("Hash: %v after %d computations", err, h.Computed())
		}
	})
}
