package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
)

const (
	inFlight       = 100             // unconfirmed messages at a time
	publishTimeout = 5 * time.Second // for the confirms of a window: a stuck queue must not hold a transaction open
	closeTimeout   = time.Second     // for the closing handshake with a broker that does not respond
)

var (
	// errUnconfirmed means that RabbitMQ rejected a message, could not route it or did not confirm it in time.
	errUnconfirmed    = errors.New("not confirmed")
	errConnectionLost = errors.New("the connection to the broker was lost")
)

// Publish sends the service's events to all of their queues in order and waits for the confirms.
func (b *Broker) Publish(ctx context.Context, evs []events.Event) error {
	for len(evs) > 0 {
		missing, err := b.PublishExcept(ctx, evs, nil)
		if err != nil {
			return err
		}
		for i, queues := range missing {
			if len(queues) > 0 {
				lacking := strings.Join(queues, ", ")
				return fmt.Errorf("publish %s %s to %s: %w", evs[i].Type, evs[i].ID, lacking, errUnconfirmed)
			}
		}
		evs = evs[len(missing):]
	}
	return nil
}

// PublishExcept sends the service's events in order to all of their queues but those in skip, and waits for the
// confirms. It returns the queues that miss each event: those in skip, and those that have not confirmed it. It stops
// after the first messages that are not confirmed, so missing may be shorter than evs.
//
// A confirm means that all queues bound to the exchange have the message. Without it, all of them count as missing.
// After an error any event may or may not have been sent.
func (b *Broker) PublishExcept(ctx context.Context, evs []events.Event, skip []string) (missing [][]string, err error) {
	for _, e := range evs {
		if !b.routed(e) {
			return nil, fmt.Errorf("publish %s: %s has no route for it", e.Type, b.service)
		}
	}
	spans := make([]trace.Span, len(evs))
	var messages []outgoing
	for i, e := range evs {
		var msg *message.Message
		msg, spans[i] = b.message(ctx, e)
		messages = append(messages, b.route(i, msg, e, skip)...)
	}
	confirmed, err := b.pub.send(ctx, messages)
	if err == nil {
		missing = b.missing(evs, skip, messages, confirmed)
	}
	for i, span := range spans {
		switch {
		case err != nil:
			span.SetStatus(codes.Error, err.Error())
		case i >= len(missing) || len(missing[i]) > 0:
			span.SetStatus(codes.Error, errUnconfirmed.Error())
		default:
			published.WithLabelValues(string(evs[i].Type)).Inc()
		}
		span.End()
	}
	return missing, err
}

// missing returns the queues that miss each event that was sent, given which messages were confirmed.
func (b *Broker) missing(evs []events.Event, skip []string, messages []outgoing, confirmed []bool) [][]string {
	var missing [][]string
	for n, m := range messages {
		if m.event == len(missing) {
			if n >= len(confirmed) {
				break // neither this event nor the next ones were sent
			}
			sent := func(q string) bool { return !slices.Contains(skip, q) }
			skipped := slices.DeleteFunc(b.queuesOf(evs[m.event]), sent)
			missing = append(missing, skipped)
		}
		if n >= len(confirmed) || !confirmed[n] {
			missing[m.event] = append(missing[m.event], m.queues...)
		}
	}
	return missing
}

// PublishTo sends the service's events to one queue in order, over a connection of its own, and returns nil once the
// queue has confirmed all of them.
func (b *Broker) PublishTo(ctx context.Context, queue string, evs []events.Event) error {
	pub := &publisher{url: b.url}
	defer pub.Close()
	var messages []outgoing
	for i, e := range evs {
		msg, span := b.message(ctx, e)
		defer span.End()
		messages = append(messages, toQueue(i, queue, msg))
	}
	confirmed, err := pub.send(ctx, messages)
	if err != nil {
		return err
	}
	if slices.Contains(confirmed, false) {
		return fmt.Errorf("publish %d events to %s: %w", len(evs), queue, errUnconfirmed)
	}
	for _, e := range evs {
		published.WithLabelValues(string(e.Type)).Inc()
	}
	return nil
}

// message encodes the event and starts the span of its publication.
func (b *Broker) message(ctx context.Context, e events.Event) (*message.Message, trace.Span) {
	ctx, span := tracer.Start(correlation.With(ctx, e.IDs), "publish "+string(e.Type),
		trace.WithSpanKind(trace.SpanKindProducer), e.Attributes())
	e.IDs = correlation.From(ctx)
	return toMessage(e, b.service), span
}

// routed reports whether the service publishes events of that type.
func (b *Broker) routed(e events.Event) bool {
	return slices.ContainsFunc(b.routes, func(r events.Route) bool { return r.Source == b.service && r.Type == e.Type })
}

// queuesOf returns the names of the queues that receive the event.
func (b *Broker) queuesOf(e events.Event) []string {
	var queues []string
	for _, r := range b.routes {
		if r.Source == b.service && r.Type == e.Type {
			for _, consumer := range r.Consumers {
				queues = append(queues, Queue(consumer, r.Source))
			}
		}
	}
	return queues
}

