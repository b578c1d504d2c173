package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// Waiting is what waits in one service's outbox.
type Waiting struct {
	Service       string  `json:"service"`
	Waiting       int     `json:"waiting"`
	OldestSeconds float64 `json:"oldestSeconds"`
	OldestType    string  `json:"oldestType,omitempty"`
}

// Oldest returns for how long the oldest event has waited.
func (w Waiting) Oldest() time.Duration { return time.Duration(w.OldestSeconds * float64(time.Second)) }

// Outboxes returns what waits in each service that publishes events.
func (d Databases) Outboxes(ctx context.Context) ([]Waiting, error) {
	var all []Waiting
	for _, service := range sources() {
		w := Waiting{Service: service}
		err := d.Read(ctx, service, func(conn *pgx.Conn) error {
			return conn.QueryRow(ctx, `
				SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(time)), 0)::float8,
					coalesce((SELECT type FROM outbox ORDER BY time LIMIT 1), '')
				FROM outbox`).Scan(&w.Waiting, &w.OldestSeconds, &w.OldestType)
		})
		if err != nil {
			return nil, fmt.Errorf("read outbox of %s: %w", service, err)
		}
		all = append(all, w)
	}
	return all, nil
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
