package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/subgraphtest"
	"boxoffice.dev/router/internal/upstream"
)

// first makes a subgraph answer the first request with h and others normally.
func first(s *subgraphtest.Subgraph, h http.HandlerFunc) {
	s.Answer(func(w http.ResponseWriter, r *http.Request) {
		s.Answer(nil)
		h(w, r)
	})
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func write(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

func withRetries(c *gateway.Config) { c.Upstream.Retries = 20 }

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"the connection breaks": hangUp,
		"it breaks in the answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			write(200, "application/json", `{"data":{"order":{"id":`)(w, r)
		},
		"a proxy without a backend":  write(502, "text/html", "<h1>Bad Gateway</h1>"),
		"it starts or stops":         write(503, "text/plain", "not yet"),
		"a proxy waits in vain":      write(504, "text/html", "<h1>Gateway Timeout</h1>"),
		"a proxy that speaks JSON":   write(502, "application/json", `{"message":"no healthy upstream"}`),
		"something that is not ours": write(200, "text/html", "<h1>Welcome</h1>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withRetries)
			first(w.orders, h)
			a := w.query(`{ order(id: "o1") { id } }`, nil)
			if a.body != `{"data":{"order":{"id":"o1"}}}` || len(w.orders.Requests()) != 2 {
				t.Errorf("got %s after %d requests", a.body, len(w.orders.Requests()))
			}
		})
	}
	t.Run("as the subgraph got it before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withRetries)
		first(w.orders, hangUp)
		w.query(`query($id: ID!) { order(id: $id) { id } }`, map[string]any{"id": "o1"}, as("anna")...)
		asked := w.orders.Requests()
		if len(asked) != 2 || string(asked[0].Body) != string(asked[1].Body) || asked[1].Header.Get("Authorization") != "Bearer token-anna" {
			t.Errorf("got %+v", asked)
		}
	})
	t.Run("of entities, also behind a mutation", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withRetries)
		first(w.tickets, hangUp)
		a := w.query(`mutation { createOrder(ticketId: "t1") { ticket { title } } }`, nil, as("anna")...)
		if a.body != `{"data":{"createOrder":{"ticket":{"title":"ticket t1"}}}}` || len(w.orders.Requests()) != 1 || len(w.tickets.Requests()) != 2 {
			t.Errorf("got %s after %d and %d requests", a.body, len(w.orders.Requests()), len(w.tickets.Requests()))
		}
	})
	t.Run("and not twice", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withRetries)
		w.orders.Answer(hangUp)
		if a := w.query(`{ order(id: "o1") { id } }`, nil); a.code() != "SUBGRAPH_UNAVAILABLE" || len(w.orders.Requests()) != 2 {
			t.Errorf("got %s after %d requests", a.body, len(w.orders.Requests()))
		}
	})
}

func TestNoRetries(t *testing.T) {
	t.Parallel()
	const read = `{ order(id: "o1") { id } }`
	for name, tt := range map[string]struct {
		query  string
		answer http.HandlerFunc
		option option
	}{
		"a mutation":                    {`mutation { ping }`, hangUp, withRetries},
		"a mutation at a proxy":         {`mutation { ping }`, write(503, "text/plain", "not yet"), withRetries},
		"a read that was switched off":  {read, hangUp, func(c *gateway.Config) { c.Upstream.Retries = 0 }},
		"a read with a large answer":    {read, write(200, "application/json", `{"data":{"order":{"id":"`+strings.Repeat("x", 2<<20)+`"}}}`), withRetries},
		"a read with an error in reply": {read, write(200, "application/json", `{"data":null,"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`), withRetries},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.option)
			w.orders.Answer(tt.answer)
			if a := w.query(tt.query, nil); len(a.Errors) == 0 || len(w.orders.Requests()) != 1 {
				t.Errorf("got %s after %d requests", a.body, len(w.orders.Requests()))
			}
		})
	}
}

func withBreaker(pause time.Duration) option {
	return func(c *gateway.Config) {
		c.Upstream.Breaker = upstream.Breaker{Failures: 50, Fetches: 4, Window: time.Hour, Pause: pause}
	}
}

