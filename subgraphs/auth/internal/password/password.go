// Package password validates passwords and hashes them with argon2id. One hash takes 19 MiB and tens of milliseconds,
// so only a few are computed at a time.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"

	"boxoffice.dev/pkg/apperr"
)

// Length of a password in characters (code points, after NFC).
const (
	MinLength = 8
	MaxLength = 128
)

// The passwords of at least MinLength characters among the 30,000 most common ones of zxcvbn 4.4.2
// (https://github.com/dropbox/zxcvbn, MIT, © 2012–2016 Dan Wheeler and Dropbox, Inc.), in lower
// case, most common first.
//
//go:embed common.txt
var commonList string

var common = sync.OnceValue(func() map[string]struct{} {
	set := map[string]struct{}{}
	for line := range strings.Lines(commonList) {
		set[strings.TrimSuffix(line, "\n")] = struct{}{}
	}
	return set
})

// Validate returns an apperr.ValidationError unless the password may be chosen.
func Validate(password string) error {
	invalid := func(rule, message string) error {
		return apperr.ValidationError{Field: "password", Rule: rule, Message: message}
	}
	password = norm.NFC.String(password)
	switch n := utf8.RuneCountInString(password); {
	case n < MinLength:
		return invalid("minLength", fmt.Sprintf("The password must have at least %d characters.", MinLength))
	case n > MaxLength:
		return invalid("maxLength", fmt.Sprintf("The password must have at most %d characters.", MaxLength))
	}
	if _, found := common()[strings.ToLower(password)]; found {
		return invalid("commonPassword", "This password is too common. Choose another one.")
	}
	return nil
}

// Params are the cost of a hash, see RFC 9106. A sign-in renews a hash that has other parameters.
type Params struct {
	MemoryKiB uint32 `env:"MEMORY_KIB" envDefault:"19456" help:"memory of one password hash (argon2id), KiB"`
	Passes    uint32 `env:"PASSES" envDefault:"2" help:"passes over the memory of one password hash"`
	Lanes     uint8  `env:"LANES" envDefault:"1" help:"lanes of one password hash"`
}

// Recommended is the minimum of OWASP's Password Storage Cheat Sheet.
var Recommended = Params{MemoryKiB: 19 * 1024, Passes: 2, Lanes: 1}

// Check returns an error unless the parameters are at least Recommended.
func (p Params) Check() error {
	var faults []error
	weak := func(name string, got, want uint32) {
		if got < want {
			faults = append(faults, fmt.Errorf("PASSWORD_%s: %d is too weak, want at least %d", name, got, want))
		}
	}
	weak("MEMORY_KIB", p.MemoryKiB, Recommended.MemoryKiB)
	weak("PASSES", p.Passes, Recommended.Passes)
	weak("LANES", uint32(p.Lanes), uint32(Recommended.Lanes))
	return errors.Join(faults...)
}

const (
	saltBytes = 16
	keyBytes  = 32
)

// Hasher computes hashes, a few at a time. It is safe for concurrent use.
type Hasher struct {
	params   Params
	slots    *semaphore.Weighted
	computed atomic.Int64
}

// NewHasher returns a Hasher of the given cost that computes as many hashes at a time as there are processors.
func NewHasher(params Params) *Hasher {
	return &Hasher{params: params, slots: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0)))}
}

// Computed returns how many hashes have been computed so far.
func (h *Hasher) Computed() int64 { return h.computed.Load() }

// Hash returns the hash of a password, with parameters and salt, in the PHC string format
// (https://github.com/P-H-C/phc-string-format). It fails only when ctx ends before its turn.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails, see its documentation
	key, err := h.derive(ctx, password, salt, h.params)
	if err != nil {
		return "", err
	}
	return encode(h.params, salt, key), nil
}

// Matches reports whether the hash is that of the password, and whether it has other parameters than the Hasher. An
// empty hash matches nothing and takes as long as any other, so that timing does not reveal which accounts exist.
func (h *Hasher) Matches(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	params, salt, want := h.params, make([]byte, saltBytes), make([]byte, keyBytes)
	if hash != "" {
		if params, salt, want, err = decode(hash); err != nil {
			return false, false, err
		}
	}
	got, err := h.derive(ctx, password, salt, params)
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(got, want) == 1
	return same && hash != "", params != h.params, nil
}

func (h *Hasher) derive(ctx context.Context, password string, salt []byte, p Params) ([]byte, error) {
	if err := h.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait to hash a password: %w", err)
	}
	defer h.slots.Release(1)
	h.computed.Add(1)
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, p.Passes, p.MemoryKiB, p.Lanes, keyBytes), nil
}

func encode(p Params, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.MemoryKiB, p.Passes, p.Lanes, b64(salt), b64(key))
}

func decode(hash string) (p Params, salt, key []byte, err error) {
	// "", argon2id, version, parameters, salt, key
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errors.New("read password hash: not argon2id")
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.MemoryKiB, &p.Passes, &p.Lanes); err != nil {
		return p, nil, nil, fmt.Errorf("read password hash: parameters: %w", err)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return p, nil, nil, fmt.Errorf("read password hash: salt: %w", err)
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(key) != keyBytes {
		return p, nil, nil, errors.New("read password hash: key")
	}
	return p, salt, key, nil
}
