// Router is the GraphQL router: it plans operations over the supergraph, fetches from the subgraphs and enforces
// limits on clients.
package main

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/logging"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/server"
)

var program = config.Program{
	Name: "router", About: "Router serves the GraphQL API of a supergraph by fetching from its subgraphs.",
	Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4000", "ADMIN_ADDR": "127.0.0.1:4010"},
}

func main() { server.Main(program, run) }

// ballast is memory in bytes that counts for the garbage collector, but is never touched and so never resident. The
// router keeps little and allocates much: without ballast, a collection begins every 4 MB.
const ballast = 6 << 20

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	defer runtime.KeepAlive(make([]byte, ballast))
	r := router{running: cfg, read: func(running *settings) (settings, error) {
		return config.Read(program, os.Environ(), running)
	}}
	if err := r.load(ctx); err != nil {
		return err
	}
	var failed atomic.Bool
	srv.Collect(metrics.Gauge("router_reload_failed",
		"1 while the newest settings or files are invalid and the previous ones stay in force, else 0.", "",
		func(context.Context) (map[string]float64, error) {
			if failed.Load() {
				return map[string]float64{"": 1}, nil
			}
			return map[string]float64{"": 0}, nil
		}))
	srv.Handle("/", &r.current)
	srv.CheckAny(r.current.Reach)
	srv.Go("reload", func(taskCtx context.Context) error {
		for r.waitForChange(taskCtx) {
			err := r.load(ctx)
			failed.Store(err != nil)
			if err != nil {
				slog.ErrorContext(ctx, "reload failed", "error", err)
				continue
			}
			logging.SetLevel(r.running.Log.Level)
			slog.InfoContext(ctx, "reloaded")
		}
		return nil
	})
	err := srv.Run(ctx)
	r.current.Wait() // until subscriptions have ended, so that their clients connect elsewhere
	return err
}
