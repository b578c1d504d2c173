package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/subgraphs/internal/page"
)

// Conditions on the statuses of orders and payments, as the partial indexes have them.
var (
	live       = postgres.In("status", events.OrderStatuses(events.OrderStatus.Live))
	unpaid     = postgres.In("status", events.OrderStatuses(events.OrderStatus.Unpaid))
	inProgress = postgres.In("status", events.PaymentStatuses(events.PaymentStatus.InProgress))
)

const orderColumns = `id, version, status, buyer_id, seller_id, ticket_id, ticket_version, title,
	price_minor_units, currency, created_at, updated_at, expires_at, coalesce(cancel_reason, '') AS cancel_reason,
	coalesce(payment_id, '') AS payment_id, frozen_at`

// orderRow is a row of orders.
type orderRow struct {
	ID              string
	Version         int
	Status          events.OrderStatus
	BuyerID         string
	SellerID        string
	TicketID        string
	TicketVersion   int
	Title           string
	PriceMinorUnits int
	Currency        string
	CreatedAt       time.Time
	UpdatedAt       time.Time
	ExpiresAt       time.Time
	CancelReason    events.CancelReason
	PaymentID       string
	FrozenAt        *time.Time
	Paying          bool
}

func (r orderRow) order() Order {
	o := Order{
		ID: r.ID, Version: r.Version, Status: r.Status, BuyerID: r.BuyerID, SellerID: r.SellerID,
		TicketID: r.TicketID, TicketVersion: r.TicketVersion, Title: r.Title,
		Price:     money.Money{MinorUnits: r.PriceMinorUnits, Currency: r.Currency},
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		Reason: r.CancelReason, PaymentID: r.PaymentID, Paying: r.Paying,
	}
	if r.FrozenAt != nil {
		o.FrozenAt = r.FrozenAt.UTC()
	}
	return o
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// selectOrders returns the orders that satisfy the conditions.
func selectOrders(ctx context.Context, q querier, conditions string, args ...any) ([]Order, error) {
	rows, err := q.Query(ctx, `SELECT `+orderColumns+`, EXISTS (SELECT FROM payments
		WHERE order_id = orders.id AND `+inProgress+`) AS paying
		FROM orders WHERE `+conditions, args...)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return collectOrders(rows)
}

func collectOrders(rows pgx.Rows) ([]Order, error) {
	orders, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Order, error) {
		r, err := pgx.RowToStructByName[orderRow](row)
		return r.order(), err
	})
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return orders, nil
}

// queueLock queues the statements that lock an order and read the attempts to pay for it, with those of preload,
// if any, between them. Each statement sees what was committed while an earlier one waited for the lock. If there
// is no such order, the batch fails with NotFoundError.
func queueLock(batch *pgx.Batch, orderID string, preload func(*pgx.Batch), o *orderWithPayments) {
	const lock = `SELECT ` + orderColumns + `, false AS paying FROM orders WHERE id = $1 FOR UPDATE`
	batch.Queue(lock, orderID).Query(func(rows pgx.Rows) error {
		orders, err := collectOrders(rows)
		if err != nil {
			return err
		}
		if len(orders) == 0 {
			return NotFoundError{}
		}
		o.Order = orders[0]
		return nil
	})
	if preload != nil {
		preload(batch)
	}
	batch.Queue(`SELECT id, status, amount_minor_units, currency, started_at, coalesce(answer, '')
		FROM payments WHERE order_id = $1 ORDER BY started_at, id`, orderID).Query(func(rows pgx.Rows) (err error) {
		o.payments, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p payment, err error) {
			err = row.Scan(&p.id, &p.status, &p.amount.MinorUnits, &p.amount.Currency, &p.startedAt, &p.decision)
			return p, err
		})
		o.Paying = slices.ContainsFunc(o.payments, func(p payment) bool { return p.status.InProgress() })
		return err
	})
}

func ordersByID(ctx context.Context, q querier, ids []string) ([]Order, error) {
	return selectOrders(ctx, q, `id = ANY($1) ORDER BY id`, ids)
}

func liveOrdersOfTickets(ctx context.Context, q querier, ticketIDs []string) ([]Order, error) {
	return selectOrders(ctx, q, `ticket_id = ANY($1) AND `+live+` ORDER BY id`, ticketIDs)
}

func ordersOfBuyer(ctx context.Context, q querier, buyerID string, f Filter, w page.Window) ([]Order, error) {
	sql, args := w.SQL([]any{buyerID, f.Statuses, f.TicketID})
	return selectOrders(ctx, q, `
		buyer_id = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND ($3::text IS NULL OR ticket_id = $3)`+sql,
		args...)
}

