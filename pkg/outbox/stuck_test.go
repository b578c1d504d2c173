package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
)

// queues is a broker with two queues. Both receive updated tickets, only "other" receives created ones.
type queues struct {
	mu       sync.Mutex
	stuck    bool                      // the queue "stuck" does not confirm
	versions map[string]map[string]int // the newest version by queue and subject
	gaps     []string
	changed  chan struct{} // receives after each call
}

func newQueues() *queues {
	versions := map[string]map[string]int{"stuck": {}, "other": {}}
	return &queues{stuck: true, versions: versions, changed: make(chan struct{}, 1)}
}

func (q *queues) deliver(queue string, e events.Event) {
	if newest := q.versions[queue][e.Subject]; e.Version > newest+1 {
		q.gaps = append(q.gaps, fmt.Sprintf("%s received version %d of %s after %d", queue, e.Version, e.Subject, newest))
	}
	q.versions[queue][e.Subject] = max(q.versions[queue][e.Subject], e.Version)
}

func (q *queues) lock() (unlock func()) {
	q.mu.Lock()
	return func() {
		q.mu.Unlock()
		select {
		case q.changed <- struct{}{}:
		default:
		}
	}
}

func (q *queues) PublishExcept(_ context.Context, evs []events.Event, skip []string) (missing [][]string, err error) {
	defer q.lock()()
	for _, e := range evs {
		all := []string{"other"}
		if e.Type == events.TicketUpdated {
			all = []string{"stuck", "other"}
		}
		lacking := slices.DeleteFunc(slices.Clone(all), func(queue string) bool { return !slices.Contains(skip, queue) })
		unconfirmed := q.stuck && len(lacking) == 0 && slices.Contains(all, "stuck")
		for _, queue := range all {
			if !slices.Contains(skip, queue) && (queue != "stuck" || !q.stuck) {
				q.deliver(queue, e)
			}
		}
		if unconfirmed { // an exchange does not report which of its queues has the message
			return append(missing, all), nil
		}
		missing = append(missing, lacking)
	}
	return missing, nil
}

func (q *queues) PublishTo(_ context.Context, queue string, evs []events.Event) error {
	defer q.lock()()
	if queue == "stuck" && q.stuck {
		return errors.New("the queue stuck does not confirm")
	}
	for _, e := range evs {
		q.deliver(queue, e)
	}
	return nil
}

// await waits until the queue has received the versions of all subjects.
func (q *queues) await(t *testing.T, queue string, subjects, version int) {
	t.Helper()
	for {
		q.mu.Lock()
		complete := 0
		for _, newest := range q.versions[queue] {
			if newest == version {
				complete++
			}
		}
		gaps := q.gaps
		q.mu.Unlock()
		if len(gaps) > 0 {
			t.Fatal(gaps)
		}
		if complete == subjects {
			return
		}
		select {
		case <-q.changed:
		case <-t.Context().Done():
			t.Fatalf("%s received %v, want version %d of %d subjects", queue, q.versions[queue], version, subjects)
		}
	}
}

// Two relays publish to a queue that does not confirm and to another one. The other one receives everything meanwhile,
// and each queue receives the versions of a subject without gaps.
func TestAStuckQueueHoldsBackNoOther(t *testing.T) {
	const subjects, versions = 20, 30
	pool := pgtest.New(t, outbox.Migrations())
	box, q := outbox.New(pool), newQueues()
	relay(t, box, q)
	relay(t, outbox.New(pool), q)
	change := func(from, to int) {
		var writers sync.WaitGroup
		for i := range subjects {
			writers.Go(func() {
				for version := from; version <= to; version++ {
					e := ticket(fmt.Sprint(i), version)
					if i == 0 {
						e.Type = events.TicketCreated
					}
					if err := box.Tx(t.Context(), func(tx pgx.Tx) error { return outbox.Append(t.Context(), tx, e) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
	}
	change(1, versions)
	q.await(t, "other", subjects, versions)

	q.mu.Lock()
	q.stuck = false
	q.mu.Unlock()
	change(versions+1, 2*versions)
	q.await(t, "other", subjects, 2*versions)
	q.await(t, "stuck", subjects-1, 2*versions)
	for waiting := 1; waiting > 0; { // the last transaction commits after the last event
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM outbox`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}
