// Command bench measures Boxoffice: the real binaries, with a Postgres and a RabbitMQ of their own, under load from
// this process on the same machine. It asserts nothing.
//
//	bench [--only orders,replica,expiry,routers,start] [--quick]
//
// All figures of a run come from one system, so their ratios hold on a busy machine, too. Times between two services
// are differences of commit timestamps (track_commit_timestamp of Postgres), which no client's scheduling affects.
// The data lie below TMPDIR; the report includes how long its disk takes to sync.
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

// sections are the measurements. Each prepares what it needs, so each can run alone.
var sections = []struct {
	name    string
	measure func(context.Context, *bench) error
}{
	{"orders", measureOrders},
	{"replica", measureReplica},
	{"expiry", measureExpiry},
	{"routers", measureRouters},
	{"start", measureStart},
}

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
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	only := flag.String("only", strings.Join(names, ","), "sections to run, separated by commas")
	quick := flag.Bool("quick", false, "send a tenth of the requests: to try the command, not to quote its figures")
	flag.Parse()
	chosen := strings.Split(*only, ",")
	for _, name := range chosen {
		if !slices.Contains(names, name) {
			return fmt.Errorf("unknown section %q", name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 25*time.Minute)
	defer cancel()

	b, err := start(ctx, *quick)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.describe(ctx); err != nil {
		return err
	}
	defer func() { fmt.Print("\n", b.report.String()) }() // also after a failure
	for _, s := range sections {
		if !slices.Contains(chosen, s.name) {
			continue
		}
		begin := time.Now()
		if err := s.measure(ctx, b); err != nil {
			return fmt.Errorf("measure %s: %w", s.name, err)
		}
		progress("%s measured in %.0f s", s.name, time.Since(begin).Seconds())
	}
	return nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...) }

// report collects the results as Markdown.
type report struct{ strings.Builder }

func (r *report) table(head ...string) {
	r.WriteString("\n")
	r.row(head...)
	r.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
}

func (r *report) row(cells ...string) { r.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// ms formats a duration with three significant digits.
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
