package simulator

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

const intentColumns = `seq, id, created_at, amount, currency, description, metadata, return_url, token, status,
	error_code, decline_code, amount_received, charged, canceled_at, client_secret, page_secret, (
		SELECT coalesce(sum(r.amount), 0)::bigint FROM refunds r
		 WHERE r.intent_id = intents.id AND r.status <> 'failed'
	) AS refunded`

func insertIntent(ctx context.Context, tx pgx.Tx, i intent) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO intents (id, created_at, amount, currency, description, metadata, return_url, token, status,
		                               error_code, decline_code, amount_received, charged, client_secret, page_secret)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		i.ID, i.CreatedAt, i.Amount, i.Currency, i.Description, i.Metadata, i.ReturnURL, i.Token, i.Status,
		i.ErrorCode, i.DeclineCode, i.AmountReceived, i.Charged, i.ClientSecret, i.PageSecret)
	return wrap("insert intent", err)
}

func updateIntent(ctx context.Context, tx pgx.Tx, i intent) error {
	_, err := tx.Exec(ctx, `
		UPDATE intents
		   SET status = $2, error_code = $3, decline_code = $4, amount_received = $5, charged = $6, canceled_at = $7
		 WHERE id = $1`, i.ID, i.Status, i.ErrorCode, i.DeclineCode, i.AmountReceived, i.Charged, i.CanceledAt)
	return wrap("update intent", err)
}

// lockIntent locks and returns the intent; pgx.ErrNoRows if there is none. It reads after it has the lock: a statement
// that waits for the lock would sum up the refunds as they were before.
func lockIntent(ctx context.Context, tx pgx.Tx, id string) (intent, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM intents WHERE id = $1 FOR UPDATE`, id); err != nil {
		return intent{}, wrap("lock intent", err)
	}
	return findIntent(ctx, tx, id)
}

func findIntent(ctx context.Context, q querier, id string) (intent, error) {
	return one[intent](ctx, q, `SELECT `+intentColumns+` FROM intents WHERE id = $1`, id)
}

func findIntentOfPage(ctx context.Context, q querier, secret string) (intent, error) {
	return one[intent](ctx, q, `SELECT `+intentColumns+` FROM intents WHERE page_secret = $1`, secret)
}

// selectIntents returns the intents created since then, before the one with the seq unless that is 0, newest first.
func selectIntents(ctx context.Context, q querier, since time.Time, before int64, limit int) ([]intent, error) {
	return all[intent](ctx, q, `
		SELECT `+intentColumns+` FROM intents
		 WHERE created_at >= $1 AND ($2 = 0 OR seq < $2)
		 ORDER BY seq DESC LIMIT $3`, since, before, limit)
}

func insertMovement(ctx context.Context, tx pgx.Tx, at time.Time, i intent, movement string, amount int64) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO ledger (at, intent_id, payment_id, movement, amount, currency) VALUES ($1, $2, $3, $4, $5, $6)`,
		at, i.ID, i.Metadata["payment_id"], movement, amount, i.Currency)
	return wrap("insert movement "+movement, err)
}

const refundColumns = `r.seq, r.id, r.intent_id, r.created_at, r.amount, r.metadata, r.status, r.settles_at, i.currency`

func insertRefund(ctx context.Context, tx pgx.Tx, r refund) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO refunds (id, intent_id, created_at, amount, metadata, status, settles_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.IntentID, r.CreatedAt, r.Amount, r.Metadata, r.Status, r.SettlesAt)
	return wrap("insert refund", err)
}

// settleRefunds completes the pending refunds that are due and returns them.
func settleRefunds(ctx context.Context, tx pgx.Tx, now time.Time) ([]refund, error) {
	return all[refund](ctx, tx, `
		WITH settled AS (
			UPDATE refunds SET status = 'succeeded', settles_at = NULL
			 WHERE seq IN (SELECT seq FROM refunds WHERE settles_at <= $1 ORDER BY seq LIMIT 100 FOR UPDATE SKIP LOCKED)
			RETURNING *
		)
		SELECT `+refundColumns+` FROM settled r JOIN intents i ON i.id = r.intent_id ORDER BY r.intent_id, r.seq`, now)
}

