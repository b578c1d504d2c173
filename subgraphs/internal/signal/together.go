package signal

import (
	"context"
	"slices"
	"sync"
)

// Together lets all who look for things at the same time share one read: thousands may follow the same
// thing, and look when it changes. Whoever comes while a read is under way waits for the next one, so
// that nobody gets what was stored before they looked. What is read must be the same for everybody.
type Together[T any] struct {
	// Read returns those of the things that exist, by key. It gets nobody's context.
	Read func(ctx context.Context, keys []string) (map[string]T, error)

	mu   sync.Mutex
	busy bool        // a read is under way
	next *reading[T] // for those who wait; nil when nobody does
}

type reading[T any] struct {
	keys  []string
	done  chan struct{} // closed when the following is known
	found map[string]T
	err   error
}

// Look returns the thing with the key, and whether there is one. Errors: Read's, and ctx's when that ends first.
func (t *Together[T]) Look(ctx context.Context, key string) (found T, ok bool, err error) {
	t.mu.Lock()
	if t.next == nil {
		t.next = &reading[T]{done: make(chan struct{})}
	}
	mine := t.next
	mine.keys = append(mine.keys, key)
	if !t.busy {
		t.busy = true
		go t.read() //nolint:contextcheck // for all who wait
	}
	t.mu.Unlock()
	select {
	case <-mine.done:
		found, ok = mine.found[key]
		return found, ok, mine.err
	case <-ctx.Done():
		return found, false, ctx.Err()
	}
}

// read reads until nobody waits.
func (t *Together[T]) read() {
	for {
		t.mu.Lock()
		now := t.next
		t.next, t.busy = nil, now != nil
		t.mu.Unlock()
		if now == nil {
			return
		}
		slices.Sort(now.keys)
		now.found, now.err = t.Read(context.Background(), slices.Compact(now.keys))
		close(now.done)
	}
}
