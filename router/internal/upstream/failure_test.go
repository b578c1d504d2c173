package upstream_test

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
	"boxoffice.dev/router/internal/gatewaytest"
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
		"an unknown code":        respond("application/json", []byte(`{"data":null,"errors":[{"message":"secret SQL","path":["order"],"extensions":{"code":"SECRET"}}]}`)),
		"errors without a code":  respond("application/json", []byte(`{"data":null,"errors":[{"message":"secret SQL","path":["order"]}]}`)),
		"50 MB":                  respond("application/json", large),
		"a gzip bomb":            respond("application/json", bomb.Bytes(), "Content-Encoding", "gzip"),
		"hanging up": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			w.Orders.Answer(handler)
			a := w.Query(`{ ticket(id: "t1") { title } order(id: "o1") { id } }`, nil, gatewaytest.As("anna")...)
			if got, want := gatewaytest.Compact(t, a.Data), `{"order":null,"ticket":{"title":"ticket t1"}}`; got != want || a.Status != 200 {
				t.Errorf("got %d %s, want %s", a.Status, got, want)
			}
			want := "SUBGRAPH_UNAVAILABLE"
			if name == "errors without a code" || name == "an unknown code" {
				want = "INTERNAL_SERVER_ERROR"
			}
			if a.Code() != want {
				t.Errorf("got %s, want %s", a.Code(), want)
			}
			if len(a.Errors) == 1 && len(a.Errors[0].Path) > 0 && a.Errors[0].Path[0] != "order" {
				t.Errorf("got path %v", a.Errors[0].Path)
			}
			for _, word := range []string{"secret", "orders", "127.0.0.1", "ubgraph '"} {
				if strings.Contains(a.Body, word) {
					t.Errorf("the answer shows %q: %s", word, a.Body)
				}
			}
		})
	}
}

func TestDeadSubgraphNullsItsFieldsOnly(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Orders.Close()
	a := w.Query(`{ tickets(first: 2) { nodes { id total viewerOrder { id } } } viewer { email } orders { id } }`, nil, gatewaytest.As("anna")...)
	want := `{"orders":null,"tickets":{"nodes":[{"id":"t1","total":null,"viewerOrder":null},{"id":"t2","total":null,"viewerOrder":null}]},"viewer":{"email":"anna@example.com"}}`
	if got := gatewaytest.Compact(t, a.Data); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	var paths []string
	for _, e := range a.Errors {
		paths = append(paths, e.Extensions.Code+gatewaytest.Compact(t, e.Path))
	}
	got := strings.Join(paths, " ")
	if len(paths) != 2 || !strings.Contains(got, `SUBGRAPH_UNAVAILABLE["orders"]`) || !strings.Contains(got, `SUBGRAPH_UNAVAILABLE["tickets","nodes"]`) {
		t.Errorf("got errors %s", got)
	}
}

func TestSubgraphTimeout(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) { c.Upstream.Timeout = 50 * time.Millisecond })
	for name, handler := range map[string]http.HandlerFunc{
		"no header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no end of the body": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"data":`)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		w.Orders.Answer(handler)
		a := w.Query(`{ order(id: "o1") { id } __typename }`, nil)
		if a.Code() != "SUBGRAPH_UNAVAILABLE" || gatewaytest.Compact(t, a.Data) != `{"__typename":"Query","order":null}` {
			t.Errorf("%s: got %s", name, a.Body)
		}
	}
}

func TestTimeoutOfOneSubgraph(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) {
		c.Upstream.Timeouts = map[string]time.Duration{"orders": 50 * time.Millisecond}
	})
	cutOff := make(chan struct{})
	w.Orders.Answer(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(cutOff)
	})
	w.Tickets.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		<-cutOff
		gatewaytest.Respond(http.StatusOK, "application/json", `{"data":{"ticket":{"title":"late"}}}`)(rw, nil)
	})
	if a := w.Query(`{ order(id: "o1") { id } ticket(id: "t1") { title } }`, nil); a.Code() != "SUBGRAPH_UNAVAILABLE" || gatewaytest.Compact(t, a.Data) != `{"order":null,"ticket":{"title":"late"}}` {
		t.Errorf("got %s", a.Body)
	}
	w.Config.Upstream.Timeouts = map[string]time.Duration{"order": time.Second}
	if _, err := gateway.New(t.Context(), w.Config); err == nil || !strings.Contains(err.Error(), `no subgraph "order"`) {
		t.Errorf("a timeout of an unknown subgraph: got %v", err)
	}
}

func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) { c.Upstream.Concurrency, c.Upstream.Wait = 1, 20*time.Millisecond })
	arrived, release := make(chan struct{}), make(chan struct{})
	w.Orders.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		rw.Header().Set("Content-Type", "application/json")
		rw.Write([]byte(`{"data":{"order":{"id":"o1"}}}`))
	})
	var wg sync.WaitGroup
	wg.Go(func() { w.Query(`{ order(id: "o1") { id } }`, nil) })
	<-arrived
	if a := w.Query(`{ order(id: "o1") { id } ticket(id: "t1") { id } }`, nil); a.Code() != "SUBGRAPH_UNAVAILABLE" || a.Data["ticket"] == nil {
		t.Errorf("got %s", a.Body)
	}
	close(release)
	wg.Wait()
}

func TestErrorsOfASubgraphAreCapped(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Orders.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var errs []map[string]any
		for i := range 500 {
			errs = append(errs, map[string]any{"message": "no", "path": []any{"order", i}, "extensions": map[string]any{"code": "NOT_FOUND", "stack": "secret"}})
		}
		json.NewEncoder(w).Encode(map[string]any{"data": nil, "errors": errs})
	})
	a := w.Query(`{ order(id: "o1") { id } }`, nil)
	if len(a.Errors) != 50 || strings.Contains(a.Body, "secret") {
		t.Errorf("got %d errors: %.300s", len(a.Errors), a.Body)
	}
}
