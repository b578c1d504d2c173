package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wamqp "github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/postgres"
)

const (
	workers    = 8                     // events of one queue that are handled at a time
	prefetch   = 5                     // for each worker: what one holds waits for that one
	retries    = 3                     // after a failure that is not transient, before the message is dead-lettered
	firstRetry = 50 * time.Millisecond // doubles with every retry
	lastRetry  = 2 * time.Second
	reconnect  = 500 * time.Millisecond

	// Headers of dead letters.
	headerQueue        = "queue"
	headerError        = "error"
	headerDeadLettered = "deadletteredat"
	deadLetterFormat   = "2006-01-02T15:04:05.000000Z" // sorts by time
)

// Consume hands every event for the service to its handler until ctx ends; it returns at once
// when a handler is missing or superfluous. Several events of one queue are handled at a time, so
// that their commits share a wait for the disk; handlers meet them in any order.
//
// A transient failure, such as a database that is down, is retried until it succeeds, because every event behind would
// fail as well. Any other failure is retried a few times. Then the event is dead-lettered with its error.
func (b *Broker) Consume(ctx context.Context, handlers events.Handlers) error {
	sources, err := b.sources(handlers)
	if err != nil || len(sources) == 0 {
		return err
	}
	for {
		err := b.consume(ctx, sources, handlers)
		if ctx.Err() != nil {
			return nil
		}
		slog.WarnContext(ctx, "consumer stopped, will start again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnect):
		}
	}
}

func (b *Broker) consume(ctx context.Context, sources []string, handlers events.Handlers) error {
	logger := watermill.NewSlogLoggerWithLevelMapping(slog.Default(), map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	subscriber, err := wamqp.NewSubscriber(b.subscriberConfig(), logger)
	if err != nil {
		return fmt.Errorf("open consumer: %w", err)
	}
	defer subscriber.Close()

	// A lost connection ends this subscriber, and Consume makes another one. The library would
	// reconnect by itself, but has data races when it does.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lost := subscriber.Connection().NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-lost             //nolint:errcheck // why does not matter
		subscriber.Close() //nolint:errcheck // there is nothing left to close
		cancel()
	}()

	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, logger)
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	for _, source := range sources {
		queue := Queue(b.service, source)
		for worker := range workers {
			h := router.AddConsumerHandler(fmt.Sprintf("%s %d", queue, worker), queue, subscriber, func(msg *message.Message) error { //nolint:contextcheck // a message brings its context
				e, err := toEvent(msg)
				if err != nil {
					return err
				}
				return handlers.Deliver(msg.Context(), e)
			})
			// Outermost first. A panic is a failure like others.
			h.AddMiddleware(b.deadLetter(queue), //nolint:contextcheck // as above
				retryPoison.Middleware, retryTransient, middleware.Recoverer)
		}
	}
	return router.Run(ctx)
}

// sources returns the services whose events this one consumes, and checks that there is exactly
// one handler for each of their types.
func (b *Broker) sources(handlers events.Handlers) ([]string, error) {
	routed := map[events.Type]bool{}
	var sources []string
	for _, r := range b.routes {
		for _, consumer := range r.Consumers {
			if consumer != b.service {
				continue
			}
			if handlers[r.Type] == nil {
				return nil, fmt.Errorf("%s has no handler for %s", b.service, r.Type)
			}
			routed[r.Type] = true
			if !slices.Contains(sources, r.Source) {
				sources = append(sources, r.Source)
			}
		}
	}
	for t := range handlers {
		if !routed[t] {
			return nil, fmt.Errorf("%s handles %s, which is not routed to it", b.service, t)
		}
	}
	return sources, nil
}

func (b *Broker) subscriberConfig() wamqp.Config {
	name := func(topic string) string { return topic }
	once := dialConfig(dialOnce())
	return wamqp.Config{
		Connection:      wamqp.ConnectionConfig{AmqpURI: b.url, AmqpConfig: &once},
		Marshaler:       marshaler{},
		Exchange:        wamqp.ExchangeConfig{GenerateName: func(string) string { return "" }},
		Queue:           wamqp.QueueConfig{GenerateName: name},
		QueueBind:       wamqp.QueueBindConfig{GenerateRoutingKey: name},
		Consume:         wamqp.ConsumeConfig{Qos: wamqp.QosConfig{PrefetchCount: prefetch}},
		TopologyBuilder: declared{},
	}
}

// dialOnce returns a dialer for one connection.
func dialOnce() func(network, addr string) (net.Conn, error) {
	var dialled atomic.Bool
	return func(network, addr string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, errors.New("a lost connection is replaced by the next consumer")
		}
		return amqp.DefaultDial(dialTimeout)(network, addr)
	}
}

// declared builds nothing: Open has declared all there is.
type declared struct{}

func (declared) BuildTopology(*amqp.Channel, wamqp.BuildTopologyParams, wamqp.Config, watermill.LoggerAdapter) error {
	return nil
}
func (declared) ExchangeDeclare(*amqp.Channel, string, wamqp.Config) error { return nil }

var retryPoison = middleware.Retry{
	MaxRetries:      retries,
	InitialInterval: firstRetry,
	MaxInterval:     lastRetry,
	Multiplier:      2,
}

// retryTransient calls the handler until it succeeds, fails for good, or the service stops.
func retryTransient(handle message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx := msg.Context()
		pause := firstRetry
		for {
			_, err := handle(msg)
			if err == nil || !postgres.Transient(err) || ctx.Err() != nil {
				return nil, err
			}
			slog.WarnContext(ctx, "event not handled yet, will try again", "event", msg.UUID, "error", err)
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(pause):
			}
			pause = min(2*pause, lastRetry)
		}
	}
}

// deadLetter moves a message that cannot be handled to the dead-letter queue of its queue. When that fails, the
// message is requeued until the delivery limit is reached.
func (b *Broker) deadLetter(queue string) message.HandlerMiddleware {
	return func(handle message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			_, err := handle(msg)
			if err == nil {
				return nil, nil
			}
			if msg.Context().Err() != nil {
				return nil, err // stopping: requeue
			}
			letter := msg.Copy()
			letter.Metadata.Set(headerQueue, queue)
			letter.Metadata.Set(headerError, err.Error())
			letter.Metadata.Set(headerDeadLettered, time.Now().UTC().Format(deadLetterFormat))
			if sendErr := b.pub.sendTo(msg.Context(), DeadLetterQueue(queue), letter); sendErr != nil {
				return nil, fmt.Errorf("dead-letter %s: %w (handling it failed: %w)", msg.UUID, sendErr, err)
			}
			slog.ErrorContext(msg.Context(), "event dead-lettered", "event", msg.UUID, "queue", queue, "error", err)
			return nil, nil
		}
	}
}
