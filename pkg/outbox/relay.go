package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/worker"
)

const (
	batchSize      = 500
	pollInterval   = time.Second          // finds events without wake-up, such as those of a process that died
	contention     = 5 * time.Millisecond // pause while another relay of this database works
	resendBatch    = 100
	resendInterval = 2 * time.Second
)

// allQueues names failures to publish that are not those of one queue.
const allQueues = "all"

var errUnconfirmed = errors.New("does not confirm events")

// Publisher sends events to the broker. See broker.Broker.
type Publisher interface {
	// PublishExcept sends events in order to all of their queues but those in skip. It returns the queues that miss
	// each event. It may stop early and return less. After an error any event may or may not have been sent.
	PublishExcept(ctx context.Context, evs []events.Event, skip []string) (missing [][]string, err error)
	// PublishTo sends events in order to one queue and returns nil once the queue has confirmed all of them.
	PublishTo(ctx context.Context, queue string, evs []events.Event) error
}

// PublishFunc is a Publisher without queues: it publishes all events or returns an error.
type PublishFunc func(ctx context.Context, evs []events.Event) error

// PublishExcept calls f.
func (f PublishFunc) PublishExcept(ctx context.Context, evs []events.Event, _ []string) ([][]string, error) {
	return make([][]string, len(evs)), f(ctx, evs)
}

// PublishTo calls f.
func (f PublishFunc) PublishTo(ctx context.Context, _ string, evs []events.Event) error {
	return f(ctx, evs)
}

// Relay publishes the outbox's events until ctx ends. Any number of relays may run on one database: an advisory lock
// lets one at a time work, which keeps the order.
//
// A queue that does not confirm delays its own events only. The relay skips such a queue, and publishes to the others,
// until the queue has confirmed the events that it misses. So each queue receives the events of an aggregate in order.
func (o *Outbox) Relay(ctx context.Context, publisher Publisher) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return worker.Run(ctx, "publishing events", o.wake, func(ctx context.Context) (time.Duration, error) {
			next, err := o.publishAll(ctx, publisher)
			if ctx.Err() == nil {
				o.health.Set(ctx, allQueues, err)
			}
			return next, err
		})
	})
	group.Go(func() error {
		return worker.Run(ctx, "resending events", o.wakeResend, func(ctx context.Context) (time.Duration, error) {
			return resendInterval, o.resendAll(ctx, publisher)
		})
	})
	return group.Wait()
}

// publishAll publishes batch after batch until none is left and returns the time until the next poll.
func (o *Outbox) publishAll(ctx context.Context, publisher Publisher) (time.Duration, error) {
	for {
		more, busy, err := o.publishBatch(ctx, publisher)
		switch {
		case err != nil:
			return 0, err
		case busy:
			return contention, nil
		case !more: // events committed since then come with a wake-up
			return pollInterval, nil
		}
	}
}

// publishBatch publishes the oldest events and deletes them in one transaction. It reads all committed rows rather
// than those after the last seq, because a transaction that drew an earlier seq may commit later.
//
// Its commit does not wait for the disk, which halves the time per batch. If Postgres crashes and loses the deletion,
// the events are published again.
func (o *Outbox) publishBatch(ctx context.Context, publisher Publisher) (more, busy bool, err error) {
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		locked, stuck, err := lockRelay(ctx, tx)
		if err != nil || !locked {
			busy = !locked
			return err
		}
		seqs, batch, err := read(ctx, tx, `missing IS NULL`, batchSize)
		if err != nil {
			return err
		}
		if seqs, batch = failpoint(seqs, batch); len(batch) == 0 {
			return nil
		}
		missing, err := publisher.PublishExcept(ctx, batch, stuck)
		if err != nil {
			return fmt.Errorf("publish %d events: %w", len(batch), err)
		}
		more = len(missing) < len(batch) || len(batch) == batchSize
		return o.record(ctx, tx, seqs[:len(missing)], missing, stuck)
	})
	return more, busy, err
}

// stuckQueues selects the queues that miss events.
const stuckQueues = `SELECT array(SELECT DISTINCT unnest(missing) FROM outbox WHERE missing IS NOT NULL)`

