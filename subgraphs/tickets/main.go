// Tickets is the subgraph of tickets: sellers list them, and orders lock them.
package main

import (
	"context"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/tickets/internal/graph"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

type settings struct {
	service.Config
	GraphQL gqlserver.Settings
}

func main() {
	server.Main(config.Program{
		Name: "tickets", About: "Tickets is the subgraph of tickets: sellers list them, and orders lock them.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4002", "ADMIN_ADDR": "127.0.0.1:4012"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	s, err := service.Open(ctx, cfg.Config, srv, events.Tickets, inbox.Migrations(), ticket.Migrations())
	if err != nil {
		return err
	}
	defer s.Close()
	tickets := ticket.NewService(s.Pool, s.Outbox, time.Now)
	s.Consume(tickets.Reactions())
	s.Watch(tickets.OnEvent, tickets.Resync)
	srv.Handle("/graphql", cfg.GraphQL.Handler(ctx, graph.Schema(tickets)))
	return srv.Run(ctx)
}
