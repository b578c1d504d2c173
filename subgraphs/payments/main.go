// Payments takes the money for orders and gives it back: the payments subgraph, its reactions to
// events, and the way to the card processor.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

type settings struct {
	server.Config
	DatabaseURL  string        `env:"DATABASE_URL,required" help:"its own database: postgres://user:password@host/name"`
	AMQPURL      string        `env:"AMQP_URL,required" help:"the broker: amqp://user:password@host/vhost"`
	JWKSURL      string        `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json" help:"where auth publishes the keys of access tokens"`
	ServiceToken config.Secret `env:"SERVICE_TOKEN,required" help:"the credential that the router shows to subgraphs, at least 32 characters"`
	Payments     payment.Config
	Processor    processorConfig
}

// Check finds what the types of the settings do not.
func (c settings) Check() error {
	return errors.Join(c.Config.Check(), c.Payments.Check(), c.Processor.check(c.Development()))
}

func main() {
	server.Main(config.Program{
		Name: "payments", About: "Payments takes the money for orders and gives it back.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4004", "ADMIN_ADDR": "127.0.0.1:4014"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	pool, err := postgres.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, outbox.Migrations(), payment.Migrations()); err != nil {
		return err
	}
	bus, err := broker.Open(ctx, cfg.AMQPURL, events.Payments, events.Catalogue())
	if err != nil {
		return err
	}
	defer bus.Close()
	processor := stripe.New(cfg.Processor.stripe())
	box := outbox.New(pool)
	payments := payment.NewService(cfg.Payments, pool, box, processor, time.Now)
	verifier := identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})

	srv.Check("database", pool.Ping)
	srv.Collect(append(box.Metrics(), bus.Metrics(), postgres.Metrics(pool))...)
	srv.Collect(metrics.Gauge("payments_in_progress", "Payments that a worker has to drive on, by the next step.", "step", payments.InProgress))
	srv.Go("relay", func(ctx context.Context) error { return box.Relay(ctx, bus.Publish) })
	srv.Go("consumer", func(ctx context.Context) error { return bus.Consume(ctx, payments.Reactions()) })
	srv.Go("watch", func(ctx context.Context) error { return bus.Watch(ctx, payments.OnEvent, payments.Resync) })
	srv.Go("driver", payments.Drive)
	srv.HandlePrivate("GET /ledger", ledger(processor))
	srv.Handle("POST /webhooks/stripe", stripe.Webhooks(cfg.Processor.webhookSecret(), payments.Look))
	srv.Handle("/graphql", gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(payments, cfg.Processor.public()), ServiceToken: cfg.ServiceToken.Reveal(), Verify: verifier.Verify, Stop: ctx.Done(),
	}))
	return srv.Run(ctx)
}