// lockRelay tries to take the lock that excludes other relays until the transaction ends, and returns the queues that
// miss events.
func lockRelay(ctx context.Context, tx pgx.Tx) (locked bool, stuck []string, err error) {
	var batch pgx.Batch
	batch.Queue(`
		SELECT pg_try_advisory_xact_lock(hashtext('outbox relay')) FROM set_config('synchronous_commit', 'off', true)`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&locked) })
	batch.Queue(stuckQueues).
		QueryRow(func(row pgx.Row) error { return row.Scan(&stuck) })
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return false, nil, fmt.Errorf("lock outbox: %w", err)
	}
	return locked, stuck, nil
}

// record deletes the events that no queue misses and stores the missing queues of the others.
func (o *Outbox) record(ctx context.Context, tx pgx.Tx, seqs []int64, missing [][]string, stuck []string) error {
	var published, held []int64
	var queues []string
	for i, seq := range seqs {
		if len(missing[i]) == 0 {
			published = append(published, seq)
			continue
		}
		held, queues = append(held, seq), append(queues, strings.Join(missing[i], " "))
		for _, queue := range missing[i] {
			if !slices.Contains(stuck, queue) {
				o.health.Set(ctx, queue, errUnconfirmed)
				o.wakeResend.Send()
			}
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM outbox WHERE seq = ANY($1)`, published); err != nil {
		return fmt.Errorf("delete published events: %w", err)
	}
	if len(held) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		UPDATE outbox SET missing = string_to_array(held.queues, ' ')
		FROM unnest($1::bigint[], $2::text[]) held (seq, queues) WHERE outbox.seq = held.seq`, held, queues)
	if err != nil {
		return fmt.Errorf("hold events of queues that do not confirm: %w", err)
	}
	return nil
}

// resendAll publishes the events that queues miss. A queue that does not confirm delays no other.
func (o *Outbox) resendAll(ctx context.Context, publisher Publisher) error {
	var stuck []string
	if err := o.pool.QueryRow(ctx, stuckQueues).Scan(&stuck); err != nil {
		return fmt.Errorf("find queues that miss events: %w", err)
	}
	o.health.Retain(ctx, append(stuck, allQueues))
	var group errgroup.Group
	for _, queue := range stuck {
		group.Go(func() error {
			err := o.resend(ctx, publisher, queue)
			if ctx.Err() == nil {
				o.health.Set(ctx, queue, err)
			}
			return err
		})
	}
	return group.Wait()
}

// resend publishes the events that the queue misses, oldest first.
func (o *Outbox) resend(ctx context.Context, publisher Publisher, queue string) error {
	for {
		n, err := o.resendSome(ctx, publisher, queue, false)
		if err != nil {
			return err
		}
		if n < resendBatch {
			break
		}
	}
	// The relay holds back more events for the queue while the queue misses any. Sending the last of them while the
	// relay is excluded makes the queue current.
	_, err := o.resendSome(ctx, publisher, queue, true)
	return err
}

func (o *Outbox) resendSome(
	ctx context.Context, publisher Publisher, queue string, excludeRelay bool,
) (n int, err error) {
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('outbox ' || $1))`, queue); err != nil {
			return fmt.Errorf("lock events of %s: %w", queue, err)
		}
		if excludeRelay {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('outbox relay'))`); err != nil {
				return fmt.Errorf("lock outbox: %w", err)
			}
		}
		seqs, batch, err := read(ctx, tx, `$2 = ANY(missing)`, resendBatch, queue)
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := publisher.PublishTo(ctx, queue, batch); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE outbox SET missing = array_remove(missing, $2) WHERE seq = ANY($1)`, seqs, queue)
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM outbox WHERE seq = ANY($1) AND missing = '{}'`, seqs)
		}
		if err != nil {
			return fmt.Errorf("delete events resent to %s: %w", queue, err)
		}
		n = len(batch)
		return nil
	})
	return n, err
}

// read returns the oldest events that satisfy the condition.
func read(
	ctx context.Context, tx pgx.Tx, condition string, limit int, args ...any,
) (seqs []int64, batch []events.Event, err error) {
	rows, err := tx.Query(ctx, `
		SELECT seq, id::text, type, subject, version, time, request_id, cause_id, trace_parent, data
		FROM outbox WHERE `+condition+` ORDER BY seq LIMIT $1`, append([]any{limit}, args...)...)
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
