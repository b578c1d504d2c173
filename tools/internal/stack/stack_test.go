package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"
)

// parentVariable makes the test binary start a stack in the folder, print the ids of its processes and wait to be
// killed.
const parentVariable = "BOXOFFICE_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVariable); dir != "" {
		playParent(dir)
	}
	os.Exit(m.Run())
}

func playParent(dir string) {
	s, err := Start(context.Background(), Options{Dir: dir, Throwaway: true})
	if err != nil {
		panic(err)
	}
	for _, p := range []*process{s.Postgres.proc, s.RabbitMQ.proc, s.RabbitMQ.names} {
		os.Stdout.WriteString(strconv.Itoa(p.pid()) + "\n")
	}
	os.Stdout.Close()
	select {}
}

func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fastDir is tempDir in memory, where the system has such a folder.
func fastDir(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		return tempDir(t)
	}
	dir, err := os.MkdirTemp(memory, "boxoffice-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the account of RabbitMQ reads it
		t.Fatal(err)
	}
	return dir
}

func startStack(t *testing.T, dir string) *Stack {
	t.Helper()
	s, err := Start(t.Context(), Options{Dir: dir, Throwaway: true})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func TestDataSurvivesAKill(t *testing.T) {
	t.Parallel()
	s := startStack(t, tempDir(t))
	store(t, s)
	for name, end := range map[string]func() error{"stopped": s.Postgres.Stop, "killed": s.Postgres.Kill} {
		if err := errors.Join(end(), s.Postgres.Start(t.Context())); err != nil {
			t.Fatalf("Postgres %s and started: %v", name, err)
		}
		wantStored(t, s)
	}
	for name, end := range map[string]func() error{"stopped": s.RabbitMQ.Stop, "killed": s.RabbitMQ.Kill} {
		if err := errors.Join(end(), s.RabbitMQ.Start(t.Context())); err != nil {
			t.Fatalf("RabbitMQ %s and started: %v", name, err)
		}
		wantStored(t, s)
	}
}

// A RabbitMQ 3.10 that crashes right after the declaration of a quorum queue starts it without leader. It needs a fast
// disk to happen reliably.
func TestQueuesHaveLeadersAfterAKillRightAfterTheirDeclaration(t *testing.T) {
	t.Parallel()
	s := startStack(t, fastDir(t))
	const queues = 12
	name := func(i int) string { return fmt.Sprint("queue.", i) }
	withChannel(t, s, func(ch *amqp.Channel) error {
		for i := range queues {
			quorum := amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}
			if _, err := ch.QueueDeclare(name(i), true, false, false, false, quorum); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(s.RabbitMQ.Kill(), s.RabbitMQ.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	withChannel(t, s, func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		for i := range queues {
			message := amqp.Publishing{Body: []byte(name(i))}
			confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", name(i), true, false, message)
			if err != nil {
				return err
			}
			if _, err := confirm.WaitContext(ctx); err != nil {
				return fmt.Errorf("wait for confirm of %s: %w", name(i), err)
			}
			deliveries, err := ch.ConsumeWithContext(ctx, name(i), "", true, false, false, false, nil)
			if err != nil {
				return fmt.Errorf("consume %s: %w", name(i), err)
			}
			select {
			case d := <-deliveries:
				if string(d.Body) != name(i) {
					t.Errorf("%s delivers %q", name(i), d.Body)
				}
			case <-ctx.Done():
				return fmt.Errorf("consume %s: %w", name(i), ctx.Err())
			}
		}
		return nil
	})
}

func TestProcessesEndWithAKilledParent(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("got %q from the parent, want a pid", lines.Text())
		}
		pids = append(pids, pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if len(pids) != 3 {
		t.Fatalf("the parent started %d processes, want 3", len(pids))
	}

	// The next run starts with the same data while processes of the first may be ending.
	s := startStack(t, dir)
	store(t, s)
	for _, pid := range pids {
		ended := func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
		eventually(t, "end of orphan "+strconv.Itoa(pid), ended)
	}
}

func TestAProcessOfAnEarlierRunIsEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sleeper := func() program {
		return program{
			name: "sleeper", dir: dir, cmd: exec.Command("sleep", "1000"), marker: "sleep 1000",
			end: syscall.SIGTERM, orphan: syscall.SIGKILL, timeout: 5 * time.Second,
		}
	}
	first, err := sleeper().run()
	if err != nil {
		t.Fatal(err)
	}
	second, err := sleeper().run()
	if err != nil {
		t.Fatal(err)
	}
	<-first.done

	// A process that has the same pid but not the marker is not ended.
	stranger := sleeper()
	stranger.marker = "something else"
	third, err := stranger.run()
	if err != nil {
		t.Fatal(err)
	}
	if !second.running() {
		t.Error("a process without the marker was ended")
	}
	if err := errors.Join(second.stop(), third.kill()); err != nil {
		t.Error(err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil {
		t.Error("the folder could be locked twice")
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = Lock(dir); err != nil {
		t.Fatalf("lock a released folder: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestStacksChooseDistinctPorts(t *testing.T) {
	t.Parallel()
	var one, other ports
	chosen := map[int]bool{}
	for _, p := range []*ports{&one, &other, &one, &other} {
		for range 200 {
			port, err := p.choose()
			if err != nil {
				t.Fatal(err)
			}
			if chosen[port] {
				t.Errorf("port %d was chosen twice without a release", port)
			}
			chosen[port] = true
		}
	}
	if err := errors.Join(one.release(), other.release()); err != nil {
		t.Error(err)
	}
}

func TestEachServiceReachesOnlyItsOwnDatabase(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Dir: tempDir(t), Throwaway: true, BrokerURL: "amqp://not.used"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	one, other := database{"one", "secret1"}, database{"other", "secret2"}
	for range 2 { // the second time, everything exists
		if err := createDatabases(t.Context(), s.DatabaseURL, []database{one, other}); err != nil {
			t.Fatal(err)
		}
	}
	connect := func(d database) error {
		url, err := d.url(s.DatabaseURL)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS mine ()")
		return errors.Join(err, conn.Close(t.Context()))
	}
	if err := connect(one); err != nil {
		t.Errorf("connect to its own database: %v", err)
	}
	if err := connect(database{"one", "wrong"}); err == nil {
		t.Error("connected with a wrong password")
	}
	url, err := one.url(s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), strings.Replace(url, "/one?", "/other?", 1)); err == nil {
		t.Error("connected to the database of another service", conn.Close(t.Context()))
	}
}

func TestSpecsAreBuiltFromTheWorkspace(t *testing.T) {
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	ports := map[int]string{}
	for _, spec := range Specs() {
		if _, err := os.Stat(filepath.Join(root, spec.Package, "main.go")); err != nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
		for _, port := range []int{spec.Port, spec.Admin} {
			if other := ports[port]; port != 0 && other != "" {
				t.Errorf("%s and %s have the same port %d", spec.Name, other, port)
			}
			ports[port] = spec.Name
		}
	}
}

// store creates a table and a queue, which restarts must not lose.
func store(t *testing.T, s *Stack) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL)
	if err != nil {
		t.Fatalf("connect to Postgres: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE mark ()"); err != nil {
		t.Fatalf("store in Postgres: %v", err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	withChannel(t, s, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("mark", true, false, false, false, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum})
		return err
	})
}

func wantStored(t *testing.T, s *Stack) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL)
	if err != nil {
		t.Fatalf("connect to Postgres: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT FROM mark"); err != nil {
		t.Errorf("read the table: %v", err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	withChannel(t, s, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive("mark", true, false, false, false, nil)
		return err
	})
}

func withChannel(t *testing.T, s *Stack, do func(*amqp.Channel) error) {
	t.Helper()
	conn, err := amqp.Dial(s.BrokerURL)
	if err != nil {
		t.Fatalf("connect to RabbitMQ: %v", err)
	}
	ch, err := conn.Channel()
	if err == nil {
		err = do(ch)
	}
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Errorf("RabbitMQ: %v", err)
	}
}

func eventually(t *testing.T, awaited string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited for %s", awaited)
		}
	}
}
