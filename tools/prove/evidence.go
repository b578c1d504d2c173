package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/consistency"
)

// evidence is everything that the verdicts rest on: what the clients were answered, and what the
// system has stored and told when nothing moves any more.
type evidence struct {
	At       int64            `json:"at"` // when it was gathered, in nanoseconds since 1970
	Ops      []op             `json:"-"`  // a file of its own
	Users    []string         `json:"users"`
	Events   []told           `json:"events"`
	Orders   []orderRow       `json:"orders"`
	Tickets  []ticketRow      `json:"tickets"`
	Payments []paymentRow     `json:"payments"`
	Refunds  []refundRow      `json:"refunds"`
	Intents  []intentRow      `json:"intents"` // at the card processor
	Due      map[string]int64 `json:"deadlines"`

	Services int      `json:"services"`
	Ended    []string `json:"ended"` // services that ended by themselves, and when

	Compared     []consistency.Comparison `json:"compared"`
	Overdue      []consistency.Overdue    `json:"overdue"`
	Outboxes     []consistency.Backlog    `json:"outboxes"`
	Queues       map[string]int           `json:"queues"`
	DeadLettered []string                 `json:"deadLettered"`

	Reconciled consistency.Reconciliation `json:"reconciled"`
}

// orderRow is an order as orders has stored it.
type orderRow struct {
	ID, Ticket, Buyer, Key, Status, Reason string
	Version, Price                         int
	Currency, Payment                      string
	History                                []orderChange
}

// orderChange is a line of an order's history.
type orderChange struct {
	Version                 int
	From, To, Reason, Actor string
	Committed               int64 // when, in nanoseconds since 1970, of Postgres's clock
}

func (o orderRow) live() bool { return o.Status != "cancelled" }

// ticketRow is a ticket as tickets has stored it.
type ticketRow struct {
	ID           string
	Version      int
	Availability string
	Order        string
	Seller, Key  string
}

// paymentRow is a payment as payments has stored it.
type paymentRow struct {
	ID, Order, Buyer, Seller, Key, Status, Step string
	Version, Amount, Refunded                   int
	Currency                                    string
}

// refundRow is a refund as payments has stored it.
type refundRow struct {
	ID, Payment, Key, Status string
	Amount                   int
}

// intentRow is what the card processor's ledger says of one payment there. Captures are how often
// money was taken; the amounts are in minor units.
type intentRow struct {
	ID, Payment, Currency                  string
	Captures                               int
	Authorized, Captured, Voided, Refunded int
}

// gather reads what is stored. The system is up to rest: services that have ended hold no events
// that the queues do not show.
func gather(ctx context.Context, databases consistency.Databases, brokerURL string) (e *evidence, err error) {
	e = &evidence{At: now(), Due: map[string]int64{}}
	if err := databases.Read(ctx, events.Orders, e.readOrders(ctx)); err != nil {
		return nil, fmt.Errorf("gather orders: %w", err)
	}
	if err := databases.Read(ctx, events.Tickets, e.readTickets(ctx)); err != nil {
		return nil, fmt.Errorf("gather tickets: %w", err)
	}
	if err := databases.Read(ctx, events.Expiration, e.readDeadlines(ctx)); err != nil {
		return nil, fmt.Errorf("gather deadlines: %w", err)
	}
	if err := databases.Read(ctx, events.Payments, e.readPayments(ctx)); err != nil {
		return nil, fmt.Errorf("gather payments: %w", err)
	}
	if err := databases.Read(ctx, "stripesim", e.readIntents(ctx)); err != nil {
		return nil, fmt.Errorf("gather the card processor's ledger: %w", err)
	}
	const enough = 1000
	if e.Compared, err = databases.Compare(ctx, enough); err != nil {
		return nil, err
	}
	if e.Overdue, err = databases.Overdue(ctx, 0, enough); err != nil {
		return nil, err
	}
	if e.Outboxes, err = databases.Backlogs(ctx); err != nil {
		return nil, err
	}
	if e.Queues, err = broker.Depth(brokerURL, events.Catalogue()); err != nil {
		return nil, err
	}
	for _, queue := range broker.Queues(events.Catalogue()) {
		letters, err := broker.ListDeadLetters(brokerURL, queue, enough)
		if err != nil {
			return nil, err
		}
		for _, p := range letters {
			e.DeadLettered = append(e.DeadLettered, fmt.Sprintf("%s about %s in %s: %s", p.Event.Type, p.Event.Subject, queue, p.Error))
		}
	}
	return e, nil
}

