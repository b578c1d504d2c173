// Package stack runs the whole system on this machine: Postgres, RabbitMQ and every service. Each is a child
// process that can be stopped, killed and restarted, and that does not outlive its parent.
package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options configure a stack.
type Options struct {
	Dir  string // holds all data, logs and binaries
	Root string // of the workspace

	// Existing servers, used instead of private ones if set.
	DatabaseURL string // of a role that may create databases and roles
	BrokerURL   string

	PostgresSettings []string // name=value, of the private cluster

	Throwaway  bool // the folder is empty, and its data need not survive a power cut
	Race       bool // build the services with the race detector
	WellKnown  bool // prefer the well-known ports
	RouterPort int  // of the router; 0 for any

	Specs    []Spec               // the services to run; none for Postgres and RabbitMQ only
	Tags     string               // build tags of the services; may be empty
	Database string               // prefix of the names of databases and roles
	Environ  []string             // inherited by the services
	Settings map[string][]string  // NAME=value by service, on top of what the stack sets
	Progress func(string, ...any) // reports each step, like fmt.Printf; may be nil
}

// Stack is the running system.
type Stack struct {
	Postgres *Postgres // nil when it is not private
	RabbitMQ *RabbitMQ // nil when it is not private

	DatabaseURL string // connects as superuser
	BrokerURL   string

	mu        sync.Mutex // guards services once the stack has started
	services  []*Service
	databases map[string]string
	ports     ports
}

