// Tickets keeps what is for sale: the tickets subgraph and its reactions to events.
package main

import (
	"context"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/tickets/internal/graph"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

type settings struct {
	server.Config
	DatabaseURL  string        `env:"DATABASE_URL,required" help:"its own database: postgres://user:password@host/name"`
	AMQPURL      string        `env:"AMQP_URL,required" help:"the broker: amqp://user:password@host/vhost"`
	JWKSURL      string        `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json" help:"where auth publishes the keys of access tokens"`
	ServiceToken config.Secret `env:"SERVICE_TOKEN,required" help:"the credential that the router shows to subgraphs, at least 32 characters"`
}

func main() {
	server.Main(config.Program{
		Name: "tickets", About: "Tickets keeps what is for sale.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4002", "ADMIN_ADDR": "127.0.0.1:4012"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	pool, err := postgres.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, outbox.Migrations(), inbox.Migrations(), ticket.Migrations()); err != nil {
		return err
	}
	bus, err := broker.Open(ctx, cfg.AMQPURL, events.Tickets, events.Catalogue())
	if err != nil {
		return err
	}
	defer bus.Close()
	box := outbox.New(pool)
	tickets := ticket.NewService(pool, box, time.Now)
	verifier := identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})

	srv.Check("database", pool.Ping)
	srv.Collect(append(box.Metrics(), bus.Metrics(), postgres.Metrics(pool))...)
	srv.Go("relay", func(ctx context.Context) error { return box.Relay(ctx, bus.Publish) })
	srv.Go("consumer", func(ctx context.Context) error { return bus.Consume(ctx, tickets.Reactions()) })
	srv.Go("watch", func(ctx context.Context) error { return bus.Watch(ctx, tickets.OnEvent, tickets.Resync) })
	srv.Handle("/graphql", gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(tickets), ServiceToken: cfg.ServiceToken.Reveal(), Verify: verifier.Verify, Stop: ctx.Done(),
	}))
	return srv.Run(ctx)
}
