// Orders is the subgraph of orders: it reserves tickets and decides whether a payment may be captured.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/orders/internal/graph"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

type settings struct {
	service.Config
	GraphQL gqlserver.Settings
	Orders  order.Config
}

// Check returns an error if a setting is invalid.
func (c settings) Check() error { return errors.Join(c.Config.Check(), c.Orders.Check()) }

func main() {
	server.Main(config.Program{
		Name:     "orders",
		About:    "Orders is the subgraph of orders: it reserves tickets and decides on captures of payments.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4003", "ADMIN_ADDR": "127.0.0.1:4013"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	s, err := service.Open(ctx, cfg.Config, srv, events.Orders, order.Migrations())
	if err != nil {
		return err
	}
	defer s.Close()
	orders := order.NewService(cfg.Orders, s.Pool, s.Outbox, time.Now)
	s.Consume(orders.Reactions())
	s.Watch(orders.OnEvent, orders.Resync)
	srv.Handle("/graphql", cfg.GraphQL.Handler(ctx, graph.Schema(orders, time.Now)))
	return srv.Run(ctx)
}