// Start builds the services while Postgres and RabbitMQ start, creates the databases, starts the services and waits
// until all are ready. After an error, nothing is left running. A throw-away system with services takes a turn
// first.
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	if o.Progress == nil {
		o.Progress = func(string, ...any) {}
	}
	if o.Throwaway && len(o.Specs) > 0 {
		if err := TakeTurn(ctx, o.Root, o.Progress); err != nil {
			return nil, err
		}
	}
	s := &Stack{DatabaseURL: o.DatabaseURL, BrokerURL: o.BrokerURL, databases: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("find data folder: %w", err)
	}
	logs := filepath.Join(o.Dir, "log")
	if err := os.MkdirAll(logs, 0o755); err != nil { //nolint:gosec // the user of Postgres needs access
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	secrets, err := openSecrets(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := s.addServices(o); err != nil {
		return nil, err
	}
	if err := s.addServers(ctx, o, secrets); err != nil {
		return nil, err
	}
	if err := s.startServers(ctx, o, secrets); err != nil {
		return nil, err
	}
	s.configure(o, secrets)
	if err := s.writeOperatorSettings(o.Dir); err != nil {
		return nil, err
	}
	if len(s.services) > 0 {
		err = step(o.Progress, "services ready", func() error { return s.startServices(ctx) })
	}
	return s, err
}

// addServers prepares a private Postgres and RabbitMQ, each unless the options have the address of one.
func (s *Stack) addServers(ctx context.Context, o Options, secrets secrets) error {
	bin, server, err := binaries(ctx, o.DatabaseURL == "", o.BrokerURL == "", o.Progress)
	if err != nil {
		return err
	}
	if o.DatabaseURL == "" {
		dir, err := postgresDir(filepath.Join(o.Dir, "postgres"))
		if err != nil {
			return err
		}
		if s.Postgres, err = newPostgres(dir, bin, secrets.of("postgres"), o.Throwaway, &s.ports); err != nil {
			return err
		}
		for _, setting := range o.PostgresSettings {
			s.Postgres.args = append(s.Postgres.args, "-c", setting)
		}
		s.DatabaseURL = s.Postgres.URL
	}
	if o.BrokerURL == "" {
		if s.RabbitMQ, err = newRabbitMQ(filepath.Join(o.Dir, "rabbitmq"), server, secrets.of("rabbitmq"), &s.ports); err != nil {
			return err
		}
		s.BrokerURL = s.RabbitMQ.URL
	}
	return nil
}

// startServers starts Postgres and RabbitMQ, creates the databases, and builds the services meanwhile.
func (s *Stack) startServers(ctx context.Context, o Options, secrets secrets) error {
	group, ctx := errgroup.WithContext(ctx)
	if len(o.Specs) > 0 {
		group.Go(func() error {
			return step(o.Progress, "services built", func() error { return build(ctx, o) })
		})
	}
	group.Go(func() error {
		return step(o.Progress, "Postgres ready", func() error {
			if s.Postgres != nil {
				if err := s.Postgres.Start(ctx); err != nil {
					return err
				}
			}
			return s.createDatabases(ctx, o, secrets)
		})
	})
	if s.RabbitMQ != nil {
		group.Go(func() error {
			return step(o.Progress, "RabbitMQ ready", func() error { return s.RabbitMQ.Start(ctx) })
		})
	}
	return group.Wait()
}

// step calls do and reports its duration.
func step(progress func(string, ...any), name string, do func() error) error {
	begin := time.Now()
	if err := do(); err != nil {
		return err
	}
	progress("%-16s %5.1f s", name, time.Since(begin).Seconds())
	return nil
}

// addServices adds the services with their addresses and removes their old logs.
func (s *Stack) addServices(o Options) error {
	choose := func(wellKnown int) (int, error) {
		if o.WellKnown && PortFree(wellKnown) {
			return wellKnown, nil
		}
		return s.ports.choose()
	}
	for _, spec := range o.Specs {
		service := &Service{
			Spec:    spec,
			binary:  filepath.Join(o.Dir, "bin", filepath.Base(spec.Package)),
			dir:     filepath.Join(o.Dir, "log"),
			root:    o.Root,
			inherit: environment(o.Environ),
		}
		if err := os.Remove(service.LogFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove old log of %s: %w", spec.Name, err)
		}
		admin, err := choose(spec.Admin)
		if err != nil {
			return fmt.Errorf("choose port of %s: %w", spec.Name, err)
		}
		service.AdminAddr = Local(admin)
		port := o.RouterPort
		if spec.Name != "router" || port == 0 {
			if port, err = choose(spec.Port); err != nil {
				return fmt.Errorf("choose port of %s: %w", spec.Name, err)
			}
		} else if !PortFree(port) {
			return fmt.Errorf("port %d of the router is taken", port)
		}
		if spec.Port != 0 {
			service.Addr = Local(port)
		}
		s.services = append(s.services, service)
	}
	return nil
}

func (s *Stack) createDatabases(ctx context.Context, o Options, secrets secrets) error {
	var databases []database
	for _, spec := range o.Specs {
		if !spec.Database() {
			continue
		}
		d := database{name: o.Database + "_" + spec.Name, password: secrets.of("database " + spec.Name)}
		url, err := d.url(s.DatabaseURL)
		if err != nil {
			return err
		}
		databases = append(databases, d)
		s.databases[spec.Name] = url
	}
	return createDatabases(ctx, s.DatabaseURL, databases)
}

// configure sets every service's environment.
func (s *Stack) configure(o Options, secrets secrets) {
	var subgraphs []string
	values := map[string]string{
		"AMQP_URL":      s.BrokerURL,
		"SERVICE_TOKEN": secrets.of("service token"),
		"KEY_SECRET":    secrets.of("key secret"),
		"SIMULATOR_KEY": secrets.of("simulator key"),
		"SUPERGRAPH":    filepath.Join(o.Root, "schema", "supergraph.graphql"),
	}
	for _, service := range s.services {
		if service.Subgraph {
			subgraphs = append(subgraphs, service.Name+"=http://"+service.Addr+"/graphql")
		}
		switch service.Name {
		case "auth":
			values["JWKS_URL"] = "http://" + service.Addr + "/.well-known/jwks.json"
		case "payments":
			values["WEBHOOK_URL"] = "http://" + service.Addr + "/webhooks/stripe"
		case "stripesim":
			values["SIMULATOR_URL"] = "http://" + service.Addr
		}
	}
	values["SUBGRAPH_URLS"] = strings.Join(subgraphs, ",")
	for _, service := range s.services {
		service.env = map[string]string{"ENVIRONMENT": "development", "LOG_FORMAT": "text", "ADMIN_ADDR": service.AdminAddr}
		if service.Addr != "" {
			service.env["LISTEN_ADDR"] = service.Addr
		}
		values["DATABASE_URL"] = s.databases[service.Name]
		values["PUBLIC_URL"] = "http://" + service.Addr
		for _, name := range service.Needs {
			service.env[name] = values[name]
		}
		if service.Name == "payments" && withPages(o.Settings["router"]) {
			service.env["PAYMENT_RETURN_URL"] = "http://" + s.Service("router").Addr + "/payments/return"
		}
		for _, setting := range o.Settings[service.Name] {
			name, value, _ := strings.Cut(setting, "=")
			service.env[name] = value
		}
	}
}

// withPages reports whether the router serves the storefront, to which banks redirect buyers.
func withPages(settings []string) bool {
	return slices.ContainsFunc(settings, func(setting string) bool { return strings.HasPrefix(setting, "PAGES_DIR=") })
}

func (s *Stack) startServices(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, service := range s.services {
		group.Go(func() error { return service.Start(ctx) })
	}
	return group.Wait()
}

// Replica starts another process of a service, with its own name and addresses and the same settings except for those
// given (NAME=value). Unless it is stopped before, it stops with the stack.
func (s *Stack) Replica(ctx context.Context, of, name string, settings ...string) (*Service, error) {
	r := s.Service(of).replica(name)
	for variable, addr := range map[string]*string{"LISTEN_ADDR": &r.Addr, "ADMIN_ADDR": &r.AdminAddr} {
		port, err := s.ports.choose()
		if err != nil {
			return nil, fmt.Errorf("choose port of %s: %w", name, err)
		}
		*addr = Local(port)
		r.env[variable] = *addr
	}
	s.mu.Lock()
	s.services = append(s.services, r)
	s.mu.Unlock()
	return r, r.Start(ctx, settings...)
}

// Services returns all services and their replicas.
func (s *Stack) Services() []*Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.services)
}

