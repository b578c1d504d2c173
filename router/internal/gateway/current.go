package gateway

import (
	"context"
	"net/http"
	"sync"
)

// Current serves requests with the gateway that was loaded last. Earlier gateways complete the requests that they
// have begun. Load must have succeeded once before any other method is called.
type Current struct {
	mu      sync.RWMutex
	newest  *generation
	retired sync.WaitGroup // earlier gateways that still serve requests
}

// generation is a gateway with its requests.
type generation struct {
	*Gateway

	stop     context.CancelFunc
	requests sync.WaitGroup // including WebSockets and event streams
}

// Load builds a gateway that serves new requests until ctx ends or another one is loaded. After an error the
// previous gateway stays in place. Otherwise the previous one completes its requests and closes its subscriptions,
// so that their clients connect again: a subscription that was planned for another supergraph may show fields that
// the new one hides.
func (c *Current) Load(ctx context.Context, cfg Config) error {
	ctx, stop := context.WithCancel(ctx)
	g, err := New(ctx, cfg)
	if err != nil {
		stop()
		return err
	}
	c.mu.Lock()
	last := c.newest
	c.newest = &generation{Gateway: g, stop: stop}
	c.mu.Unlock()
	if last != nil {
		c.retired.Go(func() {
			last.stop()
			last.end()
		})
	}
	return nil
}

// end waits for the gateway's requests and releases its connections.
func (g *generation) end() {
	g.requests.Wait()
	g.Close()
}

func (c *Current) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.RLock() // no request may be added to a gateway that has been replaced
	g := c.newest
	g.requests.Add(1)
	c.mu.RUnlock()
	defer g.requests.Done()
	g.ServeHTTP(w, r)
}

// Reach checks every subgraph. It returns an error for each, nil for those that answer.
func (c *Current) Reach(ctx context.Context) map[string]error {
	c.mu.RLock()
	g := c.newest
	c.mu.RUnlock()
	return g.Reach(ctx)
}

// Wait returns when all requests have been answered and all subscriptions closed, after the context of Load has
// ended and no more requests arrive.
func (c *Current) Wait() {
	c.newest.end()
	c.retired.Wait()
}
