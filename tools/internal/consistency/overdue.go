package consistency

import (
	"context"
	"time"

	"boxoffice.dev/pkg/events"
)

// Overdue is an order past its deadline, or one whose payment or refund does not end.
type Overdue struct {
	OrderID     string    `json:"orderId"`
	DueAt       time.Time `json:"dueAt"`
	LateSeconds float64   `json:"lateSeconds"`
	Problem     string    `json:"problem"`
}

// Late returns the time since the deadline.
func (o Overdue) Late() time.Duration { return time.Duration(o.LateSeconds * float64(time.Second)) }

// overdueChecks are queries for an order, its deadline, the seconds since then, and the problem ($3).
var overdueChecks = []struct{ service, problem, query string }{
	{events.Expiration, "expiration has not published its expiry", `
		SELECT order_id, due_at, extract(epoch FROM now() - due_at)::float8, $3
		FROM deadlines WHERE due_at <= now() - $1::interval ORDER BY due_at, order_id LIMIT $2`},
	{events.Orders, "orders has not cancelled it", `
		SELECT id, expires_at, extract(epoch FROM now() - expires_at)::float8, $3
		FROM orders WHERE status IN ('created', 'awaiting_payment') AND frozen_at IS NULL AND expires_at <= now() - $1::interval
			AND NOT EXISTS (SELECT FROM payments WHERE order_id = orders.id AND status IN ('processing', 'requires_action', 'authorized')
				AND started_at < expires_at AND expires_at > now() - interval '1 minute') -- the grace for a payment in progress
		ORDER BY expires_at, id LIMIT $2`},
	{events.Orders, "it is frozen for a payment that does not end", `
		SELECT id, frozen_at + interval '10 minutes', extract(epoch FROM now() - frozen_at - interval '10 minutes')::float8, $3
		FROM orders WHERE frozen_at <= now() - interval '10 minutes' - $1::interval ORDER BY frozen_at, id LIMIT $2`},
	{events.Payments, "payments has not finished its payment", `
		SELECT order_id, updated_at + interval '10 minutes', extract(epoch FROM now() - updated_at - interval '10 minutes')::float8, $3
		FROM payments WHERE status IN ('processing', 'authorized') AND updated_at <= now() - interval '10 minutes' - $1::interval
		ORDER BY updated_at, id LIMIT $2`},
	{events.Payments, "payments has not finished its refund", `
		SELECT order_id, r.created_at + interval '1 day', extract(epoch FROM now() - r.created_at - interval '1 day')::float8, $3
		FROM refunds r JOIN payments p ON p.id = r.payment_id
		WHERE r.status = 'pending' AND r.created_at <= now() - interval '1 day' - $1::interval ORDER BY r.created_at, r.id LIMIT $2`},
}

// Overdue returns up to limit orders per problem that are late by more than the grace, the latest first. An order is
// listed once for each service that is late with it.
func (d Databases) Overdue(ctx context.Context, grace time.Duration, limit int) ([]Overdue, error) {
	all := []Overdue{}
	for _, check := range overdueChecks {
		found, err := Rows[Overdue](ctx, d, check.service, check.query, grace, limit, check.problem)
		if err != nil {
			return nil, err
		}
		for _, o := range found {
			o.DueAt = o.DueAt.UTC()
			all = append(all, o)
		}
	}
	return all, nil
}
