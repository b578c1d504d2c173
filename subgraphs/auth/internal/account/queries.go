package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// accountRow is a row of accounts.
type accountRow struct {
	User         User
	Email        string
	PasswordHash string
}

func (a accountRow) viewer(session Session) Viewer {
	return Viewer{User: a.User, Email: a.Email, Session: session}
}

func insertAccount(ctx context.Context, q querier, a accountRow, emailKey string) error {
	_, err := q.Exec(ctx, `
		INSERT INTO accounts (id, email, email_key, display_name, password_hash, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		a.User.ID, a.Email, emailKey, a.User.DisplayName, a.PasswordHash, a.User.MemberSince)
	if err != nil {
		return fmt.Errorf("insert account: %w", err)
	}
	return nil
}

// accountByEmail returns the account with the address, the zero account when there is none.
func accountByEmail(ctx context.Context, q querier, emailKey string) (accountRow, error) {
	var a accountRow
	err := q.QueryRow(ctx, `
		SELECT id, display_name, created_at, email, password_hash FROM accounts WHERE email_key = $1`, emailKey).
		Scan(&a.User.ID, &a.User.DisplayName, &a.User.MemberSince, &a.Email, &a.PasswordHash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return accountRow{}, fmt.Errorf("read account: %w", err)
	}
	a.User.MemberSince = a.User.MemberSince.UTC()
	return a, nil
}

func updatePasswordHash(ctx context.Context, q querier, userID, hash string) error {
	if _, err := q.Exec(ctx, `UPDATE accounts SET password_hash = $2 WHERE id = $1`, userID, hash); err != nil {
		return fmt.Errorf("update password hash of %s: %w", userID, err)
	}
	return nil
}

func usersByID(ctx context.Context, q querier, ids []string) (map[string]User, error) {
	rows, err := q.Query(ctx, `
		SELECT id, display_name, created_at AS member_since FROM accounts WHERE id = ANY($1) ORDER BY id`, ids)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	users, err := pgx.CollectRows(rows, pgx.RowToStructByName[User])
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	byID := make(map[string]User, len(users))
	for _, u := range users {
		u.MemberSince = u.MemberSince.UTC()
		byID[u.ID] = u
	}
	return byID, nil
}

// insertSession stores a session with its first refresh token.
func insertSession(ctx context.Context, q querier, userID string, s Session, tokenHash []byte) error {
	_, err := q.Exec(ctx, `
		WITH session AS (
			INSERT INTO sessions (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4) RETURNING id
		)
		INSERT INTO refresh_tokens (hash, session_id) SELECT $5, id FROM session`,
		s.ID, userID, s.CreatedAt, s.ExpiresAt, tokenHash)
	if err != nil {
		return fmt.Errorf("insert session of %s: %w", userID, err)
	}
	return nil
}

const sessionColumns = `accounts.id, accounts.display_name, accounts.created_at, accounts.email,
	sessions.id, sessions.created_at, sessions.expires_at`

func scanSession(row pgx.Row) (accountRow, Session, error) {
	var a accountRow
	var s Session
	err := row.Scan(&a.User.ID, &a.User.DisplayName, &a.User.MemberSince, &a.Email, &s.ID, &s.CreatedAt, &s.ExpiresAt)
	a.User.MemberSince, s.CreatedAt, s.ExpiresAt = a.User.MemberSince.UTC(), s.CreatedAt.UTC(), s.ExpiresAt.UTC()
	return a, s, err
}

// viewerOfSession returns the user of a session. Errors: apperr.Unauthenticated when the session is another user's or
// has ended.
func viewerOfSession(ctx context.Context, q querier, userID, sessionID string, now time.Time) (Viewer, error) {
	a, s, err := scanSession(q.QueryRow(ctx, `SELECT `+sessionColumns+`
		FROM sessions JOIN accounts ON accounts.id = sessions.account_id
		WHERE sessions.id = $1 AND accounts.id = $2 AND sessions.expires_at > $3`, sessionID, userID, now))
	if errors.Is(err, pgx.ErrNoRows) {
		return Viewer{}, unauthenticated()
	}
	if err != nil {
		return Viewer{}, fmt.Errorf("read session %s: %w", sessionID, err)
	}
	return a.viewer(s), nil
}

// endedSessions returns the ids that no current session has, sorted.
func endedSessions(ctx context.Context, q querier, ids []string, now time.Time) ([]string, error) {
	rows, err := q.Query(ctx, `SELECT given.id FROM unnest($1::text[]) AS given(id)
		WHERE NOT EXISTS (SELECT FROM sessions WHERE sessions.id = given.id COLLATE "C" AND expires_at > $2)
		ORDER BY given.id COLLATE "C"`, ids, now)
	if err != nil {
		return nil, fmt.Errorf("read ended sessions: %w", err)
	}
	ended, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read ended sessions: %w", err)
	}
	return ended, nil
}

// lockSessionOfToken returns the session of a current or used refresh token and locks its row until the transaction
// ends. Errors: SessionExpiredError.
func lockSessionOfToken(ctx context.Context, tx pgx.Tx, tokenHash []byte, now time.Time) (accountRow, Session, error) {
	a, s, err := scanSession(tx.QueryRow(ctx, `SELECT `+sessionColumns+`
		FROM sessions JOIN accounts ON accounts.id = sessions.account_id
		WHERE sessions.id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) AND sessions.expires_at > $2
		FOR UPDATE OF sessions`, tokenHash, now))
	if errors.Is(err, pgx.ErrNoRows) {
		return accountRow{}, Session{}, SessionExpiredError{}
	}
	if err != nil {
		return accountRow{}, Session{}, fmt.Errorf("lock session: %w", err)
	}
	return a, s, nil
}

// tokenRotatedAt returns when a token was exchanged, nil if it is the session's current one. The caller holds the
// session's lock, so the result stays true. Errors: SessionExpiredError when there is no such token.
func tokenRotatedAt(ctx context.Context, tx pgx.Tx, tokenHash []byte) (*time.Time, error) {
	var rotatedAt *time.Time
	err := tx.QueryRow(ctx, `SELECT rotated_at FROM refresh_tokens WHERE hash = $1`, tokenHash).Scan(&rotatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, SessionExpiredError{}
	}
	if err != nil {
		return nil, fmt.Errorf("read refresh token: %w", err)
	}
	return rotatedAt, nil
}

func replaceToken(ctx context.Context, tx pgx.Tx, s Session, oldHash, newHash []byte, now time.Time) error {
	var batch pgx.Batch
	batch.Queue(`UPDATE refresh_tokens SET rotated_at = $2 WHERE hash = $1`, oldHash, now)
	batch.Queue(`INSERT INTO refresh_tokens (hash, session_id) VALUES ($1, $2)`, newHash, s.ID)
	batch.Queue(`UPDATE sessions SET expires_at = $2 WHERE id = $1`, s.ID, s.ExpiresAt)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("replace refresh token of session %s: %w", s.ID, err)
	}
	return nil
}

func deleteSession(ctx context.Context, q querier, sessionID string) error {
	if _, err := q.Exec(ctx, `DELETE FROM sessions WHERE id = $1`, sessionID); err != nil {
		return fmt.Errorf("delete session %s: %w", sessionID, err)
	}
	return nil
}

func deleteSessionOfToken(ctx context.Context, q querier, tokenHash []byte) error {
	_, err := q.Exec(ctx, `
		DELETE FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1)`, tokenHash)
	if err != nil {
		return fmt.Errorf("delete session of refresh token: %w", err)
	}
	return nil
}

// deleteSessionsOfUser returns the number of deleted sessions.
func deleteSessionsOfUser(ctx context.Context, q querier, userID string) (int64, error) {
	tag, err := q.Exec(ctx, `DELETE FROM sessions WHERE account_id = $1`, userID)
	if err != nil {
		return 0, fmt.Errorf("delete sessions of %s: %w", userID, err)
	}
	return tag.RowsAffected(), nil
}

// counter is a number of attempts and the end of their window.
type counter struct {
	Attempts int
	ResetsAt time.Time
}

// countAttempt increments each counter of the attempt and returns them in the attempt's order. One statement locks
// them in order of their keys, so concurrent attempts wait for each other and all count.
func countAttempt(ctx context.Context, q querier, a attempt, now time.Time) ([]counter, error) {
	rows, err := q.Query(ctx, `
		WITH counted AS (
			INSERT INTO throttles (key, attempts, resets_at)
			SELECT key, 1, $3 FROM unnest($1::bytea[]) key ORDER BY key
			ON CONFLICT (key) DO UPDATE SET
				attempts  = CASE WHEN throttles.resets_at <= $2 THEN 1 ELSE throttles.attempts + 1 END,
				resets_at = CASE WHEN throttles.resets_at <= $2 THEN excluded.resets_at ELSE throttles.resets_at END
			RETURNING key, attempts, resets_at)
		SELECT attempts, resets_at FROM counted ORDER BY array_position($1, key)`, a.keys, now, now.Add(a.window))
	if err != nil {
		return nil, fmt.Errorf("count attempt: %w", err)
	}
	counters, err := pgx.CollectRows(rows, pgx.RowToStructByName[counter])
	if err != nil {
		return nil, fmt.Errorf("count attempt: %w", err)
	}
	return counters, nil
}

// uncountAttempt decrements each counter of the attempt.
func uncountAttempt(ctx context.Context, q querier, a attempt) error {
	_, err := q.Exec(ctx, `
		WITH counted AS (SELECT key FROM throttles WHERE key = ANY($1) AND attempts > 0 ORDER BY key FOR UPDATE)
		UPDATE throttles SET attempts = attempts - 1 FROM counted WHERE throttles.key = counted.key`, a.keys)
	if err != nil {
		return fmt.Errorf("uncount attempt: %w", err)
	}
	return nil
}

func deleteExpired(ctx context.Context, q querier, now, rotatedBefore time.Time) error {
	for _, statement := range []struct {
		sql    string
		before time.Time
	}{
		{`DELETE FROM sessions WHERE expires_at <= $1`, now},
		{`DELETE FROM refresh_tokens WHERE rotated_at < $1`, rotatedBefore},
		{`DELETE FROM throttles WHERE resets_at <= $1`, now},
	} {
		if _, err := q.Exec(ctx, statement.sql, statement.before); err != nil {
			return fmt.Errorf("delete expired rows: %w", err)
		}
	}
	return nil
}
