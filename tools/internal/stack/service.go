package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Spec describes a service of the system. A test compares docker-compose.yml with Specs.
type Spec struct {
	Name     string
	Package  string   // path in the workspace
	Port     int      // well-known public port; 0 without public listener
	Admin    int      // well-known private port
	Subgraph bool     // it has a GraphQL schema
	Needs    []string // settings besides those of all services
}

// Database reports whether the service has a database.
func (s Spec) Database() bool { return slices.Contains(s.Needs, "DATABASE_URL") }

// Specs returns all services.
func Specs() []Spec {
	subgraph := []string{"DATABASE_URL", "AMQP_URL", "JWKS_URL", "SERVICE_TOKEN"}
	return []Spec{
		{Name: "auth", Package: "./subgraphs/auth", Port: 4001, Admin: 4011, Subgraph: true,
			Needs: []string{"DATABASE_URL", "SERVICE_TOKEN", "KEY_SECRET"}},
		{Name: "tickets", Package: "./subgraphs/tickets", Port: 4002, Admin: 4012, Subgraph: true, Needs: subgraph},
		{Name: "orders", Package: "./subgraphs/orders", Port: 4003, Admin: 4013, Subgraph: true, Needs: subgraph},
		{Name: "payments", Package: "./subgraphs/payments", Port: 4004, Admin: 4014, Subgraph: true,
			Needs: append([]string{"SIMULATOR_URL", "SIMULATOR_KEY"}, subgraph...)},
		{Name: "stripesim", Package: "./subgraphs/stripesim", Port: 4006, Admin: 4016,
			Needs: []string{"DATABASE_URL", "PUBLIC_URL", "WEBHOOK_URL", "SIMULATOR_KEY"}},
		{Name: "expiration", Package: "./expiration", Admin: 4015, Needs: []string{"DATABASE_URL", "AMQP_URL"}},
		{Name: "router", Package: "./router", Port: 4000, Admin: 4010,
			Needs: []string{"SUPERGRAPH", "SUBGRAPH_URLS", "JWKS_URL", "SERVICE_TOKEN"}},
	}
}

var building sync.Mutex

// build compiles the services' binaries into the data folder. Throw-away systems share a folder, in which go build
// finds binaries that are up to date. Linking them would take longer than the rest of a start.
func build(ctx context.Context, o Options) error {
	bin := filepath.Join(o.Dir, "bin")
	if !o.Throwaway || o.Tags != "" {
		return compile(ctx, o, bin)
	}
	shared := filepath.Join(throwaway(o.Root), "bin")
	if o.Race {
		shared += "-race"
	}
	building.Lock() // one process may start two systems at once
	defer building.Unlock()
	return errors.Join(compile(ctx, o, shared), os.Symlink(shared, bin))
}

func compile(ctx context.Context, o Options, dir string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if o.Race {
		args = append(args, "-race")
	}
	if o.Tags != "" {
		args = append(args, "-tags", o.Tags)
	}
	for _, s := range o.Specs {
		args = append(args, s.Package)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = o.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// Service is a service of a Stack. It keeps its addresses and database across restarts.
type Service struct {
	Spec
	Addr      string // host:port of the public listener, empty without one
	AdminAddr string // host:port of the private listener

	mu      sync.Mutex // one start or stop at a time
	binary  string
	dir     string
	root    string
	inherit []string
	env     map[string]string
	proc    *process
}

// replica returns a copy of the service that is not started.
func (s *Service) replica(name string) *Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &Service{Spec: s.Spec, binary: s.binary, dir: s.dir, root: s.root, inherit: s.inherit, env: maps.Clone(s.env)}
	r.Name = name
	return r
}

// Start starts the service and waits until it is ready. The settings (NAME=value) override earlier ones, also for later
// starts. It does nothing when the service is running.
func (s *Service) Start(ctx context.Context, settings ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil && s.proc.running() {
		return nil
	}
	for _, setting := range settings {
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			return fmt.Errorf("start %s: %q is not NAME=value", s.Name, setting)
		}
		s.env[name] = value
	}
	cmd := exec.Command(s.binary)
	cmd.Dir = s.root
	cmd.Env = slices.Clone(s.inherit)
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		cmd.Env = append(cmd.Env, name+"="+s.env[name])
	}
	var err error
	s.proc, err = program{
		name: s.Name, dir: s.dir, cmd: cmd, marker: s.binary,
		end: syscall.SIGTERM, orphan: syscall.SIGKILL, timeout: 15 * time.Second,
	}.run()
	if err != nil {
		return err
	}
	return s.proc.await(ctx, s.ready)
}

// Output runs the service's binary with the arguments and an empty environment, and returns its output.
func (s *Service) Output(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = []string{}
	out, err := cmd.Output()
	return string(out), err
}

// ready returns nil if the service is ready.
func (s *Service) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.AdminAddr+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	return nil
}

// Stop ends the service gracefully and waits for it.
func (s *Service) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	return s.proc.stop()
}

// Kill ends the service with SIGKILL and waits for it.
func (s *Service) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	return s.proc.kill()
}

// Running reports whether the service's process is running.
func (s *Service) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc != nil && s.proc.running()
}

// LogFile returns the path of the service's log since the stack was started.
func (s *Service) LogFile() string { return filepath.Join(s.dir, s.Name+".log") }

// LogTail returns the last lines of the service's log.
func (s *Service) LogTail() string { return tail(s.LogFile()) }

// ended is closed when the service's process ends.
func (s *Service) ended() <-chan struct{} { return s.proc.done }

// environment returns the environment without the credentials of the cluster and the broker, which services must not
// inherit.
func environment(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		return strings.HasPrefix(v, "DATABASE_URL=") || strings.HasPrefix(v, "AMQP_URL=")
	})
}

// Root returns the folder of the workspace (go.work) that contains the current folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the workspace: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the workspace: no go.work in this folder or above")
		}
		dir = parent
	}
}
