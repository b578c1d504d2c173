package ticket

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/subgraphs/internal/page"
)

const ticketColumns = `id, version, title, price_minor_units, currency, seller_id, availability,
	coalesce(order_id, '') AS order_id, created_at, updated_at`

// ticketRow is a row of tickets.
type ticketRow struct {
	ID              string
	Version         int
	Title           string
	PriceMinorUnits int
	Currency        string
	SellerID        string
	Availability    events.Availability
	OrderID         string
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

func (r ticketRow) ticket() Ticket {
	return Ticket{
		ID: r.ID, Version: r.Version, Title: r.Title,
		Price:    money.Money{MinorUnits: r.PriceMinorUnits, Currency: r.Currency},
		SellerID: r.SellerID, Availability: r.Availability, OrderID: r.OrderID,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func selectTickets(ctx context.Context, q querier, sql string, args ...any) ([]Ticket, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	return collectTickets(rows)
}

func collectTickets(rows pgx.Rows) ([]Ticket, error) {
	tickets, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Ticket, error) {
		r, err := pgx.RowToStructByName[ticketRow](row)
		return r.ticket(), err
	})
	if err != nil {
		return nil, fmt.Errorf("read tickets: %w", err)
	}
	return tickets, nil
}

const lockSQL = `SELECT ` + ticketColumns + ` FROM tickets WHERE id = $1 ORDER BY id FOR UPDATE`

// lockTicket returns the ticket and locks its row until the transaction ends. Errors: NotFoundError.
func lockTicket(ctx context.Context, tx pgx.Tx, ticketID string) (Ticket, error) {
	tickets, err := selectTickets(ctx, tx, lockSQL, ticketID)
	if err != nil {
		return Ticket{}, err
	}
	if len(tickets) == 0 {
		return Ticket{}, NotFoundError{}
	}
	return tickets[0], nil
}

// queueLockFor queues recording the order's version in the inbox, and reading and locking the order's ticket into t.
// It sets newer unless this or a newer version of the order was recorded before.
func queueLockFor(batch *pgx.Batch, o events.Order, t *Ticket, newer *bool) {
	inbox.Queue(batch, events.Tickets, o.ID, o.Version, newer)
	batch.Queue(lockSQL, o.TicketID).Query(func(rows pgx.Rows) error {
		tickets, err := collectTickets(rows)
		if len(tickets) == 1 {
			*t = tickets[0]
		}
		return err
	})
}

func ticketsByID(ctx context.Context, q querier, ids []string) ([]Ticket, error) {
	return selectTickets(ctx, q, `SELECT `+ticketColumns+` FROM tickets WHERE id = ANY($1) ORDER BY id`, ids)
}

// ticketByIdempotencyKey returns the ticket that was created with the key, and the request that created it.
func ticketByIdempotencyKey(ctx context.Context, pool *pgxpool.Pool, sellerID, key string) (Ticket, string, error) {
	var ticketID, request string
	err := pool.QueryRow(ctx, `SELECT id, request FROM tickets WHERE seller_id = $1 AND idempotency_key = $2`,
		sellerID, key).Scan(&ticketID, &request)
	if err != nil {
		return Ticket{}, "", fmt.Errorf("read ticket by idempotency key: %w", err)
	}
	tickets, err := ticketsByID(ctx, pool, []string{ticketID})
	if err != nil {
		return Ticket{}, "", err
	}
	return tickets[0], request, nil // tickets are never deleted
}

// listTickets reads a window of the tickets that match each filter, all in one round trip. Each availability is read
// in order from its own range of an index, and the ranges are merged. So a page costs a few index ranges, regardless
// of the filter and the number of tickets.
func listTickets(ctx context.Context, pool *pgxpool.Pool, filters []Filter, w page.Window) ([][]Ticket, error) {
	lists := make([][]Ticket, len(filters))
	var batch pgx.Batch
	for i, f := range filters {
		where, args := f.where([]any{f.availabilities()})
		window, args := w.SQL(args)
		if where != "" {
			// The best index depends on the values of the filter, so a generic plan will not do.
			// The batch is one transaction, and the setting ends with it.
			batch.Queue(`SELECT set_config('plan_cache_mode', 'force_custom_plan', true)`)
		}
		batch.Queue(`
			SELECT `+ticketColumns+` FROM unnest($1::text[]) selected CROSS JOIN LATERAL (
				SELECT * FROM tickets WHERE availability = selected`+where+window+`
			) tickets WHERE true`+window, args...).Query(func(rows pgx.Rows) (err error) {
			lists[i], err = collectTickets(rows)
			return err
		})
	}
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, fmt.Errorf("list tickets: %w", err)
	}
	return lists, nil
}

