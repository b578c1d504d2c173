package stack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// RabbitMQ is a private node with its own data folder, ports and port mapper daemon (epmd). It listens on loopback
// only.
type RabbitMQ struct {
	URL string

	server  string
	env     []string
	port    int
	epmd    int // port
	program program
	names   *process
	proc    *process
}

// newRabbitMQ configures the node in the folder.
func newRabbitMQ(dir, server, password string, ports *ports) (*RabbitMQ, error) {
	port, err1 := ports.choose()
	names, err2 := ports.choose()
	distribution, err3 := ports.choose()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("choose ports of RabbitMQ: %w", err)
	}
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of RabbitMQ: %w", err)
	}
	const login = "boxoffice"
	config := fmt.Sprintf("listeners.tcp.1 = %s\ndefault_user = %s\ndefault_pass = %s\n", Local(port), login, password)
	for name, content := range map[string]string{
		"rabbitmq.conf":       config,
		"enabled_plugins":     "[].\n",
		"home/.erlang.cookie": password,
	} {
		if err := writeSecret(filepath.Join(dir, name), content); err != nil {
			return nil, fmt.Errorf("configure RabbitMQ: %w", err)
		}
	}
	// This argument identifies the node. Its folder could not, because RabbitMQ's scripts split arguments at spaces.
	mark := fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))
	return &RabbitMQ{
		URL:    (&url.URL{Scheme: "amqp", User: url.UserPassword(login, password), Host: Local(port), Path: "/"}).String(),
		server: server, port: port, epmd: names,
		env: []string{
			"PATH=" + filepath.Dir(server) + ":" + os.Getenv("PATH"),
			"HOME=" + home,
			"LANG=C.UTF-8",
			"ERL_EPMD_PORT=" + strconv.Itoa(names),
			"ERL_EPMD_ADDRESS=127.0.0.1",
			"RABBITMQ_NODENAME=boxoffice@localhost",
			"RABBITMQ_DIST_PORT=" + strconv.Itoa(distribution),
			"RABBITMQ_MNESIA_BASE=" + filepath.Join(dir, "data"),
			"RABBITMQ_LOG_BASE=" + filepath.Join(dir, "log"),
			"RABBITMQ_CONFIG_FILE=" + filepath.Join(dir, "rabbitmq.conf"),
			"RABBITMQ_ENABLED_PLUGINS_FILE=" + filepath.Join(dir, "enabled_plugins"),
			"RABBITMQ_CONF_ENV_FILE=/dev/null",
			"RABBITMQ_PID_FILE=" + filepath.Join(dir, "data", "pid"),
			"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-boxoffice " + mark + " -kernel inet_dist_use_interface {127,0,0,1}",
			"RUNNING_UNDER_SYSTEMD=true", // the script replaces itself by the server
		},
		program: program{
			name: "rabbitmq", dir: dir, marker: mark,
			end: syscall.SIGTERM, orphan: syscall.SIGTERM, timeout: 20 * time.Second,
		},
	}, nil
}

// writeSecret writes a file that only its owner may read. It replaces an existing one.
func writeSecret(path, content string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o400)
}

// Start starts the node and waits until it accepts connections. It does nothing when the node is running.
func (r *RabbitMQ) Start(ctx context.Context) error {
	if r.proc != nil && r.proc.running() {
		return nil
	}
	if err := r.startNames(ctx); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(r.program.dir, "data"))
	restart := err == nil
	r.program.cmd = exec.Command(r.server)
	r.program.cmd.Dir, r.program.cmd.Env = r.program.dir, r.env
	if r.proc, err = r.program.run(); err != nil {
		return err
	}
	// RabbitMQ opens the listener last.
	if err := r.proc.await(ctx, func(ctx context.Context) error { return dial(ctx, r.port) }); err != nil {
		return err
	}
	if !restart {
		return nil
	}
	return r.electLeaders(ctx)
}

// electLeaders triggers an election for each queue without leader and waits for the leader. RabbitMQ 3 writes the
// quorum queues declared last into its directory with a delay. After a crash within that time it starts them without
// an election.
func (r *RabbitMQ) electLeaders(ctx context.Context) error {
	const elect = `[begin ok = ra:trigger_election(Id, 30000), {ok, _, _} = ra:members(Id, 30000) end ||
		Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue,
		{Name, _} = Id <- [amqqueue:get_pid(Queue)], ra_leaderboard:lookup_leader(Name) =:= undefined].`
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(r.server), "rabbitmqctl"), "eval", elect)
	cmd.Env = append(slices.Clone(r.env), "RABBITMQ_CTL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("elect leaders of queues: %w\n%s", err, out)
	}
	return nil
}

// startNames starts epmd. The node would start it by itself, but not as a child that ends with this process.
func (r *RabbitMQ) startNames(ctx context.Context) error {
	if r.names != nil && r.names.running() {
		return nil
	}
	p := program{
		name: "epmd", dir: r.program.dir, marker: "epmd",
		cmd: exec.Command("epmd", "-port", strconv.Itoa(r.epmd), "-address", "127.0.0.1"),
		end: syscall.SIGTERM, orphan: syscall.SIGKILL, timeout: 5 * time.Second,
	}
	p.cmd.Env = r.env
	var err error
	if r.names, err = p.run(); err != nil {
		return err
	}
	return r.names.await(ctx, func(ctx context.Context) error { return dial(ctx, r.epmd) })
}

func dial(ctx context.Context, port int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", Local(port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// Stop ends the node gracefully.
func (r *RabbitMQ) Stop() error {
	var errs []error
	for _, p := range []*process{r.proc, r.names} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

// Kill ends the node with kill -9. Start recovers the data.
func (r *RabbitMQ) Kill() error {
	if r.proc == nil {
		return nil
	}
	return r.proc.kill()
}

// findRabbitMQ returns the path of the server's script. It prefers the original to Debian's wrapper on the PATH, which
// switches to the user rabbitmq.
func findRabbitMQ() (string, bool) {
	const debian = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	if _, err := os.Stat(debian); err == nil {
		return debian, true
	}
	path, err := exec.LookPath("rabbitmq-server")
	return path, err == nil
}
