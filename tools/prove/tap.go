package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

// published is an event as it was published.
type published struct {
	ID      string      `json:"id"`
	Source  string      `json:"source"`
	Type    events.Type `json:"type"`
	Subject string      `json:"subject"`
	Version int         `json:"version"`
}

// tapQueue receives a copy of every event. It is a quorum queue like those of the services, so it survives faults.
const tapQueue = "prove.all.events"

// tap collects the events of all services, across restarts of the broker.
type tap struct {
	url    string
	mu     sync.Mutex
	events []published
	known  map[string]bool // ids, because events may be delivered repeatedly
}

func openTap(url string) (*tap, error) {
	t := &tap{url: url, known: map[string]bool{}}
	conn, ch, err := t.open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := ch.QueueDeclare(tapQueue, true, false, false, false, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}); err != nil {
		return nil, fmt.Errorf("declare tap: %w", err)
	}
	for _, route := range events.Catalogue() {
		if err := ch.QueueBind(tapQueue, "#", broker.Exchange(route.Source), false, nil); err != nil { // repeatedly has no effect
			return nil, fmt.Errorf("bind tap to %s: %w", route.Source, err)
		}
	}
	return t, nil
}

// open returns a channel and the connection to close.
func (t *tap) open() (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.Dial(t.url)
	if err != nil {
		return nil, nil, fmt.Errorf("connect tap: %w", err)
	}
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open channel of tap: %w", err), conn.Close())
	}
	return conn, ch, nil
}

// collect collects events until ctx ends. It replaces a lost connection.
func (t *tap) collect(ctx context.Context) {
	for ctx.Err() == nil {
		t.consume(ctx) //nolint:errcheck // the broker is down: retry
		wait(ctx, 50*time.Millisecond)
	}
}

func (t *tap) consume(ctx context.Context) error {
	conn, ch, err := t.open()
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ch.Qos(500, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(tapQueue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case d, ok := <-deliveries:
			if !ok {
				return amqp.ErrClosed
			}
			t.add(d)
			if err := d.Ack(false); err != nil {
				return err
			}
		}
	}
}

func (t *tap) add(d amqp.Delivery) {
	text := func(name string) string {
		value, _ := d.Headers[name].(string)
		return value
	}
	version, _ := strconv.Atoi(text("aggregateversion")) //nolint:errcheck // the invariants find version 0
	e := published{ID: text("id"), Source: text("source"), Type: events.Type(text("type")), Subject: text("subject"), Version: version}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known[e.ID] {
		t.known[e.ID] = true
		t.events = append(t.events, e)
	}
}

// all returns the events so far, in the order of arrival.
func (t *tap) all() []published {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.events)
}

// depth returns the number of events in the tap's queue.
func (t *tap) depth() (int, error) {
	conn, ch, err := t.open()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	q, err := ch.QueueDeclarePassive(tapQueue, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("inspect tap: %w", err)
	}
	return q.Messages, nil
}
