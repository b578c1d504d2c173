package upstream_test

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
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/upstream"
)

func withRetries(c *gateway.Config) { c.Upstream.Retries = 20 }

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"the connection breaks": gatewaytest.HangUp,
		"it breaks in the answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			gatewaytest.Respond(200, "application/json", `{"data":{"order":{"id":`)(w, r)
		},
		"a proxy without a backend":  gatewaytest.Respond(502, "text/html", "<h1>Bad Gateway</h1>"),
		"it starts or stops":         gatewaytest.Respond(503, "text/plain", "not yet"),
		"a proxy waits in vain":      gatewaytest.Respond(504, "text/html", "<h1>Gateway Timeout</h1>"),
		"a proxy that speaks JSON":   gatewaytest.Respond(502, "application/json", `{"message":"no healthy upstream"}`),
		"something that is not ours": gatewaytest.Respond(200, "text/html", "<h1>Welcome</h1>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t, withRetries)
			gatewaytest.AnswerOnce(w.Orders, h)
			a := w.Query(`{ order(id: "o1") { id } }`, nil)
			if a.Body != `{"data":{"order":{"id":"o1"}}}` || len(w.Orders.Requests()) != 2 {
				t.Errorf("got %s after %d requests", a.Body, len(w.Orders.Requests()))
			}
		})
	}
	t.Run("as the subgraph got it before", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withRetries)
		gatewaytest.AnswerOnce(w.Orders, gatewaytest.HangUp)
		w.Query(`query($id: ID!) { order(id: $id) { id } }`, map[string]any{"id": "o1"}, gatewaytest.As("anna")...)
		asked := w.Orders.Requests()
		if len(asked) != 2 || string(asked[0].Body) != string(asked[1].Body) || asked[1].Header.Get("Authorization") != "Bearer token-anna" {
			t.Errorf("got %+v", asked)
		}
	})
	t.Run("of entities, also behind a mutation", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withRetries)
		gatewaytest.AnswerOnce(w.Tickets, gatewaytest.HangUp)
		a := w.Query(`mutation { createOrder(ticketId: "t1") { ticket { title } } }`, nil, gatewaytest.As("anna")...)
		if a.Body != `{"data":{"createOrder":{"ticket":{"title":"ticket t1"}}}}` || len(w.Orders.Requests()) != 1 || len(w.Tickets.Requests()) != 2 {
			t.Errorf("got %s after %d and %d requests", a.Body, len(w.Orders.Requests()), len(w.Tickets.Requests()))
		}
	})
	t.Run("and not twice", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withRetries)
		w.Orders.Answer(gatewaytest.HangUp)
		if a := w.Query(`{ order(id: "o1") { id } }`, nil); a.Code() != "SUBGRAPH_UNAVAILABLE" || len(w.Orders.Requests()) != 2 {
			t.Errorf("got %s after %d requests", a.Body, len(w.Orders.Requests()))
		}
	})
}

func TestNoRetries(t *testing.T) {
	t.Parallel()
	const read = `{ order(id: "o1") { id } }`
	for name, tt := range map[string]struct {
		query  string
		answer http.HandlerFunc
		option gatewaytest.Option
	}{
		"a mutation":                    {`mutation { ping }`, gatewaytest.HangUp, withRetries},
		"a mutation at a proxy":         {`mutation { ping }`, gatewaytest.Respond(503, "text/plain", "not yet"), withRetries},
		"a read that was switched off":  {read, gatewaytest.HangUp, func(c *gateway.Config) { c.Upstream.Retries = 0 }},
		"a read with a large answer":    {read, gatewaytest.Respond(200, "application/json", `{"data":{"order":{"id":"`+strings.Repeat("x", 2<<20)+`"}}}`), withRetries},
		"a read with an error in reply": {read, gatewaytest.Respond(200, "application/json", `{"data":null,"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`), withRetries},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t, tt.option)
			w.Orders.Answer(tt.answer)
			if a := w.Query(tt.query, nil); len(a.Errors) == 0 || len(w.Orders.Requests()) != 1 {
				t.Errorf("got %s after %d requests", a.Body, len(w.Orders.Requests()))
			}
		})
	}
}

