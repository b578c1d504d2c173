// Command expiration tells orders when the deadline of an order has passed. It keeps the deadlines
// in a table of its own and any number of it may run; it has no public listener.
package main

import (
	"context"

	"boxoffice.dev/expiration/internal/deadline"
	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
)

type settings struct {
	server.Config
	DatabaseURL string `env:"DATABASE_URL,required" help:"its own database: postgres://user:password@host/name"`
	AMQPURL     string `env:"AMQP_URL,required" help:"the broker: amqp://user:password@host/vhost"`
}

func main() {
	server.Main(config.Program{
		Name: events.Expiration, About: "Expiration tells orders when the deadline of an order has passed.",
		Defaults: map[string]string{"ADMIN_ADDR": "127.0.0.1:4015"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	pool, err := postgres.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, outbox.Migrations(), inbox.Migrations(), deadline.Migrations()); err != nil {
		return err
	}
	bus, err := broker.Open(ctx, cfg.AMQPURL, events.Expiration, events.Catalogue())
	if err != nil {
		return err
	}
	defer bus.Close()
	box := outbox.New(pool)
	deadlines := deadline.NewService(pool, box)

	srv.Check("database", pool.Ping)
	srv.Collect(append(box.Metrics(), bus.Metrics(), postgres.Metrics(pool))...)
	srv.Collect(metrics.Gauge("deadlines_pending", "Deadlines that are watched.", "", deadlines.Pending),
		metrics.Gauge("deadlines_overdue_seconds", "How long the oldest deadline has passed without being told, 0 if none has.", "", deadlines.Overdue))
	srv.Go("relay", func(ctx context.Context) error { return box.Relay(ctx, bus.Publish) })
	srv.Go("consumer", func(ctx context.Context) error { return bus.Consume(ctx, deadlines.Reactions()) })
	srv.Go("worker", deadlines.Run)
	return srv.Run(ctx)
}
