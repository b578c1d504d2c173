// Package outbox publishes an event if and only if the transaction that caused it commits. Append writes events in
// that transaction. Relay sends them to the broker in order and deletes them once the broker has confirmed them.
// Delivery is at least once, and each queue receives the events of an aggregate in order.
package outbox

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/health"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
)

//go:embed migrations
var files embed.FS

// Migrations creates the outbox table.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "outbox", Files: files} }

// Outbox stores the events of a service's transactions.
type Outbox struct {
	pool             *pgxpool.Pool
	wake, wakeResend worker.Wake
	health           *health.Tracker
}

// New returns the outbox of the service's database.
func New(pool *pgxpool.Pool) *Outbox {
	return &Outbox{
		pool: pool, wake: worker.NewWake(), wakeResend: worker.NewWake(),
		health: health.NewTracker("events not published"),
	}
}

// Metrics returns the number and age of unpublished events, and which queues do not confirm.
func (o *Outbox) Metrics() []prometheus.Collector {
	read := func(column string) func(context.Context) (map[string]float64, error) {
		return func(ctx context.Context) (map[string]float64, error) {
			var n float64
			err := o.pool.QueryRow(ctx, `SELECT `+column+` FROM outbox`).Scan(&n)
			return map[string]float64{"": n}, err
		}
	}
	return []prometheus.Collector{
		metrics.Gauge("outbox_events", "Events that are committed and not yet published to all of their queues.", "",
			read(`count(*)::float8`)),
		metrics.Gauge("outbox_oldest_seconds", "Age of the oldest of them.", "",
			read(`coalesce(extract(epoch FROM clock_timestamp() - min(time)), 0)::float8`)),
		metrics.Gauge("outbox_failing_seconds",
			"How long events could not be published to a queue, or to any (all); 0 if they can.",
			"queue", o.health.Seconds),
	}
}

// Check returns an error when this process's relay could not publish to some queue for longer than health.Grace.
func (o *Outbox) Check(ctx context.Context) error { return o.health.Check(ctx) }

// Tx runs fn in a transaction and wakes the relay once it has committed. When fn returns an error, Tx rolls the
// transaction back and returns the error.
func (o *Outbox) Tx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, o.pool, fn); err != nil {
		return err
	}
	o.Wake()
	return nil
}

// TxAfter is Tx for a transaction whose first statements are known, such as the lock that a decision needs. It
// sends the statements that first queues together with BEGIN, in one round trip, and calls fn once they have
// succeeded.
func (o *Outbox) TxAfter(ctx context.Context, first func(*pgx.Batch), fn func(tx pgx.Tx) error) error {
	var batch pgx.Batch
	batch.BeginTx(pgx.TxOptions{})
	first(&batch)
	results := o.pool.SendBatch(ctx, &batch)
	tx := results.Tx()
	defer tx.Rollback(ctx)
	if err := results.Close(); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	o.Wake()
	return nil
}

// Wake makes the relay read the outbox at once instead of at its next poll. It never blocks.
func (o *Outbox) Wake() { o.wake.Send() }

const insert = `
	INSERT INTO outbox (id, type, subject, version, request_id, cause_id, trace_parent, data)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// Queue adds the events to the batch of a change that takes a single round trip.
func Queue(ctx context.Context, batch *pgx.Batch, evs ...events.Event) {
	ids := correlation.From(ctx)
	for _, e := range evs {
		batch.Queue(insert, e.ID, e.Type, e.Subject, e.Version, ids.Request, ids.Cause, ids.TraceParent, e.Data)
	}
}

// Append writes the events in the transaction of the change that they announce.
func Append(ctx context.Context, tx pgx.Tx, evs ...events.Event) error {
	var batch pgx.Batch
	Queue(ctx, &batch, evs...)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("append to outbox: %w", err)
	}
	return nil
}
