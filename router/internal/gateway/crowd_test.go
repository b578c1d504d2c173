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
)

// Hundreds of followers come and go, in good order or without a word, while a subgraph breaks off its
// streams again and again. Those who stay miss nothing, queries find room beside far more streams than
// fetches are allowed, and in the end nothing is left. It counts the goroutines of the process, so no other
// test may run beside it.
func TestFollowersComeAndGo(t *testing.T) {
	w, current := reloadable(t, func(c *gateway.Config) {
		c.Upstream.Concurrency = 2
		c.Live.PerAddress, c.Live.PerUser = 1000, 1000
	})
	http.DefaultClient.CloseIdleConnections()
	baseline := runtime.NumGoroutine()

	const stay, pass = 50, 100
	var crowd sync.WaitGroup
	heard := make([]atomic.Int64, stay)
	staying, leave := context.WithCancel(t.Context())
	for i := range stay {
		conn := w.socket(initAnna)
		w.subscribe(conn, orderUpdated, map[string]any{"id": "o1"})
		w.hear(conn, next(annasOrder))
		crowd.Go(func() {
			for {
				_, text, err := conn.Read(staying)
				if staying.Err() != nil {
					return
				}
				if err != nil || !strings.HasPrefix(string(text), `{"id":"1","type":"next"`) {
					t.Errorf("who stays got %s, %v", text, err)
					return
				}
				heard[i].Add(1)
			}
		})
	}

	var passing sync.WaitGroup
	for i := range pass {
		passing.Go(func() {
			for turn := range 3 {
				w.pass(i + turn)
			}
		})
	}
	disturbing, calm := context.WithCancel(t.Context())
	crowd.Go(func() {
		for disturbing.Err() == nil {
			w.orders.Change()
			if a := w.query(`{ ticket(id: "t1") { title } }`, nil); a.body != `{"data":{"ticket":{"title":"ticket t1"}}}` {
				t.Errorf("a query meanwhile got %s", a.body)
			}
			w.orders.CloseClientConnections()
		}
	})
	passing.Wait()
	calm()
	before := make([]int64, stay)
	for i := range heard {
		before[i] = heard[i].Load()
	}
	eventually(t, "everybody who stayed hears of changes again", func() bool {
		w.orders.Change()
		for i := range heard {
			if heard[i].Load() < before[i]+2 {
				return t.Failed()
			}
		}
		return true
	})
	leave() // and with it the sockets, without a word
	crowd.Wait()
	if err := current.Load(t.Context(), w.cfg); err != nil { // ends the connections that wait for other queries
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "all goroutines that served followers have ended", func() bool { return runtime.NumGoroutine() <= baseline })
}

// pass follows an order for a moment. A subgraph that breaks off before it has said anything is the end of that.
func (w *world) pass(how int) {
	variables := map[string]any{"id": "o1"}
	if how%3 == 0 {
		request, err := json.Marshal(map[string]any{"query": orderUpdated, "variables": variables})
		if err != nil {
			w.t.Error(err)
		}
		if got := w.byEvents("anna", string(request)); !strings.Contains(got, "orderUpdated") {
			w.t.Errorf("who passes got %s", got)
		}
		return
	}
	conn := w.socket(initAnna)
	w.subscribe(conn, orderUpdated, variables)
	if _, text, err := conn.Read(w.t.Context()); err != nil || !strings.Contains(string(text), "orderUpdated") {
		w.t.Errorf("who passes got %s, %v", text, err)
	}
	if how%3 == 1 {
		conn.CloseNow()
		return
	}
	w.say(conn, completed)
	w.subscribe(conn, orderUpdated, variables) // the id is free again
	conn.Close(websocket.StatusNormalClosure, "")
}
