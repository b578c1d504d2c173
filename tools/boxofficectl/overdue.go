package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// late is an order past its deadline.
type late struct {
	OrderID     string    `json:"orderId"`
	DueAt       time.Time `json:"dueAt"`
	LateSeconds float64   `json:"lateSeconds"`
	Problem     string    `json:"problem"`
}

// Who should have done something about a deadline, and what.
var duties = []struct{ service, problem, query string }{
	{events.Expiration, "expiration has not told of it", `
		SELECT order_id, due_at, extract(epoch FROM now() - due_at)::float8
		FROM deadlines WHERE due_at <= now() - $1::interval ORDER BY due_at, order_id LIMIT $2`},
	{events.Orders, "orders has not cancelled it", `
		SELECT id, expires_at, extract(epoch FROM now() - expires_at)::float8
		FROM orders WHERE status IN ('created', 'awaiting_payment') AND expires_at <= now() - $1::interval
		ORDER BY expires_at, id LIMIT $2`},
}

func overdue(flags *flag.FlagSet) look {
	grace := flags.Duration("grace", 5*time.Second, "what is late by less is no fault")
	limit := flags.Int("limit", 100, "show at most this many of each kind, the latest")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		r := report{header: []string{"ORDER", "DUE AT", "LATE", "PROBLEM"}}
		found := []late{}
		for _, duty := range duties {
			err := where.withDatabase(ctx, duty.service, func(conn *pgx.Conn) error {
				rows, err := conn.Query(ctx, duty.query, *grace, *limit)
				if err != nil {
					return err
				}
				l := late{Problem: duty.problem}
				_, err = pgx.ForEachRow(rows, []any{&l.OrderID, &l.DueAt, &l.LateSeconds}, func() error {
					l.DueAt = l.DueAt.UTC()
					found = append(found, l)
					return nil
				})
				return err
			})
			if err != nil {
				return report{}, fmt.Errorf("read what is overdue in %s: %w", duty.service, err)
			}
		}
		for _, l := range found {
			lateBy := time.Duration(l.LateSeconds * float64(time.Second))
			r.rows = append(r.rows, []string{l.OrderID, l.DueAt.Format(time.RFC3339), seconds(lateBy), l.Problem})
		}
		r.wrong, r.json = len(found) > 0, found
		r.summary = fmt.Sprintf("%d overdue by more than %s", len(found), *grace)
		return r, nil
	}
}
