package deadline

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
)

// The tests deliver events of orders and read the events that the relay publishes.

func newDatabase(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t, outbox.Migrations(), inbox.Migrations(), Migrations())
}

// newService returns a service that polls too rarely to matter, so that only timers and wake-ups act.
func newService(pool *pgxpool.Pool) *Service {
	s := NewService(pool, outbox.New(pool))
	s.poll = time.Hour
	return s
}

func newOrder(expiresAt time.Time) events.Order {
	return events.Order{
		ID: id.New(id.Order), Version: 1, Status: "created", BuyerID: id.New(id.User), SellerID: id.New(id.User),
		TicketID: id.New(id.Ticket), TicketVersion: 1, Title: "Hamlet, row 7", Price: money.Money{MinorUnits: 1999, Currency: "EUR"},
		ExpiresAt: expiresAt.UTC().Truncate(time.Millisecond),
	}
}

func ended(o events.Order, status events.OrderStatus) events.Order {
	o.Version, o.Status = 3, status
	return o
}

// handle delivers an event about the order and returns it.
func handle(t *testing.T, s *Service, typ events.Type, o events.Order) events.Event {
	t.Helper()
	e := events.New(typ, o)
	e.IDs = correlation.IDs{Request: "request of " + o.ID, Cause: "none", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	deliver(t, s, e)
	return e
}

func deliver(t *testing.T, s *Service, e events.Event) {
	t.Helper()
	if err := s.Reactions().Deliver(t.Context(), e); err != nil {
		t.Fatalf("deliver %s about %s: %v", e.Type, e.Subject, err)
	}
}

// run is some running services and the events that they publish.
type run struct {
	t         *testing.T
	stop      func()
	published chan events.Event
}

// start runs the services, each with a worker and a relay as a process has them.
func start(t *testing.T, services ...*Service) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	r := &run{t: t, published: make(chan events.Event, 100_000), stop: func() { cancel(); wg.Wait() }}
	t.Cleanup(r.stop)
	publish := func(_ context.Context, evs []events.Event) error { //nolint:unparam // an outbox.PublishFunc
		for _, e := range evs {
			r.published <- e
		}
		return nil
	}
	for _, s := range services {
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Errorf("worker ended: %v", err)
			}
		})
		wg.Go(func() {
			if err := s.outbox.Relay(ctx, outbox.PublishFunc(publish)); err != nil {
				t.Errorf("relay ended: %v", err)
			}
		})
	}
	return r
}

// wait returns the next event.
func (r *run) wait() events.Event {
	r.t.Helper()
	select {
	case e := <-r.published:
		return e
	case <-time.After(time.Minute):
		r.t.Fatal("no event in a minute")
		return events.Event{}
	}
}

// expect waits until the expiration of each order is published, stops the services, and fails if there is a
// second event for an order, or one for any other order. The relay may publish an event again, with the same id.
func (r *run) expect(pool *pgxpool.Pool, orders ...string) {
	r.t.Helper()
	missing := map[string]bool{}
	for _, o := range orders {
		missing[o] = true
	}
	eventIDs := map[string]string{} // by order
	record := func(e events.Event) {
		r.t.Helper()
		if first, ok := eventIDs[e.Subject]; ok && first != e.ID {
			r.t.Errorf("order %s expired with event %s and again with %s", e.Subject, first, e.ID)
		}
		eventIDs[e.Subject] = e.ID
		delete(missing, e.Subject)
	}
	for len(missing) > 0 {
		record(r.wait())
	}
	r.stop()
	close(r.published)
	for e := range r.published {
		record(e)
	}
	// Events that were committed and not relayed before the stop.
	rows, err := pool.Query(r.t.Context(), `SELECT id::text, subject FROM outbox ORDER BY seq`)
	if err != nil {
		r.t.Fatal(err)
	}
	var e events.Event
	if _, err := pgx.ForEachRow(rows, []any{&e.ID, &e.Subject}, func() error { record(e); return nil }); err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(orders)
	if got := slices.Sorted(maps.Keys(eventIDs)); !slices.Equal(got, orders) {
		r.t.Errorf("published %d orders %.200q, want %d %.200q", len(got), got, len(orders), orders)
	}
}

