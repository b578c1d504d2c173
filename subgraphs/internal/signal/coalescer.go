package signal

import (
	"context"
	"slices"
	"sync"
)

// Coalescer answers reads that wait at the same time with one call of Read: thousands of subscribers may follow one
// object and read it when it changes. A read that comes while Read runs waits for the next call, so its result is
// never older than the read. Results must not depend on the reader.
type Coalescer[T any] struct {
	// Read returns the objects with the keys that exist, by key. Its ctx is that of no reader.
	Read func(ctx context.Context, keys []string) (map[string]T, error)

	mu      sync.Mutex
	running bool      // a call of Read
	next    *batch[T] // nil if no reader waits for it
}

type batch[T any] struct {
	keys  []string
	done  chan struct{} // closed once found and err are set
	found map[string]T
	err   error
}

// Get returns the object with the key, and whether it exists. Errors: those of Read, and that of ctx if it ends first.
func (c *Coalescer[T]) Get(ctx context.Context, key string) (object T, ok bool, err error) {
	c.mu.Lock()
	if c.next == nil {
		c.next = &batch[T]{done: make(chan struct{})}
	}
	mine := c.next
	mine.keys = append(mine.keys, key)
	if !c.running {
		c.running = true
		go c.run() //nolint:contextcheck // serves other readers, too, so it must not end with this one's ctx
	}
	c.mu.Unlock()
	select {
	case <-mine.done:
		object, ok = mine.found[key]
		return object, ok, mine.err
	case <-ctx.Done():
		return object, false, ctx.Err()
	}
}

// run reads one batch after the other until no reader waits.
func (c *Coalescer[T]) run() {
	for {
		c.mu.Lock()
		b := c.next
		c.next, c.running = nil, b != nil
		c.mu.Unlock()
		if b == nil {
			return
		}
		slices.Sort(b.keys)
		b.found, b.err = c.Read(context.Background(), slices.Compact(b.keys))
		close(b.done)
	}
}
