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

// insert stores the deadline of a new order, unless the same or a newer version of the order was handled
// before, or a later deadline is stored. It reports whether the stored deadline passes within the given time.
func insert(
	ctx context.Context, pool *pgxpool.Pool, version int, d deadline, within time.Duration,
) (soon bool, err error) {
	return passesSoon(pool.Query(ctx, `
		WITH newer AS (`+inbox.Statement+`)
		INSERT INTO deadlines AS stored (order_id, due_at, request_id, cause_id, trace_parent)
		SELECT $2, $4, $5, $6, $7 FROM newer
		ON CONFLICT (order_id) DO UPDATE SET due_at = greatest(stored.due_at, excluded.due_at)
		RETURNING due_at <= now() + $8::interval`,
		events.Expiration, d.orderID, version, d.dueAt, d.ids.Request, d.ids.Cause, d.ids.TraceParent, within))
}

// extend stores a later deadline of an order, unless the order has ended: of one that has not, only its
// creation was handled, which is version 1. FOR SHARE waits for a transaction that is handling the end. It
// reports the same as insert.
func extend(ctx context.Context, pool *pgxpool.Pool, d deadline, within time.Duration) (soon bool, err error) {
	return passesSoon(pool.Query(ctx, `
		INSERT INTO deadlines AS stored (order_id, due_at, request_id, cause_id, trace_parent)
		SELECT $2, $3, $4, $5, $6
		WHERE coalesce((SELECT version FROM inbox WHERE consumer = $1 AND subject = $2 FOR SHARE), 0) <= 1
		ON CONFLICT (order_id) DO UPDATE SET due_at = greatest(stored.due_at, excluded.due_at)
		RETURNING due_at <= now() + $7::interval`,
		events.Expiration, d.orderID, d.dueAt, d.ids.Request, d.ids.Cause, d.ids.TraceParent, within))
}

// passesSoon reads the result of insert and extend: a row if they stored a deadline.
func passesSoon(rows pgx.Rows, err error) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("store deadline: %w", err)
	}
	soon, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if err != nil {
		return false, fmt.Errorf("store deadline: %w", err)
	}
	return len(soon) == 1 && soon[0], nil
}

// remove deletes the deadline of an order that has ended, and marks the order's version as handled. A batch
// outside of a transaction is one implicit transaction.
func remove(ctx context.Context, pool *pgxpool.Pool, orderID string, version int) error {
	var batch pgx.Batch
	batch.Queue(inbox.Statement, events.Expiration, orderID, version)
	batch.Queue(`DELETE FROM deadlines WHERE order_id = $1`, orderID)
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("remove deadline of order %s: %w", orderID, err)
	}
	return nil
}

// takeDue deletes up to limit deadlines that have passed, oldest first, and returns them. It skips those that
// another transaction is deleting. It compares with now(), for which the index on due_at serves;
// clock_timestamp() is volatile and would scan the whole table.
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

// appendEvents adds the events of the deadlines to the outbox, each with the ids of its order.
func appendEvents(ctx context.Context, tx pgx.Tx, due []deadline) error {
	var batch pgx.Batch
	for _, d := range due {
		outbox.Queue(correlation.With(ctx, d.ids), &batch, d.event())
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("append events of %d deadlines: %w", len(due), err)
	}
	return nil
}

// untilNext returns the time until the next deadline, at most limit. It is negative when one has passed.
func untilNext(ctx context.Context, pool *pgxpool.Pool, limit time.Duration) (time.Duration, error) {
	var pause time.Duration
	err := pool.QueryRow(ctx, `
		SELECT least(min(due_at) - clock_timestamp(), $1::interval) FROM deadlines`, limit).Scan(&pause)
	if err != nil {
		return 0, fmt.Errorf("read next deadline: %w", err)
	}
	return pause, nil
}

// readGauge returns the number of an aggregate expression, for metrics.Gauge.
func readGauge(ctx context.Context, pool *pgxpool.Pool, expression string) (map[string]float64, error) {
	var n float64
	if err := pool.QueryRow(ctx, `SELECT (`+expression+`)::float8 FROM deadlines`).Scan(&n); err != nil {
		return nil, fmt.Errorf("read %s of deadlines: %w", expression, err)
	}
	return map[string]float64{"": n}, nil
}