func (e *evidence) readOrders(ctx context.Context) func(*pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT o.id, o.ticket_id, o.buyer_id, coalesce(o.idempotency_key, ''), o.status, coalesce(o.cancel_reason, ''), o.version, o.price_minor_units, o.currency, coalesce(o.payment_id, ''),
				coalesce(e.version, 0), coalesce(e.from_status, ''), coalesce(e.to_status, ''), coalesce(e.reason, ''), coalesce(e.actor, ''),
				coalesce(pg_xact_commit_timestamp(e.xmin), 'epoch')
			FROM orders o LEFT JOIN order_events e ON e.order_id = o.id ORDER BY o.id, e.version`)
		if err != nil {
			return err
		}
		var o orderRow
		var c orderChange
		var committed time.Time
		fields := []any{
			&o.ID, &o.Ticket, &o.Buyer, &o.Key, &o.Status, &o.Reason, &o.Version, &o.Price, &o.Currency, &o.Payment,
			&c.Version, &c.From, &c.To, &c.Reason, &c.Actor, &committed,
		}
		_, err = pgx.ForEachRow(rows, fields, func() error {
			if n := len(e.Orders); n == 0 || e.Orders[n-1].ID != o.ID {
				e.Orders = append(e.Orders, o)
			}
			if c.Version > 0 {
				c.Committed = committed.UnixNano()
				last := &e.Orders[len(e.Orders)-1]
				last.History = append(last.History, c)
			}
			return nil
		})
		return err
	}
}

func (e *evidence) readTickets(ctx context.Context) func(*pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT id, version, availability, coalesce(order_id, ''), seller_id, coalesce(idempotency_key, '') FROM tickets ORDER BY id`)
		if err != nil {
			return err
		}
		e.Tickets, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ticketRow])
		return err
	}
}

func (e *evidence) readDeadlines(ctx context.Context) func(*pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT order_id, due_at FROM deadlines ORDER BY order_id`)
		if err != nil {
			return err
		}
		var order string
		var due time.Time
		_, err = pgx.ForEachRow(rows, []any{&order, &due}, func() error { e.Due[order] = due.UnixNano(); return nil })
		return err
	}
}

func (e *evidence) readPayments(ctx context.Context) func(*pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT id, order_id, buyer_id, seller_id, idempotency_key, status, step, version, amount_minor_units, refunded_minor_units, currency
			FROM payments ORDER BY id`)
		if err != nil {
			return err
		}
		if e.Payments, err = pgx.CollectRows(rows, pgx.RowToStructByPos[paymentRow]); err != nil {
			return err
		}
		if rows, err = conn.Query(ctx, `SELECT id, payment_id, idempotency_key, status, amount_minor_units FROM refunds ORDER BY id`); err != nil {
			return err
		}
		e.Refunds, err = pgx.CollectRows(rows, pgx.RowToStructByPos[refundRow])
		return err
	}
}

func (e *evidence) readIntents(ctx context.Context) func(*pgx.Conn) error {
	return func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT intent_id, payment_id, upper(currency), (SELECT count(*) FROM ledger l WHERE l.intent_id = b.intent_id AND movement = 'captured'),
				authorized, captured, voided, refunded
			FROM balances b ORDER BY intent_id`)
		if err != nil {
			return err
		}
		e.Intents, err = pgx.CollectRows(rows, pgx.RowToStructByPos[intentRow])
		return err
	}
}