func countOrdersOfBuyer(ctx context.Context, pool *pgxpool.Pool, buyerID string, f Filter, atMost int) (int, error) {
	var n int
	err := pool.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM orders
		WHERE buyer_id = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND ($3::text IS NULL OR ticket_id = $3)
		LIMIT $4) counted`, buyerID, f.Statuses, f.TicketID, atMost).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	return n, nil
}

// readFacts returns the facts that decide about a new order, in one round trip.
func readFacts(ctx context.Context, pool *pgxpool.Pool, buyerID string, in CreateInput, maxUnpaid int) (facts, error) {
	var f facts
	var batch pgx.Batch
	batch.Queue(`
		SELECT id, version, title, price_minor_units, currency, seller_id, availability,
			coalesce((SELECT status FROM orders WHERE ticket_id = tickets.id AND `+live+`), '')
		FROM tickets WHERE id = $1`, in.TicketID).QueryRow(func(row pgx.Row) error {
		var t Ticket
		err := row.Scan(&t.ID, &t.Version, &t.Title, &t.Price.MinorUnits, &t.Price.Currency, &t.SellerID,
			&t.Availability, &f.heldBy)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		f.ticket = &t
		return err
	})
	batch.Queue(`
		SELECT coalesce(min(place), 0) FROM generate_series(1, $2::int) place
		WHERE NOT EXISTS (SELECT FROM orders WHERE buyer_id = $1 AND slot = place AND `+unpaid+`)`,
		buyerID, maxUnpaid).QueryRow(func(row pgx.Row) error { return row.Scan(&f.freeSlot) })
	if in.IdempotencyKey != nil {
		const byKey = `SELECT id, request FROM orders WHERE buyer_id = $1 AND idempotency_key = $2`
		batch.Queue(byKey, buyerID, *in.IdempotencyKey).
			QueryRow(func(row pgx.Row) error {
				var r repeated
				err := row.Scan(&r.orderID, &r.request)
				if errors.Is(err, pgx.ErrNoRows) {
					return nil
				}
				f.repeated = &r
				return err
			})
	}
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return facts{}, fmt.Errorf("read facts about ticket %s: %w", in.TicketID, err)
	}
	return f, nil
}

// insertOrder stores a new order with its history and event. A batch outside of a transaction is one implicit
// transaction: either all of it is stored or nothing.
func insertOrder(
	ctx context.Context, pool *pgxpool.Pool, c change, policy events.FailurePolicy, slot int, in CreateInput,
) error {
	o := c.order
	var batch pgx.Batch
	batch.Queue(`
		INSERT INTO orders (id, version, status, buyer_id, seller_id, ticket_id, ticket_version, title,
			price_minor_units, currency, created_at, updated_at, expires_at, slot, idempotency_key, request)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		o.ID, o.Version, o.Status, o.BuyerID, o.SellerID, o.TicketID, o.TicketVersion, o.Title, o.Price.MinorUnits,
		o.Price.Currency, o.CreatedAt, o.UpdatedAt, o.ExpiresAt, slot, in.IdempotencyKey, in.request())
	queueHistory(ctx, &batch, c)
	outbox.Queue(ctx, &batch, c.events(policy)...)
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("insert order for ticket %s: %w", o.TicketID, err)
	}
	return nil
}

// storeChange stores a change with its history and events.
func storeChange(ctx context.Context, tx pgx.Tx, c change, policy events.FailurePolicy) error {
	o := c.order
	var batch pgx.Batch
	if o != c.before {
		batch.Queue(`
			UPDATE orders SET version = $2, status = $3, updated_at = $4, cancel_reason = nullif($5, ''),
				payment_id = nullif($6, ''), frozen_at = $7
			WHERE id = $1`,
			o.ID, o.Version, o.Status, o.UpdatedAt, o.Reason, o.PaymentID,
			pgtype.Timestamptz{Time: o.FrozenAt, Valid: o.Frozen()})
	}
	for _, d := range c.decisions {
		batch.Queue(`UPDATE payments SET answer = $2 WHERE id = $1`, d.paymentID, d.decision)
	}
	queueHistory(ctx, &batch, c)
	outbox.Queue(ctx, &batch, c.events(policy)...)
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("change order %s to %s: %w", o.ID, o.Status, err)
	}
	return nil
}

// queueHistory queues the insertion of the change's history entry, if it has one.
func queueHistory(ctx context.Context, batch *pgx.Batch, c change) {
	if !c.statusChanged() {
		return
	}
	o := c.order
	batch.Queue(`
		INSERT INTO order_events (id, order_id, version, at, actor, from_status, to_status, reason, request_id)
		VALUES ($1, $2, $3, $4, $5, nullif($6, ''), $7, nullif($8, ''), $9)`,
		id.New(id.OrderHistoryEntry), o.ID, o.Version, o.UpdatedAt, c.actor, c.before.Status, o.Status, o.Reason,
		correlation.From(ctx).Request)
}

// queueTicket queues the statement that stores a version of a ticket unless the same or a newer one is stored.
func queueTicket(batch *pgx.Batch, t events.Ticket) {
	batch.Queue(`
		INSERT INTO tickets AS replica (id, version, title, price_minor_units, currency, seller_id, availability)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, title = excluded.title,
			price_minor_units = excluded.price_minor_units, currency = excluded.currency,
			availability = excluded.availability
		WHERE replica.version < excluded.version`,
		t.ID, t.Version, t.Title, t.Price.MinorUnits, t.Price.Currency, t.SellerID, t.Availability)
}

func replicate(ctx context.Context, pool *pgxpool.Pool, t events.Ticket) error {
	var batch pgx.Batch
	queueTicket(&batch, t)
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("replicate ticket %s version %d: %w", t.ID, t.Version, err)
	}
	return nil
}

// queuePayment queues the statement that stores a version of a payment unless the same or a newer one is stored.
// It sets newer to whether it stored the version.
func queuePayment(batch *pgx.Batch, p events.Payment, newer *bool) {
	batch.Queue(`
		INSERT INTO payments AS replica (id, order_id, version, status, amount_minor_units, currency, started_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status
		WHERE replica.version < excluded.version`,
		p.ID, p.OrderID, p.Version, p.Status, p.Amount.MinorUnits, p.Amount.Currency, p.StartedAt,
	).Exec(func(tag pgconn.CommandTag) error {
		*newer = tag.RowsAffected() == 1
		return nil
	})
}

func historyOfOrders(ctx context.Context, q querier, orderIDs []string) ([]HistoryEntry, error) {
	rows, err := q.Query(ctx, `
		SELECT id, order_id, version, at, actor, from_status AS "from", to_status AS "to", reason, request_id
		FROM order_events WHERE order_id = ANY($1) ORDER BY order_id, version DESC`, orderIDs)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[HistoryEntry])
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return all, nil
}
