// Payments is the subgraph of payments: it takes money for orders through the card processor and refunds it.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

type settings struct {
	service.Config
	GraphQL   gqlserver.Settings
	Payments  payment.Config
	Processor processorConfig
}

// Check returns errors that begin with the variable at fault.
func (c settings) Check() error {
	return errors.Join(c.Config.Check(), c.Processor.check(c.Development()))
}

func main() {
	server.Main(config.Program{
		Name:     "payments",
		About:    "Payments is the subgraph of payments: it takes money for orders by card and refunds it.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4004", "ADMIN_ADDR": "127.0.0.1:4014"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	s, err := service.Open(ctx, cfg.Config, srv, events.Payments, payment.Migrations())
	if err != nil {
		return err
	}
	defer s.Close()
	processor := stripe.New(cfg.Processor.stripe())
	payments := payment.NewService(cfg.Payments, s.Pool, s.Outbox, processor, time.Now)
	s.Consume(payments.Reactions())
	s.Watch(payments.OnEvent, payments.Resync)
	srv.Collect(metrics.Gauge("payments_in_progress",
		"Payments with a next step, by step.", "step", payments.InProgress))
	srv.Go("driver", payments.Drive)
	srv.HandlePrivate("GET /ledger", ledger(processor))
	srv.Handle("POST /webhooks/stripe", stripe.Webhooks(cfg.Processor.webhookSecret(), payments.Look))
	srv.Handle("/graphql", cfg.GraphQL.Handler(ctx, graph.Schema(payments, cfg.Processor.public())))
	return srv.Run(ctx)
}
