// Package outbox publishes events exactly when the change that caused them commits: Append writes
// them in the change's own transaction, the Relay sends them to the broker in order and deletes
// them once the broker has confirmed. Delivery is at least once; order holds per aggregate.
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
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
)

//go:embed migrations
var files embed.FS

// Migrations makes the outbox table. Every service with an outbox runs them.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "outbox", Files: files} }

// Outbox is where a service's transactions leave their events.
type Outbox struct {
	pool *pgxpool.Pool
	wake worker.Wake
}

// New returns the outbox of the service's database.
func New(pool *pgxpool.Pool) *Outbox {
	return &Outbox{pool: pool, wake: worker.NewWake()}
}

// Metrics tells what waits in the outbox.
func (o *Outbox) Metrics() []prometheus.Collector {
	read := func(number string) func(context.Context) (map[string]float64, error) {
		return func(ctx context.Context) (map[string]float64, error) {
			var n float64
			err := o.pool.QueryRow(ctx, `SELECT `+number+` FROM outbox`).Scan(&n)
			return map[string]float64{"": n}, err
		}
	}
	return []prometheus.Collector{
		metrics.Gauge("outbox_events", "Events that are committed and not yet published.", "", read(`count(*)::float8`)),
		metrics.Gauge("outbox_oldest_seconds", "How long the oldest of them has waited.", "",
			read(`coalesce(extract(epoch FROM clock_timestamp() - min(time)), 0)::float8`)),
	}
}

// Tx runs fn in a transaction and wakes the relay once it has committed. The transaction is
// rolled back when fn returns an error, which Tx then returns.
func (o *Outbox) Tx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, o.pool, fn); err != nil {
		return err
	}
	o.Wake()
	return nil
}

// TxAfter is Tx for a transaction whose first statements are known beforehand, such as the lock that
// a decision needs: first queues them, and they are sent with the beginning in one round trip. fn is
// called once they have succeeded.
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

// Wake makes the relay look for committed events before its next poll. It never blocks.
func (o *Outbox) Wake() { o.wake.Send() }

const insert = `
	INSERT INTO outbox (id, type, subject, version, request_id, cause_id, trace_parent, data)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// Queue adds the events to a batch, for a change that is made in a single round trip.
func Queue(ctx context.Context, batch *pgx.Batch, evs ...events.Event) {
	ids := correlation.From(ctx)
	for _, e := range evs {
		batch.Queue(insert, e.ID, e.Type, e.Subject, e.Version, ids.Request, ids.Cause, ids.TraceParent, e.Data)
	}
}

// Append writes the events in the transaction of the change that they tell.
func Append(ctx context.Context, tx pgx.Tx, evs ...events.Event) error {
	var batch pgx.Batch
	Queue(ctx, &batch, evs...)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("append to outbox: %w", err)
	}
	return nil
}
