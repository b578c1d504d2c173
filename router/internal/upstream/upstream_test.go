package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes connects clients and a server without a network, for tests in a bubble of synctest.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p pipes) dial(context.Context, *url.URL) (net.Conn, error) {
	client, server := net.Pipe()
	p <- server
	return client, nil
}

// serve returns a client whose subgraphs are all this handler.
func serve(t *testing.T, cfg Config, handler http.HandlerFunc) *Client {
	t.Helper()
	listener := make(pipes)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // no client is slow
		io.Copy(io.Discard, r.Body) // after that the server notices when the client goes away
		handler(w, r)
	})}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	client := &Client{cfg: cfg, dial: listener.dial}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		close(listener)
		serving.Wait()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"data":{"order":null}}`)
}

func subgraph(t *testing.T, client *Client, name string) *Subgraph {
	t.Helper()
	s, err := client.Subgraph(name, "http://"+name+"/graphql")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every fetch is held until the test lets it go, so all that may reach the subgraph have reached it
// whenever they are counted.
func TestARushQueuesInFrontOfASubgraph(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, fetches = 2, 50
		release := make(chan struct{})
		var mu sync.Mutex
		arrived := map[string]int{} // by host
		count := func(host string) int {
			synctest.Wait() // until all requests are blocked, here or in the queue
			mu.Lock()
			defer mu.Unlock()
			return arrived[host]
		}
		cfg := Config{Timeout: time.Minute, Wait: time.Hour, Concurrency: limit, MaxBytes: 1 << 10}
		client := serve(t, cfg, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			arrived[r.Host]++
			mu.Unlock()
			if r.Host == "orders" {
				<-release
			}
			answer(w)
		})
		orders, tickets := subgraph(t, client, "orders"), subgraph(t, client, "tickets")
		fetch := func(s *Subgraph) {
			if answer, err := s.Fetch(t.Context(), http.Header{}, []byte("{}")); string(answer.Body) != `{"data":{"order":null}}` {
				t.Errorf("got %s, %v", answer.Body, err)
			}
		}
		var wg sync.WaitGroup
		for range fetches {
			wg.Go(func() { fetch(orders) })
		}
		if n := count("orders"); n != limit {
			t.Errorf("%d fetches reached the subgraph at once, want %d", n, limit)
		}
		fetch(tickets) // another subgraph has a queue of its own
		for done := 1; done <= fetches-limit; done++ {
			release <- struct{}{}
			if n := count("orders"); n != done+limit {
				t.Fatalf("after %d answers %d fetches had reached the subgraph, want %d", done, n, done+limit)
			}
		}
		close(release)
		wg.Wait()
		if n := count("orders"); n != fetches {
			t.Errorf("%d fetches reached the subgraph in all, want %d", n, fetches)
		}
	})
}

// A subgraph that is silent is asked once by each fetch, whose time is over then, and soon by none.
func TestASilentSubgraphIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var answering atomic.Bool
		cfg := Config{
			Timeout: 5 * time.Second, Wait: time.Minute, Concurrency: 8, MaxBytes: 1 << 10, Retries: 20,
			Breaker: Breaker{Failures: 50, Fetches: 4, Window: time.Minute, Pause: 2 * time.Second},
		}
		orders := subgraph(t, serve(t, cfg, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if !answering.Load() {
				<-r.Context().Done()
				return
			}
			answer(w)
		}), "orders")
		fetch := func(want string) time.Duration {
			t.Helper()
			begin := time.Now()
			answer, err := orders.Fetch(t.Context(), http.Header{}, []byte(`{"query":"{ order }"}`))
			if err != nil || !strings.Contains(string(answer.Body), want) {
				t.Fatalf("got %s, %v, want %s", answer.Body, err, want)
			}
			return time.Since(begin) // by the clock of the bubble
		}
		for n := range int64(10) {
			took, want := fetch("SUBGRAPH_UNAVAILABLE"), 5*time.Second
			if n >= 4 {
				want = 0
			}
			if took != want || asked.Load() != min(n+1, 4) {
				t.Errorf("fetch %d took %s, want %s; the subgraph was asked %d times", n, took, want, asked.Load())
			}
		}
		time.Sleep(2*time.Second + 1) //nolint:forbidigo // the pause, by the clock of the bubble
		if took := fetch("SUBGRAPH_UNAVAILABLE"); took != 5*time.Second || asked.Load() != 5 {
			t.Errorf("the fetch that tries took %s; the subgraph was asked %d times", took, asked.Load())
		}
		fetch("SUBGRAPH_UNAVAILABLE")
		answering.Store(true)
		if asked.Load() != 5 {
			t.Errorf("the subgraph was asked %d times, want 5", asked.Load())
		}
		time.Sleep(2*time.Second + 1) //nolint:forbidigo // the pause, by the clock of the bubble
		for range 3 {
			fetch(`{"data":{"order":null}}`)
		}
	})
}
