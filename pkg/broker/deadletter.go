package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/events"
)

// DeadLetter is a message that could not be handled.
type DeadLetter struct {
	Queue  string       // the queue that delivered it
	Error  string       // why the handler failed; empty when RabbitMQ gave up redelivering it
	At     string       // RFC 3339; empty when RabbitMQ gave up redelivering it
	Event  events.Event // as far as it could be decoded
	Unread error        // why the event could not be decoded, or nil
}

// ListDeadLetters returns up to limit messages dead-lettered from the queue, oldest first. They stay dead-lettered.
func ListDeadLetters(url, queue string, limit int) ([]DeadLetter, error) {
	var all []DeadLetter
	err := withDeadLetters(url, queue, func(next func() (amqp.Delivery, bool, error)) error {
		for len(all) < limit {
			d, ok, err := next()
			if err != nil || !ok {
				return err // closing the channel requeues what was read
			}
			letter, _, err := readDeadLetter(d, queue)
			if err != nil {
				return err
			}
			all = append(all, letter)
		}
		return nil
	})
	return all, err
}

// ReplayDeadLetters moves messages dead-lettered from the queue back to it and returns their number. With an eventID
// it replays that event only. A message leaves the dead-letter queue once the broker has confirmed its copy, so an
// interruption can duplicate a message but not lose it.
func ReplayDeadLetters(ctx context.Context, url, queue, eventID string) (int, error) {
	pub := &publisher{url: url}
	defer pub.Close()
	replayed, begin := 0, time.Now().UTC().Format(deadLetterFormat)
	err := withDeadLetters(url, queue, func(next func() (amqp.Delivery, bool, error)) error {
		for {
			d, ok, err := next()
			if err != nil || !ok {
				return err
			}
			letter, msg, err := readDeadLetter(d, queue)
			if err != nil {
				return err
			}
			if eventID != "" && letter.Event.ID != eventID || letter.At > begin { // replayed and failed again
				continue // unacknowledged messages are requeued when the channel closes
			}
			for _, name := range []string{headerQueue, headerError, headerDeadLettered} {
				delete(msg.Metadata, name)
			}
			if err := pub.sendTo(ctx, queue, msg); err != nil {
				return fmt.Errorf("replay %s: %w", letter.Event.ID, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("remove replayed %s: %w", letter.Event.ID, err)
			}
			replayed++
		}
	})
	return replayed, err
}

// withDeadLetters calls fn with a function that returns the next message dead-lettered from the queue.
func withDeadLetters(url, queue string, fn func(next func() (amqp.Delivery, bool, error)) error) error {
	conn, err := dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	next := func() (amqp.Delivery, bool, error) {
		d, ok, err := ch.Get(DeadLetterQueue(queue), false)
		if err != nil {
			return d, false, fmt.Errorf("read %s: %w", DeadLetterQueue(queue), err)
		}
		return d, ok, nil
	}
	return errors.Join(fn(next), ch.Close())
}

func readDeadLetter(d amqp.Delivery, queue string) (DeadLetter, *message.Message, error) {
	msg, err := marshaler{}.Unmarshal(d)
	if err != nil {
		return DeadLetter{}, nil, err
	}
	letter := DeadLetter{Queue: queue, Error: msg.Metadata.Get(headerError), At: msg.Metadata.Get(headerDeadLettered)}
	letter.Event, letter.Unread = toEvent(msg)
	return letter, msg, nil
}

// Depth returns the number of messages in each queue of the routes and in its dead-letter queue.
func Depth(url string, routes []events.Route) (map[string]int, error) {
	conn, err := dial(url)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var names []string
	for _, queue := range Queues(routes) {
		names = append(names, queue, DeadLetterQueue(queue))
	}
	return depth(conn, names)
}

// depth returns the number of messages ready for delivery in each of the queues.
func depth(conn *amqp.Connection, queues []string) (map[string]int, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	depth := map[string]int{}
	for _, name := range queues {
		q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
		if err != nil {
			return nil, fmt.Errorf("inspect queue %s: %w", name, err)
		}
		depth[name] = q.Messages
	}
	return depth, ch.Close()
}
