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

// Parked is a message that could not be handled.
type Parked struct {
	Queue  string       // where it came from
	Error  string       // why it was parked; empty when RabbitMQ gave up on it
	At     string       // when, RFC 3339; empty when RabbitMQ gave up on it
	Event  events.Event // as far as it could be read
	Unread error        // why the event could not be read; nil when it could
}

// ListParked returns up to limit messages parked from the queue, oldest first. They stay parked.
func ListParked(url, queue string, limit int) ([]Parked, error) {
	var all []Parked
	err := withParked(url, queue, func(get func() (amqp.Delivery, bool, error)) error {
		for len(all) < limit {
			d, ok, err := get()
			if err != nil || !ok {
				return err // closing the channel gives back what was read
			}
			p, _, err := readParked(d, queue)
			if err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

// ReplayParked sends messages parked from the queue back to it and returns how many. With an
// eventID only that event is replayed. A message leaves the parking queue after the broker has
// confirmed its copy, so an interruption can repeat one but never lose one.
func ReplayParked(ctx context.Context, url, queue, eventID string) (int, error) {
	pub := &publisher{url: url}
	defer pub.Close()
	replayed, begin := 0, time.Now().UTC().Format(parkedFormat)
	err := withParked(url, queue, func(get func() (amqp.Delivery, bool, error)) error {
		for {
			d, ok, err := get()
			if err != nil || !ok {
				return err
			}
			p, msg, err := readParked(d, queue)
			if err != nil {
				return err
			}
			if eventID != "" && p.Event.ID != eventID || p.At > begin { // failed again meanwhile
				continue // stays unacknowledged and so goes back when the channel closes
			}
			for _, name := range []string{headerQueue, headerError, headerParked} {
				delete(msg.Metadata, name)
			}
			if err := pub.sendTo(ctx, queue, msg); err != nil {
				return fmt.Errorf("replay %s: %w", p.Event.ID, err)
			}
			if err := d.Ack(false); err != nil {
				return fmt.Errorf("remove replayed %s: %w", p.Event.ID, err)
			}
			replayed++
		}
	})
	return replayed, err
}

// withParked calls fn with a function that takes the next parked message.
func withParked(url, queue string, fn func(get func() (amqp.Delivery, bool, error)) error) error {
	conn, err := dial(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	get := func() (amqp.Delivery, bool, error) {
		d, ok, err := ch.Get(ParkingQueue(queue), false)
		if err != nil {
			return d, false, fmt.Errorf("read %s: %w", ParkingQueue(queue), err)
		}
		return d, ok, nil
	}
	return errors.Join(fn(get), ch.Close())
}

func readParked(d amqp.Delivery, queue string) (Parked, *message.Message, error) {
	msg, err := marshaler{}.Unmarshal(d)
	if err != nil {
		return Parked{}, nil, err
	}
	p := Parked{Queue: queue, Error: msg.Metadata.Get(headerError), At: msg.Metadata.Get(headerParked)}
	p.Event, p.Unread = toEvent(msg)
	return p, msg, nil
}

// Depth returns how many messages wait in each queue of the routes and in its parking queue.
func Depth(url string, routes []events.Route) (map[string]int, error) {
	conn, err := dial(url)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	depth := map[string]int{}
	for _, queue := range Queues(routes) {
		for _, name := range []string{queue, ParkingQueue(queue)} {
			q, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
			if err != nil {
				return nil, fmt.Errorf("inspect %s: %w", name, err)
			}
			depth[name] = q.Messages
		}
	}
	return depth, nil
}