func withBreaker(pause time.Duration) gatewaytest.Option {
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
		w := gatewaytest.New(t, withBreaker(time.Millisecond))
		w.Orders.Answer(gatewaytest.HangUp)
		for range 4 {
			w.Query(read, nil)
		}
		w.Orders.Answer(nil)
		for a := w.Query(read, nil); gatewaytest.Compact(t, a.Data) != whole; a = w.Query(read, nil) {
			if a.Code() != "SUBGRAPH_UNAVAILABLE" || gatewaytest.Compact(t, a.Data["ticket"]) != `{"title":"ticket t1"}` {
				t.Fatalf("got %s", a.Body)
			}
		}
	})
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withBreaker(time.Hour))
		w.Orders.Answer(gatewaytest.HangUp)
		for range 10 {
			if a := w.Query(read, nil); a.Code() != "SUBGRAPH_UNAVAILABLE" || gatewaytest.Compact(t, a.Data) != `{"order":null,"ticket":{"title":"ticket t1"}}` {
				t.Fatalf("got %s", a.Body)
			}
		}
		if n := len(w.Orders.Requests()); n != 4 {
			t.Errorf("orders was asked %d times, want 4", n)
		}
		if n := len(w.Tickets.Requests()); n != 10 {
			t.Errorf("tickets was asked %d times, want 10", n)
		}
	})
	t.Run("even with a retry", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withBreaker(time.Hour), withRetries)
		w.Orders.Answer(gatewaytest.HangUp)
		for range 10 {
			w.Query(read, nil)
		}
		if n := len(w.Orders.Requests()); n != 4 {
			t.Errorf("orders was asked %d times, want 4", n)
		}
	})
}

func TestBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"errors of a subgraph":        gatewaytest.Respond(200, "application/json", `{"data":null,"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`),
		"status 500 with such errors": gatewaytest.Respond(500, "application/json", `{"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`),
		"an answer that is too large": gatewaytest.Respond(200, "application/json", `{"data":{"order":{"id":"`+strings.Repeat("x", 2<<20)+`"}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t, withBreaker(time.Hour))
			w.Orders.Answer(h)
			for range 10 {
				w.Query(`{ order(id: "o1") { id } }`, nil)
			}
			if n := len(w.Orders.Requests()); n != 10 {
				t.Errorf("orders was asked %d times, want 10", n)
			}
		})
	}
	t.Run("clients that go away", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withBreaker(time.Hour))
		for range 10 {
			ctx, leave := context.WithCancel(t.Context())
			noticed := make(chan struct{})
			w.Orders.Answer(func(_ http.ResponseWriter, r *http.Request) {
				leave()
				<-r.Context().Done()
				close(noticed)
			})
			w.Gateway.ServeHTTP(httptest.NewRecorder(), w.Request(`{ order(id: "o1") { id } }`, nil).WithContext(ctx))
			<-noticed
		}
		w.Orders.Answer(nil)
		if a := w.Query(`{ order(id: "o1") { id } }`, nil); a.Body != `{"data":{"order":{"id":"o1"}}}` {
			t.Errorf("got %s", a.Body)
		}
	})
	t.Run("nothing, when it is switched off", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, withBreaker(time.Hour), func(c *gateway.Config) { c.Upstream.Breaker.Failures = 0 })
		w.Orders.Answer(gatewaytest.HangUp)
		for range 10 {
			w.Query(`{ order(id: "o1") { id } }`, nil)
		}
		if n := len(w.Orders.Requests()); n != 10 {
			t.Errorf("orders was asked %d times, want 10", n)
		}
	})
}

// During an outage, retries add little to the load of a subgraph.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, withRetries)
	var asked atomic.Int64
	w.Orders.Answer(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); gatewaytest.HangUp(w, r) })
	const reads = 200
	var wg sync.WaitGroup
	for range reads {
		wg.Go(func() { w.Query(`{ order(id: "o1") { id } }`, nil) })
	}
	wg.Wait()
	if n := asked.Load(); n <= reads || n > reads+10+reads/5 {
		t.Errorf("orders was asked %d times by %d reads", n, reads)
	}
}

func TestReachNamesFailingSubgraphs(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, withBreaker(time.Hour))
	missing := func(why map[string]string) {
		t.Helper()
		found := w.Gateway.Reach(t.Context())
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
	if token := w.Orders.Requests()[0].Header.Get("X-Service-Token"); token != gatewaytest.ServiceToken {
		t.Errorf("orders was asked with the token %q", token)
	}
	w.Orders.Answer(gatewaytest.Respond(503, "text/plain", "not yet"))
	w.Auth.Answer(gatewaytest.Respond(200, "application/json", `{"errors":[{"message":"not for you"}]}`))
	w.Tickets.Answer(gatewaytest.Respond(200, "text/html", "<h1>Welcome</h1>"))
	for range 10 { // which changes nothing for clients
		missing(map[string]string{"orders": "response has status 503", "auth": "not for you", "tickets": "text/html"})
	}
	w.Orders.Answer(nil)
	if a := w.Query(`{ order(id: "o1") { id } }`, nil); a.Body != `{"data":{"order":{"id":"o1"}}}` {
		t.Errorf("got %s", a.Body)
	}
}
