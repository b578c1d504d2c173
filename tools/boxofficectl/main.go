// Command boxofficectl tells an operator what waits, is late, was dead-lettered or differs in a running
// Boxoffice, and replays dead-lettered events. Only `dlq replay` changes anything.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"boxoffice.dev/tools/internal/audit"
)

const intro = `boxofficectl looks into a running Boxoffice.

Usage:  boxofficectl <command> [flags] [arguments]      boxofficectl <command> -h for its flags

`

const outro = `
Exit status: 0 when all is well, 1 when something needs you, 2 when it could not find out.
Every command prints a table, or JSON with --json.

Where the system is, from the environment:

  AMQP_URL                  amqp://USER:PASSWORD@HOST:5672/
  TICKETS_DATABASE_URL      postgres://USER:PASSWORD@HOST:5432/boxoffice_tickets
  ORDERS_DATABASE_URL       …/boxoffice_orders
  PAYMENTS_DATABASE_URL     …/boxoffice_payments
  EXPIRATION_DATABASE_URL   …/boxoffice_expiration
  PAYMENTS_ADMIN_URL        http://HOST:4014, the private listener of payments

What is not set there is read from .data/operator.env, where make up leaves it (BOXOFFICE_DATA
names another folder than .data).
`

// Exit statuses.
const (
	statusWell = iota
	statusWrong
	statusFailed
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// errUsage is a mistake in the arguments.
var errUsage = errors.New("wrong arguments")

// run executes one command line and returns the process's exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	c, rest, err := find(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		say(stdout, help())
		return statusWell
	case err != nil:
		say(stderr, "boxofficectl: "+err.Error()+"\n")
		return statusFailed
	}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		say(stderr, "Usage: boxofficectl "+c.name+" [flags] "+c.arguments+"\n\n"+c.about+"\n\n")
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	look := c.make(flags)
	switch err := flags.Parse(rest); {
	case errors.Is(err, flag.ErrHelp):
		return statusWell
	case err != nil:
		return statusFailed
	}
	r, err := look(ctx, settings{getenv}, flags.Args())
	if err == nil {
		err = r.print(stdout, *asJSON)
	}
	if err != nil {
		say(stderr, "boxofficectl: "+err.Error()+"\n")
		if errors.Is(err, errUsage) {
			flags.Usage()
		}
		return statusFailed
	}
	if r.wrong {
		return statusWrong
	}
	return statusWell
}

// say prints to the terminal. When that fails there is nobody left to tell.
func say(w io.Writer, text string) { io.WriteString(w, text) } //nolint:errcheck // see above

type command struct {
	name, arguments, about string
	make                   func(flags *flag.FlagSet) look // adds the command's flags
}

// look does what a command is for, once its flags are parsed.
type look func(ctx context.Context, where settings, args []string) (report, error)

func commands() []command {
	return []command{
		{"dlq list", "", "List dead-lettered events: those that a service could not handle.", listDeadLetters},
		{"dlq show", "EVENT", "Show a dead-lettered event: its data, and why it could not be handled.", showDeadLetters},
		{"dlq replay", "EVENT | --all", "Move dead-lettered events back to the queue they came from.", replayDeadLetters},
		{"outbox", "", "Show what each service has decided but not yet published.", outboxes},
		{"overdue", "", "List orders that should have expired and did not, and payments that do not end.", overdue},
		{"reconcile", "", "Compare the card processor's ledger with payments and orders.", reconcile},
		{"replicas", "", "List what one service knows otherwise than the service that decides it.", replicas},
	}
}

// find returns the command that the arguments begin with, and the rest of them; flag.ErrHelp when
// they ask for help.
func find(args []string) (command, []string, error) {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		return command{}, nil, flag.ErrHelp
	}
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c, args[len(words):], nil
		}
	}
	return command{}, nil, fmt.Errorf("there is no command %q; boxofficectl help lists them", strings.Join(args, " "))
}

func help() string {
	var b strings.Builder
	b.WriteString(intro)
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-15s %s\n", c.name, c.about)
	}
	b.WriteString(outro)
	return b.String()
}

// settings says where the system is.
type settings struct{ getenv func(string) string }

// get returns the value of the variable, or an error that says how to set it.
func (s settings) get(name string) (string, error) {
	if v := s.getenv(name); v != "" {
		return v, nil
	}
	dir := s.getenv("BOXOFFICE_DATA")
	if dir == "" {
		dir = ".data"
	}
	path := filepath.Join(dir, "operator.env")
	missing := fmt.Errorf("%s is not set and no running stack left it in %s", name, path)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", missing
	}
	if err != nil {
		return "", fmt.Errorf("read settings: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+"="); ok {
			return value, nil
		}
	}
	return "", errors.Join(missing, lines.Err())
}

// databases returns where each service keeps its data.
func (s settings) databases() audit.Databases {
	return func(service string) (string, error) { return s.get(strings.ToUpper(service) + "_DATABASE_URL") }
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// report is what a command found.
type report struct {
	wrong   bool       // an operator should do something about it
	header  []string   // names of the columns
	rows    [][]string // as the table shows them
	summary string     // the line below the table
	json    any        // the same for programs
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r.json)
	}
	var lines strings.Builder
	if len(r.rows) > 0 {
		lines.WriteString(strings.Join(r.header, "\t") + "\n")
	}
	for _, row := range r.rows {
		lines.WriteString(strings.Join(row, "\t") + "\n")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(table, lines.String()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if _, err := fmt.Fprintln(w, r.summary); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
