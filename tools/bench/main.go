// Command bench measures Boxoffice: the real binaries, on a Postgres and a RabbitMQ of their own,
// driven through the router by this process on the same machine. Nothing is asserted.
//
//	bench [--only orders,pay,due,replica,expiry,router,live,start,routers] [--quick]
//
// All figures come from one run, so their ratios hold also on a busy machine. Times between two
// services are differences of the commit timestamps that Postgres keeps of every transaction
// (track_commit_timestamp), so no client's scheduling is in them. Data lie below TMPDIR: its
// disk's sync time matters, and is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// section is one measurement. Each makes what it needs, so each also runs alone.
type section struct {
	name string
	run  func(context.Context, *bench) error
}

var sections = []section{
	{"orders", measureOrders},
	{"pay", measurePay},
	{"due", measureDue},
	{"replica", measureReplica},
	{"expiry", measureExpiry},
	{"router", measureRouter},
	{"live", measureLive},
	{"start", measureStart},
	{"routers", measureRouters},
}

const patience = 25 * time.Minute // for everything together

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	only := flag.String("only", "", "sections to run, with commas: orders, pay, due, replica, expiry, router, live, start, routers")
	quick := flag.Bool("quick", false, "a tenth of the requests: to try the command, not to quote")
	flag.Parse()
	var chosen []section
	for _, s := range sections {
		if *only == "" || slices.Contains(strings.Split(*only, ","), s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no section is named %q", *only)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	b, err := start(ctx, *quick)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.describe(ctx); err != nil {
		return err
	}
	defer func() { fmt.Print("\n", b.report.String()) }() // also what was measured before a failure
	for _, s := range chosen {
		begin, ours, all := time.Now(), cpu(), machine()
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("measure %s: %w", s.name, err)
		}
		took := time.Since(begin).Seconds()
		others := max(0, (machine()-all).Seconds()-cpu().sub(ours).total().Seconds()) / took
		fmt.Fprintf(&b.report, "\nOther programs used %.1f cores meanwhile.\n", others)
		progress("%s measured in %.0f s; other programs used %.1f cores", s.name, took, others)
	}
	return nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...) }

// report is what was measured, in markdown.
type report struct{ strings.Builder }

func (r *report) table(head ...string) {
	r.WriteString("\n")
	r.row(head...)
	r.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
}

func (r *report) row(cells ...string) { r.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// ms writes a time with three digits that matter.
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f ms", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f ms", v)
	default:
		return fmt.Sprintf("%.2f ms", v)
	}
}

func (l latencies) String() string { return ms(l.at(0.5)) + " / " + ms(l.at(0.99)) }
