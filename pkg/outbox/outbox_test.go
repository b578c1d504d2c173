package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/postgres/pgtest"
)

func ticket(id string, version int) events.Event {
	return events.New(events.TicketUpdated, events.Ticket{ID: id, Version: version})
}

// sink records published events.
type sink struct {
	mu   sync.Mutex
	got  []events.Event
	fail int           // the number of calls that fail first
	all  chan struct{} // closed once want events are published
	want int
}

func newSink(want int) *sink { return &sink{want: want, all: make(chan struct{})} }

func (s *sink) publish(_ context.Context, evs []events.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.got)
	s.got = append(s.got, evs...)
	if s.fail > 0 {
		s.fail--
		s.got = s.got[:before]
		return errors.New("the broker is down")
	}
	if before < s.want && len(s.got) >= s.want {
		close(s.all)
	}
	return nil
}

// relay runs the outbox's relay until the test ends.
func relay(t *testing.T, box *outbox.Outbox, publisher outbox.Publisher) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- box.Relay(ctx, publisher) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTx(t *testing.T) {
	pool := pgtest.New(t, outbox.Migrations())
	box := outbox.New(pool)
	ctx := correlation.With(t.Context(), correlation.IDs{
		Request: "req-1", Cause: "evt-1", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})

	boom := errors.New("boom")
	err := box.Tx(ctx, func(tx pgx.Tx) error {
		if err := outbox.Append(ctx, tx, ticket("lost", 1)); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v, want %v", err, boom)
	}
	sent := ticket("kept", 1)
	if err := box.Tx(ctx, func(tx pgx.Tx) error { return outbox.Append(ctx, tx, sent) }); err != nil {
		t.Fatal(err)
	}
	waiting := func() map[string]float64 {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(box.Metrics()...)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		numbers := map[string]float64{}
		for _, f := range families {
			if f.GetName() == "outbox_failing_seconds" {
				continue
			}
			numbers[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		return numbers
	}
	if n := waiting(); len(n) != 2 || n["outbox_events"] != 1 || n["outbox_oldest_seconds"] <= 0 {
		t.Errorf("metrics before it is published: got %v", n)
	}
	s := newSink(1)
	relay(t, box, outbox.PublishFunc(s.publish))
	<-s.all
	n := waiting()
	for n["outbox_events"] != 0 || n["outbox_oldest_seconds"] != 0 { // until the deletion commits
		n = waiting()
	}
	got := s.got[0]
	if got.ID != sent.ID || got.Type != sent.Type || got.Subject != "kept" || got.Version != 1 || got.Time.IsZero() ||
		got.IDs != correlation.From(ctx) || string(got.Data) != string(sent.Data) {
		t.Errorf("got %+v, want %+v", got, sent)
	}
}

func TestTxAfter(t *testing.T) {
	pool := pgtest.New(t, outbox.Migrations())
	if _, err := pool.Exec(t.Context(), `CREATE TABLE numbers (n int PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	box := outbox.New(pool)
	insert := func(n int) func(*pgx.Batch) {
		return func(b *pgx.Batch) { b.Queue(`INSERT INTO numbers VALUES ($1)`, n) }
	}
	boom := errors.New("boom")
	kept := func(tx pgx.Tx) error { return outbox.Append(t.Context(), tx, ticket("kept", 1)) }
	lost := func(tx pgx.Tx) error {
		return errors.Join(outbox.Append(t.Context(), tx, ticket("lost", 1)), boom)
	}
	if err := box.TxAfter(t.Context(), insert(1), kept); err != nil {
		t.Fatal(err)
	}
	// No connection may leak.
	for range 2 * int(pool.Config().MaxConns) {
		if err := box.TxAfter(t.Context(), insert(2), lost); !errors.Is(err, boom) {
			t.Fatalf("got %v, want %v", err, boom)
		}
		if err := box.TxAfter(t.Context(), insert(1), lost); postgres.Violated(err) != "numbers_pkey" {
			t.Fatalf("got %v, want a violated key and fn not called", err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := box.TxAfter(gone, insert(3), kept); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	var numbers, subjects []string
	err := pool.QueryRow(t.Context(), `
		SELECT array(SELECT n::text FROM numbers), array(SELECT subject FROM outbox)`).Scan(&numbers, &subjects)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(numbers, subjects) != "[1] [kept]" {
		t.Errorf("got numbers %v and events about %v, want 1 and kept", numbers, subjects)
	}
}

// Four writers increment the versions of three aggregates while two relays publish. All versions are published, and
// those of each aggregate in order.
func TestRelaysKeepOrder(t *testing.T) {
	const aggregates, versions = 3, 400
	pool := pgtest.New(t, outbox.Migrations())
	const table = `CREATE TABLE aggregates (id text PRIMARY KEY, version int NOT NULL)`
	if _, err := pool.Exec(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	s := newSink(aggregates * versions)
	s.fail = 3
	box := outbox.New(pool)
	relay(t, box, outbox.PublishFunc(s.publish))
	relay(t, outbox.New(pool), outbox.PublishFunc(s.publish))

	var writers sync.WaitGroup
	for i := range aggregates {
		id := fmt.Sprint(i)
		if _, err := pool.Exec(t.Context(), `INSERT INTO aggregates VALUES ($1, 0)`, id); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			writers.Go(func() {
				for range versions / 4 {
					err := box.Tx(t.Context(), func(tx pgx.Tx) error {
						var version int
						const increment = `UPDATE aggregates SET version = version + 1 WHERE id = $1 RETURNING version`
						if err := tx.QueryRow(t.Context(), increment, id).Scan(&version); err != nil {
							return err
						}
						return outbox.Append(t.Context(), tx, ticket(id, version))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	<-s.all
	s.mu.Lock()
	defer s.mu.Unlock()
	last := map[string]int{}
	for _, e := range s.got {
		if e.Version != last[e.Subject]+1 {
			t.Fatalf("version %d of %s came after %d", e.Version, e.Subject, last[e.Subject])
		}
		last[e.Subject] = e.Version
	}
}

// A row whose seq is lower than that of an event published before must not be skipped.
func TestRelayFindsLateCommits(t *testing.T) {
	pool := pgtest.New(t, outbox.Migrations())
	box := outbox.New(pool)
	early, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Append(t.Context(), early, ticket("early", 1)); err != nil {
		t.Fatal(err)
	}
	first, second := newSink(1), newSink(2)
	relay(t, box, outbox.PublishFunc(func(ctx context.Context, evs []events.Event) error {
		return errors.Join(first.publish(ctx, evs), second.publish(ctx, evs))
	}))
	late := func(tx pgx.Tx) error { return outbox.Append(t.Context(), tx, ticket("late", 1)) }
	if err := box.Tx(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	<-first.all
	if err := early.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	box.Wake()
	<-second.all
	if s := second.got; s[0].Subject != "late" || s[1].Subject != "early" {
		t.Errorf("got %s, %s", s[0].Subject, s[1].Subject)
	}
}
