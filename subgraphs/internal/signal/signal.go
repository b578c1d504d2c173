// Package signal lets goroutines of one process wait until something has changed.
package signal

import "sync"

// Hub passes on changes by key, such as an order's id. The zero value is ready for use.
type Hub struct {
	mu   sync.Mutex
	subs map[string]map[chan struct{}]struct{}
}

// Subscribe returns a channel that receives after the key changes, until the caller has called
// done. Several changes may arrive as one; none is missed by who subscribes before it looks.
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

// Changed wakes everybody who has subscribed to the key. It never blocks.
func (h *Hub) Changed(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wake(h.subs[key])
}

// AllChanged wakes everybody: nobody knows what has changed. It never blocks.
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
