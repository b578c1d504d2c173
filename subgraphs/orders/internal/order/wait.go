package order

import (
	"context"
	"sync"
	"time"
)

const (
	// A change that another process made is found by looking.
	lookEvery = 200 * time.Millisecond

	// The router asks a subgraph a limited number of things at a time (128 by default), and who waits
	// takes one of these places.
	maxWaiting     = 32
	maxWaitingEach = 4 // of one person
)

// Await returns what Get returns, but as soon as the order has the version, if any. It waits at
// most as long as the configuration says, and not at all for an order that is over or when too
// many are waiting. Then the order is returned as it is.
func (s *Service) Await(ctx context.Context, viewerID, orderID string, version *int) (Order, error) {
	if version == nil {
		return s.Get(ctx, viewerID, orderID)
	}
	changed, done := s.changed.Subscribe(orderID)
	defer done()
	o, err := s.Get(ctx, viewerID, orderID)
	if err != nil || o.Version >= *version || !s.waiting.enter(viewerID) {
		return o, err
	}
	defer s.waiting.leave(viewerID)
	patience := time.NewTimer(s.cfg.Wait)
	defer patience.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for err == nil && o.Version < *version && o.Live() {
		select {
		case <-patience.C:
			return o, nil
		case <-ctx.Done():
			return Order{}, ctx.Err()
		case <-changed:
		case <-look.C:
		}
		o, err = s.Get(ctx, viewerID, orderID)
	}
	return o, err
}

// crowd counts who waits. The zero value is an empty one.
type crowd struct {
	mu    sync.Mutex
	all   int
	ofOne map[string]int
}

// enter reports whether there is a place for the person, who then has it until leave.
func (c *crowd) enter(person string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == maxWaiting || c.ofOne[person] == maxWaitingEach {
		return false
	}
	if c.ofOne == nil {
		c.ofOne = map[string]int{}
	}
	c.all++
	c.ofOne[person]++
	return true
}

func (c *crowd) leave(person string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.ofOne[person]--; c.ofOne[person] == 0 {
		delete(c.ofOne, person)
	}
}
