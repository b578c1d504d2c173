package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/events"
)

// Watch shows every event that the service publishes, from whichever of its processes, to this
// process until ctx ends. It is for noticing changes, not for acting on them: nothing is kept for a
// process that is away. Whenever it begins to listen, also after a lost connection, it calls missed,
// because there may have been events before.
func (b *Broker) Watch(ctx context.Context, each func(events.Event), missed func()) error {
	for {
		err := b.watch(ctx, each, missed)
		if ctx.Err() != nil {
			return nil
		}
		slog.WarnContext(ctx, "watching stopped, will start again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnect):
		}
	}
}

func (b *Broker) watch(ctx context.Context, each func(events.Event), missed func()) error {
	conn, err := dial(b.url)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		conn.Close() //nolint:errcheck // as above
	})
	defer stop()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	queue, err := ch.QueueDeclare("", false, true, true, false, nil) // named by the broker; goes with the connection
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
	missed()
	for d := range deliveries {
		e, err := watched(d)
		if err != nil {
			slog.WarnContext(ctx, "watched message is no event", "error", err)
			continue
		}
		each(e)
	}
	return errors.New("connection lost")
}

func watched(d amqp.Delivery) (events.Event, error) {
	msg, err := marshaler{}.Unmarshal(d)
	if err != nil {
		return events.Event{}, err
	}
	return toEvent(msg)
}
