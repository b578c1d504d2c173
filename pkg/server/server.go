// Package server runs a service: its configuration, log, listeners, background tasks and its
// end. The public listener answers users; the private one (ADMIN_ADDR) tells health and
// readiness and must never be reachable from outside.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Config is what every service is configured with. A service embeds it in its own.
type Config struct {
	ListenAddr  string `env:"LISTEN_ADDR" restart:"true" help:"host:port of the public listener"`
	AdminAddr   string `env:"ADMIN_ADDR" restart:"true" help:"host:port of the private listener with /healthz, /readyz, /metrics and /debug/pprof/; never to be reached from outside"`
	Environment string `env:"ENVIRONMENT" envDefault:"production" enum:"production,development" restart:"true" help:"production, or development: over plain http, with the secrets of the examples"`
	LogLevel    string `env:"LOG_LEVEL" envDefault:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error"`
	LogFormat   string `env:"LOG_FORMAT" envDefault:"json" enum:"json,text" restart:"true" help:"json or text"`

	TraceEndpoint string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT" restart:"true" help:"where traces are sent, OTLP over HTTP: http://127.0.0.1:4318; without it there are none"`
	TraceRatio    float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1" min:"0" max:"1" restart:"true" help:"the share of traces that are kept, from 0 to 1, unless the caller's trace decides"`

	ReadHeaderTimeout time.Duration `env:"READ_HEADER_TIMEOUT" envDefault:"5s" min:"1ms" restart:"true" help:"for a request's headers, from its connection or first byte"`
	ReadTimeout       time.Duration `env:"READ_TIMEOUT" envDefault:"15s" min:"1ms" restart:"true" help:"for a whole request to arrive"`
	Drain             time.Duration `env:"DRAIN" envDefault:"0s" min:"0s" restart:"true" help:"between turning unready and ending, for those who balance load to notice"`
}

// Development reports whether the service runs on a developer's machine, over plain HTTP.
func (c Config) Development() bool { return c.Environment == "development" }

func (c Config) base() Config { return c }

func (c Config) check() error {
	var faults []error
	for name, address := range map[string]string{"LISTEN_ADDR": c.ListenAddr, "ADMIN_ADDR": c.AdminAddr} {
		if _, port, err := net.SplitHostPort(address); address != "" {
			if _, portErr := strconv.ParseUint(port, 10, 16); errors.Join(err, portErr) != nil {
				faults = append(faults, fmt.Errorf("%s: want host:port, got %q", name, address))
			}
		}
	}
	if u, err := url.Parse(c.TraceEndpoint); c.TraceEndpoint != "" && (err != nil || u.Host == "") {
		faults = append(faults, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: want http://… or https://…, got %q", c.TraceEndpoint))
	}
	return errors.Join(faults...)
}

// Configured is a configuration that embeds Config.
type Configured interface{ base() Config }

// Service names a service and the addresses it listens on unless configured otherwise.
type Service struct {
	Name   string
	About  string // what it does, as a sentence
	Listen string // host:port, empty for a service without public listener
	Admin  string // host:port
}

const (
	stopTimeout  = 10 * time.Second // for requests under way when the service stops
	probeTimeout = 2 * time.Second
)

// Main reads the configuration, calls run and exits the process: with 0 after SIGINT or SIGTERM, with
// 1 and a log line when run fails, or with 1 and a list of all that is wrong with the configuration. A
// configuration may have more to check: a method Check() error, whose errors begin with the variable at
// fault ("NAME: …"). The context of run ends when the service has to: after a signal and DRAIN.
//
// Called with the argument healthcheck it only asks the running service whether it is ready and exits
// accordingly; with --help it prints what can be configured, with schema the JSON Schema of the file
// for that, if there is one.
func Main[C Configured](service Service, run func(ctx context.Context, cfg C, s *Server) error) {
	list, _ := settingsOf[C](service)
	args := flag.NewFlagSet(service.Name, flag.ContinueOnError)
	args.Usage = func() {}
	for _, s := range list {
		if s.flag != "" {
			args.Func(strings.ToLower(s.name), s.help, func(value string) error { return os.Setenv(s.name, value) })
		}
	}
	err := args.Parse(os.Args[1:])
	command := args.Arg(0)
	switch {
	case errors.Is(err, flag.ErrHelp), command == "help":
		fmt.Fprint(os.Stdout, Usage[C](service))
		os.Exit(0)
	case command == "schema" && fileSetting(list) != nil:
		fmt.Fprintf(os.Stdout, "%s", Schema[C](service))
		os.Exit(0)
	case err == nil && (args.NArg() > 1 || command != "" && command != "healthcheck"):
		err = fmt.Errorf("there is no command %q", strings.Join(args.Args(), " "))
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil { // which args has printed
		fmt.Fprintf(os.Stderr, "%s --help tells how it is called\n", service.Name)
		os.Exit(2)
	}
	cfg, err := Read[C](service, os.Environ(), nil)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot start with these settings:\n%v\n", service.Name, err)
		os.Exit(1)
	}
	base := cfg.base()
	if command == "healthcheck" {
		os.Exit(healthcheck(base.AdminAddr))
	}
	srv := newServer(base)
	srv.setLog(service.Name)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err = traced(ctx, service.Name, base, func() error { return run(srv.drain(ctx), cfg, srv) })
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		slog.Error("stopped", "error", err)
		os.Exit(1)
	}
	slog.Info("stopped")
}

