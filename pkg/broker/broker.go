// Package broker carries events over RabbitMQ with Watermill. Publishing waits for confirms and fails when no queue is
// bound. Consuming is at least once, and events that cannot be handled are dead-lettered. No other package of the
// services uses Watermill or AMQP.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/health"
	"boxoffice.dev/pkg/metrics"
)

// Broker is one service's connection to RabbitMQ.
type Broker struct {
	url     string
	service string
	routes  []events.Route
	pub     *publisher

	consumers *health.Tracker
}

// Open connects to RabbitMQ, retrying until ctx ends. It declares all exchanges, queues and bindings of the routes,
// also those of other services, so that events can be published before their consumers have ever run. The service
// publishes and consumes under its name.
func Open(ctx context.Context, url, service string, routes []events.Route) (*Broker, error) {
	if _, err := amqp.ParseURI(url); err != nil {
		// err contains the password
		return nil, errors.New("AMQP_URL is not an AMQP URL; percent-encode special characters of the password")
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := dial(url)
		if err == nil {
			defer conn.Close()
			if err := declare(conn, routes); err != nil {
				return nil, err
			}
			return &Broker{
				url: url, service: service, routes: routes, pub: &publisher{url: url},
				consumers: health.NewTracker("events not consumed"),
			}, nil
		}
		slog.WarnContext(ctx, "connecting to the broker failed, retrying", "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

func dial(url string) (*amqp.Connection, error) {
	conn, err := amqp.DialConfig(url, dialConfig(amqp.DefaultDial(dialTimeout)))
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return conn, nil
}

func dialConfig(dial func(network, addr string) (net.Conn, error)) amqp.Config {
	return amqp.Config{Heartbeat: heartbeat, Locale: "en_US", Dial: dial}
}

const (
	heartbeat   = 10 * time.Second
	dialTimeout = 5 * time.Second
)

// Close closes the publishing connection. Consume and Watch end with their contexts.
func (b *Broker) Close() error { return b.pub.Close() }

// Exchange returns the name of the topic exchange that a service publishes to.
func Exchange(source string) string { return source + ".events" }

// Queue returns the name of the queue with a source's events for a consumer.
func Queue(consumer, source string) string { return consumer + "." + source + ".events" }

// DeadLetterQueue returns the name of the queue for messages of the queue that could not be handled.
func DeadLetterQueue(queue string) string { return queue + ".dlq" }

// deliveryLimit bounds how often RabbitMQ delivers a message whose consumer dies or requeues it.
const deliveryLimit = 20

// deadLetterDeliveryLimit is the same for messages in dead-letter queues. Listing a message delivers it, and by default
// RabbitMQ 4 drops a message after 20 deliveries.
const deadLetterDeliveryLimit = 1 << 30

// Queues returns the names of all queues of the routes, sorted.
func Queues(routes []events.Route) []string {
	var names []string
	for _, r := range routes {
		for _, consumer := range r.Consumers {
			names = append(names, Queue(consumer, r.Source))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Metrics returns the number of messages in the service's queues and their dead-letter queues, and which queues have no
// consumer.
func (b *Broker) Metrics() []prometheus.Collector {
	return []prometheus.Collector{
		metrics.Gauge("broker_queue_messages",
			"Messages ready for delivery in a queue. Queues that end in .dlq hold dead-lettered events.",
			"queue", b.ready),
		metrics.Gauge("broker_consumer_failing_seconds",
			"How long a queue had no consumer, 0 if it has one.", "queue", b.consumers.Seconds),
	}
}

func (b *Broker) ready(context.Context) (map[string]float64, error) {
	conn, err := dial(b.url)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var names []string
	for _, queue := range b.queues() {
		names = append(names, queue, DeadLetterQueue(queue))
	}
	lengths, err := depth(conn, names)
	ready := map[string]float64{}
	for name, n := range lengths {
		ready[name] = float64(n)
	}
	return ready, err
}

// queues returns the names of the queues that the service consumes.
func (b *Broker) queues() []string {
	foreign := func(queue string) bool { return !strings.HasPrefix(queue, b.service+".") }
	return slices.DeleteFunc(Queues(b.routes), foreign)
}

// declare creates the exchanges, queues and bindings that are missing. It changes no existing ones.
func declare(conn *amqp.Connection, routes []events.Route) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	defer ch.Close()

	for _, queue := range Queues(routes) {
		dlq := DeadLetterQueue(queue)
		_, err := ch.QueueDeclare(dlq, true, false, false, false, amqp.Table{
			amqp.QueueTypeArg:  amqp.QueueTypeQuorum,
			"x-delivery-limit": deadLetterDeliveryLimit,
		})
		if err != nil {
			return fmt.Errorf("declare queue %s: %w", dlq, err)
		}
		_, err = ch.QueueDeclare(queue, true, false, false, false, amqp.Table{
			amqp.QueueTypeArg:           amqp.QueueTypeQuorum,
			"x-delivery-limit":          deliveryLimit,
			"x-dead-letter-exchange":    "",
			"x-dead-letter-routing-key": dlq,
			"x-dead-letter-strategy":    "at-least-once",
			amqp.QueueOverflowArg:       amqp.QueueOverflowRejectPublish, // required by at-least-once
		})
		if err != nil {
			return fmt.Errorf("declare queue %s: %w", queue, err)
		}
	}
	for _, r := range routes {
		exchange := Exchange(r.Source)
		if err := ch.ExchangeDeclare(exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare exchange of %s: %w", r.Source, err)
		}
		for _, consumer := range r.Consumers {
			if err := ch.QueueBind(Queue(consumer, r.Source), string(r.Type), exchange, false, nil); err != nil {
				return fmt.Errorf("bind %s for %s: %w", r.Type, consumer, err)
			}
		}
	}
	return nil
}
