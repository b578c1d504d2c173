package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/stack"
)

// sabotage breaks the product on purpose, to show that prove notices. Nothing in the product
// knows of it: the index is dropped by SQL, and the code is built with another text in its place.
type sabotage struct {
	name, about string
	patches     []patch
	// provoke makes the harm happen while clients act, and returns when it has, or when done ends.
	provoke func(ctx, done context.Context, s *stack.Stack) error
}

// patch replaces a piece of text, which must be there exactly once.
type patch struct{ file, old, new string }

const (
	consumer = "pkg/broker/consumer.go"
	relay    = "pkg/outbox/relay.go"
)

// sabotages are the ways to break the product.
var sabotages = []sabotage{
	{
		name:    "index",
		about:   "drops the unique index that lets one live order have a ticket",
		provoke: dropIndex,
	},
	{
		name:  "ack",
		about: "acknowledges events before their handlers have committed",
		patches: []patch{{
			consumer,
			`
			_, err := handle(msg)
			if err == nil {
				return nil, nil
			}`,
			`
			msg.SetContext(context.WithoutCancel(msg.Context())) // which the acknowledgement would end
			msg.Ack()
			_, err := handle(msg)
			if err == nil {
				return nil, nil
			}`,
		}},
		provoke: loseCancellations,
	},
	{
		name:  "relay",
		about: "publishes only events behind the last one that it has published (id > last)",
		patches: []patch{
			{relay, `type Publish func(`, `var last int64

type Publish func(`},
			{relay, "FROM outbox ORDER BY seq LIMIT $1`, batchSize)", "FROM outbox WHERE seq > $2 ORDER BY seq LIMIT $1`, batchSize, last)"},
			{relay, `n = len(batch)`, `n, last = len(batch), seqs[len(seqs)-1]`},
		},
		provoke: overtake,
	},
}

// rush is everybody after the same few tickets.
var rush = mix{
	weights: map[kind]int{list: 20, edit: 8, reserve: 50, cancel: 20, read: 2},
	thin:    4, pause: 5 * time.Millisecond,
}

// dropIndex waits until two live orders have one ticket.
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

// loseCancellations lets the orders that hold a ticket end while tickets cannot write, and then
// kills tickets. What it has acknowledged by then, it has not done. It must not restart before
// all has ended: a later order of the same ticket would mend the harm.
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

// overtake makes commits slow and waits until an event was published while an older one, which was
// there already, was not.
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

// until asks again and again until the answer is yes, or done ends.
func until(done context.Context, yes func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := yes(); ok || err != nil {
			return err
		}
		select {
		case <-done.Done():
			return nil
		case <-tick.C:
		}
	}
}

// overlay writes the patched files into the folder, and the file that tells go build to use them;
// "" when nothing is patched. It fails when a text to replace is not there: then the product has
// changed and the sabotage must, too.
func (s sabotage) overlay(root, folder string) (string, error) {
	if len(s.patches) == 0 {
		return "", nil
	}
	texts := map[string]string{}
	for _, p := range s.patches {
		path := filepath.Join(root, p.file)
		if _, read := texts[path]; !read {
			content, err := os.ReadFile(path)
			if err != nil {
				return "", fmt.Errorf("sabotage %s: %w", s.name, err)
			}
			texts[path] = string(content)
		}
		if n := strings.Count(texts[path], p.old); n != 1 {
			return "", fmt.Errorf("sabotage %s: %s has %d places with this text, want 1:\n%s", s.name, p.file, n, p.old)
		}
		texts[path] = strings.Replace(texts[path], p.old, p.new, 1)
	}
	replace := map[string]string{}
	for path, text := range texts {
		replace[path] = filepath.Join(folder, s.name+"-"+filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("sabotage %s: %w", s.name, err)
		}
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("sabotage %s: %w", s.name, err)
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return "", fmt.Errorf("sabotage %s: %w", s.name, err)
	}
	return file, nil
}
