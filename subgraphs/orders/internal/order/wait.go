package order

import (
	"context"
	"sync"

	"boxoffice.dev/subgraphs/internal/signal"
)

const (
	// The router asks a subgraph a limited number of things at a time (128 by default), and who waits
	// takes one of these places.
	maxWaiting     = 32
	maxWaitingEach = 4 // of one person
)

// Await returns what Get returns, but as soon as the order has the version, if any. It waits at
// most as long as the configuration says, and not at all for an order that is over or when too
// many are waiting. Then the order is returned as it is.
func (s *Service) Await(ctx context.Context, viewerID, orderID string, version *int) (Order, error) {
	look := func(ctx context.Context) (Order, error) { return s.Get(ctx, viewerID, orderID) }
	enough := func(o Order) bool { return version == nil || o.Version >= *version || !o.Status.Live() }
	o, err := look(ctx)
	if err != nil || enough(o) || !s.waiting.enter(viewerID) {
		return o, err
	}
	defer s.waiting.leave(viewerID)
	patience, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	return signal.Await(ctx, patience, &s.changed, orderID, look, enough)
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
