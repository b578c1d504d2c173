// Command prove injects faults into Boxoffice under load and checks its invariants afterwards. Load and faults derive
// from a seed.
//
//	prove [--seed N] [--duration 60s] [--clients N] [--race] [--sabotage index|ack|relay]
//
// It starts the real binaries with a Postgres and a RabbitMQ of their own. Clients buy and sell through the router,
// while services, broker and database are killed and restarted. Then it heals the system, waits until it is at rest,
// and prints which invariants hold. The exit status is 1 when one is violated, with the evidence in .data/prove, and 2
// when the check failed. A sabotage breaks the product first, to show that prove detects it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"boxoffice.dev/tools/internal/stack"
)

// Exit statuses.
const (
	statusHolds = iota
	statusViolated
	statusFailed
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run executes the command line and returns the process's exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return statusHolds
	}
	violated := false
	if err == nil {
		violated, err = prove(ctx, o, stdout)
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "prove:", err)
		return statusFailed
	case violated:
		return statusViolated
	default:
		return statusHolds
	}
}

// parse parses the arguments.
func parse(args []string, stderr io.Writer) (options, error) {
	o := options{patience: 20 * time.Second, say: func(format string, args ...any) { fmt.Fprintf(stderr, "==> "+format+"\n", args...) }}
	flags := flag.NewFlagSet("prove", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&o.seed, "seed", 0, "seed of all random choices; 0 for a new one")
	flags.DurationVar(&o.duration, "duration", time.Minute, "duration of load and faults")
	flags.IntVar(&o.clients, "clients", 16, "number of clients, at least 2")
	flags.BoolVar(&o.race, "race", false, "build the services with the race detector")
	name := flags.String("sabotage", "", "break the product first:"+describeSabotages())
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.clients < 2 {
		return o, errors.New("takes flags only, and at least two clients")
	}
	if o.seed == 0 {
		o.seed = uint64(rand.Uint32()) //nolint:gosec // not a secret
	}
	if *name == "" {
		return o, nil
	}
	i := slices.IndexFunc(sabotages, func(s sabotage) bool { return s.name == *name })
	if i < 0 {
		return o, fmt.Errorf("unknown sabotage %q", *name)
	}
	o.sabotage = sabotages[i]
	return o, nil
}

// prove runs a trial, prints the result and keeps the evidence of a violation.
func prove(ctx context.Context, o options, stdout io.Writer) (violated bool, err error) {
	o.say("seed %d, %d clients, %s", o.seed, o.clients, o.duration)
	t, err := begin(ctx, o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.run(ctx); err != nil {
		return false, err
	}
	e, verdicts, err := t.judge(ctx)
	if err != nil {
		return false, err
	}
	fmt.Fprint(stdout, summary(e.Ops), "\n", table(verdicts))
	if !slices.ContainsFunc(verdicts, func(v verdict) bool { return len(v.Violations) > 0 }) {
		return false, nil
	}
	root, err := stack.Root()
	if err != nil {
		return true, err
	}
	folder := filepath.Join(root, ".data", "prove", fmt.Sprintf("seed-%d%s", o.seed, o.sabotage.name))
	fmt.Fprintf(stdout, "\nseed %d; history, evidence and logs are in %s\n", o.seed, folder)
	return true, t.keep(e, verdicts, folder)
}

func describeSabotages() string {
	var b strings.Builder
	for _, s := range sabotages {
		fmt.Fprintf(&b, "\n%s %s", s.name, s.about)
	}
	return b.String()
}

// summary counts the answers to each kind of request.
func summary(ops []op) string {
	counts := map[kind]map[string]int{}
	for _, o := range ops {
		if counts[o.Kind] == nil {
			counts[o.Kind] = map[string]int{}
		}
		counts[o.Kind][o.Answer]++
	}
	return tabulate(func(w io.Writer) {
		fmt.Fprintln(w, "REQUEST\tOK\tNO RESPONSE\tREFUSED")
		for _, k := range slices.Sorted(maps.Keys(counts)) {
			var refused []string
			for _, code := range slices.Sorted(maps.Keys(counts[k])) {
				if code != granted && code != lost {
					refused = append(refused, fmt.Sprintf("%d %s", counts[k][code], code))
				}
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", k, counts[k][granted], counts[k][lost], strings.Join(refused, ", "))
		}
	})
}

// table lists the invariants with their verdicts, and the first violations.
func table(verdicts []verdict) string {
	const shown = 5
	text := tabulate(func(w io.Writer) {
		fmt.Fprintln(w, "INVARIANT\tCHECKED\tVERDICT")
		for _, v := range verdicts {
			outcome := "holds"
			if n := len(v.Violations); n > 0 {
				outcome = fmt.Sprintf("VIOLATED %d times", n)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", v.Invariant, v.Checked, outcome)
		}
	})
	for _, v := range verdicts {
		if len(v.Violations) == 0 {
			continue
		}
		text += "\nVIOLATED: " + v.Invariant + "\n"
		for _, violation := range v.Violations[:min(shown, len(v.Violations))] {
			text += "  " + violation + "\n"
		}
		if more := len(v.Violations) - shown; more > 0 {
			text += fmt.Sprintf("  and %d more\n", more)
		}
	}
	return text
}

func tabulate(write func(io.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write(w)
	w.Flush() //nolint:errcheck // into memory
	return b.String()
}
