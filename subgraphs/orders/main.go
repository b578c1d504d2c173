// Orders reserves tickets for buyers: the orders subgraph and its reactions to events.
package main

import (
	"context"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/orders/internal/graph"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

type config struct {
	server.Config
	DatabaseURL  string        `env:"DATABASE_URL,required"`
	AMQPURL      string        `env:"AMQP_URL,required"`
	JWKSURL      string        `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json"`
	ServiceToken server.Secret `env:"SERVICE_TOKEN,required"`
	Orders       order.Config
}

func main() {
	server.Main(server.Service{Name: "orders", Listen: "127.0.0.1:4003", Admin: "127.0.0.1:4013"}, run)
}

func run(ctx context.Context, cfg config, srv *server.Server) error {
	pool, err := postgres.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, outbox.Migrations(), order.Migrations()); err != nil {
		return err
	}
	bus, err := broker.Open(ctx, cfg.AMQPURL, events.Orders, events.Catalogue())
	if err != nil {
		return err
	}
	defer bus.Close() //nolint:errcheck // the process ends
	box := outbox.New(pool)
	orders := order.NewService(cfg.Orders, pool, box, time.Now)
	verifier := identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})

	srv.Check("database", pool.Ping)
	srv.Go("relay", func(ctx context.Context) error { return box.Relay(ctx, bus.Publish) })
	srv.Go("consumer", func(ctx context.Context) error { return bus.Consume(ctx, orders.Reactions()) })
	srv.Go("watch", func(ctx context.Context) error { return bus.Watch(ctx, orders.Noticed, orders.Missed) })
	srv.Handle("/graphql", gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(orders, time.Now), ServiceToken: cfg.ServiceToken.Reveal(), Verify: verifier.Verify, Stop: ctx.Done(),
	}))
	return srv.Run(ctx)
}
