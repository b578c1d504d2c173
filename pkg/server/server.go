// Package server runs a program: its listeners, background tasks, health checks and shutdown. The public
// listener serves users; the private one serves operators and must not be reachable from outside.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

const (
	shutdownTimeout = 10 * time.Second // for requests in progress
	probeTimeout    = 2 * time.Second
)

// Server is a program while it is set up and runs.
type Server struct {
	cfg      Config
	public   *http.ServeMux
	private  *http.ServeMux
	registry *prometheus.Registry
	required map[string]check
	optional map[string]check
	anyOf    func(context.Context) map[string]error
	tasks    []func(context.Context) error
	ready    atomic.Bool
	after    func(time.Duration) <-chan time.Time
}

// New returns a server that Run starts.
func New(cfg Config) *Server {
	return &Server{
		cfg: cfg, public: http.NewServeMux(), private: http.NewServeMux(), registry: prometheus.NewRegistry(),
		required: map[string]check{}, optional: map[string]check{}, after: time.After,
	}
}

// Handle serves the pattern (of http.ServeMux) on the public listener.
func (s *Server) Handle(pattern string, h http.Handler) { s.public.Handle(pattern, h) }

// HandlePrivate serves the pattern (of http.ServeMux) on the private listener.
func (s *Server) HandlePrivate(pattern string, h http.Handler) { s.private.Handle(pattern, h) }

// Collect adds metrics to those that the private listener serves. It panics when a name is taken.
func (s *Server) Collect(collectors ...prometheus.Collector) { s.registry.MustRegister(collectors...) }

// Go adds a background task, which must return when its context ends. When it fails, the program stops.
func (s *Server) Go(name string, task func(context.Context) error) {
	s.tasks = append(s.tasks, func(ctx context.Context) error {
		if err := task(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// Run serves until ctx ends or a task fails. Then it becomes unready, lets requests in progress finish for
// up to 10 s, ends the tasks and returns. The private listener closes last.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	// Tasks outlive the requests in progress, which may still commit events.
	taskCtx, endTasks := context.WithCancel(context.WithoutCancel(ctx))
	defer endTasks()
	for _, task := range s.tasks {
		group.Go(func() error { return task(taskCtx) })
	}
	admin := &http.Server{Handler: s.admin(), ReadHeaderTimeout: 5 * time.Second}
	if err := serve(ctx, group, s.cfg.AdminAddr, admin); err != nil {
		return err
	}
	public := &http.Server{
		Handler:           observe(s.public),
		ReadHeaderTimeout: s.cfg.ReadHeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	if s.cfg.ListenAddr != "" {
		if err := serve(ctx, group, s.cfg.ListenAddr, public); err != nil {
			return err
		}
	}
	s.ready.Store(true)
	slog.InfoContext(ctx, "started", "listen", s.cfg.ListenAddr, "admin", s.cfg.AdminAddr)
	group.Go(func() error {
		<-ctx.Done()
		s.ready.Store(false)
		err := shutDown(ctx, public)
		endTasks()
		return errors.Join(err, admin.Close())
	})
	return group.Wait()
}

// drain returns a context that ends after ctx and the pre-stop delay, during which the program is unready
// and serves as before.
func (s *Server) drain(ctx context.Context) context.Context {
	drained, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		s.ready.Store(false)
		<-s.after(s.cfg.Drain)
		end()
	})
	return drained
}

// serve listens before it returns, so that the start fails when the port is taken, and serves until srv is
// shut down.
func serve(ctx context.Context, group *errgroup.Group, addr string, srv *http.Server) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	group.Go(func() error {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", addr, err)
		}
		return nil
	})
	return nil
}

// shutDown accepts no more connections and waits for the requests in progress.
func shutDown(ctx context.Context, srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still in progress after %s: %w", shutdownTimeout, err), srv.Close())
	}
	return nil
}
