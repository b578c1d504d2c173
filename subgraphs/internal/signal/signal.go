// Package signal lets goroutines of one process wait for changes, and read what changed once for all of them.
package signal

import "sync"

// Hub passes on changes by key, such as an order's id. The zero value is ready for use.
type Hub struct {
	mu   sync.Mutex
	subs map[string]map[chan struct{}]struct{}
}

// Subscribe returns a channel that receives after the key changes, until done is called. Several changes may arrive
// as one. A subscriber that reads after Subscribe misses no change.
func (h *Hub) Subscribe(key string) (changed <-chan struct{}, done func()) {
	ch := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = map[string]map[chan struct{}]struct{}{}
	}
	if h.subs[key] == nil {
		h.subs[key] = map[chan struct{}]struct{}{}
	}
	h.subs[key][ch] = struct{}{}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs[key], ch)
		if len(h.subs[key]) == 0 {
			delete(h.subs, key)
		}
	}
}

// Changed wakes the subscribers of the key. It never blocks.
func (h *Hub) Changed(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wake(h.subs[key])
}

// AllChanged wakes every subscriber, for when changes may have been missed. It never blocks.
func (h *Hub) AllChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subs := range h.subs {
		wake(subs)
	}
}

func wake(subs map[chan struct{}]struct{}) {
	for ch := range subs {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