// countTickets counts the tickets that match the filter and stops at atMost.
func countTickets(ctx context.Context, pool *pgxpool.Pool, f Filter, atMost int) (int, error) {
	where, args := f.where([]any{f.availabilities(), atMost})
	var n int
	err := pool.QueryRow(ctx, `SELECT count(*) FROM (
		SELECT FROM tickets WHERE availability = ANY($1)`+where+` LIMIT $2) counted`, args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count tickets: %w", err)
	}
	return n, nil
}

// where returns the filter's conditions except the availabilities, each with a leading AND, and args with their values
// appended.
func (f Filter) where(args []any) (string, []any) {
	var sql strings.Builder
	and := func(condition string, value any) {
		args = append(args, value)
		fmt.Fprintf(&sql, " AND "+condition, len(args))
	}
	for _, sellerID := range []*string{f.SellerID, f.of} {
		if sellerID != nil {
			and("seller_id = $%d", *sellerID)
		}
	}
	if f.Query != nil && strings.TrimSpace(*f.Query) != "" {
		// websearch_to_tsquery accepts any text. The last word matches as a prefix: people search while they type.
		and("title_words @@ regexp_replace(websearch_to_tsquery('words', $%d)::text, '''$', ''':*')::tsquery", *f.Query)
	}
	if f.MinPrice != nil {
		and("currency = $%d", f.MinPrice.Currency)
		and("price_minor_units >= $%d::bigint", f.MinPrice.MinorUnits)
	}
	if f.MaxPrice != nil {
		and("currency = $%d", f.MaxPrice.Currency)
		and("price_minor_units <= $%d::bigint", f.MaxPrice.MinorUnits)
	}
	return sql.String(), args
}

// insertTicket stores a new ticket and its event. A batch is one implicit transaction, so both are stored or neither.
func insertTicket(ctx context.Context, pool *pgxpool.Pool, c change, in CreateInput) error {
	t := c.ticket
	var batch pgx.Batch
	batch.Queue(`
		INSERT INTO tickets (id, version, title, price_minor_units, currency, seller_id, availability, created_at,
			updated_at, idempotency_key, request)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		t.ID, t.Version, t.Title, t.Price.MinorUnits, t.Price.Currency, t.SellerID, t.Availability, t.CreatedAt,
		t.UpdatedAt, in.IdempotencyKey, in.request())
	outbox.Queue(ctx, &batch, c.event())
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("insert ticket of %s: %w", t.SellerID, err)
	}
	return nil
}

// updateTicket stores a change and its event.
func updateTicket(ctx context.Context, tx pgx.Tx, c change) error {
	t := c.ticket
	var batch pgx.Batch
	batch.Queue(`
		UPDATE tickets SET version = $2, title = $3, price_minor_units = $4, currency = $5, availability = $6,
			order_id = nullif($7, ''), updated_at = $8
		WHERE id = $1`,
		t.ID, t.Version, t.Title, t.Price.MinorUnits, t.Price.Currency, t.Availability, t.OrderID, t.UpdatedAt)
	outbox.Queue(ctx, &batch, c.event())
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("update ticket %s to version %d: %w", t.ID, t.Version, err)
	}
	return nil
}