func findRefund(ctx context.Context, q querier, id string) (refund, error) {
	return one[refund](ctx, q, `
		SELECT `+refundColumns+` FROM refunds r JOIN intents i ON i.id = r.intent_id WHERE r.id = $1`, id)
}

// selectRefunds returns the refunds of the intent, of all intents if it is empty, before the one with the seq unless
// that is 0, newest first.
func selectRefunds(ctx context.Context, q querier, intentID string, before int64, limit int) ([]refund, error) {
	return all[refund](ctx, q, `
		SELECT `+refundColumns+` FROM refunds r JOIN intents i ON i.id = r.intent_id
		 WHERE ($1 = '' OR r.intent_id = $1) AND ($2 = 0 OR r.seq < $2)
		 ORDER BY r.seq DESC LIMIT $3`, intentID, before, limit)
}

// request is a row of requests.
type request struct {
	Key        string
	Parameters []byte
	CreatedAt  time.Time
	Status     int
	Body       string
}

// lockKey locks the idempotency key for the transaction. It reports false if another transaction has it.
func lockKey(ctx context.Context, tx pgx.Tx, key string) (bool, error) {
	var locked bool
	const lock = `SELECT pg_try_advisory_xact_lock(hashtextextended('stripesim/' || $1, 0))`
	err := tx.QueryRow(ctx, lock, key).Scan(&locked)
	return locked, wrap("lock idempotency key", err)
}

// findRequest returns the request with the key since then; pgx.ErrNoRows if there is none.
func findRequest(ctx context.Context, tx pgx.Tx, key string, since time.Time) (request, error) {
	return one[request](ctx, tx, `
		SELECT key, parameters, created_at, status, body FROM requests
		 WHERE key = $1 AND created_at > $2`, key, since)
}

// storeRequest stores a request. It replaces an expired one with the same key.
func storeRequest(ctx context.Context, tx pgx.Tx, r request) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO requests (key, parameters, created_at, status, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (key) DO UPDATE SET parameters = $2, created_at = $3, status = $4, body = $5`,
		r.Key, r.Parameters, r.CreatedAt, r.Status, r.Body)
	return wrap("store request", err)
}

func deleteRequests(ctx context.Context, q querier, until time.Time) error {
	_, err := q.Exec(ctx, `DELETE FROM requests WHERE created_at <= $1`, until)
	return wrap("delete requests", err)
}

// webhook is a row of webhooks.
type webhook struct {
	Seq      int64
	DueAt    time.Time
	Attempts int
	EventID  string
	Body     string
}

func insertWebhook(ctx context.Context, tx pgx.Tx, due time.Time, eventID, body string) error {
	_, err := tx.Exec(ctx, `INSERT INTO webhooks (due_at, event_id, body) VALUES ($1, $2, $3)`, due, eventID, body)
	return wrap("queue webhook", err)
}

// takeWebhook leases the webhook that is due first until then; pgx.ErrNoRows if there is none.
func takeWebhook(ctx context.Context, q querier, now, until time.Time) (webhook, error) {
	return one[webhook](ctx, q, `
		UPDATE webhooks SET attempts = attempts + 1, due_at = $2
		 WHERE seq = (SELECT seq FROM webhooks WHERE due_at <= $1 ORDER BY due_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING seq, due_at, attempts, event_id, body`, now, until)
}

func postponeWebhook(ctx context.Context, q querier, seq int64, due time.Time) error {
	_, err := q.Exec(ctx, `UPDATE webhooks SET due_at = $2 WHERE seq = $1`, seq, due)
	return wrap("postpone webhook", err)
}

func deleteWebhook(ctx context.Context, q querier, seq int64) error {
	_, err := q.Exec(ctx, `DELETE FROM webhooks WHERE seq = $1`, seq)
	return wrap("delete webhook", err)
}

// one returns a single row; pgx.ErrNoRows if there is none.
func one[T any](ctx context.Context, q querier, sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, wrap("read", err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	return row, wrap("read", err)
}

func all[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap("read", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
	return found, wrap("read", err)
}

func wrap(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
