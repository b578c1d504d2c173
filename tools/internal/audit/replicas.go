package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// comparison is between what one service decides and what another knows of it. Both queries
// select id, version and a description of the state, of all ids or only of $1, in the order of ids.
type comparison struct {
	what         string
	source, copy side
}

type side struct{ service, query string }

// replicated describes a ticket, in the database of tickets and in that of orders alike.
const replicated = `
	SELECT id, version, format('version %s, %s, %s %s, of %s: %s', version, availability, price_minor_units, currency, seller_id, title)
	FROM tickets WHERE $1::text[] IS NULL OR id = ANY($1) ORDER BY id`

// ordered describes an order, in the database of orders and in that of payments alike.
const ordered = `
	SELECT id, version, format('version %s, %s, %s %s, of %s for %s: %s', version, status, price_minor_units, currency, buyer_id, seller_id, title)
	FROM orders WHERE $1::text[] IS NULL OR id = ANY($1) ORDER BY id`

// settled describes a payment that is not under way, in the database of payments and in that of
// orders alike. Not every step on the way there is told.
const settled = `
	SELECT id, version, format('version %s, %s, %s %s, for %s', version, status, amount_minor_units, currency, order_id)
	FROM payments WHERE status NOT IN ('processing', 'requires_action', 'authorized') AND ($1::text[] IS NULL OR id = ANY($1)) ORDER BY id`

var comparisons = []comparison{
	{
		what:   "replica of the ticket in orders",
		source: side{events.Tickets, replicated},
		copy:   side{events.Orders, replicated},
	},
	{
		what: "lock of the ticket for its order",
		source: side{events.Orders, `
			SELECT ticket_id, 0, CASE status WHEN 'complete' THEN 'sold to ' ELSE 'reserved for ' END || id
			FROM orders WHERE status IN ('created', 'awaiting_payment', 'complete') AND ($1::text[] IS NULL OR ticket_id = ANY($1))
			ORDER BY ticket_id`},
		copy: side{events.Tickets, `
			SELECT id, 0, CASE availability WHEN 'sold' THEN 'sold to ' ELSE 'reserved for ' END || order_id
			FROM tickets WHERE order_id IS NOT NULL AND ($1::text[] IS NULL OR id = ANY($1)) ORDER BY id`},
	},
	{
		what:   "replica of the order in payments",
		source: side{events.Orders, ordered},
		copy:   side{events.Payments, ordered},
	},
	{
		what:   "replica of the payment in orders",
		source: side{events.Payments, settled},
		copy:   side{events.Orders, settled},
	},
}

// Difference is one thing that two services know differently.
type Difference struct {
	ID       string `json:"id"`
	What     string `json:"what"`
	Problem  string `json:"problem"` // missing, superfluous, older, newer or different
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

// Comparison is what came of one comparison of two services.
type Comparison struct {
	What        string
	Compared    int // things that either of them knows
	Differences []Difference
}

// Compare compares everything that one service knows of another's, and returns up to limit
// differences of each kind. News that are under way make differences too.
func (d Databases) Compare(ctx context.Context, limit int) ([]Comparison, error) {
	var all []Comparison
	for _, c := range comparisons {
		done, err := d.compare(ctx, c, nil, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, done)
	}
	return all, nil
}

// LastingDifferences returns up to limit differences of each kind that a second look, after the
// given time, finds unmoved. When news are under way, the copy is another one by then.
func (d Databases) LastingDifferences(ctx context.Context, settle time.Duration, limit int) ([]Difference, error) {
	lasting := []Difference{}
	first, err := d.Compare(ctx, limit)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(first, func(c Comparison) bool { return len(c.Differences) > 0 }) {
		return lasting, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	for i, c := range comparisons {
		type copied struct{ id, found string }
		before := map[copied]bool{}
		ids := []string{}
		for _, f := range first[i].Differences {
			before[copied{f.ID, f.Found}] = true
			ids = append(ids, f.ID)
		}
		second, err := d.compare(ctx, c, ids, limit)
		if err != nil {
			return nil, err
		}
		for _, f := range second.Differences {
			if before[copied{f.ID, f.Found}] {
				lasting = append(lasting, f)
			}
		}
	}
	return lasting, nil
}

// compare returns up to limit differences, of all tickets or only of those named.
func (d Databases) compare(ctx context.Context, c comparison, ids []string, limit int) (done Comparison, err error) {
	err = d.Read(ctx, c.source.service, func(source *pgx.Conn) error {
		return d.Read(ctx, c.copy.service, func(copied *pgx.Conn) error {
			done, err = c.merge(ctx, source, copied, ids, limit)
			return err
		})
	})
	if err != nil {
		return Comparison{}, fmt.Errorf("compare %s: %w", c.what, err)
	}
	return done, nil
}

// merge walks over both sides in the order of ids, so that neither needs to fit into memory.
func (c comparison) merge(ctx context.Context, source, copied *pgx.Conn, ids []string, limit int) (Comparison, error) {
	want, err := open(ctx, source, c.source.query, ids)
	if err != nil {
		return Comparison{}, err
	}
	defer want.rows.Close()
	got, err := open(ctx, copied, c.copy.query, ids)
	if err != nil {
		return Comparison{}, err
	}
	defer got.rows.Close()

	done := Comparison{What: c.what}
	for len(done.Differences) < limit && (want.ok || got.ok) {
		done.Compared++
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
			done.Differences = append(done.Differences, d)
		}
		if d.Problem != "superfluous" {
			want.next()
		}
		if d.Problem != "missing" {
			got.next()
		}
	}
	if err := want.rows.Err(); err != nil {
		return Comparison{}, err
	}
	return done, got.rows.Err()
}

// cursor is at one row of a side.
type cursor struct {
	rows    pgx.Rows
	ok      bool // there is a row
	id      string
	version int
	state   string
}

func open(ctx context.Context, conn *pgx.Conn, query string, ids []string) (*cursor, error) {
	rows, err := conn.Query(ctx, query, ids)
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
