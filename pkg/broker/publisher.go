package broker

import (
	"context"
	"errors"
	"fmt"
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
	inFlight       = 100              // unconfirmed messages at a time
	publishTimeout = 10 * time.Second // for the confirms of one call: a blocked broker must not hold a transaction open
	closeTimeout   = time.Second      // for a farewell that a blocked broker does not read
)

// Publish sends the service's events to its exchange in order and waits until the broker has
// confirmed all of them. It fails when an event has consumers but reached no queue.
func (b *Broker) Publish(ctx context.Context, evs []events.Event) error {
	msgs := make([]*message.Message, len(evs))
	spans := make([]trace.Span, len(evs))
	for i, e := range evs {
		var of context.Context
		of, spans[i] = tracer.Start(correlation.With(ctx, e.IDs), "publish "+string(e.Type), trace.WithSpanKind(trace.SpanKindProducer), e.Attributes())
		e.IDs = correlation.From(of)
		msgs[i] = toMessage(e, b.service)
		msgs[i].SetContext(ctx)
	}
	err := b.pub.Publish(Exchange(b.service), msgs...) //nolint:contextcheck // messages bring their context
	for i, e := range evs {
		if err != nil {
			spans[i].SetStatus(codes.Error, err.Error())
		} else {
			published.WithLabelValues(string(e.Type)).Inc()
		}
		spans[i].End()
	}
	return err
}

var (
	tracer    = otel.Tracer("boxoffice.dev/pkg/broker")
	published = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "events_published_total",
		Help: "Events that the broker has confirmed.",
	}, []string{"type"})
)

// publisher is a message.Publisher that keeps up to inFlight messages unconfirmed on one channel.
// Watermill's own waits for each confirm before it sends the next message, 30 times slower, and
// neither notices unroutable messages nor heeds a context while the broker blocks.
type publisher struct {
	url    string
	routes []events.Route

	mu       sync.Mutex
	conn     *amqp.Connection
	channel  *amqp.Channel
	returned chan amqp.Return
}

var _ message.Publisher = (*publisher)(nil)

// Publish sends the messages to the exchange named topic, routed by their type. All messages
// share the context of the first.
func (p *publisher) Publish(topic string, msgs ...*message.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	return p.send(msgs[0].Context(), topic, func(m *message.Message) string { return m.Metadata.Get(headerType) }, msgs)
}

// sendTo sends one message straight to a queue.
func (p *publisher) sendTo(ctx context.Context, queue string, msg *message.Message) error {
	return p.send(ctx, "", func(*message.Message) string { return queue }, []*message.Message{msg})
}

func (p *publisher) send(ctx context.Context, exchange string, key func(*message.Message) string, msgs []*message.Message) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(msgs) > 0 {
		n := min(len(msgs), inFlight)
		if err := p.sendSome(ctx, exchange, key, msgs[:n]); err != nil {
			p.disconnect() // the channel may hold confirms of this batch; the next call starts afresh
			return err
		}
		msgs = msgs[n:]
	}
	return nil
}

func (p *publisher) sendSome(ctx context.Context, exchange string, key func(*message.Message) string, msgs []*message.Message) error {
	if err := p.connect(); err != nil {
		return err
	}
	confirms := make([]*amqp.DeferredConfirmation, len(msgs))
	for i, msg := range msgs {
		publishing, err := marshaler{}.Marshal(msg)
		if err != nil {
			return err
		}
		k := key(msg)
		confirms[i], err = p.channel.PublishWithDeferredConfirmWithContext(ctx, exchange, k, p.mandatory(exchange, k), false, publishing)
		if err != nil {
			return fmt.Errorf("publish %s: %w", k, err)
		}
	}
	for _, confirm := range confirms {
		acked, err := confirm.WaitContext(ctx)
		if err != nil {
			return fmt.Errorf("wait for confirm: %w", err)
		}
		if !acked {
			return errors.New("the broker refused a message")
		}
	}
	// The broker sends a return before the confirm of the same message.
	select {
	case r, ok := <-p.returned:
		if ok {
			return fmt.Errorf("no queue takes %s from exchange %q: %s", r.RoutingKey, r.Exchange, r.ReplyText)
		}
		return errors.New("the channel closed")
	default:
		return nil
	}
}

// mandatory reports whether a message must reach a queue: always, unless nobody consumes its type.
func (p *publisher) mandatory(exchange, key string) bool {
	for _, r := range p.routes {
		if exchange == Exchange(r.Source) && key == string(r.Type) {
			return len(r.Consumers) > 0
		}
	}
	return true
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
	if p.conn != nil {
		p.conn.CloseDeadline(time.Now().Add(closeTimeout)) //nolint:errcheck // it is being given up
	}
	p.conn, p.channel = nil, nil
}

// Close ends the connection.
func (p *publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disconnect()
	return nil
}
