package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/subgraphs/internal/page"
)

const orderColumns = `id, version, status, buyer_id, seller_id, ticket_id, ticket_version, title,
	price_minor_units, currency, created_at, updated_at, expires_at, coalesce(cancel_reason, '') AS cancel_reason`

// orderRow is a row of orders.
type orderRow struct {
	ID              string
	Version         int
	Status          Status
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
	CancelReason    Reason
}

func (r orderRow) order() Order {
	return Order{
		ID: r.ID, Version: r.Version, Status: r.Status, BuyerID: r.BuyerID, SellerID: r.SellerID,
		TicketID: r.TicketID, TicketVersion: r.TicketVersion, Title: r.Title,
		Price:     money.Money{MinorUnits: r.PriceMinorUnits, Currency: r.Currency},
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), Reason: r.CancelReason,
	}
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func selectOrders(ctx context.Context, q querier, sql string, args ...any) ([]Order, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	orders, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Order, error) {
		r, err := pgx.RowToStructByName[orderRow](row)
		return r.order(), err
	})
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return orders, nil
}

func lockOrder(ctx context.Context, tx pgx.Tx, orderID string) (Order, error) {
	orders, err := selectOrders(ctx, tx, `SELECT `+orderColumns+` FROM orders WHERE id = $1 ORDER BY id FOR UPDATE`, orderID)
	if err != nil {
		return Order{}, err
	}
	if len(orders) == 0 {
		return Order{}, orderNotFound()
	}
	return orders[0], nil
}

func ordersByID(ctx context.Context, q querier, ids []string) ([]Order, error) {
	return selectOrders(ctx, q, `SELECT `+orderColumns+` FROM orders WHERE id = ANY($1) ORDER BY id`, ids)
}

func liveOrdersByTicket(ctx context.Context, q querier, ticketIDs []string) ([]Order, error) {
	return selectOrders(ctx, q, `SELECT `+orderColumns+` FROM orders
		WHERE ticket_id = ANY($1) AND status IN ('created', 'awaiting_payment', 'complete') ORDER BY id`, ticketIDs)
}

func ordersOfBuyer(ctx context.Context, q querier, buyerID string, f Filter, w page.Window) ([]Order, error) {
	sql, args := w.SQL([]any{buyerID, f.Statuses, f.TicketID})
	return selectOrders(ctx, q, `SELECT `+orderColumns+` FROM orders
		WHERE buyer_id = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND ($3::text IS NULL OR ticket_id = $3)`+sql, args...)
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

// readFacts reads everything that decides about a new order in one round trip.
func readFacts(ctx context.Context, pool *pgxpool.Pool, buyerID string, in CreateInput, maxUnpaid int) (facts, error) {
	var f facts
	var batch pgx.Batch
	batch.Queue(`
		SELECT id, version, title, price_minor_units, currency, seller_id, availability,
			EXISTS (SELECT FROM orders WHERE ticket_id = tickets.id AND status IN ('created', 'awaiting_payment', 'complete'))
		FROM tickets WHERE id = $1`, in.TicketID).QueryRow(func(row pgx.Row) error {
		var t Ticket
		err := row.Scan(&t.ID, &t.Version, &t.Title, &t.Price.MinorUnits, &t.Price.Currency, &t.SellerID, &t.Availability, &f.held)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		f.ticket = &t
		return err
	})
	batch.Queue(`
		SELECT coalesce(min(place), 0) FROM generate_series(1, $2::int) place
		WHERE NOT EXISTS (SELECT FROM orders WHERE buyer_id = $1 AND slot = place AND status IN ('created', 'awaiting_payment'))`,
		buyerID, maxUnpaid).QueryRow(func(row pgx.Row) error { return row.Scan(&f.freeSlot) })
	if in.IdempotencyKey != nil {
		batch.Queue(`SELECT id, request FROM orders WHERE buyer_id = $1 AND idempotency_key = $2`, buyerID, *in.IdempotencyKey).
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

// insertOrder writes a new order, its history and its event. Sent as one batch outside of a
// transaction, they are one implicit transaction: all of them are stored or none.
func insertOrder(ctx context.Context, pool *pgxpool.Pool, c change, slot int, in CreateInput) error {
	o := c.order
	var batch pgx.Batch
	batch.Queue(`
		INSERT INTO orders (id, version, status, buyer_id, seller_id, ticket_id, ticket_version, title, price_minor_units,
			currency, created_at, updated_at, expires_at, slot, idempotency_key, request)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		o.ID, o.Version, o.Status, o.BuyerID, o.SellerID, o.TicketID, o.TicketVersion, o.Title, o.Price.MinorUnits,
		o.Price.Currency, o.CreatedAt, o.UpdatedAt, o.ExpiresAt, slot, in.IdempotencyKey, in.request())
	queueTold(ctx, &batch, c)
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("insert order for ticket %s: %w", o.TicketID, err)
	}
	return nil
}

func updateOrder(ctx context.Context, tx pgx.Tx, c change) error {
	o := c.order
	var batch pgx.Batch
	batch.Queue(`UPDATE orders SET version = $2, status = $3, updated_at = $4, cancel_reason = nullif($5, '') WHERE id = $1`,
		o.ID, o.Version, o.Status, o.UpdatedAt, o.Reason)
	queueTold(ctx, &batch, c)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("update order %s to %s: %w", o.ID, o.Status, err)
	}
	return nil
}

// queueTold adds what tells of a change: its line of history and its event.
func queueTold(ctx context.Context, batch *pgx.Batch, c change) {
	o := c.order
	batch.Queue(`
		INSERT INTO order_events (id, order_id, version, at, actor, from_status, to_status, reason, request_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), $9)`,
		id.New(id.OrderEvent), o.ID, o.Version, o.UpdatedAt, c.actor, c.from, o.Status, o.Reason, correlation.From(ctx).Request)
	outbox.Queue(ctx, batch, c.event())
}

// replicate stores a version of a ticket unless the same or a newer one is there.
func replicate(ctx context.Context, q querier, t events.Ticket) error {
	_, err := q.Exec(ctx, `
		INSERT INTO tickets AS replica (id, version, title, price_minor_units, currency, seller_id, availability)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, title = excluded.title,
			price_minor_units = excluded.price_minor_units, currency = excluded.currency, availability = excluded.availability
		WHERE replica.version < excluded.version`,
		t.ID, t.Version, t.Title, t.Price.MinorUnits, t.Price.Currency, t.SellerID, t.Availability)
	if err != nil {
		return fmt.Errorf("replicate ticket %s version %d: %w", t.ID, t.Version, err)
	}
	return nil
}

func eventsOfOrders(ctx context.Context, q querier, orderIDs []string) ([]Event, error) {
	rows, err := q.Query(ctx, `
		SELECT id, order_id, version, at, actor, from_status AS "from", to_status AS "to", reason, request_id
		FROM order_events WHERE order_id = ANY($1) ORDER BY order_id, version`, orderIDs)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Event])
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return all, nil
}
