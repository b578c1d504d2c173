package broker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/worker"
)

// Watch calls onEvent for every event that any process of the service publishes, until ctx ends. It is for waking
// requests that wait for a change, not for handling events: the broker keeps no events for a disconnected process.
// Watch calls resync whenever it has connected, because events may have been published before.
func (b *Broker) Watch(ctx context.Context, onEvent func(events.Event), resync func()) error {
	return worker.Run(ctx, "watching events", nil, func(ctx context.Context) (time.Duration, error) {
		return reconnect, b.watch(ctx, onEvent, resync)
	})
}

func (b *Broker) watch(ctx context.Context, onEvent func(events.Event), resync func()) error {
	conn, err := dial(b.url)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	// The broker chooses the name and deletes the queue with the connection.
	queue, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return fmt.Errorf("declare queue to watch: %w", err)
	}
	if err := ch.QueueBind(queue.Name, "#", Exchange(b.service), false, nil); err != nil {
		return fmt.Errorf("bind queue to watch: %w", err)
	}
	deliveries, err := ch.Consume(queue.Name, "", true, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	resync()
	for d := range deliveries {
		e, err := watched(d)
		if err != nil {
			slog.WarnContext(ctx, "decode watched event failed", "error", err)
			continue
		}
		onEvent(e)
	}
	return errConnectionLost
}

func watched(d amqp.Delivery) (events.Event, error) {
	msg, err := marshaler{}.Unmarshal(d)
	if err != nil {
		return events.Event{}, err
	}
	return toEvent(msg)
}
