package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// Late is an order past its deadline, or one whose payment does not end.
type Late struct {
	OrderID     string    `json:"orderId"`
	DueAt       time.Time `json:"dueAt"`
	LateSeconds float64   `json:"lateSeconds"`
	Problem     string    `json:"problem"`
}

// By returns how late it is.
func (l Late) By() time.Duration { return time.Duration(l.LateSeconds * float64(time.Second)) }

// Who should have done something about a deadline, and what.
var duties = []struct{ service, problem, query string }{
	{events.Expiration, "expiration has not told of it", `
		SELECT order_id, due_at, extract(epoch FROM now() - due_at)::float8
		FROM deadlines WHERE due_at <= now() - $1::interval ORDER BY due_at, order_id LIMIT $2`},
	{events.Orders, "orders has not cancelled it", `
		SELECT id, expires_at, extract(epoch FROM now() - expires_at)::float8
		FROM orders WHERE status IN ('created', 'awaiting_payment') AND frozen_at IS NULL AND expires_at <= now() - $1::interval
			AND NOT EXISTS (SELECT FROM payments WHERE order_id = orders.id AND status IN ('processing', 'requires_action', 'authorized')
				AND started_at < expires_at AND expires_at > now() - interval '1 minute') -- who is paying gets a minute more
		ORDER BY expires_at, id LIMIT $2`},
	{events.Orders, "it is frozen for a payment that does not end", `
		SELECT id, frozen_at + interval '10 minutes', extract(epoch FROM now() - frozen_at - interval '10 minutes')::float8
		FROM orders WHERE frozen_at <= now() - interval '10 minutes' - $1::interval ORDER BY frozen_at, id LIMIT $2`},
	{events.Payments, "payments has not brought its payment to an end", `
		SELECT order_id, updated_at + interval '10 minutes', extract(epoch FROM now() - updated_at - interval '10 minutes')::float8
		FROM payments WHERE status IN ('processing', 'authorized') AND updated_at <= now() - interval '10 minutes' - $1::interval
		ORDER BY updated_at, id LIMIT $2`},
	{events.Payments, "payments has not brought its refund to an end", `
		SELECT order_id, r.created_at + interval '1 day', extract(epoch FROM now() - r.created_at - interval '1 day')::float8
		FROM refunds r JOIN payments p ON p.id = r.payment_id
		WHERE r.status = 'pending' AND r.created_at <= now() - interval '1 day' - $1::interval ORDER BY r.created_at, r.id LIMIT $2`},
}

// Overdue returns up to limit orders of each kind that are late by more than the grace, the latest
// first. An order that both services neglect is there twice.
func (d Databases) Overdue(ctx context.Context, grace time.Duration, limit int) ([]Late, error) {
	found := []Late{}
	for _, duty := range duties {
		err := d.Read(ctx, duty.service, func(conn *pgx.Conn) error {
			rows, err := conn.Query(ctx, duty.query, grace, limit)
			if err != nil {
				return err
			}
			l := Late{Problem: duty.problem}
			_, err = pgx.ForEachRow(rows, []any{&l.OrderID, &l.DueAt, &l.LateSeconds}, func() error {
				l.DueAt = l.DueAt.UTC()
				found = append(found, l)
				return nil
			})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read what is overdue in %s: %w", duty.service, err)
		}
	}
	return found, nil
}
