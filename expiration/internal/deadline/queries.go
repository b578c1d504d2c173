package deadline

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/outbox"
)

// set stores the deadline of a new order, unless the same or a newer version of the order was heard
// of before, or a later deadline. It reports whether the deadline passes within the given time.
func set(ctx context.Context, pool *pgxpool.Pool, version int, d deadline, within time.Duration) (soon bool, err error) {
	return comesWithin(pool.Query(ctx, `
		WITH newer AS (`+inbox.Statement+`)
		INSERT INTO deadlines AS known (order_id, due_at, request_id, cause_id, trace_parent)
		SELECT $2, $4, $5, $6, $7 FROM newer
		ON CONFLICT (order_id) DO UPDATE SET due_at = greatest(known.due_at, excluded.due_at)
		RETURNING due_at <= now() + $8::interval`,
		events.Expiration, d.orderID, version, d.dueAt, d.ids.Request, d.ids.Cause, d.ids.TraceParent, within))
}

// move stores a later deadline of an order, unless the order is over: of one that is live only the
// creation was heard, which is version 1. FOR SHARE waits for whoever hears the end right now. It
// reports the same as set.
func move(ctx context.Context, pool *pgxpool.Pool, d deadline, within time.Duration) (soon bool, err error) {
	return comesWithin(pool.Query(ctx, `
		INSERT INTO deadlines AS known (order_id, due_at, request_id, cause_id, trace_parent)
		SELECT $2, $3, $4, $5, $6
		WHERE coalesce((SELECT version FROM inbox WHERE consumer = $1 AND subject = $2 FOR SHARE), 0) <= 1
		ON CONFLICT (order_id) DO UPDATE SET due_at = greatest(known.due_at, excluded.due_at)
		RETURNING due_at <= now() + $7::interval`,
		events.Expiration, d.orderID, d.dueAt, d.ids.Request, d.ids.Cause, d.ids.TraceParent, within))
}

// comesWithin reads what set and move return: a row if they stored a deadline.
func comesWithin(rows pgx.Rows, err error) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("set deadline: %w", err)
	}
	soon, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if err != nil {
		return false, fmt.Errorf("set deadline: %w", err)
	}
	return len(soon) == 1 && soon[0], nil
}

// remove drops the deadline of an order that is over, and remembers that it is. As one batch
// outside of a transaction the statements are one implicit transaction.
func remove(ctx context.Context, pool *pgxpool.Pool, orderID string, version int) error {
	var batch pgx.Batch
	batch.Queue(inbox.Statement, events.Expiration, orderID, version)
	batch.Queue(`DELETE FROM deadlines WHERE order_id = $1`, orderID)
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("remove deadline of order %s: %w", orderID, err)
	}
	return nil
}

// takeDue removes up to limit deadlines that have passed, oldest first, and returns them. It leaves
// out those that another worker is about to remove. It asks for now(), which the index on due_at
// serves; clock_timestamp() would read the whole table.
func takeDue(ctx context.Context, tx pgx.Tx, limit int) ([]deadline, error) {
	rows, err := tx.Query(ctx, `
		WITH due AS (
			SELECT order_id FROM deadlines WHERE due_at <= now()
			ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
		), taken AS (
			DELETE FROM deadlines USING due WHERE deadlines.order_id = due.order_id
			RETURNING deadlines.order_id, due_at, request_id, cause_id, trace_parent
		)
		SELECT order_id, due_at, request_id, cause_id, trace_parent FROM taken ORDER BY due_at, order_id`, limit)
	if err != nil {
		return nil, fmt.Errorf("take due deadlines: %w", err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (deadline, error) {
		var d deadline
		err := row.Scan(&d.orderID, &d.dueAt, &d.ids.Request, &d.ids.Cause, &d.ids.TraceParent)
		d.dueAt = d.dueAt.UTC()
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("take due deadlines: %w", err)
	}
	return due, nil
}

// tell writes the events of the deadlines, each with the ids that its order began with.
func tell(ctx context.Context, tx pgx.Tx, due []deadline) error {
	var batch pgx.Batch
	for _, d := range due {
		outbox.Queue(correlation.With(ctx, d.ids), &batch, d.event())
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("tell of %d deadlines: %w", len(due), err)
	}
	return nil
}

// untilNext returns how long it is until the next deadline, at most limit; below zero when one has
// passed already.
func untilNext(ctx context.Context, pool *pgxpool.Pool, limit time.Duration) (time.Duration, error) {
	var pause time.Duration
	err := pool.QueryRow(ctx, `SELECT least(min(due_at) - clock_timestamp(), $1::interval) FROM deadlines`, limit).Scan(&pause)
	if err != nil {
		return 0, fmt.Errorf("read next deadline: %w", err)
	}
	return pause, nil
}

// read returns one number, as metrics want it.
func read(ctx context.Context, pool *pgxpool.Pool, number string) (map[string]float64, error) {
	var n float64
	if err := pool.QueryRow(ctx, `SELECT (`+number+`)::float8 FROM deadlines`).Scan(&n); err != nil {
		return nil, fmt.Errorf("read %s of deadlines: %w", number, err)
	}
	return map[string]float64{"": n}, nil
}
