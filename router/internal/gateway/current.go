package gateway

import (
	"context"
	"net/http"
	"sync"
)

// Current serves with the gateway that was loaded last, and lets those before it end what they have begun.
// Load must have succeeded once before it is asked anything.
type Current struct {
	mu      sync.RWMutex
	newest  *generation
	retired sync.WaitGroup // those that have not ended yet
}

// generation is a gateway while anybody uses it.
type generation struct {
	*Gateway

	stop     context.CancelFunc
	requests sync.WaitGroup // sockets and streams of events, too
}

// Load builds a gateway that works until ctx ends or another one is loaded. After an error the one before
// goes on. Else requests under way are answered by it, and whoever follows something is told to connect
// again: a subscription that was planned over another supergraph may show what this one hides.
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

// end returns when nobody uses the gateway any more and nothing of it is left.
func (g *generation) end() {
	g.requests.Wait()
	g.Wait()
	g.client.CloseIdleConnections()
}

func (c *Current) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.RLock() // so that none is added to one that has been left
	g := c.newest
	g.requests.Add(1)
	c.mu.RUnlock()
	defer g.requests.Done()
	g.ServeHTTP(w, r)
}

// Reach returns what is wrong with each subgraph, nil for those that answer.
func (c *Current) Reach(ctx context.Context) map[string]error {
	c.mu.RLock()
	g := c.newest
	c.mu.RUnlock()
	return g.Reach(ctx)
}

// Wait returns when all requests have been answered and everybody who follows something has been told that
// the router stops, after the context of Load has ended and when nothing more is asked.
func (c *Current) Wait() {
	c.newest.end()
	c.retired.Wait()
}