func TestCircuitBreaker(t *testing.T) {
	t.Parallel()
	const read = `{ order(id: "o1") { id } ticket(id: "t1") { title } }`
	whole := `{"order":{"id":"o1"},"ticket":{"title":"ticket t1"}}`
	t.Run("until it answers again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withBreaker(time.Millisecond))
		w.orders.Answer(hangUp)
		for range 4 {
			w.query(read, nil)
		}
		w.orders.Answer(nil)
		for a := w.query(read, nil); compact(t, a.Data) != whole; a = w.query(read, nil) {
			if a.code() != "SUBGRAPH_UNAVAILABLE" || compact(t, a.Data["ticket"]) != `{"title":"ticket t1"}` {
				t.Fatalf("got %s", a.body)
			}
		}
	})
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withBreaker(time.Hour))
		w.orders.Answer(hangUp)
		for range 10 {
			if a := w.query(read, nil); a.code() != "SUBGRAPH_UNAVAILABLE" || compact(t, a.Data) != `{"order":null,"ticket":{"title":"ticket t1"}}` {
				t.Fatalf("got %s", a.body)
			}
		}
		if n := len(w.orders.Requests()); n != 4 {
			t.Errorf("orders was asked %d times, want 4", n)
		}
		if n := len(w.tickets.Requests()); n != 10 {
			t.Errorf("tickets was asked %d times, want 10", n)
		}
	})
	t.Run("even with a retry", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withBreaker(time.Hour), withRetries)
		w.orders.Answer(hangUp)
		for range 10 {
			w.query(read, nil)
		}
		if n := len(w.orders.Requests()); n != 4 {
			t.Errorf("orders was asked %d times, want 4", n)
		}
	})
}

func TestBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"errors of a subgraph":        write(200, "application/json", `{"data":null,"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`),
		"status 500 with such errors": write(500, "application/json", `{"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`),
		"an answer that is too large": write(200, "application/json", `{"data":{"order":{"id":"`+strings.Repeat("x", 2<<20)+`"}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withBreaker(time.Hour))
			w.orders.Answer(h)
			for range 10 {
				w.query(`{ order(id: "o1") { id } }`, nil)
			}
			if n := len(w.orders.Requests()); n != 10 {
				t.Errorf("orders was asked %d times, want 10", n)
			}
		})
	}
	t.Run("clients that go away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withBreaker(time.Hour))
		for range 10 {
			ctx, leave := context.WithCancel(t.Context())
			noticed := make(chan struct{})
			w.orders.Answer(func(_ http.ResponseWriter, r *http.Request) {
				leave()
				<-r.Context().Done()
				close(noticed)
			})
			w.gateway.ServeHTTP(httptest.NewRecorder(), w.request(`{ order(id: "o1") { id } }`, nil).WithContext(ctx))
			<-noticed
		}
		w.orders.Answer(nil)
		if a := w.query(`{ order(id: "o1") { id } }`, nil); a.body != `{"data":{"order":{"id":"o1"}}}` {
			t.Errorf("got %s", a.body)
		}
	})
	t.Run("nothing, when it is switched off", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, withBreaker(time.Hour), func(c *gateway.Config) { c.Upstream.Breaker.Failures = 0 })
		w.orders.Answer(hangUp)
		for range 10 {
			w.query(`{ order(id: "o1") { id } }`, nil)
		}
		if n := len(w.orders.Requests()); n != 10 {
			t.Errorf("orders was asked %d times, want 10", n)
		}
	})
}

// During an outage, retries add little to the load of a subgraph.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withRetries)
	var asked atomic.Int64
	w.orders.Answer(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); hangUp(w, r) })
	const reads = 200
	var wg sync.WaitGroup
	for range reads {
		wg.Go(func() { w.query(`{ order(id: "o1") { id } }`, nil) })
	}
	wg.Wait()
	if n := asked.Load(); n <= reads || n > reads+10+reads/5 {
		t.Errorf("orders was asked %d times by %d reads", n, reads)
	}
}

func TestReachNamesFailingSubgraphs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBreaker(time.Hour))
	missing := func(why map[string]string) {
		t.Helper()
		found := w.gateway.Reach(t.Context())
		if len(found) != 3 {
			t.Errorf("got %v", found)
		}
		for name, err := range found {
			if want := why[name]; (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
	}
	missing(nil)
	if token := w.orders.Requests()[0].Header.Get("X-Service-Token"); token != serviceToken {
		t.Errorf("orders was asked with the token %q", token)
	}
	w.orders.Answer(write(503, "text/plain", "not yet"))
	w.auth.Answer(write(200, "application/json", `{"errors":[{"message":"not for you"}]}`))
	w.tickets.Answer(write(200, "text/html", "<h1>Welcome</h1>"))
	for range 10 { // which changes nothing for clients
		missing(map[string]string{"orders": "response has status 503", "auth": "not for you", "tickets": "text/html"})
	}
	w.orders.Answer(nil)
	if a := w.query(`{ order(id: "o1") { id } }`, nil); a.body != `{"data":{"order":{"id":"o1"}}}` {
		t.Errorf("got %s", a.body)
	}
}
