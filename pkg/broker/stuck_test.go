package broker_test

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

// TestPublishToAQueueThatRejects publishes events of which one queue rejects all. Updated tickets go to both queues,
// released tickets only to the other one.
func TestPublishToAQueueThatRejects(t *testing.T) {
	t.Parallel()
	unique := strings.ToLower(rand.Text())
	source := "source-" + unique
	full, other := broker.Queue("full-"+unique, source), broker.Queue("other-"+unique, source)
	b, err := broker.Open(t.Context(), url(t), source, []events.Route{
		{Type: events.TicketUpdated, Source: source, Consumers: []string{"full-" + unique, "other-" + unique}},
		{Type: events.TicketReleased, Source: source, Consumers: []string{"other-" + unique}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	t.Cleanup(func() {
		remove(t, broker.Exchange(source), full, other, broker.DeadLetterQueue(full), broker.DeadLetterQueue(other))
	})
	ch := channel(t)
	replace(t, ch, full, string(events.TicketUpdated), broker.Exchange(source))
	watched := make(chan events.Event, 10)
	watch(t, b, watched)

	released := func(version int) events.Event {
		return events.New(events.TicketReleased, events.Ticket{ID: "tkt_1", Version: version})
	}
	evs := []events.Event{released(1), updated(2), released(3)}
	missing, err := b.PublishExcept(t.Context(), evs, nil)
	if err != nil {
		t.Fatal(err)
	}
	both := []string{full, other}
	if len(missing) != 3 || len(missing[0]) > 0 || !slices.Equal(missing[1], both) || len(missing[2]) > 0 {
		t.Errorf("the queues %q miss the events, want %q only the second", missing, both)
	}
	if missing, err = b.PublishExcept(t.Context(), []events.Event{released(4), updated(5)}, []string{full}); err != nil {
		t.Fatal(err)
	}
	if len(missing) != 2 || len(missing[0]) > 0 || !slices.Equal(missing[1], []string{full}) {
		t.Errorf("with %s skipped the queues %q miss the events", full, missing)
	}
	if err := b.PublishTo(t.Context(), full, evs[1:2]); err == nil {
		t.Error("publish to the full queue: got no error")
	}
	if err := b.PublishTo(t.Context(), other, []events.Event{updated(6)}); err != nil {
		t.Errorf("publish to the other queue: %v", err)
	}
	if err := b.PublishTo(t.Context(), "none-"+unique, []events.Event{updated(7)}); err == nil {
		t.Error("publish to a queue that does not exist: got no error")
	}

	deliveries, err := ch.Consume(other, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 6; version++ {
		if d := <-deliveries; d.Headers["aggregateversion"] != string(rune('0'+version)) {
			t.Errorf("%s received version %v, want %d", other, d.Headers["aggregateversion"], version)
		}
	}
	for version := 1; version <= 5; version++ {
		if e := <-watched; e.Version != version {
			t.Errorf("Watch received version %d, want %d", e.Version, version)
		}
	}
}

// replace replaces the queue by one that is full and rejects what is published to it.
func replace(t *testing.T, ch *amqp.Channel, queue, key, exchange string) {
	t.Helper()
	if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	limits := amqp.Table{"x-max-length": 1, amqp.QueueOverflowArg: amqp.QueueOverflowRejectPublish}
	if _, err := ch.QueueDeclare(queue, true, false, false, false, limits); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(queue, key, exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirm, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", queue, true, false, amqp.Publishing{})
	if err != nil {
		t.Fatal(err)
	}
	if !confirm.Wait() {
		t.Fatal("the first message was rejected")
	}
}

// watch passes what Watch receives to seen until the test ends.
func watch(t *testing.T, b *broker.Broker, seen chan<- events.Event) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	connected, done := make(chan struct{}, 1), make(chan error)
	go func() { done <- b.Watch(ctx, func(e events.Event) { seen <- e }, func() { connected <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-connected
}

func TestAQueueWithoutConsumerIsReported(t *testing.T) {
	p := newPair(t)
	p.consume(t, func(context.Context, events.Event) error { return nil })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(p.consumer.Metrics()...)
	await := func(what string, ok func(seconds float64) bool) {
		t.Helper()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			families, err := registry.Gather()
			for _, f := range families {
				if f.GetName() == "broker_consumer_failing_seconds" && ok(f.GetMetric()[0].GetGauge().GetValue()) {
					return
				}
			}
			select {
			case <-t.Context().Done():
				t.Fatalf("waited for %s, the last metrics are %v, %v", what, families, err)
			case <-tick.C:
			}
		}
	}
	await("a consumer", func(seconds float64) bool { return seconds == 0 })
	if _, err := channel(t).QueueDelete(p.queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	await("the report of the missing consumer", func(seconds float64) bool { return seconds > 0 })
}
