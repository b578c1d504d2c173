package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/stack"
)

// sabotage breaks the product on purpose, to show that prove notices. Nothing in the product
// knows of it: the index is dropped by SQL, and the code is built with another text in its place.
type sabotage struct {
	name, about string
	patches     []patch
	after       func(ctx context.Context, s *stack.Stack) error // once everything runs; may be nil
	mix         func(clients int) mix
	faults      func() []strike // instead of those of chance
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
		name:  "index",
		about: "drops the unique index that lets one live order have a ticket",
		after: func(ctx context.Context, s *stack.Stack) error {
			return onDatabase(ctx, s, events.Orders, func(conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, `DROP INDEX orders_one_live_per_ticket`)
				return err
			})
		},
		mix:    rush,
		faults: func() []strike { return nil },
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
		mix: rush,
		// What is under way is lost when its service dies. A lock makes that a lot.
		faults: func() []strike {
			return []strike{
				{locked(events.Tickets, "inbox"), time.Second, time.Second},
				{locked(events.Tickets, "inbox"), 4 * time.Second, time.Second},
			}
		},
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
		mix: rush,
		// A restart would make the relay begin anew and find what it has left behind.
		faults: func() []strike {
			return []strike{{slow(events.Tickets), time.Second, 2 * time.Second}, {slow(events.Orders), 3 * time.Second, time.Second}}
		},
	},
}

// rush is everybody after the same few tickets.
func rush(int) mix {
	return mix{
		weights: map[kind]int{list: 20, edit: 8, reserve: 50, cancel: 20, read: 2},
		thin:    4, pause: 5 * time.Millisecond,
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
