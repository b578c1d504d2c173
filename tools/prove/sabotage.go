package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/stack"
)

// sabotage breaks the product on purpose, to show that prove detects it.
type sabotage struct {
	name, about string
	tags        string // with which the services are built: they select a failpoint in pkg
	// provoke makes the damage happen while clients act, and returns when it has, or when done ends.
	provoke func(ctx, done context.Context, s *stack.Stack) error
}

// sabotages are the ways to break the product.
var sabotages = []sabotage{
	{
		name:    "index",
		about:   "drops the unique index that lets one live order have a ticket",
		provoke: dropIndex,
	},
	{
		name:    "ack",
		about:   "acknowledges events before their handlers have committed",
		tags:    "sabotage_ack",
		provoke: loseCancellations,
	},
	{
		name:    "relay",
		about:   "publishes only events behind the last one that it has published (id > last)",
		tags:    "sabotage_relay",
		provoke: overtake,
	},
}

// rush lets all clients compete for a few tickets.
var rush = mix{
	weights:    []weight[kind]{{list, 20}, {edit, 8}, {reserve, 50}, {cancel, 20}, {read, 2}},
	minTickets: 4, pause: 5 * time.Millisecond,
}

// dropIndex drops the index and waits until two live orders have one ticket.
func dropIndex(ctx, done context.Context, s *stack.Stack) error {
	return onDatabase(ctx, s, events.Orders, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `DROP INDEX orders_one_live_per_ticket`); err != nil {
			return err
		}
		return until(done, func() (two bool, err error) {
			err = conn.QueryRow(ctx, `
				SELECT EXISTS (SELECT FROM orders WHERE status IN ('created', 'awaiting_payment') GROUP BY ticket_id HAVING count(*) > 1)`).Scan(&two)
			return two, err
		})
	})
}

// loseCancellations waits for the end of the orders that hold tickets while tickets cannot write, and then kills
// tickets: it has acknowledged cancellations that it has not committed. It must not restart before, because a later
// order of the same ticket would repair the damage.
func loseCancellations(ctx, done context.Context, s *stack.Stack) error {
	var held []string
	return onDatabase(ctx, s, events.Tickets, func(tickets *pgx.Conn) error {
		err := until(done, func() (bool, error) {
			rows, err := tickets.Query(ctx, `SELECT order_id FROM tickets WHERE availability = 'reserved' ORDER BY order_id`)
			if err != nil {
				return false, err
			}
			held, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return len(held) > 2, err
		})
		if err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, tickets, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE`); err != nil {
				return err
			}
			if err := onDatabase(ctx, s, events.Orders, func(orders *pgx.Conn) error {
				return until(ctx, func() (over bool, err error) {
					err = orders.QueryRow(ctx, `
						SELECT NOT EXISTS (SELECT FROM orders WHERE id = ANY($1) AND status <> 'cancelled')
							AND NOT EXISTS (SELECT FROM outbox WHERE subject = ANY($1))`, held).Scan(&over)
					return over, err
				})
			}); err != nil {
				return err
			}
			err := until(done, func() (bool, error) {
				depth, err := broker.Depth(s.BrokerURL, events.Catalogue())
				return depth[broker.Queue(events.Tickets, events.Orders)] == 0, err
			})
			return errors.Join(err, s.Service(events.Tickets).Kill())
		})
	})
}

// overtake slows down commits and waits until an event was published while an older one in the outbox was not.
func overtake(ctx, done context.Context, s *stack.Stack) error {
	return errors.Join(slow(events.Tickets).strike(ctx, s, 0), onDatabase(ctx, s, events.Tickets, func(conn *pgx.Conn) error {
		var before []int64
		return until(done, func() (bool, error) {
			rows, err := conn.Query(ctx, `SELECT seq FROM outbox ORDER BY seq`)
			if err != nil {
				return false, err
			}
			waiting, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			left := slices.IndexFunc(before, func(seq int64) bool { return slices.Contains(waiting, seq) })
			overtaken := left >= 0 && slices.ContainsFunc(before[left:], func(seq int64) bool { return !slices.Contains(waiting, seq) })
			before = waiting
			return overtaken, err
		})
	}))
}

// until polls the condition until it holds or done ends.
func until(done context.Context, condition func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := condition(); ok || err != nil {
			return err
		}
		select {
		case <-done.Done():
			return nil
		case <-tick.C:
		}
	}
}
