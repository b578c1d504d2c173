// Package service opens the resources that services share: a database, an outbox and the connection to the
// broker, each with its health checks, metrics and background tasks.
package service

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
)

// Database is the settings of a program's database.
type Database struct {
	URL string `env:"DATABASE_URL,required" help:"PostgreSQL database of this service alone: postgres://user:password@host/name?pool_max_conns=16"`
}

// Open connects to the database, waits until it responds, and migrates it.
func (d Database) Open(
	ctx context.Context, srv *server.Server, migrations ...postgres.Migrations,
) (*pgxpool.Pool, error) {
	pool, err := postgres.Open(ctx, d.URL)
	if err != nil {
		return nil, err
	}
	if err := postgres.Migrate(ctx, pool, migrations...); err != nil {
		pool.Close()
		return nil, err
	}
	srv.Check("database", pool.Ping)
	srv.Collect(postgres.Metrics(pool))
	return pool, nil
}

// Config is the settings of a service that publishes and consumes events.
type Config struct {
	server.Config
	Database Database
	AMQPURL  string `env:"AMQP_URL,required" help:"RabbitMQ broker: amqp://user:password@host/vhost; special characters of a password are percent-encoded"`
}

// Service is the database, outbox and broker of a service.
type Service struct {
	Pool   *pgxpool.Pool
	Outbox *outbox.Outbox

	srv    *server.Server
	broker *broker.Broker
}

// Open connects to the database and the broker, waits until both respond, and migrates the database: the
// outbox first, then the given migrations. While srv runs, the outbox is relayed to the broker. The name is
// the service's in the catalogue of events.
func Open(
	ctx context.Context, cfg Config, srv *server.Server, name string, migrations ...postgres.Migrations,
) (*Service, error) {
	pool, err := cfg.Database.Open(ctx, srv, slices.Concat([]postgres.Migrations{outbox.Migrations()}, migrations)...)
	if err != nil {
		return nil, err
	}
	bus, err := broker.Open(ctx, cfg.AMQPURL, name, events.Catalogue())
	if err != nil {
		pool.Close()
		return nil, err
	}
	s := &Service{Pool: pool, Outbox: outbox.New(pool), srv: srv, broker: bus}
	srv.Collect(append(s.Outbox.Metrics(), bus.Metrics()...)...)
	srv.CheckDegraded("outbox", s.Outbox.Check)
	srv.CheckDegraded("consumer", bus.Check)
	srv.Go("relay", func(ctx context.Context) error { return s.Outbox.Relay(ctx, bus) })
	return s, nil
}

// Consume handles the events in the service's queues while the server runs.
func (s *Service) Consume(handlers events.Handlers) {
	s.srv.Go("consumer", func(ctx context.Context) error { return s.broker.Consume(ctx, handlers) })
}

// Watch passes a copy of each event that any process of this service publishes to onEvent while the server
// runs, and calls resync whenever events may have been missed.
func (s *Service) Watch(onEvent func(events.Event), resync func()) {
	s.srv.Go("watch", func(ctx context.Context) error { return s.broker.Watch(ctx, onEvent, resync) })
}

// Close disconnects from the broker and the database.
func (s *Service) Close() {
	s.broker.Close() //nolint:errcheck // every publication has been confirmed or failed by now
	s.Pool.Close()
}
