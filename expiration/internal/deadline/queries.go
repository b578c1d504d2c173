package deadline

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/outbox"
)

// insert stores the deadline and reports whether it passes within the given time from now.
func insert(ctx context.Context, tx pgx.Tx, d deadline, within time.Duration) (soon bool, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO deadlines (order_id, due_at, request_id, cause_id, trace_parent)
		VALUES ($1, $2, $3, $4, $5) RETURNING due_at <= now() + $6::interval`,
		d.orderID, d.dueAt, d.ids.Request, d.ids.Cause, d.ids.TraceParent, within).Scan(&soon)
	if err != nil {
		return false, fmt.Errorf("insert deadline of order %s: %w", d.orderID, err)
	}
	return soon, nil
}

func remove(ctx context.Context, tx pgx.Tx, orderID string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM deadlines WHERE order_id = $1`, orderID); err != nil {
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
