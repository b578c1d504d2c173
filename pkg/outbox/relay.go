package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/worker"
)

const (
	batchSize    = 500
	pollInterval = time.Second          // finds events without wake-up, such as those of a process that died
	contention   = 5 * time.Millisecond // pause while another relay of this database works
)

// Publish sends events to the broker in order and returns nil once it has confirmed all of them.
// After an error any of them may or may not have been sent.
type Publish func(ctx context.Context, evs []events.Event) error

// Relay publishes the outbox's events until ctx ends. Any number of relays may run on one
// database: an advisory lock lets one at a time work, which keeps the order.
func (o *Outbox) Relay(ctx context.Context, publish Publish) error {
	return worker.Run(ctx, "publishing events", o.wake, func(ctx context.Context) (time.Duration, error) {
		return o.drain(ctx, publish)
	})
}

// drain publishes batch after batch until the outbox is empty and returns the time until the next poll.
func (o *Outbox) drain(ctx context.Context, publish Publish) (time.Duration, error) {
	for {
		n, busy, err := o.publishBatch(ctx, publish)
		switch {
		case err != nil:
			return 0, err
		case busy:
			return contention, nil
		case n < batchSize: // events committed since then come with a wake-up
			return pollInterval, nil
		}
	}
}

// publishBatch publishes the oldest events and deletes them in one transaction. It reads all
// committed rows rather than those after the last seq, because a transaction that drew an earlier
// seq may commit later.
//
// Its commit does not wait for the disk, which halves the time per batch: should a crash of
// Postgres undo the deletion, the events are published once more.
func (o *Outbox) publishBatch(ctx context.Context, publish Publish) (n int, busy bool, err error) {
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		var locked bool
		if err := tx.QueryRow(ctx, `
			SELECT pg_try_advisory_xact_lock(hashtext('outbox relay')) FROM set_config('synchronous_commit', 'off', true)`).Scan(&locked); err != nil {
			return fmt.Errorf("lock outbox: %w", err)
		}
		if !locked {
			busy = true
			return nil
		}
		seqs, batch, err := read(ctx, tx)
		if err != nil {
			return err
		}
		if seqs, batch = failpoint(seqs, batch); len(batch) == 0 {
			return nil
		}
		if err := publish(ctx, batch); err != nil {
			return fmt.Errorf("publish %d events: %w", len(batch), err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM outbox WHERE seq = ANY($1)`, seqs); err != nil {
			return fmt.Errorf("delete published events: %w", err)
		}
		n = len(batch)
		return nil
	})
	return n, busy, err
}

func read(ctx context.Context, tx pgx.Tx) (seqs []int64, batch []events.Event, err error) {
	rows, err := tx.Query(ctx, `
		SELECT seq, id::text, type, subject, version, time, request_id, cause_id, trace_parent, data
		FROM outbox ORDER BY seq LIMIT $1`, batchSize)
	if err != nil {
		return nil, nil, fmt.Errorf("read outbox: %w", err)
	}
	var seq int64
	var e events.Event
	_, err = pgx.ForEachRow(rows, []any{&seq, &e.ID, &e.Type, &e.Subject, &e.Version, &e.Time,
		&e.IDs.Request, &e.IDs.Cause, &e.IDs.TraceParent, &e.Data}, func() error {
		e.Time = e.Time.UTC()
		seqs, batch = append(seqs, seq), append(batch, e)
		e.Data = nil
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read outbox: %w", err)
	}
	return seqs, batch, nil
}
