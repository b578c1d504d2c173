package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/netip"

	"github.com/jackc/pgx/v5"
)

// newToken returns the first refresh token of a session: 256 random bits.
func newToken() string {
	raw := make([]byte, sha256.Size)
	rand.Read(raw) // never fails, see its documentation
	return base64.RawURLEncoding.EncodeToString(raw)
}

// successor returns the token that replaces another. It is derived from it, so that a repeated request within the
// grace period gets the same successor although only hashes are stored. Without the key it is as good as random.
func (s *Service) successor(token string) string {
	mac := hmac.New(sha256.New, s.tokenKey)
	mac.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Refresh exchanges a refresh token for its successor and renews the session. A token that is reused within the grace
// period leads to the same successor. Later reuse means that the token was copied, and ends the session.
// Errors: SessionExpiredError.
func (s *Service) Refresh(ctx context.Context, token string, from netip.Addr) (Grant, error) {
	var grant Grant
	reused := false
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		now := s.now()
		account, session, err := lockSessionOfToken(ctx, tx, hashToken(token), now)
		if err != nil {
			return err
		}
		rotatedAt, err := tokenRotatedAt(ctx, tx, hashToken(token))
		if err != nil {
			return err
		}
		switch {
		case rotatedAt == nil:
			token, err = s.rotate(ctx, tx, &session, token)
		case now.Sub(*rotatedAt) < Grace:
			token, err = s.follow(ctx, tx, token)
		default:
			reused = true
			slog.WarnContext(ctx, "refresh token reused, session ended",
				"user", account.User.ID, "session", session.ID, "address", from)
			return deleteSession(ctx, tx, session.ID)
		}
		grant = Grant{Viewer: account.viewer(session), RefreshToken: token}
		return err
	})
	if err != nil {
		return Grant{}, err
	}
	if reused {
		return Grant{}, SessionExpiredError{}
	}
	return grant, nil
}

// rotate replaces the session's current token by its successor and extends the session.
func (s *Service) rotate(ctx context.Context, tx pgx.Tx, session *Session, token string) (string, error) {
	now, next := s.now(), s.successor(token)
	session.ExpiresAt = now.Add(Idle)
	if limit := session.CreatedAt.Add(Lifetime); session.ExpiresAt.After(limit) {
		session.ExpiresAt = limit
	}
	return next, replaceToken(ctx, tx, *session, hashToken(token), hashToken(next), now)
}

// follow returns the session's current token, a successor of the given one.
func (s *Service) follow(ctx context.Context, tx pgx.Tx, token string) (string, error) {
	for {
		token = s.successor(token)
		rotatedAt, err := tokenRotatedAt(ctx, tx, hashToken(token))
		if err != nil || rotatedAt == nil {
			return token, err
		}
	}
}