// route returns the messages that bring the i-th event to its queues except those in skip: one to the exchange, or,
// when a queue is skipped, one to each of the others and one to the exchange that only Watch receives.
func (b *Broker) route(i int, msg *message.Message, e events.Event, skip []string) []outgoing {
	queues := b.queuesOf(e)
	toExchange := outgoing{event: i, exchange: Exchange(b.service), key: string(e.Type), message: msg, queues: queues}
	if !slices.ContainsFunc(queues, func(q string) bool { return slices.Contains(skip, q) }) {
		toExchange.mandatory = len(queues) > 0
		return []outgoing{toExchange}
	}
	toExchange.key, toExchange.queues = watchKey, nil
	messages := []outgoing{toExchange}
	for _, queue := range queues {
		if !slices.Contains(skip, queue) {
			messages = append(messages, toQueue(i, queue, msg))
		}
	}
	return messages
}

// watchKey is a routing key that no queue of a consumer is bound with.
const watchKey = "watch"

// toQueue returns a message to one queue.
func toQueue(i int, queue string, msg *message.Message) outgoing {
	return outgoing{event: i, key: queue, mandatory: true, message: msg, queues: []string{queue}}
}

var (
	tracer    = otel.Tracer("boxoffice.dev/pkg/broker")
	published = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "events_published_total",
		Help: "Events confirmed by the broker. An event that is resent to single queues counts once for each.",
	}, []string{"type"})
)

// publisher sends messages and keeps up to inFlight of them unconfirmed on one channel. Watermill's publisher is 30
// times slower, because it waits for each confirm before it sends the next message. It also detects no unroutable
// messages, and ignores its context while the broker blocks.
type publisher struct {
	url string

	mu       sync.Mutex
	conn     *amqp.Connection
	channel  *amqp.Channel
	returned chan amqp.Return
}

// outgoing is a message with its destination.
type outgoing struct {
	event         int // index of the event
	exchange, key string
	mandatory     bool // it must reach a queue
	message       *message.Message
	queues        []string // the queues that have it once it is confirmed
}

// sendTo sends one message to a queue.
func (p *publisher) sendTo(ctx context.Context, queue string, msg *message.Message) error {
	confirmed, err := p.send(ctx, []outgoing{toQueue(0, queue, msg)})
	if err == nil && !confirmed[0] {
		err = fmt.Errorf("publish to %s: %w", queue, errUnconfirmed)
	}
	return err
}

// send sends the messages in order and returns which of them were confirmed. It stops after a window with an
// unconfirmed message, so confirmed may be shorter than messages.
func (p *publisher) send(ctx context.Context, messages []outgoing) (confirmed []bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for window := range slices.Chunk(messages, inFlight) {
		acks, err := p.sendWindow(ctx, window)
		if err != nil {
			p.disconnect()
			return nil, err
		}
		confirmed = append(confirmed, acks...)
		if slices.Contains(acks, false) {
			p.disconnect() // late confirms must not be taken for those of other messages
			break
		}
	}
	return confirmed, nil
}

func (p *publisher) sendWindow(ctx context.Context, window []outgoing) ([]bool, error) {
	if err := p.connect(); err != nil {
		return nil, err
	}
	confirms := make([]*amqp.DeferredConfirmation, len(window))
	for i, m := range window {
		publishing, err := marshaler{}.Marshal(m.message)
		if err != nil {
			return nil, err
		}
		confirms[i], err = p.channel.PublishWithDeferredConfirmWithContext(
			ctx, m.exchange, m.key, m.mandatory, false, publishing)
		if err != nil {
			return nil, fmt.Errorf("publish %s: %w", m.key, err)
		}
	}
	timeout, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	acks := make([]bool, len(window))
	for i, confirm := range confirms {
		if _, err := confirm.WaitContext(timeout); err != nil && ctx.Err() != nil {
			return nil, fmt.Errorf("wait for confirms: %w", err)
		}
		acks[i] = confirm.Acked() // of a message behind one that has timed out, too
	}
	if p.channel.IsClosed() {
		return nil, errConnectionLost
	}
	// RabbitMQ returns an unroutable message before it confirms it.
	for {
		select {
		case r, ok := <-p.returned:
			if !ok {
				return nil, errConnectionLost
			}
			for i, m := range window {
				if m.message.UUID == r.MessageId && m.key == r.RoutingKey {
					acks[i] = false
				}
			}
		default:
			return acks, nil
		}
	}
}

func (p *publisher) connect() error {
	if p.channel != nil && !p.channel.IsClosed() {
		return nil
	}
	p.disconnect()
	conn, err := dial(p.url)
	if err != nil {
		return err
	}
	channel, err := conn.Channel()
	if err == nil {
		err = channel.Confirm(false)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open channel: %w", err), conn.Close())
	}
	p.conn, p.channel = conn, channel
	p.returned = channel.NotifyReturn(make(chan amqp.Return, inFlight))
	return nil
}

func (p *publisher) disconnect() {
	disconnect(p.conn)
	p.conn, p.channel = nil, nil
}

// disconnect closes a connection that may be nil or lost.
func disconnect(conn *amqp.Connection) {
	if conn != nil {
		conn.CloseDeadline(time.Now().Add(closeTimeout)) //nolint:errcheck // the connection may be lost
	}
}

// Close closes the connection.
func (p *publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disconnect()
	return nil
}
