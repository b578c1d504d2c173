package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
)

// Hundreds of clients subscribe and disconnect, with and without a close frame, while a subgraph repeatedly breaks off
// its streams. Remaining subscriptions miss no change, queries are answered beside far more streams than concurrent
// fetches, and no goroutine is left. The test counts the goroutines of the process, so it does not run in parallel.
func TestManySubscriptions(t *testing.T) {
	w, current := reloadable(t, func(c *gateway.Config) {
		c.Upstream.Concurrency = 2
		c.Live.PerAddress, c.Live.PerUser = 1000, 1000
	})
	http.DefaultClient.CloseIdleConnections()
	baseline := runtime.NumGoroutine()

	const stay, pass = 50, 100
	var clients sync.WaitGroup
	received := make([]atomic.Int64, stay)
	staying, leave := context.WithCancel(t.Context())
	for i := range stay {
		conn := w.Socket(gatewaytest.InitAnna)
		w.Subscribe(conn, gatewaytest.OrderUpdated, map[string]any{"id": "o1"})
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
		clients.Go(func() {
			for {
				_, text, err := conn.Read(staying)
				if staying.Err() != nil {
					return
				}
				if err != nil || !strings.HasPrefix(string(text), `{"id":"1","type":"next"`) {
					t.Errorf("a remaining client got %s, %v", text, err)
					return
				}
				received[i].Add(1)
			}
		})
	}

	var passing sync.WaitGroup
	for i := range pass {
		passing.Go(func() {
			for turn := range 3 {
				subscribeOnce(t, w, i+turn)
			}
		})
	}
	disturbing, calm := context.WithCancel(t.Context())
	clients.Go(func() {
		for disturbing.Err() == nil {
			w.Orders.Change()
			if a := w.Query(`{ ticket(id: "t1") { title } }`, nil); a.Body != `{"data":{"ticket":{"title":"ticket t1"}}}` {
				t.Errorf("a concurrent query got %s", a.Body)
			}
			w.Orders.CloseClientConnections()
		}
	})
	passing.Wait()
	calm()
	before := make([]int64, stay)
	for i := range received {
		before[i] = received[i].Load()
	}
	eventually(t, "all remaining clients receive changes again", func() bool {
		w.Orders.Change()
		for i := range received {
			if received[i].Load() < before[i]+2 {
				return t.Failed()
			}
		}
		return true
	})
	leave() // which closes the sockets without a close frame
	clients.Wait()
	if err := current.Load(t.Context(), w.Config); err != nil { // closes idle connections
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "all goroutines of connections have ended", func() bool { return runtime.NumGoroutine() <= baseline })
}

// subscribeOnce subscribes to an order until the first event.
func subscribeOnce(t *testing.T, w *gatewaytest.World, how int) {
	t.Helper()
	variables := map[string]any{"id": "o1"}
	if how%3 == 0 {
		request, err := json.Marshal(map[string]any{"query": gatewaytest.OrderUpdated, "variables": variables})
		if err != nil {
			t.Error(err)
		}
		if got := w.ByEvents("anna", string(request)); !strings.Contains(got, "orderUpdated") {
			t.Errorf("a passing client got %s", got)
		}
		return
	}
	conn := w.Socket(gatewaytest.InitAnna)
	w.Subscribe(conn, gatewaytest.OrderUpdated, variables)
	if _, text, err := conn.Read(t.Context()); err != nil || !strings.Contains(string(text), "orderUpdated") {
		t.Errorf("a passing client got %s, %v", text, err)
	}
	if how%3 == 1 {
		conn.CloseNow()
		return
	}
	w.SendText(conn, gatewaytest.Completed)
	w.Subscribe(conn, gatewaytest.OrderUpdated, variables) // the id may be reused
	conn.Close(websocket.StatusNormalClosure, "")
}
