// Orders reserves tickets for buyers: the orders subgraph and its reactions to events.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/orders/internal/graph"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

type settings struct {
	server.Config
	DatabaseURL  string        `env:"DATABASE_URL,required" help:"its own database: postgres://user:password@host/name"`
	AMQPURL      string        `env:"AMQP_URL,required" help:"the broker: amqp://user:password@host/vhost"`
	JWKSURL      string        `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json" help:"where auth publishes the keys of access tokens"`
	ServiceToken config.Secret `env:"SERVICE_TOKEN,required" help:"the credential that the router shows to subgraphs, at least 32 characters"`
	Orders       order.Config
}

// Check returns an error if a setting is invalid.
func (c settings) Check() error { return errors.Join(c.Config.Check(), c.Orders.Check()) }

func main() {
	server.Main(config.Program{
		Name: "orders", About: "Orders reserves tickets for buyers.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4003", "ADMIN_ADDR": "127.0.0.1:4013"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
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
	defer bus.Close()
	box := outbox.New(pool)
	orders := order.NewService(cfg.Orders, pool, box, time.Now)
	verifier := identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})

	srv.Check("database", pool.Ping)
	srv.Collect(append(box.Metrics(), bus.Metrics(), postgres.Metrics(pool))...)
	srv.Go("relay", func(ctx context.Context) error { return box.Relay(ctx, bus.Publish) })
	srv.Go("consumer", func(ctx context.Context) error { return bus.Consume(ctx, orders.Reactions()) })
	srv.Go("watch", func(ctx context.Context) error { return bus.Watch(ctx, orders.OnEvent, orders.Resync) })
	srv.Handle("/graphql", gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(orders, time.Now), ServiceToken: cfg.ServiceToken.Reveal(), Verify: verifier.Verify, Stop: ctx.Done(),
	}))
	return srv.Run(ctx)
}
