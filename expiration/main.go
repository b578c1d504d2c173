// Expiration publishes an event when the deadline of an order passes. Any number of replicas may run; it has
// no public listener.
package main

import (
	"context"

	"boxoffice.dev/expiration/internal/deadline"
	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
)

type settings struct{ service.Config }

func main() {
	server.Main(config.Program{
		Name: "expiration", About: "Expiration publishes an event when the deadline of an order passes.",
		Defaults: map[string]string{"ADMIN_ADDR": "127.0.0.1:4015"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	s, err := service.Open(ctx, cfg.Config, srv, events.Expiration, inbox.Migrations(), deadline.Migrations())
	if err != nil {
		return err
	}
	defer s.Close()
	deadlines := deadline.NewService(s.Pool, s.Outbox)
	s.Consume(deadlines.Reactions())
	srv.Collect(
		metrics.Gauge("deadlines_pending", "Deadlines that have not expired yet.", "", deadlines.Pending),
		metrics.Gauge("deadlines_overdue_seconds",
			"Age of the oldest deadline that has passed and is not published yet, 0 if there is none.", "",
			deadlines.Overdue),
	)
	srv.Go("deadlines", deadlines.Run)
	return srv.Run(ctx)
}
