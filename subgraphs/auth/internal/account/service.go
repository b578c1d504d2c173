package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
	"boxoffice.dev/subgraphs/auth/internal/password"
)

//go:embed migrations
var files embed.FS

// Migrations returns the migrations of the service's tables.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "accounts", Files: files} }

const (
	// Idle is how long a session lasts without a renewal.
	Idle = 7 * 24 * time.Hour
	// Lifetime is how long a session lasts at most.
	Lifetime = 30 * 24 * time.Hour
	// Grace is how long an exchanged refresh token still leads to its successor: two tabs may renew at the same
	// time, and a response may get lost.
	Grace = 10 * time.Second

	sweepInterval = time.Hour
)

// Service implements the use cases of accounts. Each method runs its own transaction.
type Service struct {
	pool     *pgxpool.Pool
	hasher   *password.Hasher
	limits   Limits
	tokenKey []byte // derives a refresh token's successor
	now      func() time.Time
}

// NewService returns a Service on a migrated database. The secret must be the same in all processes.
func NewService(
	pool *pgxpool.Pool, hasher *password.Hasher, limits Limits, secret string, now func() time.Time,
) *Service {
	tokenKey := hmac.New(sha256.New, []byte(secret))
	tokenKey.Write([]byte("boxoffice refresh tokens")) // separates this key from other uses of the secret
	return &Service{pool: pool, hasher: hasher, limits: limits, tokenKey: tokenKey.Sum(nil), now: func() time.Time {
		return now().UTC().Truncate(time.Millisecond) // the precision of the schema's DateTime
	}}
}

// SignUp creates an account and starts a session. Errors: a ValidationError for each invalid field, RateLimitedError,
// EmailInUseError.
func (s *Service) SignUp(ctx context.Context, in SignUpInput) (Grant, error) {
	if err := in.validate(); err != nil {
		return Grant{}, err
	}
	if err := s.admit(ctx, s.limits.signUp(in.From)); err != nil {
		return Grant{}, err
	}
	hash, err := s.hasher.Hash(ctx, in.Password)
	if err != nil {
		return Grant{}, err
	}
	now := s.now()
	account := accountRow{User: newUser(in, now), Email: in.Email, PasswordHash: hash}
	var grant Grant
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := insertAccount(ctx, tx, account, emailKey(in.Email)); err != nil {
			return err
		}
		grant, err = begin(ctx, tx, account, now)
		return err
	})
	if postgres.Violated(err) == "accounts_one_per_email" {
		return Grant{}, EmailInUseError{}
	}
	return grant, err
}

// SignIn starts a session. The result and its timing are the same for an unknown email address and a wrong password.
// Errors: a ValidationError for malformed addresses, RateLimitedError, InvalidCredentialsError.
func (s *Service) SignIn(ctx context.Context, in SignInInput) (Grant, error) {
	if err := validateEmail(in.Email); err != nil {
		return Grant{}, err
	}
	attempt := s.limits.signIn(emailKey(in.Email), in.From)
	// Counting before comparing the password counts concurrent attempts, too.
	if err := s.admit(ctx, attempt); err != nil {
		return Grant{}, err
	}
	account, err := accountByEmail(ctx, s.pool, emailKey(in.Email)) // the zero account when unknown
	if err != nil {
		return Grant{}, err
	}
	ok, outdated, err := s.hasher.Matches(ctx, account.PasswordHash, in.Password)
	if err != nil {
		return Grant{}, err
	}
	if !ok {
		slog.WarnContext(ctx, "sign-in failed", "user", account.User.ID, "address", in.From)
		return Grant{}, InvalidCredentialsError{}
	}
	if outdated {
		if account.PasswordHash, err = s.hasher.Hash(ctx, in.Password); err != nil {
			return Grant{}, err
		}
	}
	var grant Grant
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := uncountAttempt(ctx, tx, attempt); err != nil {
			return err
		}
		if outdated {
			if err := updatePasswordHash(ctx, tx, account.User.ID, account.PasswordHash); err != nil {
				return err
			}
		}
		grant, err = begin(ctx, tx, account, s.now())
		return err
	})
	return grant, err
}

// begin stores a new session of the account.
func begin(ctx context.Context, tx pgx.Tx, account accountRow, now time.Time) (Grant, error) {
	session := Session{ID: id.New(id.Session), CreatedAt: now, ExpiresAt: now.Add(Idle)}
	token := newToken()
	if err := insertSession(ctx, tx, account.User.ID, session, hashToken(token)); err != nil {
		return Grant{}, err
	}
	return Grant{Viewer: account.viewer(session), RefreshToken: token}, nil
}

// Viewer returns the user of a session. Errors: apperr.Unauthenticated when the session has ended.
func (s *Service) Viewer(ctx context.Context, userID, sessionID string) (Viewer, error) {
	if sessionID == "" {
		return Viewer{}, unauthenticated()
	}
	return viewerOfSession(ctx, s.pool, userID, sessionID, s.now())
}

// Ended returns the sessions that have ended or never existed.
func (s *Service) Ended(ctx context.Context, sessionIDs []string) ([]string, error) {
	return endedSessions(ctx, s.pool, sessionIDs, s.now())
}

// Users returns the users with the ids, by id. It accepts any text and leaves out ids that no user has.
func (s *Service) Users(ctx context.Context, ids []string) (map[string]User, error) {
	wellFormed := slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return !id.Valid(id.User, s) })
	return usersByID(ctx, s.pool, wellFormed)
}

// SignOut ends the session with the id or, when the id is empty, the session of the refresh token. It succeeds when
// there is no such session.
func (s *Service) SignOut(ctx context.Context, sessionID, refreshToken string) error {
	if sessionID != "" {
		return deleteSession(ctx, s.pool, sessionID)
	}
	return deleteSessionOfToken(ctx, s.pool, hashToken(refreshToken))
}

// SignOutEverywhere ends every session of the user.
func (s *Service) SignOutEverywhere(ctx context.Context, userID string) error {
	n, err := deleteSessionsOfUser(ctx, s.pool, userID)
	if err != nil {
		return err
	}
	slog.WarnContext(ctx, "signed out everywhere", "user", userID, "sessions", n)
	return nil
}

// Sweep removes expired rows every hour until ctx ends.
func (s *Service) Sweep(ctx context.Context) error {
	return worker.Every(ctx, "removing expired sessions", sweepInterval, s.RemoveExpired)
}

// RemoveExpired removes expired sessions, used refresh tokens that no client retries any more, and ended throttles.
func (s *Service) RemoveExpired(ctx context.Context) error {
	now := s.now()
	return deleteExpired(ctx, s.pool, now, now.Add(-Idle))
}
