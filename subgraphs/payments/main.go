// Payments takes the money for orders and gives it back: the payments subgraph, its reactions to
// events, and the way to the card processor.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/simulator"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

type config struct {
	server.Config
	DatabaseURL  string        `env:"DATABASE_URL,required"`
	AMQPURL      string        `env:"AMQP_URL,required"`
	JWKSURL      string        `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json"`
	ServiceToken server.Secret `env:"SERVICE_TOKEN,required"`
	Payments     payment.Config
	Processor    processorConfig
}

func main() {
	server.Main(server.Service{Name: "payments", Listen: "127.0.0.1:4004", Admin: "127.0.0.1:4014"}, run)
}

func run(ctx context.Context, cfg config, srv *server.Server) error {
	if err := errors.Join(cfg.Payments.Check(), cfg.Processor.check(cfg.Development())); err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, outbox.Migrations(), payment.Migrations(), simulator.Migrations()); err != nil {
		return err
	}
	bus, err := broker.Open(ctx, cfg.AMQPURL, events.Payments, events.Catalogue())
	if err != nil {
		return err
	}
	defer bus.Close() //nolint:errcheck // the process ends
	processor, webhookSecret := cfg.Processor.open(srv, func(c simulator.Config) *simulator.Simulator { return simulator.New(c, pool) })
	box := outbox.New(pool)
	payments := payment.NewService(cfg.Payments, pool, box, processor, time.Now)
	verifier := identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})

	srv.Check("database", pool.Ping)
	srv.Go("relay", func(ctx context.Context) error { return box.Relay(ctx, bus.Publish) })
	srv.Go("consumer", func(ctx context.Context) error { return bus.Consume(ctx, payments.Reactions()) })
	srv.Go("watch", func(ctx context.Context) error { return bus.Watch(ctx, payments.Noticed, payments.Missed) })
	srv.Go("driver", payments.Drive)
	srv.HandlePrivate("GET /ledger", ledger(processor))
	srv.Handle("POST /webhooks/stripe", stripe.Webhooks(webhookSecret, payments.Look))
	srv.Handle("/graphql", gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(payments), ServiceToken: cfg.ServiceToken.Reveal(), Verify: verifier.Verify, Stop: ctx.Done(),
	}))
	return srv.Run(ctx)
}