// pending returns the orders that have a deadline.
func pending(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT order_id FROM deadlines ORDER BY order_id`)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestE1ExpiresWhenTheDeadlinePasses(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	s := newService(pool)
	r := start(t, s)

	later := newOrder(time.Now().Add(15 * time.Minute))
	handle(t, s, events.OrderCreated, later)
	o := newOrder(time.Now().Add(200 * time.Millisecond)) // earlier than the one that the worker sleeps until
	created := handle(t, s, events.OrderCreated, o)

	e := r.wait()
	var got events.OrderDeadline
	if err := json.Unmarshal(e.Data, &got); err != nil {
		t.Fatal(err)
	}
	if want := (events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt}); e.Type != events.OrderExpired || got != want {
		t.Errorf("got %s %+v, want %s %+v", e.Type, got, events.OrderExpired, want)
	}
	if e.Time.Before(o.ExpiresAt) {
		t.Errorf("published at %s, before the deadline %s", e.Time, o.ExpiresAt)
	}
	if want := (correlation.IDs{Request: created.IDs.Request, Cause: created.ID, TraceParent: created.IDs.TraceParent}); e.IDs != want {
		t.Errorf("got ids %+v, want those of the order: %+v", e.IDs, want)
	}
	if got, want := pending(t, pool), []string{later.ID}; !slices.Equal(got, want) {
		t.Errorf("pending deadlines %q, want %q", got, want)
	}
}

func TestE2ExpiresOnceWhenDeliveredTwice(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	s := newService(pool)
	o := newOrder(time.Now())
	created := handle(t, s, events.OrderCreated, o)
	deliver(t, s, created)

	r := start(t, s)
	if e := r.wait(); e.Subject != o.ID {
		t.Fatalf("published %s, want %s", e.Subject, o.ID)
	}
	deliver(t, s, created) // again, after the expiration
	last := newOrder(time.Now())
	handle(t, s, events.OrderCreated, last)
	r.expect(pool, last.ID)
}

func TestEndedOrdersHaveNoDeadline(t *testing.T) {
	t.Parallel()
	for typ, status := range map[events.Type]events.OrderStatus{events.OrderCancelled: events.Cancelled, events.OrderCompleted: events.Complete} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			pool := newDatabase(t)
			s := newService(pool)

			afterCreation := newOrder(time.Now())
			handle(t, s, events.OrderCreated, afterCreation)
			handle(t, s, typ, ended(afterCreation, status))

			beforeCreation := newOrder(time.Now())
			handle(t, s, typ, ended(beforeCreation, status))
			handle(t, s, events.OrderCreated, beforeCreation)

			twice := newOrder(time.Now())
			handle(t, s, events.OrderCreated, twice)
			deliver(t, s, handle(t, s, typ, ended(twice, status)))

			unknown := newOrder(time.Now())
			handle(t, s, typ, ended(unknown, status))

			if got := pending(t, pool); len(got) > 0 {
				t.Errorf("pending deadlines %q, want none", got)
			}
		})
	}
}

// move delivers a moved deadline of the order and returns the event.
func move(t *testing.T, s *Service, o events.Order, deadline time.Time) events.Event {
	t.Helper()
	e := events.New(events.OrderDeadlineMoved, events.OrderDeadline{OrderID: o.ID, Deadline: deadline})
	e.IDs = correlation.IDs{Request: "request of " + o.ID}
	deliver(t, s, e)
	return e
}

// dueAt returns the order's deadline, zero when it has none.
func dueAt(t *testing.T, pool *pgxpool.Pool, o events.Order) time.Time {
	t.Helper()
	var due time.Time
	err := pool.QueryRow(t.Context(), `SELECT due_at FROM deadlines WHERE order_id = $1`, o.ID).Scan(&due)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	return due.UTC()
}

func TestMovedDeadline(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	s := newService(pool)
	t.Run("is published, also after the first", func(t *testing.T) {
		r := start(t, s)
		o := newOrder(time.Now())
		handle(t, s, events.OrderCreated, o)
		r.wait()
		later := o.ExpiresAt.Add(100 * time.Millisecond)
		cause := move(t, s, o, later)
		e := r.wait()
		var got events.OrderDeadline
		if err := json.Unmarshal(e.Data, &got); err != nil {
			t.Fatal(err)
		}
		if want := (events.OrderDeadline{OrderID: o.ID, Deadline: later}); got != want || e.Time.Before(later) {
			t.Errorf("got %+v at %s, want %+v", got, e.Time, want)
		}
		if e.IDs.Request != cause.IDs.Request || e.IDs.Cause != cause.ID {
			t.Errorf("got ids %+v, want those of the move", e.IDs)
		}
		r.stop()
	})
	hour := time.Now().Add(time.Hour)
	t.Run("is never earlier than a stored one", func(t *testing.T) {
		for name, arrive := range map[string]func(events.Order, time.Time){
			"after the creation":  func(o events.Order, at time.Time) { handle(t, s, events.OrderCreated, o); move(t, s, o, at) },
			"before the creation": func(o events.Order, at time.Time) { move(t, s, o, at); handle(t, s, events.OrderCreated, o) },
			"redelivered after an earlier one": func(o events.Order, at time.Time) {
				move(t, s, o, at)
				move(t, s, o, o.ExpiresAt)
				move(t, s, o, at)
			},
		} {
			for _, by := range []time.Duration{time.Minute, -time.Minute} {
				o := newOrder(hour)
				at := o.ExpiresAt.Add(by)
				arrive(o, at)
				want := at
				if by < 0 {
					want = o.ExpiresAt
				}
				if got := dueAt(t, pool, o); !got.Equal(want) {
					t.Errorf("%s, by %s: got %s, want %s", name, by, got, want)
				}
			}
		}
	})
	t.Run("of an order that has ended is ignored", func(t *testing.T) {
		for typ, status := range map[events.Type]events.OrderStatus{events.OrderCancelled: events.Cancelled, events.OrderCompleted: events.Complete} {
			o := newOrder(hour)
			handle(t, s, events.OrderCreated, o)
			handle(t, s, typ, ended(o, status))
			move(t, s, o, hour)
			if got := dueAt(t, pool, o); !got.IsZero() {
				t.Errorf("%s: got a deadline at %s, want none", status, got)
			}
		}
	})
	t.Run("concurrent with the creation or the end", func(t *testing.T) {
		for i := range 50 {
			o := newOrder(hour)
			handle(t, s, events.OrderCreated, o)
			deliverConcurrently(t, s, events.New(events.OrderDeadlineMoved, events.OrderDeadline{OrderID: o.ID, Deadline: hour}),
				events.New(events.OrderCancelled, ended(o, events.Cancelled)))
			other := newOrder(hour)
			deliverConcurrently(t, s, events.New(events.OrderCreated, other), events.New(events.OrderCancelled, ended(other, events.Cancelled)))
			third := newOrder(hour)
			deliverConcurrently(t, s, events.New(events.OrderCreated, third), events.New(events.OrderDeadlineMoved, events.OrderDeadline{OrderID: third.ID, Deadline: hour.Add(time.Minute)}))
			if a, b, c := dueAt(t, pool, o), dueAt(t, pool, other), dueAt(t, pool, third); !a.IsZero() || !b.IsZero() || c.Before(hour.Add(time.Minute).Truncate(time.Millisecond)) {
				t.Errorf("try %d: got deadlines at %s, %s and %s, want none, none and the moved one", i, a, b, c)
			}
		}
	})
}

// deliverConcurrently delivers the events at the same time.
func deliverConcurrently(t *testing.T, s *Service, evs ...events.Event) {
	t.Helper()
	var wg sync.WaitGroup
	for _, e := range evs {
		wg.Go(func() {
			if err := s.Reactions().Deliver(context.Background(), e); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestE3ExpiresAfterARestart(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	before := newService(pool)
	first := start(t, before)
	o := newOrder(time.Now().Add(300 * time.Millisecond))
	handle(t, before, events.OrderCreated, o)
	first.stop()

	start(t, newService(pool)).expect(pool, o.ID)
}

// E4: a deadline that has passed on arrival never has a timer.
func TestE4PastDeadlineExpiresAtOnce(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	s := newService(pool)
	r := start(t, s)
	o := newOrder(time.Now().Add(-time.Hour))
	handle(t, s, events.OrderCreated, o)
	r.expect(pool, o.ID)
}

func TestMetricsOfPendingAndOverdueDeadlines(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	s := newService(pool)
	expect := func(pending, overdue float64) {
		t.Helper()
		watched, err := s.Pending(t.Context())
		late, err2 := s.Overdue(t.Context())
		if err := errors.Join(err, err2); err != nil || watched[""] != pending || late[""] < overdue || overdue == 0 && late[""] != 0 {
			t.Errorf("got %v pending, %v s overdue, %v; want %v and at least %v", watched, late, err, pending, overdue)
		}
	}
	expect(0, 0)
	handle(t, s, events.OrderCreated, newOrder(time.Now().Add(time.Hour)))
	expect(1, 0)
	o := newOrder(time.Now().Add(-time.Hour))
	handle(t, s, events.OrderCreated, o)
	expect(2, 3600)
	start(t, s).expect(pool, o.ID)
	expect(1, 0)
}

// E5: the deadline was stored by another replica, which may have died since.
func TestE5PollFindsDeadlinesWithoutWakeUp(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	s := newService(pool)
	s.poll = 10 * time.Millisecond
	r := start(t, s)
	o := newOrder(time.Now())
	handle(t, newService(pool), events.OrderCreated, o)
	r.expect(pool, o.ID)
}

// schedule stores deadlines that are due, more than a few batches of them.
func schedule(t *testing.T, pool *pgxpool.Pool, n int) []string {
	t.Helper()
	ids := make([]string, n)
	rows := make([][]any, n)
	due := time.Now().Add(-time.Second)
	for i := range rows {
		ids[i] = id.New(id.Order)
		rows[i] = []any{ids[i], due, "request", "cause", ""}
	}
	_, err := pool.CopyFrom(t.Context(), pgx.Identifier{"deadlines"},
		[]string{"order_id", "due_at", "request_id", "cause_id", "trace_parent"}, pgx.CopyFromRows(rows))
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestSeveralWorkersExpireEachOnce(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	orders := schedule(t, pool, 5*batchSize+1)
	start(t, newService(pool), newService(pool), newService(pool)).expect(pool, orders...)
}

// The workers block between deleting deadlines and appending events, and their connections die there, as they do
// when Postgres restarts or a worker is killed.
func TestKilledWorkersLoseNothing(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	orders := schedule(t, pool, 3*batchSize)
	admin, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Release()
	hold, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec(t.Context(), `LOCK TABLE outbox IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}

	r := start(t, newService(pool), newService(pool))
	for killed := 0; killed < 2; {
		var n int
		err := hold.QueryRow(t.Context(), `
			SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))
			FROM pg_locks JOIN pg_database ON pg_database.oid = database
			WHERE datname = current_database() AND relation = 'outbox'::regclass AND NOT granted`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		killed += n
	}
	if got := len(pending(t, pool)); got != len(orders) {
		t.Errorf("%d deadlines left after the connections died, want %d", got, len(orders))
	}
	if err := hold.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.expect(pool, orders...)
}

func TestStoppedWorkerLosesNothing(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t)
	orders := schedule(t, pool, 3*batchSize)
	first := start(t, newService(pool))
	published := []events.Event{first.wait()} // there are more batches
	first.stop()
	close(first.published)
	for e := range first.published {
		published = append(published, e)
	}

	second := start(t, newService(pool))
	for _, e := range published {
		second.published <- e
	}
	second.expect(pool, orders...)
}
