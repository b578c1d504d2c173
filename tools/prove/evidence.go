package main

import (
	"context"
	"fmt"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/consistency"
)

// evidence is everything that the invariants are checked against: the clients' requests with their responses, and what
// is stored and published once the system is at rest.
type evidence struct {
	At       int64            `json:"at"` // when it was gathered, in nanoseconds since 1970
	Ops      []op             `json:"-"`  // in a file of their own
	Users    []string         `json:"users"`
	Events   []published      `json:"events"`
	Orders   []orderRow       `json:"orders"`
	Tickets  []ticketRow      `json:"tickets"`
	Payments []paymentRow     `json:"payments"`
	Refunds  []refundRow      `json:"refunds"`
	Intents  []intentRow      `json:"intents"`   // of the card processor
	Due      map[string]int64 `json:"deadlines"` // by order

	Services int      `json:"services"`
	Ended    []string `json:"ended"` // services that ended unexpectedly, and when

	Compared     []consistency.Comparison   `json:"compared"`
	Overdue      []consistency.Overdue      `json:"overdue"`
	Outboxes     []consistency.Backlog      `json:"outboxes"`
	Queues       map[string]int             `json:"queues"`
	DeadLettered []string                   `json:"deadLettered"`
	Reconciled   consistency.Reconciliation `json:"reconciled"`
}

// orderRow is an order in the database of orders.
type orderRow struct {
	ID, Ticket, Buyer, Key, Status, Reason string
	Version, Price                         int
	Currency, Payment                      string
	History                                []orderChange `db:"-"`
}

// orderChange is an entry of an order's history.
type orderChange struct {
	Order                   string
	Version                 int
	From, To, Reason, Actor string
	Committed               int64 // commit timestamp of Postgres, in nanoseconds since 1970
}

func (o orderRow) live() bool { return o.Status != "cancelled" }

// ticketRow is a ticket in the database of tickets.
type ticketRow struct {
	ID           string
	Version      int
	Availability string
	Order        string
	Seller, Key  string
}

// paymentRow is a payment in the database of payments.
type paymentRow struct {
	ID, Order, Buyer, Seller, Key, Status, Step string
	Version, Amount, Refunded                   int
	Currency                                    string
}

// refundRow is a refund in the database of payments.
type refundRow struct {
	ID, Payment, Key, Status string
	Amount                   int
}

// intentRow is the balance of one payment in the card processor's ledger: the number of captures, and amounts in minor
// units.
type intentRow struct {
	ID, Payment, Currency                  string
	Captures                               int
	Authorized, Captured, Voided, Refunded int
}

// gather reads the evidence from databases and queues. The services have been stopped, so none of them holds a message.
func gather(ctx context.Context, databases consistency.Databases, brokerURL string) (e *evidence, err error) {
	const limit = 1000
	e = &evidence{At: now(), Due: map[string]int64{}}
	if err := e.readOrders(ctx, databases); err != nil {
		return nil, err
	}
	if err := e.readPayments(ctx, databases); err != nil {
		return nil, err
	}
	if e.Tickets, err = consistency.Rows[ticketRow](ctx, databases, events.Tickets, `
		SELECT id, version, availability, coalesce(order_id, ''), seller_id, coalesce(idempotency_key, '') FROM tickets ORDER BY id`); err != nil {
		return nil, err
	}
	type deadline struct {
		Order string
		Due   time.Time
	}
	due, err := consistency.Rows[deadline](ctx, databases, events.Expiration, `SELECT order_id, due_at FROM deadlines`)
	if err != nil {
		return nil, err
	}
	for _, d := range due {
		e.Due[d.Order] = d.Due.UnixNano()
	}
	if e.Compared, err = databases.Compare(ctx, limit); err != nil {
		return nil, err
	}
	if e.Overdue, err = databases.Overdue(ctx, 0, limit); err != nil {
		return nil, err
	}
	if e.Outboxes, err = databases.Backlogs(ctx); err != nil {
		return nil, err
	}
	if e.Queues, err = broker.Depth(brokerURL, events.Catalogue()); err != nil {
		return nil, err
	}
	for _, queue := range broker.Queues(events.Catalogue()) {
		letters, err := broker.ListDeadLetters(brokerURL, queue, limit)
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			e.DeadLettered = append(e.DeadLettered, fmt.Sprintf("%s about %s in %s: %s", l.Event.Type, l.Event.Subject, queue, l.Error))
		}
	}
	return e, nil
}

func (e *evidence) readOrders(ctx context.Context, databases consistency.Databases) (err error) {
	e.Orders, err = consistency.Rows[orderRow](ctx, databases, events.Orders, `
		SELECT id, ticket_id, buyer_id, coalesce(idempotency_key, ''), status, coalesce(cancel_reason, ''), version,
			price_minor_units, currency, coalesce(payment_id, '')
		FROM orders ORDER BY id`)
	if err != nil {
		return err
	}
	changes, err := consistency.Rows[orderChange](ctx, databases, events.Orders, `
		SELECT order_id, version, coalesce(from_status, ''), to_status, coalesce(reason, ''), actor,
			(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000000)::bigint
		FROM order_events ORDER BY order_id, version`)
	history := map[string][]orderChange{}
	for _, c := range changes {
		history[c.Order] = append(history[c.Order], c)
	}
	for i := range e.Orders {
		e.Orders[i].History = history[e.Orders[i].ID]
	}
	return err
}

func (e *evidence) readPayments(ctx context.Context, databases consistency.Databases) (err error) {
	e.Payments, err = consistency.Rows[paymentRow](ctx, databases, events.Payments, `
		SELECT id, order_id, buyer_id, seller_id, idempotency_key, status, step, version, amount_minor_units, refunded_minor_units, currency
		FROM payments ORDER BY id`)
	if err != nil {
		return err
	}
	e.Refunds, err = consistency.Rows[refundRow](ctx, databases, events.Payments, `
		SELECT id, payment_id, idempotency_key, status, amount_minor_units FROM refunds ORDER BY id`)
	if err != nil {
		return err
	}
	e.Intents, err = consistency.Rows[intentRow](ctx, databases, "stripesim", `
		SELECT intent_id, payment_id, upper(currency),
			(SELECT count(*) FROM ledger l WHERE l.intent_id = b.intent_id AND movement = 'captured'),
			authorized, captured, voided, refunded
		FROM balances b ORDER BY intent_id`)
	return err
}