// traced calls run and then sends the spans that are left.
func traced(ctx context.Context, service string, cfg Config, run func() error) error {
	stop, err := startTracing(ctx, service, cfg)
	if err != nil {
		return err
	}
	err = run()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	if err := stop(ctx); err != nil {
		slog.WarnContext(ctx, "traces not sent", "error", err)
	}
	return err
}

func healthcheck(addr string) int {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, resp.Status)
		return 1
	}
	return 0
}

// Server is a service while it is set up and runs.
type Server struct {
	cfg      Config
	level    slog.LevelVar
	mux      *http.ServeMux
	private  *http.ServeMux
	registry *prometheus.Registry
	checks   map[string]func(context.Context) error
	parts    func(context.Context) map[string]error
	tasks    []func(context.Context) error
	ready    atomic.Bool
	after    func(time.Duration) <-chan time.Time
}

func newServer(cfg Config) *Server {
	return &Server{
		cfg: cfg, mux: http.NewServeMux(), private: http.NewServeMux(), registry: prometheus.NewRegistry(),
		checks: map[string]func(context.Context) error{}, after: time.After,
	}
}

// Handle serves the pattern (of http.ServeMux) on the public listener.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// HandlePrivate serves the pattern (of http.ServeMux) on the private listener.
func (s *Server) HandlePrivate(pattern string, h http.Handler) { s.private.Handle(pattern, h) }

// LocalURL returns where this process reaches its own public listener, without a path.
func (s *Server) LocalURL() string {
	host, port, err := net.SplitHostPort(s.cfg.ListenAddr)
	if err != nil {
		return "http://" + s.cfg.ListenAddr // Run will say what is wrong with it
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Check makes readiness depend on check, which must heed its context.
func (s *Server) Check(name string, check func(context.Context) error) { s.checks[name] = check }

// CheckParts makes readiness depend on what check returns, which must heed its context: what is wrong
// (nil for nothing) with each of the parts, any of which is enough to be of use. With some of them the
// service is degraded, which counts as ready; with none it is not ready.
func (s *Server) CheckParts(check func(context.Context) map[string]error) { s.parts = check }

// Go adds a background task, which runs until its context ends. When it fails, the service stops.
func (s *Server) Go(name string, task func(context.Context) error) {
	s.tasks = append(s.tasks, func(ctx context.Context) error {
		if err := task(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// Run serves until ctx ends or a task fails. Then it turns unready, lets requests under way finish for
// up to 10 s, ends the tasks and returns. The private listener answers for as long as there are any.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	// Tasks outlive the requests under way: those may still commit events.
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
		Handler:           observed(s.mux),
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

// drain returns a context that ends after ctx, when those who balance load have had the time to notice
// that the service is not ready any more. Until then it does everything as before.
func (s *Server) drain(ctx context.Context) context.Context {
	later, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		s.ready.Store(false)
		<-s.after(s.cfg.Drain)
		end()
	})
	return later
}

// serve listens at once, so that a taken port fails the start, and serves until the server is shut down.
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

// shutDown takes no more connections and waits for the requests under way.
func shutDown(ctx context.Context, srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still under way after %s: %w", stopTimeout, err), srv.Close())
	}
	return nil
}

// admin serves /healthz (the process lives), /readyz (it can do its work; if not, why not), /metrics
// (for Prometheus) and /debug/pprof/ (for go tool pprof).
func (s *Server) admin() http.Handler {
	mux := s.private
	mux.Handle("GET /metrics", s.metrics())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		missing := map[string]string{}
		for name, check := range s.checks {
			if err := check(ctx); err != nil {
				missing[name] = err.Error()
			}
		}
		unready := len(missing) > 0
		if s.parts != nil {
			parts, gone := s.parts(ctx), 0
			for name, err := range parts {
				if err != nil {
					missing[name] = err.Error()
					gone++
				}
			}
			unready = unready || gone == len(parts)
		}
		switch {
		case !s.ready.Load():
			writeJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "starting or stopping"})
		case unready:
			writeJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "missing": missing})
		case len(missing) > 0:
			writeJSON(w, http.StatusOK, map[string]any{"status": "degraded", "missing": missing})
		default:
			writeJSON(w, http.StatusOK, map[string]any{"status": "ready"})
		}
	})
	return mux
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck,errchkjson // the client is gone then
}
