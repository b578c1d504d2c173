package broker_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
)

func url(t *testing.T) string {
	t.Helper()
	u := os.Getenv("AMQP_URL")
	if u == "" {
		t.Fatal("AMQP_URL is not set: run the tests with `make test`")
	}
	return u
}

// pair is a publisher and a consumer on exchanges and queues of their own.
type pair struct {
	source, consumer *broker.Broker
	queue            string
}

func newPair(t *testing.T) pair {
	t.Helper()
	t.Parallel()
	unique := strings.ToLower(rand.Text())
	source, consumer := "source-"+unique, "consumer-"+unique
	routes := []events.Route{
		{Type: events.TicketUpdated, Source: source, Consumers: []string{consumer}},
		{Type: events.TicketCreated, Source: source},
	}
	p := pair{queue: broker.Queue(consumer, source)}
	for name, b := range map[string]**broker.Broker{source: &p.source, consumer: &p.consumer} {
		opened, err := broker.Open(t.Context(), url(t), name, routes)
		if err != nil {
			t.Fatal(err)
		}
		*b = opened
		t.Cleanup(func() {
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { remove(t, broker.Exchange(source), p.queue, broker.DeadLetterQueue(p.queue)) })
	return p
}

func remove(t *testing.T, exchange string, queues ...string) {
	t.Helper()
	ch := channel(t)
	for _, q := range queues {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			t.Error(err)
		}
	}
	if err := ch.ExchangeDelete(exchange, false, false); err != nil {
		t.Error(err)
	}
}

func channel(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(url(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// consume runs the consumer with one handler until the test ends.
func (p pair) consume(t *testing.T, handle events.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.consumer.Consume(ctx, events.Handlers{events.TicketUpdated: handle}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func updated(version int) events.Event {
	e := events.New(events.TicketUpdated, events.Ticket{ID: "tkt_1", Version: version})
	e.Time = time.Date(2030, 1, 2, 3, 4, 5, 678, time.UTC)
	e.IDs = correlation.IDs{Request: "req-1", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	return e
}

// deadLetters polls until the queue has n dead letters and returns them.
func (p pair) deadLetters(t *testing.T, n int) []broker.DeadLetter {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := broker.ListDeadLetters(url(t), p.queue, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == n {
			return list
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("got %d dead letters, want %d", len(list), n)
		case <-tick.C:
		}
	}
}

func TestRoundTrip(t *testing.T) {
	const n = 1000
	p := newPair(t)
	got := make(chan events.Event, n)
	p.consume(t, func(_ context.Context, e events.Event) error { got <- e; return nil })
	sent := make([]events.Event, n)
	for i := range sent {
		sent[i] = updated(i + 1)
	}
	if err := p.source.Publish(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for range sent {
		e := <-got
		if seen[e.Version] || e.Version < 1 || e.Version > n {
			t.Fatalf("got version %d, a duplicate or never published", e.Version)
		}
		seen[e.Version] = true
		if want := sent[e.Version-1]; e.ID != want.ID || e.Type != want.Type || e.Subject != want.Subject ||
			!e.Time.Equal(want.Time) || e.IDs.Request != want.IDs.Request || e.IDs.TraceParent != want.IDs.TraceParent ||
			string(e.Data) != string(want.Data) {
			t.Fatalf("got  %+v\nwant %+v", e, want)
		}
	}
}

func TestASlowHandlerDelaysNoOther(t *testing.T) {
	const n = 100
	p := newPair(t)
	others := make(chan struct{}, n)
	first := make(chan struct{})
	p.consume(t, func(ctx context.Context, e events.Event) error {
		if e.Version > 1 {
			others <- struct{}{}
			return nil
		}
		for range n / 2 { // the others start and return before this one
			select {
			case <-others:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		close(first)
		return nil
	})
	sent := make([]events.Event, n)
	for i := range sent {
		sent[i] = updated(i + 1)
	}
	if err := p.source.Publish(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	<-first
}

func TestPublish(t *testing.T) {
	t.Run("an event without consumers", func(t *testing.T) {
		p := newPair(t)
		created := events.New(events.TicketCreated, events.Ticket{ID: "tkt_1", Version: 1})
		if err := p.source.Publish(t.Context(), []events.Event{created}); err != nil {
			t.Error(err)
		}
	})
	t.Run("an event without route is an error", func(t *testing.T) {
		p := newPair(t)
		unbound := events.New(events.OrderExpired, events.OrderDeadline{OrderID: "ord_1"})
		if err := p.source.Publish(t.Context(), []events.Event{updated(1), unbound}); err == nil {
			t.Error("got no error")
		}
		if err := p.source.Publish(t.Context(), []events.Event{updated(2)}); err != nil {
			t.Errorf("the next publish: %v", err)
		}
	})
	t.Run("a lost connection is replaced", func(t *testing.T) {
		p := newPair(t)
		if err := p.source.Publish(t.Context(), []events.Event{updated(1)}); err != nil {
			t.Fatal(err)
		}
		if err := p.source.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.source.Publish(t.Context(), []events.Event{updated(2)}); err != nil {
			t.Error(err)
		}
	})
}

// waiting polls until the metrics have the numbers of messages.
func (p pair) waiting(t *testing.T, ready, dead float64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(p.consumer.Metrics()[0])
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	want := map[string]float64{p.queue: ready, broker.DeadLetterQueue(p.queue): dead}
	for {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, m := range families[0].GetMetric() {
			got[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
		if maps.Equal(got, want) {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("the metrics are %v, want %v", got, want)
		case <-tick.C:
		}
	}
}

func TestFailures(t *testing.T) {
	t.Run("a poison event is dead-lettered, listed and replayed", func(t *testing.T) {
		p := newPair(t)
		var healed atomic.Bool
		got := make(chan events.Event, 10)
		p.consume(t, func(_ context.Context, e events.Event) error {
			if e.Version == 1 && !healed.Load() {
				return errors.New("poison")
			}
			got <- e
			return nil
		})
		if err := p.source.Publish(t.Context(), []events.Event{updated(1), updated(2)}); err != nil {
			t.Fatal(err)
		}
		if e := <-got; e.Version != 2 {
			t.Fatalf("got version %d, want the event behind the poison", e.Version)
		}
		list := p.deadLetters(t, 1)
		p.waiting(t, 0, 1)
		if list[0].Event.Version != 1 || !strings.Contains(list[0].Error, "poison") || list[0].At == "" ||
			list[0].Queue != p.queue || list[0].Unread != nil {
			t.Errorf("dead letter: %+v", list[0])
		}
		healed.Store(true)
		if n, err := broker.ReplayDeadLetters(t.Context(), url(t), p.queue, "another"); n != 0 || err != nil {
			t.Errorf("replay another event: got %d, %v", n, err)
		}
		if n, err := broker.ReplayDeadLetters(t.Context(), url(t), p.queue, list[0].Event.ID); n != 1 || err != nil {
			t.Errorf("replay: got %d, %v", n, err)
		}
		if e := <-got; e.Version != 1 || e.ID != list[0].Event.ID {
			t.Errorf("replayed %+v", e)
		}
		p.deadLetters(t, 0)
	})
	t.Run("a panic is a failure", func(t *testing.T) {
		p := newPair(t)
		p.consume(t, func(context.Context, events.Event) error { panic("oops") })
		if err := p.source.Publish(t.Context(), []events.Event{updated(1)}); err != nil {
			t.Fatal(err)
		}
		if list := p.deadLetters(t, 1); !strings.Contains(list[0].Error, "oops") {
			t.Errorf("dead letter: %+v", list[0])
		}
	})
	t.Run("malformed messages are dead-lettered and the consumer goes on", func(t *testing.T) {
		p := newPair(t)
		got := make(chan events.Event, 1)
		p.consume(t, events.On(func(_ context.Context, e events.Ticket) error {
			got <- events.Event{Version: e.Version}
			return nil
		}))
		ch := channel(t)
		good := amqp.Table{
			"specversion": "1.0", "id": "e1", "type": string(events.TicketUpdated), "subject": "tkt_1",
			"aggregateversion": "1", "time": "2030-01-02T03:04:05Z",
		}
		with := func(name string, value any) amqp.Table {
			h := amqp.Table{}
			for k, v := range good {
				h[k] = v
			}
			h[name] = value
			return h
		}
		forged := []amqp.Publishing{
			{Body: []byte("hello")},
			{Headers: with("specversion", "9"), Body: []byte(`{}`)},
			{Headers: with("type", "ticket.exploded.v1"), Body: []byte(`{}`)},
			{Headers: with("aggregateversion", int32(7)), Body: []byte(`{"id":"tkt_1","version":1}`)},
			{Headers: with("time", "yesterday"), Body: []byte(`{"id":"tkt_1","version":1}`)},
			{Headers: good, Body: []byte(`{"id":"tkt_2","version":1}`)},
			{Headers: good, Body: []byte(`{"id":`)},
			{Headers: good, Body: make([]byte, 2<<20)},
		}
		for _, m := range forged {
			if err := ch.PublishWithContext(t.Context(), "", p.queue, false, false, m); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.source.Publish(t.Context(), []events.Event{updated(5)}); err != nil {
			t.Fatal(err)
		}
		if e := <-got; e.Version != 5 {
			t.Errorf("got version %d, want the good one behind the forged", e.Version)
		}
		p.deadLetters(t, len(forged))
	})
	t.Run("a transient failure is retried until it succeeds", func(t *testing.T) {
		p := newPair(t)
		var calls atomic.Int32
		got := make(chan events.Event, 1)
		p.consume(t, func(_ context.Context, e events.Event) error {
			if calls.Add(1) <= 6 {
				return &pgconn.PgError{Code: "57P01", Message: "terminating connection due to administrator command"}
			}
			got <- e
			return nil
		})
		if err := p.source.Publish(t.Context(), []events.Event{updated(1)}); err != nil {
			t.Fatal(err)
		}
		<-got
		p.deadLetters(t, 0)
	})
	t.Run("a message whose consumers die is dead-lettered by RabbitMQ", func(t *testing.T) {
		p := newPair(t)
		if err := p.source.Publish(t.Context(), []events.Event{updated(1)}); err != nil {
			t.Fatal(err)
		}
		p.waiting(t, 1, 0)
		// Each consumer disconnects without an acknowledgement.
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range 21 {
			ch := channel(t)
			for ok := false; !ok; <-tick.C {
				_, taken, err := ch.Get(p.queue, false)
				if err != nil {
					t.Fatal(err)
				}
				ok = taken
			}
			if err := ch.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if list := p.deadLetters(t, 1); list[0].Event.Version != 1 {
			t.Errorf("dead letter: %+v", list[0])
		}
	})
}

func TestConsumeRequiresExactlyTheRoutedHandlers(t *testing.T) {
	p := newPair(t)
	nothing := func(context.Context, events.Event) error { return nil }
	for name, handlers := range map[string]events.Handlers{
		"missing":     {},
		"superfluous": {events.TicketUpdated: nothing, events.TicketSold: nothing},
	} {
		if err := p.consumer.Consume(t.Context(), handlers); err == nil {
			t.Errorf("%s handler: got no error", name)
		}
	}
}

func TestWatch(t *testing.T) {
	p := newPair(t)
	ctx, cancel := context.WithCancel(t.Context())
	type process struct {
		begun chan struct{}
		seen  chan events.Event
		done  chan error
	}
	processes := make([]process, 2) // of one service
	for i := range processes {
		w := process{make(chan struct{}, 1), make(chan events.Event, 1), make(chan error, 1)}
		processes[i] = w
		go func() {
			w.done <- p.source.Watch(ctx, func(e events.Event) { w.seen <- e }, func() { w.begun <- struct{}{} })
		}()
	}
	for _, w := range processes {
		<-w.begun
	}
	e := updated(7)
	if err := p.source.Publish(t.Context(), []events.Event{e}); err != nil {
		t.Fatal(err)
	}
	for _, w := range processes {
		got := <-w.seen
		if got.ID != e.ID || got.Subject != e.Subject || got.Version != e.Version || string(got.Data) != string(e.Data) {
			t.Errorf("got %+v, want %+v", got, e)
		}
	}
	cancel()
	for _, w := range processes {
		if err := <-w.done; err != nil {
			t.Error(err)
		}
	}
}
