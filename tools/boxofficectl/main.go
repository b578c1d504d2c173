// Command boxofficectl shows an operator what needs attention in a running Boxoffice: dead-lettered and unpublished
// events, overdue orders, replicas that differ from their owner, and payments that differ from the card processor's
// ledger. Only `dlq replay` changes anything.
package main

import (
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

	"boxoffice.dev/tools/internal/consistency"
)

const intro = `boxofficectl inspects a running Boxoffice.

Usage:  boxofficectl <command> [flags] [arguments]
        boxofficectl <command> -h    prints a command's flags

`

const outro = `
Exit status: 0 when there is no problem, 1 when something needs attention, 2 when the check failed.
Every command prints a table, or JSON with --json.

Environment:

  AMQP_URL                  amqp://USER:PASSWORD@HOST:5672/
  TICKETS_DATABASE_URL      postgres://USER:PASSWORD@HOST:5432/boxoffice_tickets
  ORDERS_DATABASE_URL       …/boxoffice_orders
  PAYMENTS_DATABASE_URL     …/boxoffice_payments
  EXPIRATION_DATABASE_URL   …/boxoffice_expiration
  PAYMENTS_ADMIN_URL        http://HOST:4014, the private listener of payments

Variables that are not set are read from .data/operator.env, which make up writes (BOXOFFICE_DATA
is another folder instead of .data).
`

// Exit statuses.
const (
	statusOK = iota
	statusProblem
	statusFailed
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// errUsage is an error in the arguments.
var errUsage = errors.New("wrong arguments")

// run executes one command line and returns the process's exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	c, rest, err := find(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help())
		return statusOK
	case err != nil:
		fmt.Fprintln(stderr, "boxofficectl:", err)
		return statusFailed
	}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "Usage: boxofficectl %s [flags] %s\n\n%s\n\n", c.name, c.arguments, c.about)
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	act := c.parse(flags)
	switch err := flags.Parse(rest); {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		return statusFailed
	}
	var r report
	if err = errUsage; c.arguments != "" || flags.NArg() == 0 {
		r, err = act(ctx, settings{getenv}, flags.Args())
	}
	if err == nil {
		err = r.print(stdout, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(stderr, "boxofficectl:", err)
		if errors.Is(err, errUsage) {
			flags.Usage()
		}
		return statusFailed
	}
	if r.problem {
		return statusProblem
	}
	return statusOK
}

type command struct {
	name, arguments, about string
	parse                  func(flags *flag.FlagSet) action // adds the command's flags
}

// action executes a command, once its flags are parsed.
type action func(ctx context.Context, s settings, args []string) (report, error)

func commands() []command {
	return []command{
		{"dlq list", "", "List dead-lettered events: those that a service could not handle.", dlqList},
		{"dlq show", "EVENT", "Show a dead-lettered event with its data and its error.", dlqShow},
		{"dlq replay", "EVENT | --all", "Move dead-lettered events back to the queue that they came from.", dlqReplay},
		{"outbox", "", "Count the unpublished events of each service.", outbox},
		{"overdue", "", "List orders past their deadline, and payments and refunds that do not end.", overdue},
		{"reconcile", "", "Compare the card processor's ledger with payments and orders.", reconcile},
		{"replicas", "", "Compare replicas and ticket locks with their owners.", replicas},
	}
}

// find returns the command that the arguments begin with, and the rest of them; or flag.ErrHelp.
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

// settings are the addresses of the system.
type settings struct{ getenv func(string) string }

// get returns the value of a variable, from the environment or from operator.env.
func (s settings) get(name string) (string, error) {
	if v := s.getenv(name); v != "" {
		return v, nil
	}
	dir := s.getenv("BOXOFFICE_DATA")
	if dir == "" {
		dir = ".data"
	}
	path := filepath.Join(dir, "operator.env")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read settings: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("%s is neither set nor in %s", name, path)
}

// databases returns the URLs of the services' databases.
func (s settings) databases() consistency.Databases {
	return func(service string) (string, error) { return s.get(strings.ToUpper(service) + "_DATABASE_URL") }
}

// report is the result of a command.
type report struct {
	problem bool       // something needs attention
	header  []string   // names of the columns
	rows    [][]string // of the table
	summary string     // the line below the table
	json    any        // the same for programs
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r.json)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.rows) > 0 {
		fmt.Fprintln(table, strings.Join(r.header, "\t"))
	}
	for _, row := range r.rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if _, err := fmt.Fprintln(w, r.summary); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