// Service returns the service of the name. It panics when there is none.
func (s *Stack) Service(name string) *Service {
	services := s.Services()
	i := slices.IndexFunc(services, func(service *Service) bool { return service.Name == name })
	if i < 0 {
		panic("no service " + name)
	}
	return services[i]
}

// ServiceDatabaseURL returns the URL with which the service connects to its database. It panics when the service
// has none.
func (s *Stack) ServiceDatabaseURL(name string) string {
	url, ok := s.databases[name]
	if !ok {
		panic("no database of " + name)
	}
	return url
}

// Endpoint returns the URL of the router's GraphQL endpoint.
func (s *Stack) Endpoint() string { return "http://" + s.Service("router").Addr + "/graphql" }

// Wait returns nil when ctx ends, or an error when a service ends unexpectedly.
func (s *Stack) Wait(ctx context.Context) error {
	ended := make(chan *Service)
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	for _, service := range s.Services() {
		waiting.Go(func() {
			select {
			case <-service.ended():
				select {
				case ended <- service:
				case <-ctx.Done():
				}
			case <-ctx.Done():
			}
		})
	}
	select {
	case <-ctx.Done():
		return nil
	case service := <-ended:
		log := service.LogFile()
		return fmt.Errorf("%s ended unexpectedly; the end of %s:\n%s", service.Name, log, tail(log))
	}
}

// Stop ends all processes of the stack gracefully: router, services, broker, database.
func (s *Stack) Stop() error {
	var mu sync.Mutex
	var errs []error
	all := func(stops ...func() error) {
		var group sync.WaitGroup
		for _, stop := range stops {
			group.Go(func() {
				err := stop()
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			})
		}
		group.Wait()
	}
	var router, others, infrastructure []func() error
	for _, service := range s.Services() {
		if service.Package == "./router" {
			router = append(router, service.Stop)
		} else {
			others = append(others, service.Stop)
		}
	}
	if s.RabbitMQ != nil {
		infrastructure = append(infrastructure, s.RabbitMQ.Stop)
	}
	if s.Postgres != nil {
		infrastructure = append(infrastructure, s.Postgres.Stop)
	}
	all(router...)
	all(others...)
	all(infrastructure...)
	all(s.ports.release)
	return errors.Join(errs...)
}
