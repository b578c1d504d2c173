// Package consistency checks the data of the services against each other: unpublished events, overdue orders, replicas
// and locks that differ from their owner, and payments that differ from the card processor's ledger. boxofficectl runs
// the checks on a live system, tools/prove after fault injection. It only reads.
package consistency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// Databases returns the URL of a service's database.
type Databases func(service string) (url string, err error)

// Read calls fn with a read-only connection to the service's database.
func (d Databases) Read(ctx context.Context, service string, fn func(conn *pgx.Conn) error) (err error) {
	url, err := d(service)
	if err != nil {
		return err
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("parse database URL of %s: %w", service, err)
	}
	config.ConnectTimeout = 10 * time.Second
	config.RuntimeParams["application_name"] = "boxoffice consistency"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = "60s"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to the database of %s: %w", service, err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return fn(conn)
}

// Rows returns the rows of a query in the service's database. The fields of T are the columns, in order.
func Rows[T any](ctx context.Context, d Databases, service, query string, args ...any) (all []T, err error) {
	err = d.Read(ctx, service, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", service, err)
	}
	return all, nil
}

// lasting calls find twice, settle apart, and returns what the second call finds that the first found with the same
// key. What differs only until an event arrives has another key by then.
func lasting[T any, K comparable](ctx context.Context, settle time.Duration, key func(T) K, find func() ([]T, error)) ([]T, error) {
	first, err := find()
	if err != nil || len(first) == 0 {
		return []T{}, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	before := map[K]bool{}
	for _, found := range first {
		before[key(found)] = true
	}
	second, err := find()
	both := []T{}
	for _, found := range second {
		if before[key(found)] {
			both = append(both, found)
		}
	}
	return both, err
}

// Backlog is the state of one service's outbox.
type Backlog struct {
	Service       string  `json:"service"`
	Waiting       int     `json:"waiting"`
	OldestSeconds float64 `json:"oldestSeconds"`
	OldestType    string  `json:"oldestType,omitempty"`
}

// Oldest returns the age of the oldest event.
func (b Backlog) Oldest() time.Duration { return time.Duration(b.OldestSeconds * float64(time.Second)) }

// Backlogs returns the unpublished events of each service that publishes any.
func (d Databases) Backlogs(ctx context.Context) ([]Backlog, error) {
	var all []Backlog
	done := map[string]bool{}
	for _, route := range events.Catalogue() {
		if done[route.Source] {
			continue
		}
		done[route.Source] = true
		found, err := Rows[Backlog](ctx, d, route.Source, `
			SELECT $1, count(*), coalesce(extract(epoch FROM clock_timestamp() - min(time)), 0)::float8,
				coalesce((SELECT type FROM outbox ORDER BY time LIMIT 1), '')
			FROM outbox`, route.Source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
