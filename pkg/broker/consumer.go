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
	"golang.org/x/sync/errgroup"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
)

const (
	workers       = 8                     // events of one queue that are handled at a time
	prefetch      = 5                     // unacknowledged events per worker, which no other worker can take
	retries       = 3                     // after a failure that is not transient, before the message is dead-lettered
	firstRetry    = 50 * time.Millisecond // doubles with every retry
	lastRetry     = 2 * time.Second
	reconnect     = 500 * time.Millisecond
	checkInterval = 2 * time.Second // for queues without consumers

	// Headers of dead letters.
	headerQueue        = "queue"
	headerError        = "error"
	headerDeadLettered = "deadletteredat"
	deadLetterFormat   = "2006-01-02T15:04:05.000000Z" // sorts by time
)

// Consume calls the handler of every event for the service until ctx ends. It returns an error at once when a handler
// is missing or superfluous. It handles several events of a queue at a time, so that their commits share a flush to the
// disk. Handlers are called in any order.
//
// A transient failure, such as a database that is down, is retried until it succeeds, because every event behind would
// fail as well. Any other failure is retried a few times. Then the event is dead-lettered with its error.
func (b *Broker) Consume(ctx context.Context, handlers events.Handlers) error {
	sources, err := b.sources(handlers)
	if err != nil || len(sources) == 0 {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return worker.Run(ctx, "consuming events", nil, func(ctx context.Context) (time.Duration, error) {
			return reconnect, b.consume(ctx, sources, handlers)
		})
	})
	group.Go(func() error {
		var conn *amqp.Connection
		defer func() { disconnect(conn) }()
		return worker.Every(ctx, "checking consumers", checkInterval, func(ctx context.Context) (err error) {
			conn, err = b.checkConsumers(ctx, conn)
			return err
		})
	})
	return group.Wait()
}

// checkConsumers records which of the service's queues have no consumer. A queue without a leader, for example, accepts
// none. It returns the connection for the next check.
func (b *Broker) checkConsumers(ctx context.Context, conn *amqp.Connection) (_ *amqp.Connection, err error) {
	if conn == nil || conn.IsClosed() {
		if conn, err = dial(b.url); err != nil {
			for _, queue := range b.queues() {
				b.consumers.Set(ctx, queue, err)
			}
			return nil, err
		}
	}
	for _, queue := range b.queues() {
		b.consumers.Set(ctx, queue, checkConsumer(conn, queue))
	}
	return conn, nil
}

func checkConsumer(conn *amqp.Connection, queue string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open channel: %w", err)
	}
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		return fmt.Errorf("inspect queue: %w", err)
	}
	if q.Consumers == 0 {
		err = errors.New("the queue has no consumer")
	}
	return errors.Join(err, ch.Close())
}

// Check returns an error when a queue of the service had no consumer for longer than health.Grace.
func (b *Broker) Check(ctx context.Context) error { return b.consumers.Check(ctx) }

func (b *Broker) consume(ctx context.Context, sources []string, handlers events.Handlers) error {
	levels := map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug}
	logger := watermill.NewSlogLoggerWithLevelMapping(slog.Default(), levels)
	subscriber, err := wamqp.NewSubscriber(b.subscriberConfig(), logger)
	if err != nil {
		return fmt.Errorf("open consumer: %w", err)
	}
	defer subscriber.Close()

	// A lost connection ends this subscriber, and Consume makes another one. Watermill's own reconnect has data races.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lost := subscriber.Connection().NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		<-lost             //nolint:errcheck // a receive, not a call that failed
		subscriber.Close() //nolint:errcheck // its connection is lost
		cancel()
	}()

	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, logger)
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	for _, source := range sources {
		queue := Queue(b.service, source)
		for worker := range workers {
			name := fmt.Sprintf("%s %d", queue, worker)
			//nolint:contextcheck // a message has a context of its own
			h := router.AddConsumerHandler(name, queue, subscriber, func(msg *message.Message) error {
				e, err := toEvent(msg)
				if err != nil {
					return err
				}
				return handlers.Deliver(msg.Context(), e)
			})
			// Outermost first. A panic is a failure like others.
			h.AddMiddleware(b.deadLetter(queue), //nolint:contextcheck // as above
				retryFailure.Middleware, retryTransient, middleware.Recoverer)
		}
	}
	if err := router.Run(ctx); err != nil {
		return err
	}
	return errConnectionLost
}

// sources returns the services whose events this one consumes. It returns an error unless there is exactly one handler
// for each of their types.
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
			return nil, errors.New("the connection was lost")
		}
		return amqp.DefaultDial(dialTimeout)(network, addr)
	}
}

// declared is a TopologyBuilder that does nothing: Open has declared everything.
type declared struct{}

func (declared) BuildTopology(*amqp.Channel, wamqp.BuildTopologyParams, wamqp.Config, watermill.LoggerAdapter) error {
	return nil
}
func (declared) ExchangeDeclare(*amqp.Channel, string, wamqp.Config) error { return nil }

var retryFailure = middleware.Retry{
	MaxRetries:      retries,
	InitialInterval: firstRetry,
	MaxInterval:     lastRetry,
	Multiplier:      2,
}

// retryTransient calls the handler until it succeeds, its error is not transient, or the service stops.
func retryTransient(handle message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx := msg.Context()
		pause := firstRetry
		for {
			_, err := handle(msg)
			if err == nil || !postgres.Transient(err) || ctx.Err() != nil {
				return nil, err
			}
			slog.WarnContext(ctx, "handling an event failed, retrying", "event", msg.UUID, "error", err)
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
			failpoint(msg)
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
