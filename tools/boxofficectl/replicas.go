package main

import (
	"context"
	"flag"
	"fmt"
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
}

// difference is one ticket that two services know differently.
type difference struct {
	TicketID string `json:"ticketId"`
	What     string `json:"what"`
	Problem  string `json:"problem"` // missing, superfluous, older, newer or different
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

func replicas(flags *flag.FlagSet) look {
	settle := flags.Duration("settle", 2*time.Second, "look again after this time and show only what has not moved since")
	limit := flags.Int("limit", 100, "stop after this many differences of each kind")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		found, err := where.compareTwice(ctx, *settle, *limit)
		if err != nil {
			return report{}, err
		}
		r := report{
			wrong: len(found) > 0, json: found, summary: fmt.Sprintf("%d differences", len(found)),
			header: []string{"TICKET", "WHAT", "PROBLEM", "EXPECTED", "FOUND"},
		}
		for _, d := range found {
			r.rows = append(r.rows, []string{d.TicketID, d.What, d.Problem, d.Expected, d.Found})
		}
		return r, nil
	}
}

// compareTwice returns differences that a second look finds unmoved. News that are under way make
// differences too; but then the copy is another one at the second look.
func (s settings) compareTwice(ctx context.Context, settle time.Duration, limit int) ([]difference, error) {
	lasting := []difference{}
	first := make([][]difference, len(comparisons))
	suspects := 0
	for i, c := range comparisons {
		var err error
		if first[i], err = s.compare(ctx, c, nil, limit); err != nil {
			return nil, err
		}
		suspects += len(first[i])
	}
	if suspects == 0 {
		return lasting, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	for i, c := range comparisons {
		type copied struct{ ticketID, found string }
		before := map[copied]bool{}
		ids := []string{}
		for _, d := range first[i] {
			before[copied{d.TicketID, d.Found}] = true
			ids = append(ids, d.TicketID)
		}
		second, err := s.compare(ctx, c, ids, limit)
		if err != nil {
			return nil, err
		}
		for _, d := range second {
			if before[copied{d.TicketID, d.Found}] {
				lasting = append(lasting, d)
			}
		}
	}
	return lasting, nil
}

// compare returns up to limit differences, of all tickets or only of those named.
func (s settings) compare(ctx context.Context, c comparison, ids []string, limit int) (found []difference, err error) {
	err = s.withDatabase(ctx, c.source.service, func(source *pgx.Conn) error {
		return s.withDatabase(ctx, c.copy.service, func(copied *pgx.Conn) error {
			found, err = c.merge(ctx, source, copied, ids, limit)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", c.what, err)
	}
	return found, nil
}

// merge walks over both sides in the order of ids, so that neither needs to fit into memory.
func (c comparison) merge(ctx context.Context, source, copied *pgx.Conn, ids []string, limit int) ([]difference, error) {
	want, err := open(ctx, source, c.source.query, ids)
	if err != nil {
		return nil, err
	}
	defer want.rows.Close()
	got, err := open(ctx, copied, c.copy.query, ids)
	if err != nil {
		return nil, err
	}
	defer got.rows.Close()

	var found []difference
	for len(found) < limit && (want.ok || got.ok) {
		d := difference{What: c.what}
		order := strings.Compare(want.id, got.id)
		switch {
		case !got.ok || want.ok && order < 0:
			d.TicketID, d.Problem, d.Expected = want.id, "missing", want.state
		case !want.ok || order > 0:
			d.TicketID, d.Problem, d.Found = got.id, "superfluous", got.state
		default:
			d.TicketID, d.Expected, d.Found = want.id, want.state, got.state
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
			found = append(found, d)
		}
		if d.Problem != "superfluous" {
			want.next()
		}
		if d.Problem != "missing" {
			got.next()
		}
	}
	if err := want.rows.Err(); err != nil {
		return nil, err
	}
	return found, got.rows.Err()
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
