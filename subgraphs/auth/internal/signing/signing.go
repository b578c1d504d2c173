// Package signing stores and rotates the keys that sign access tokens. A key is published well before it signs its
// first token and well after its last one has expired, so that verifiers always have it.
package signing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
)

//go:embed migrations
var files embed.FS

// Migrations returns the migration of the table of keys.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "signing", Files: files} }

const (
	// Period is how long a key signs.
	Period = 30 * 24 * time.Hour
	// Lead is how long a key is published before it signs, and after the last token that it signed has expired. It
	// is long enough for every process of auth and every verifier to read the keys.
	Lead = 10 * identity.FreshFor

	readInterval = identity.FreshFor
)

// Keyring issues access tokens and publishes the keys that verify them. Several keyrings may share one database. A
// Keyring is safe for concurrent use.
type Keyring struct {
	pool   *pgxpool.Pool
	aead   cipher.AEAD
	issuer identity.Issuer
	now    func() time.Time

	mu   sync.RWMutex
	keys []key // ordered by signsFrom; never empty
}

type key struct {
	private   ed25519.PrivateKey
	signsFrom time.Time
}

// Open reads the keys from a migrated database and generates the first one if there is none. The secret encrypts the
// private keys in the database. Open fails if they were encrypted with another secret.
func Open(
	ctx context.Context, pool *pgxpool.Pool, secret string, issuer identity.Issuer, now func() time.Time,
) (*Keyring, error) {
	aesKey, err := hkdf.Key(sha256.New, []byte(secret), nil, "boxoffice signing keys", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key encryption key: %w", err)
	}
	block, err := aes.NewCipher(aesKey)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	k := &Keyring{pool: pool, aead: aead, issuer: issuer, now: now}
	return k, k.Rotate(ctx)
}

// Issue returns an access token for the caller, and when it expires.
func (k *Keyring) Issue(c identity.Caller) (token string, expiresAt time.Time, err error) {
	now := k.now()
	k.mu.RLock()
	current := k.keys[0]
	for _, key := range k.keys {
		if !key.signsFrom.After(now) {
			current = key
		}
	}
	k.mu.RUnlock()
	return k.issuer.Issue(current.private, c, now)
}

// KeySet returns the public keys as a JSON Web Key Set.
func (k *Keyring) KeySet(context.Context) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var public []ed25519.PublicKey
	for _, key := range k.keys {
		public = append(public, key.private.Public().(ed25519.PublicKey))
	}
	return identity.MarshalKeySet(public)
}

// Run rotates the keys, and reads those that other processes generated, until ctx ends.
func (k *Keyring) Run(ctx context.Context) error {
	return worker.Every(ctx, "rotating signing keys", readInterval, k.Rotate)
}

// Rotate generates a new key at the end of a period, deletes keys whose tokens have all expired, and reads the rest.
func (k *Keyring) Rotate(ctx context.Context) error {
	var keys []key
	err := pgx.BeginFunc(ctx, k.pool, func(tx pgx.Tx) error {
		rows, err := lockKeys(ctx, tx)
		if err != nil {
			return err
		}
		now := k.now()
		switch {
		case len(rows) == 0: // no verifier has keys yet, so there is nothing to wait for
			rows, err = k.add(ctx, tx, rows, now)
		case now.Sub(rows[len(rows)-1].SignsFrom) >= Period:
			rows, err = k.add(ctx, tx, rows, now.Add(Lead))
		}
		if err != nil {
			return err
		}
		for len(rows) > 1 && now.Sub(rows[1].SignsFrom) > k.issuer.TTL+Lead {
			if err := deleteKey(ctx, tx, rows[0].ID); err != nil {
				return err
			}
			rows = rows[1:]
		}
		for _, r := range rows {
			private, err := k.open(r)
			if err != nil {
				return err
			}
			keys = append(keys, key{private, r.SignsFrom})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate signing keys: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = keys
	return nil
}

func (k *Keyring) add(ctx context.Context, tx pgx.Tx, rows []keyRow, signsFrom time.Time) ([]keyRow, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	nonce := make([]byte, k.aead.NonceSize())
	rand.Read(nonce) // never fails, see its documentation
	r := keyRow{ID: identity.KeyID(public), SignsFrom: signsFrom}
	r.Sealed = k.aead.Seal(nonce, nonce, private.Seed(), []byte(r.ID))
	if err := insertKey(ctx, tx, r); err != nil {
		return nil, err
	}
	slog.InfoContext(ctx, "signing key generated", "key", r.ID, "signs_from", signsFrom)
	return append(slices.Clone(rows), r), nil
}

func (k *Keyring) open(r keyRow) (ed25519.PrivateKey, error) {
	size := k.aead.NonceSize()
	if len(r.Sealed) < size {
		return nil, fmt.Errorf("decrypt signing key %s: too short", r.ID)
	}
	seed, err := k.aead.Open(nil, r.Sealed[:size], r.Sealed[size:], []byte(r.ID))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("decrypt signing key %s: it was encrypted with another secret, or changed", r.ID)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
