package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// waiting is what waits in one service's outbox.
type waiting struct {
	Service       string  `json:"service"`
	Waiting       int     `json:"waiting"`
	OldestSeconds float64 `json:"oldestSeconds"`
	OldestType    string  `json:"oldestType,omitempty"`
}

func (w waiting) oldest() time.Duration { return time.Duration(w.OldestSeconds * float64(time.Second)) }

func outboxes(flags *flag.FlagSet) look {
	maxAge := flags.Duration("max-age", 10*time.Second, "an event that has waited for longer is a fault")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		r := report{header: []string{"SERVICE", "WAITING", "OLDEST", "TYPE OF THE OLDEST"}, summary: "all events are published in time"}
		var found []waiting
		for _, service := range sources() {
			w, err := where.readOutbox(ctx, service)
			if err != nil {
				return report{}, err
			}
			found = append(found, w)
			r.rows = append(r.rows, []string{w.Service, strconv.Itoa(w.Waiting), seconds(w.oldest()), w.OldestType})
			if w.oldest() > *maxAge {
				r.wrong = true
				r.summary = fmt.Sprintf("events wait for longer than %s: is the broker up, and the service?", *maxAge)
			}
		}
		r.json = found
		return r, nil
	}
}

// sources returns the services that publish events.
func sources() []string {
	var names []string
	for _, route := range events.Catalogue() {
		names = append(names, route.Source)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s settings) readOutbox(ctx context.Context, service string) (waiting, error) {
	w := waiting{Service: service}
	err := s.withDatabase(ctx, service, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `
			SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(time)), 0)::float8,
				coalesce((SELECT type FROM outbox ORDER BY time LIMIT 1), '')
			FROM outbox`).Scan(&w.Waiting, &w.OldestSeconds, &w.OldestType)
	})
	if err != nil {
		return waiting{}, fmt.Errorf("read outbox of %s: %w", service, err)
	}
	return w, nil
}
