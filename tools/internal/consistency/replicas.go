package consistency

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// Replicated columns, which the queries select alike from the owner's table and from the replica. A payment in
// progress is left out, because not every step of it is published.
const (
	ticketColumns = `
		SELECT id, version, format('version %s, %s, %s %s, of %s: %s',
			version, availability, price_minor_units, currency, seller_id, title)
		FROM tickets ORDER BY id`
	orderColumns = `
		SELECT id, version, format('version %s, %s, %s %s, of %s for %s: %s',
			version, status, price_minor_units, currency, buyer_id, seller_id, title)
		FROM orders ORDER BY id`
	paymentColumns = `
		SELECT id, version, format('version %s, %s, %s %s, for %s', version, status, amount_minor_units, currency, order_id)
		FROM payments WHERE status NOT IN ('processing', 'requires_action', 'authorized') ORDER BY id`
)

// comparison compares an owner's aggregates with a copy of them in another service. Both queries select id, version and
// a description of the state, in the order of ids.
type comparison struct {
	what        string
	owner, copy side
}

type side struct{ service, query string }

var comparisons = []comparison{
	{"replica of the ticket in orders", side{events.Tickets, ticketColumns}, side{events.Orders, ticketColumns}},
	{"replica of the order in payments", side{events.Orders, orderColumns}, side{events.Payments, orderColumns}},
	{"replica of the payment in orders", side{events.Payments, paymentColumns}, side{events.Orders, paymentColumns}},
	{
		"lock of the ticket for its order",
		side{events.Orders, `
			SELECT ticket_id, 0, CASE status WHEN 'complete' THEN 'sold to ' ELSE 'reserved for ' END || id
			FROM orders WHERE status IN ('created', 'awaiting_payment', 'complete') ORDER BY ticket_id`},
		side{events.Tickets, `
			SELECT id, 0, CASE availability WHEN 'sold' THEN 'sold to ' ELSE 'reserved for ' END || order_id
			FROM tickets WHERE order_id IS NOT NULL ORDER BY id`},
	},
}

// Difference is an aggregate whose copy differs from its owner's state.
type Difference struct {
	ID       string `json:"id"`
	What     string `json:"what"`
	Problem  string `json:"problem"` // missing, superfluous, older, newer or different
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

// Comparison is the result of comparing two services.
type Comparison struct {
	What        string
	Compared    int // aggregates that either of them has
	Differences []Difference
}

// Compare compares all copies with their owners, and returns up to limit differences of each. Events that are not yet
// handled cause differences, too.
func (d Databases) Compare(ctx context.Context, limit int) ([]Comparison, error) {
	var all []Comparison
	for _, c := range comparisons {
		result := Comparison{What: c.what}
		err := d.Read(ctx, c.owner.service, func(owner *pgx.Conn) error {
			return d.Read(ctx, c.copy.service, func(copied *pgx.Conn) error { return c.merge(ctx, owner, copied, limit, &result) })
		})
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", c.what, err)
		}
		all = append(all, result)
	}
	return all, nil
}

// LastingDifferences returns up to limit differences of each kind whose copy has not changed after the settle time.
func (d Databases) LastingDifferences(ctx context.Context, settle time.Duration, limit int) ([]Difference, error) {
	key := func(f Difference) Difference { return Difference{ID: f.ID, What: f.What, Found: f.Found} }
	return lasting(ctx, settle, key, func() (all []Difference, err error) {
		compared, err := d.Compare(ctx, limit)
		for _, c := range compared {
			all = append(all, c.Differences...)
		}
		return all, err
	})
}

// merge reads both sides in the order of ids, so that neither needs to fit into memory.
func (c comparison) merge(ctx context.Context, owner, copied *pgx.Conn, limit int, result *Comparison) error {
	want, err := open(ctx, owner, c.owner.query)
	if err != nil {
		return err
	}
	defer want.rows.Close()
	got, err := open(ctx, copied, c.copy.query)
	if err != nil {
		return err
	}
	defer got.rows.Close()

	for len(result.Differences) < limit && (want.ok || got.ok) {
		result.Compared++
		d := Difference{What: c.what}
		order := strings.Compare(want.id, got.id)
		switch {
		case !got.ok || want.ok && order < 0:
			d.ID, d.Problem, d.Expected = want.id, "missing", want.state
		case !want.ok || order > 0:
			d.ID, d.Problem, d.Found = got.id, "superfluous", got.state
		default:
			d.ID, d.Expected, d.Found = want.id, want.state, got.state
			switch {
			case got.version < want.version:
				d.Problem = "older"
			case got.version > want.version:
				d.Problem = "newer"
			case got.state != want.state:
				d.Problem = "different"
			}
		}
		if d.Problem != "" {
			result.Differences = append(result.Differences, d)
		}
		if d.Problem != "superfluous" {
			want.next()
		}
		if d.Problem != "missing" {
			got.next()
		}
	}
	if err := want.rows.Err(); err != nil {
		return err
	}
	return got.rows.Err()
}

// cursor is the position in the rows of a side.
type cursor struct {
	rows    pgx.Rows
	ok      bool // there is a row
	id      string
	version int
	state   string
}

func open(ctx context.Context, conn *pgx.Conn, query string) (*cursor, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	c := &cursor{rows: rows}
	c.next()
	return c, nil
}

func (c *cursor) next() {
	c.ok = c.rows.Next() && c.rows.Scan(&c.id, &c.version, &c.state) == nil // a failed Scan closes the rows with its error
}
