package gateway_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice.dev/router/internal/gateway"
)

// When a subgraph fails, its fields are null with one masked error and the others answer.
func TestFailingSubgraphIsMasked(t *testing.T) {
	t.Parallel()
	respond := func(contentType string, body []byte, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			w.Write(body)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "secret host 10.0.0.7: select * from orders", code)
		}
	}
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	zip.Write([]byte(`{"data":{"order":{"id":"`))
	zip.Write(bytes.Repeat([]byte{'x'}, 50<<20))
	zip.Write([]byte(`"}}}`))
	zip.Close()
	large := []byte(`{"data":{"order":{"id":"` + strings.Repeat("x", 50<<20) + `"}}}`)
	for name, handler := range map[string]http.HandlerFunc{
		"HTML":                   respond("text/html", []byte("<h1>secret proxy</h1>")),
		"status 500":             status(500),
		"status 403":             status(403),
		"redirect":               respond("application/json", []byte(`{}`), "Location", "http://secret.invalid/"),
		"empty body":             respond("application/json", nil),
		"a JSON array":           respond("application/json", []byte(`[{"data":{"order":{"id":"1"}}}]`)),
		"truncated JSON":         respond("application/json", []byte(`{"data":{"order":{"id":"secret`)),
		"malformed JSON":         respond("application/json", []byte(`{"data":{"order":{"id":secret}}}`)),
		"neither data nor error": respond("application/json", []byte(`{"secret":true}`)),
		"null where it must not": respond("application/json", []byte(`{"data":{"order":{"id":null}}}`)),
		"a string as data":       respond("application/json", []byte(`{"data":"secret"}`)),
		"errors without a code":  respond("application/json", []byte(`{"data":null,"errors":[{"message":"secret SQL","path":["order"]}]}`)),
		"50 MB":                  respond("application/json", large),
		"a gzip bomb":            respond("application/json", bomb.Bytes(), "Content-Encoding", "gzip"),
		"hanging up": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.orders.Answer(handler)
			a := w.query(`{ ticket(id: "t1") { title } order(id: "o1") { id } }`, nil, as("anna")...)
			if got, want := compact(t, a.Data), `{"order":null,"ticket":{"title":"ticket t1"}}`; got != want || a.status != 200 {
				t.Errorf("got %d %s, want %s", a.status, got, want)
			}
			want := "SUBGRAPH_UNAVAILABLE"
			if name == "errors without a code" {
				want = "INTERNAL_SERVER_ERROR"
			}
			if a.code() != want {
				t.Errorf("got %s, want %s", a.code(), want)
			}
			if len(a.Errors) == 1 && len(a.Errors[0].Path) > 0 && a.Errors[0].Path[0] != "order" {
				t.Errorf("got path %v", a.Errors[0].Path)
			}
			for _, word := range []string{"secret", "orders", "127.0.0.1", "ubgraph '"} {
				if strings.Contains(a.body, word) {
					t.Errorf("the answer shows %q: %s", word, a.body)
				}
			}
		})
	}
}

func TestDeadSubgraphNullsItsFieldsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.orders.Close()
	a := w.query(`{ tickets(first: 2) { nodes { id total viewerOrder { id } } } viewer { email } orders { id } }`, nil, as("anna")...)
	want := `{"orders":null,"tickets":{"nodes":[{"id":"t1","total":null,"viewerOrder":null},{"id":"t2","total":null,"viewerOrder":null}]},"viewer":{"email":"anna@example.com"}}`
	if got := compact(t, a.Data); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	var paths []string
	for _, e := range a.Errors {
		paths = append(paths, e.Extensions.Code+compact(t, e.Path))
	}
	got := strings.Join(paths, " ")
	if len(paths) != 2 || !strings.Contains(got, `SUBGRAPH_UNAVAILABLE["orders"]`) || !strings.Contains(got, `SUBGRAPH_UNAVAILABLE["tickets","nodes"]`) {
		t.Errorf("got errors %s", got)
	}
}

func TestSubgraphTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.Upstream.Timeout = 50 * time.Millisecond })
	for name, handler := range map[string]http.HandlerFunc{
		"no header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no end of the body": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"data":`)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		w.orders.Answer(handler)
		a := w.query(`{ order(id: "o1") { id } __typename }`, nil)
		if a.code() != "SUBGRAPH_UNAVAILABLE" || compact(t, a.Data) != `{"__typename":"Query","order":null}` {
			t.Errorf("%s: got %s", name, a.body)
		}
	}
}

func TestTimeoutOfOneSubgraph(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) {
		c.Upstream.Timeouts = map[string]time.Duration{"orders": 50 * time.Millisecond}
	})
	cutOff := make(chan struct{})
	w.orders.Answer(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(cutOff)
	})
	w.tickets.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		<-cutOff
		write(http.StatusOK, "application/json", `{"data":{"ticket":{"title":"late"}}}`)(rw, nil)
	})
	if a := w.query(`{ order(id: "o1") { id } ticket(id: "t1") { title } }`, nil); a.code() != "SUBGRAPH_UNAVAILABLE" || compact(t, a.Data) != `{"order":null,"ticket":{"title":"late"}}` {
		t.Errorf("got %s", a.body)
	}
	w.cfg.Upstream.Timeouts = map[string]time.Duration{"order": time.Second}
	if _, err := gateway.New(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), `no subgraph "order"`) {
		t.Errorf("a timeout of an unknown subgraph: got %v", err)
	}
}

func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gateway.Config) { c.Upstream.Concurrency, c.Upstream.Wait = 1, 20*time.Millisecond })
	arrived, release := make(chan struct{}), make(chan struct{})
	w.orders.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		rw.Header().Set("Content-Type", "application/json")
		rw.Write([]byte(`{"data":{"order":{"id":"o1"}}}`))
	})
	var wg sync.WaitGroup
	wg.Go(func() { w.query(`{ order(id: "o1") { id } }`, nil) })
	<-arrived
	if a := w.query(`{ order(id: "o1") { id } ticket(id: "t1") { id } }`, nil); a.code() != "SUBGRAPH_UNAVAILABLE" || a.Data["ticket"] == nil {
		t.Errorf("got %s", a.body)
	}
	close(release)
	wg.Wait()
}

func TestErrorsOfASubgraphAreCapped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.orders.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var errs []map[string]any
		for i := range 500 {
			errs = append(errs, map[string]any{"message": "no", "path": []any{"order", i}, "extensions": map[string]any{"code": "NOT_FOUND", "stack": "secret"}})
		}
		json.NewEncoder(w).Encode(map[string]any{"data": nil, "errors": errs})
	})
	a := w.query(`{ order(id: "o1") { id } }`, nil)
	if len(a.Errors) != 50 || strings.Contains(a.body, "secret") {
		t.Errorf("got %d errors: %.300s", len(a.Errors), a.body)
	}
}

// A mutation that the caller may not execute reaches no subgraph; the others of the document do.
func TestADeniedMutationIsNeverSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.query(`mutation { createOrder(ticketId: "t1") { id } ping again: createOrder(ticketId: "t2") { id } }`, nil)
	if got, want := compact(t, a.Data), `{"again":null,"createOrder":null,"ping":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(a.Errors) != 2 || a.Errors[0].Extensions.Code != "UNAUTHENTICATED" || compact(t, a.Errors[0].Path) != `["createOrder"]` {
		t.Errorf("got %s", a.body)
	}
	if requests := w.orders.Requests(); len(requests) != 1 || strings.Contains(requests[0].Query, "createOrder") {
		t.Errorf("orders was asked: %+v", requests)
	}
	a = w.query(`mutation { createTicket(title: "x", price: 1) { id } }`, nil)
	if a.code() != "UNAUTHENTICATED" || len(w.tickets.Requests()) != 0 {
		t.Errorf("got %s after %d requests", a.body, len(w.tickets.Requests()))
	}
}

func TestScopesAreNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const query = `{ ticket(id: "t1") { margin } }`
	for _, c := range []struct {
		header []string
		code   string
	}{{nil, "UNAUTHENTICATED"}, {as("anna"), "FORBIDDEN"}} {
		if a := w.query(query, nil, c.header...); a.code() != c.code || compact(t, a.Data) != `{"ticket":{"margin":null}}` {
			t.Errorf("%v: got %s", c.header, a.body)
		}
	}
	if a := w.query(query, nil, as("olga")...); a.body != `{"data":{"ticket":{"margin":3}}}` {
		t.Errorf("operator: got %s", a.body)
	}
}

// A fetch is not sent when the caller may read none of its fields. With other fields it is sent, and the subgraph
// authorizes them.
func TestNothingIsFetchedForDeniedFieldsAlone(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct {
		data    string
		fetches int
	}{
		`{ ticket(id: "t1") { margin } }`:                                            {`{"ticket":{"margin":null}}`, 1},
		`{ order(id: "o1") { ticket { margin } } }`:                                  {`{"order":{"ticket":{"margin":null}}}`, 0},
		`{ order(id: "o1") { ticket { ...M } } } fragment M on Ticket { m: margin }`: {`{"order":{"ticket":{"m":null}}}`, 0},
		`{ order(id: "o1") { ticket { title margin } } }`:                            {`{"order":{"ticket":{"margin":null,"title":"ticket t1"}}}`, 1},
	} {
		w := newWorld(t)
		a := w.query(query, nil, as("anna")...)
		if got := compact(t, a.Data); got != want.data || a.code() != "FORBIDDEN" {
			t.Errorf("%s: got %s", query, a.body)
		}
		if got := len(w.tickets.Requests()); got != want.fetches {
			t.Errorf("%s: tickets was asked %d times, want %d", query, got, want.fetches)
		}
	}
}

// compact writes a value as JSON with sorted keys.
func compact(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
