// Command dev runs Boxoffice on a machine that has Go and nothing else set up.
//
//	dev up [--port N]        start everything with demo data and run until Ctrl-C; the data stay in .data
//	dev reset                delete the data
//	dev test [-- arguments]  run go test with a temporary Postgres and RabbitMQ; every package by default
//
// DATABASE_URL and AMQP_URL, when set, replace the private instances. The services inherit other variables:
// with `HOLD=1m dev up` an unpaid order expires after a minute.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"boxoffice.dev/tools/internal/shop"
	"boxoffice.dev/tools/internal/stack"
)

func main() { os.Exit(exitCode(run(os.Args[1:]))) }

// testsFailed is the exit status of go test, which has printed the errors.
type testsFailed int

func (c testsFailed) Error() string { return fmt.Sprintf("go test exited with %d", int(c)) }

// exitCode prints the error and returns the exit status: that of go test, if it ran.
func exitCode(err error) int {
	var failed testsFailed
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed):
		return int(failed)
	default:
		fmt.Fprintln(os.Stderr, "dev:", err)
		return 1
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) }) // a second Ctrl-C ends the process at once
	endWithGoRun()
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{""}
	}
	data := filepath.Join(root, ".data")
	switch command, args := args[0], args[1:]; command {
	case "up":
		return up(ctx, root, data, args)
	case "reset":
		return reset(data)
	case "test":
		return test(ctx, root, args)
	default:
		return fmt.Errorf("want up, reset or test, got %q", command)
	}
}

func up(ctx context.Context, root, data string, args []string) (err error) {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	port := flags.Int("port", 4000, "port of the router")
	if err := flags.Parse(args); err != nil {
		return err
	}
	release, err := stack.Lock(data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if !stack.PortFree(*port) {
		return fmt.Errorf("port %d is taken: stop what listens there, or choose another: make up PORT=%d", *port, *port+100)
	}

	begin := time.Now()
	build, err := shop.Make(ctx, root, progress)
	switch {
	case errors.Is(err, shop.ErrNoNode):
		progress("without the shop: %v", err)
	case ctx.Err() != nil:
		return nil // Ctrl-C while building
	case err != nil:
		return err
	}
	system, err := stack.Start(ctx, stack.Options{
		Dir: data, Root: root,
		DatabaseURL: os.Getenv("DATABASE_URL"), BrokerURL: os.Getenv("AMQP_URL"),
		WellKnown: true, RouterPort: *port,
		Specs: stack.Specs(), Database: "boxoffice", Environ: os.Environ(),
		Settings: map[string][]string{"router": build.Settings()}, Progress: progress,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C while starting
		}
		return err
	}
	defer func() {
		progress("stopping; the data stay in %s", data)
		err = errors.Join(err, system.Stop())
	}()
	if err := seed(ctx, system.Endpoint(), progress); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("seed: %w", err)
	}
	progress("ready in %.1f s", time.Since(begin).Seconds())
	announce(system, build)
	return system.Wait(ctx)
}

func announce(system *stack.Stack, build shop.Build) {
	router := "http://" + system.Service("router").Addr
	fmt.Println()
	if build.Made() {
		fmt.Printf("  shop        %s/\n", router)
	}
	logs := filepath.Dir(system.Service("router").LogFile())
	fmt.Printf("  playground  %s/playground/\n  GraphQL     %s\n  logs        %s\n", router, system.Endpoint(), logs)
	fmt.Print("  private   ") // for operators: /metrics, /readyz, /debug/pprof/
	for _, spec := range stack.Specs() {
		fmt.Printf("  %s %s", spec.Name, system.Service(spec.Name).AdminAddr)
	}
	fmt.Print("\n\n")
	for _, p := range people {
		fmt.Printf("  %-8s    %s  %s\n", p.role, p.email, demoPassword)
	}
	fmt.Print("\n  cards       pm_card_visa succeeds, pm_card_visa_chargeDeclined is declined; more in docs/payments.md\n\n" +
		"  Ctrl-C stops everything\n\n")
}

func reset(data string) error {
	release, err := stack.Lock(data)
	if err != nil {
		return err
	}
	return errors.Join(stack.Remove(data), release())
}

func test(ctx context.Context, root string, args []string) (err error) {
	dir, err := stack.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Remove(dir)) }()
	system, err := stack.Start(ctx, stack.Options{
		Dir: dir, Root: root, DatabaseURL: os.Getenv("DATABASE_URL"), BrokerURL: os.Getenv("AMQP_URL"), Throwaway: true, Progress: progress,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, system.Stop()) }()

	if len(args) == 0 {
		// Go's test cache does not notice a change of the services' binaries. The package that takes longest comes
		// first. Packages that wait for their turn take a place of -p, and their timeout includes the wait.
		args = []string{"-race", "-count=1", "-timeout=1h", "-p=4", "./tools/e2e", "work"}
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+system.DatabaseURL, "AMQP_URL="+system.BrokerURL, "TMPDIR="+dir) // removed with it
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// Go test passes no signal on to the tests that it runs: the whole group gets it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	err = cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		return testsFailed(exit.ExitCode())
	}
	return err
}

func progress(format string, args ...any) { fmt.Printf("==> "+format+"\n", args...) }
