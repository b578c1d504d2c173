package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/subgraphs/auth/internal/password"
)

//go:embed migrations
var files embed.FS

// Migrations makes the service's tables.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "accounts", Files: files} }

const (
	// Idle is how long a session lives without being renewed.
	Idle = 7 * 24 * time.Hour
	// Lifetime is how long a session lives however often it is renewed.
	Lifetime = 30 * 24 * time.Hour
	// Grace is how long a refresh token that was exchanged still leads to its successor: for two
	// tabs that renew at once, and for an answer that got lost.
	Grace = 10 * time.Second

	sweepEvery = time.Hour
)

// Service has the use cases of accounts. Each owns its transaction.
type Service struct {
	pool     *pgxpool.Pool
	hasher   *password.Hasher
	limits   Limits
	tokenKey []byte // derives a refresh token's successor
	now      func() time.Time
}

// NewService returns the use cases on a migrated database. The secret is the same on all replicas.
func NewService(pool *pgxpool.Pool, hasher *password.Hasher, limits Limits, secret string, now func() time.Time) *Service {
	tokenKey := hmac.New(sha256.New, []byte(secret))
	tokenKey.Write([]byte("boxoffice refresh tokens")) // so that it differs from the secret's other uses
	return &Service{pool: pool, hasher: hasher, limits: limits, tokenKey: tokenKey.Sum(nil), now: func() time.Time {
		return now().UTC().Truncate(time.Millisecond) // what the schema's DateTime shows
	}}
}

// SignUp makes an account and a session of it. Errors, of which several may come at once:
// ValidationFailed, EmailInUse, RateLimited (Detail: whole seconds to wait).
func (s *Service) SignUp(ctx context.Context, in SignUpInput) (Grant, error) {
	if err := errors.Join(in.check()...); err != nil {
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
		return Grant{}, apperr.New(apperr.EmailInUse, "There is an account with this e-mail address already.").At("input.email")
	}
	return grant, err
}

// SignIn makes a session for whoever knows the password. An unknown e-mail address and a wrong
// password cannot be told apart. Errors: InvalidCredentials, ValidationFailed (text that is no
// address), RateLimited (Detail: whole seconds to wait).
func (s *Service) SignIn(ctx context.Context, in SignInInput) (Grant, error) {
	if err := checkEmail(in.Email, "input.email"); err != nil {
		return Grant{}, err
	}
	attempt := s.limits.signIn(emailKey(in.Email), in.From)
	// Counted before the password is looked at, so that attempts side by side all count.
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
		return Grant{}, apperr.New(apperr.InvalidCredentials, "The e-mail address or the password is wrong.")
	}
	if outdated {
		if account.PasswordHash, err = s.hasher.Hash(ctx, in.Password); err != nil {
			return Grant{}, err
		}
	}
	var grant Grant
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := takeBack(ctx, tx, attempt); err != nil {
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

// Viewer returns the person behind a session, Unauthenticated when the session has ended.
func (s *Service) Viewer(ctx context.Context, userID, sessionID string) (Viewer, error) {
	if sessionID == "" {
		return Viewer{}, unauthenticated()
	}
	return viewerOfSession(ctx, s.pool, userID, sessionID, s.now())
}

// Ended returns those of the sessions that have ended, or never were.
func (s *Service) Ended(ctx context.Context, sessionIDs []string) ([]string, error) {
	return endedSessions(ctx, s.pool, sessionIDs, s.now())
}

func unauthenticated() error { return apperr.New(apperr.Unauthenticated, "Sign in first.") }

// Users returns those of the people who exist, by id. The ids may be any text.
func (s *Service) Users(ctx context.Context, ids []string) (map[string]User, error) {
	wellFormed := slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return !id.Valid(id.User, s) })
	return usersByID(ctx, s.pool, wellFormed)
}

// SignOut ends the session that the id names, or else the one that the refresh token belongs to.
// Either may be empty. A session that has ended already is none to worry about.
func (s *Service) SignOut(ctx context.Context, sessionID, refreshToken string) error {
	if sessionID != "" {
		return deleteSession(ctx, s.pool, sessionID)
	}
	return deleteSessionOfToken(ctx, s.pool, hashToken(refreshToken))
}

// SignOutEverywhere ends all sessions of the user.
func (s *Service) SignOutEverywhere(ctx context.Context, userID string) error {
	n, err := deleteSessionsOfUser(ctx, s.pool, userID)
	if err != nil {
		return err
	}
	slog.WarnContext(ctx, "signed out everywhere", "user", userID, "sessions", n)
	return nil
}

// Sweep removes what has expired, once an hour until ctx ends.
func (s *Service) Sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.RemoveExpired(ctx); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "expired sessions not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// RemoveExpired removes sessions, refresh tokens and throttles that are of no use any more.
func (s *Service) RemoveExpired(ctx context.Context) error {
	now := s.now()
	return deleteExpired(ctx, s.pool, now, now.Add(-Idle))
}
