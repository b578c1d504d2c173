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

// Spec describes one of the system's services. Everything that runs or describes the system
// (this package, docker-compose.yml) agrees with the table of Specs.
type Spec struct {
	Name     string
	Package  string   // of its binary, below the workspace
	Port     int      // well-known public port; 0 without public listener
	Admin    int      // well-known private port
	Subgraph bool     // the router sends GraphQL to it
	Needs    []string // variables it is configured with besides those that every service takes
}

// Database reports whether the service has a database.
func (s Spec) Database() bool { return slices.Contains(s.Needs, "DATABASE_URL") }

// Specs lists every service.
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

// build compiles the services' binaries into the data folder. Throw-away systems share a folder, where go build finds
// those that are still up to date: to link them takes longer than all else of a start.
func build(ctx context.Context, o Options) error {
	bin := filepath.Join(o.Dir, "bin")
	if !o.Throwaway || o.Tags != "" {
		return compile(ctx, o, bin)
	}
	shared := filepath.Join(throwaway(o.Root), "bin")
	if o.Race {
		shared += "-race"
	}
	building.Lock() // it is this process's turn, but that may start two systems at once
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

// Service is one service of a Stack. It keeps its addresses and database over restarts.
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

// replica returns a service like this one that does not run.
func (s *Service) replica(name string) *Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &Service{Spec: s.Spec, binary: s.binary, dir: s.dir, root: s.root, inherit: s.inherit, env: maps.Clone(s.env)}
	r.Name = name
	return r
}

// Start starts the service and waits until it is ready. The settings (NAME=value) replace those
// of the same name, now and at later starts. It does nothing when the service runs.
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

// Output calls the service's binary with arguments, in no environment, and returns what it prints.
func (s *Service) Output(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = []string{}
	out, err := cmd.Output()
	return string(out), err
}

// ready returns why the service is not ready.
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

// Stop ends the service in order and waits for it.
func (s *Service) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	return s.proc.stop()
}

// Kill ends the service with kill -9 and waits until it is gone.
func (s *Service) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	return s.proc.kill()
}

// Running reports whether the service's process has neither ended by itself nor been ended.
func (s *Service) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc != nil && s.proc.running()
}

// LogFile returns the file that holds what the service wrote to its log since the stack started,
// also before it was started again.
func (s *Service) LogFile() string { return filepath.Join(s.dir, s.Name+".log") }

// LogTail returns the end of what the service wrote to its log.
func (s *Service) LogTail() string { return tail(s.LogFile()) }

// ended is closed when the service's process ends by itself or otherwise.
func (s *Service) ended() <-chan struct{} { return s.proc.done }

// environment returns what the service inherits of the given environment: everything but the
// credentials of the cluster and the broker, which are not its own.
func environment(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		return strings.HasPrefix(v, "DATABASE_URL=") || strings.HasPrefix(v, "AMQP_URL=")
	})
}

// Root returns the folder of the workspace (go.work) that the current folder is in.
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
			return "", errors.New("find the workspace: no go.work here or above")
		}
		dir = parent
	}
}
