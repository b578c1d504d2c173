// Command prove runs Boxoffice while everything that can go wrong does, and checks afterwards that
// it kept its promises. Who does what and which faults strike when derives from a seed.
//
//	prove [--seed N] [--duration 60s] [--clients N] [--sabotage index|ack|relay]
//
// It starts the real binaries with a Postgres and a RabbitMQ of their own. Clients buy and sell
// through the router; processes are killed, broker and database restart. Then all is mended, and
// once nothing moves any more a table tells of each invariant whether it holds. A violation makes
// the exit status 1, and what explains it is kept in .data/prove. 2 means that it could not find
// out. A sabotage breaks the product first: then a violation is what should be found.
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

// parse returns what the arguments ask for.
func parse(args []string, stderr io.Writer) (options, error) {
	o := options{patience: 20 * time.Second, say: func(format string, args ...any) { fmt.Fprintf(stderr, "==> "+format+"\n", args...) }}
	flags := flag.NewFlagSet("prove", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&o.seed, "seed", 0, "what chance derives from; 0 takes a new one")
	flags.DurationVar(&o.duration, "duration", time.Minute, "for how long clients act and faults strike")
	flags.IntVar(&o.clients, "clients", 16, "how many people there are, at least 2")
	flags.BoolVar(&o.race, "race", false, "build the services with the race detector")
	name := flags.String("sabotage", "", "break the product first:"+describeSabotages())
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.clients < 2 {
		return o, errors.New("wants flags only, and at least two clients")
	}
	if o.seed == 0 {
		o.seed = uint64(rand.Uint32()) //nolint:gosec // nothing secret about it
	}
	if *name == "" {
		return o, nil
	}
	i := slices.IndexFunc(sabotages, func(s sabotage) bool { return s.name == *name })
	if i < 0 {
		return o, fmt.Errorf("there is no sabotage %q", *name)
	}
	o.sabotage = sabotages[i]
	return o, nil
}

// prove runs a trial, prints what came of it and keeps what explains a violation.
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

// summary tells how often each kind of request was answered how.
func summary(ops []op) string {
	counts := map[kind]map[string]int{}
	for _, o := range ops {
		if counts[o.Kind] == nil {
			counts[o.Kind] = map[string]int{}
		}
		counts[o.Kind][o.Answer]++
	}
	return tabulate(func(w io.Writer) {
		fmt.Fprintln(w, "REQUEST\tGRANTED\tWITHOUT ANSWER\tREFUSED")
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

// table tells of each invariant whether it holds, and how it was violated.
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
