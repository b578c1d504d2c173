package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/logging"
	"boxoffice.dev/pkg/tracing"
)

// Main is the main function of a program. It reads the settings, sets up log and traces, and calls run,
// whose context ends after SIGINT or SIGTERM and the pre-stop delay. The process exits with 0 after a
// signal, with 1 when run fails or the settings are faulty, and with 2 when the arguments are.
//
// With the argument healthcheck the program does not serve: its exit code reports whether the running program
// is ready. --help prints all settings, and schema prints the JSON Schema of the settings file, if the program
// can read one.
func Main[C Settings](program config.Program, run func(ctx context.Context, cfg C, s *Server) error) {
	command, err := parseArgs[C](program, os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\nrun %s --help for usage\n", err, program.Name)
		os.Exit(2)
	}
	switch command {
	case "help":
		fmt.Fprint(os.Stdout, config.Usage[C](program))
		os.Exit(0)
	case "schema":
		fmt.Fprintf(os.Stdout, "%s", config.Schema[C](program))
		os.Exit(0)
	}
	cfg, err := config.Read[C](program, os.Environ(), nil)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot start with these settings:\n%v\n", program.Name, err)
		os.Exit(1)
	}
	if command == "healthcheck" {
		err = healthcheck(context.Background(), cfg.serverConfig().AdminAddr)
	} else {
		err = serveUntilSignal(program.Name, cfg, run)
	}
	if err != nil {
		os.Exit(1)
	}
}

// parseArgs returns the command, empty to serve. Arguments that are settings become variables.
func parseArgs[C Settings](program config.Program, args []string) (command string, err error) {
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // Main prints the error
	config.AddFlags[C](program, flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return "help", nil
	case err != nil:
		return "", err
	}
	command = flags.Arg(0)
	commands := []string{"", "help", "healthcheck"}
	if config.Schema[C](program) != nil {
		commands = append(commands, "schema")
	}
	if flags.NArg() > 1 || !slices.Contains(commands, command) {
		return "", fmt.Errorf("unknown command %q", strings.Join(flags.Args(), " "))
	}
	return command, nil
}

// serveUntilSignal runs the program. It logs the error that it returns.
func serveUntilSignal[C Settings](name string, cfg C, run func(ctx context.Context, cfg C, s *Server) error) error {
	base := cfg.serverConfig()
	logging.Setup(name, base.Log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	flush, err := tracing.Start(ctx, name, base.Environment, base.Traces)
	if err == nil {
		srv := New(base)
		err = run(srv.drain(ctx), cfg, srv)
		flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		if err := flush(flushCtx); err != nil {
			slog.WarnContext(ctx, "export traces failed", "error", err)
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		slog.ErrorContext(ctx, "stopped", "error", err)
		return err
	}
	slog.InfoContext(ctx, "stopped")
	return nil
}

// healthcheck requests /readyz from the program that listens on the address. It prints the error that it returns.
func healthcheck(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			body, err := io.ReadAll(resp.Body)
			return errors.Join(fmt.Errorf("%s: %s", resp.Status, body), err)
		}
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return err
}
