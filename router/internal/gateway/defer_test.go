package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/subgraphtest"
)

const (
	deferSpec       = "multipart/mixed;deferSpec=20220824"
	incrementalSpec = "multipart/mixed;incrementalSpec=v0.2"
)

// TestDeferredParts asks for testdata/deferred/*.graphql as anna, as both specifications have it, and
// compares what comes over the wire with the golden beside it.
func TestDeferredParts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/deferred/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no operations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".graphql"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file) //nolint:gosec // a file of the test
			if err != nil {
				t.Fatal(err)
			}
			w := gatewaytest.New(t)
			var got bytes.Buffer
			for _, accept := range []string{deferSpec, incrementalSpec} {
				a := w.Query(string(text), nil, append(gatewaytest.As("anna"), "Accept", accept+",application/json")...)
				fmt.Fprintf(&got, "%s\n%s", a.Header.Get("Content-Type"), strings.ReplaceAll(a.Body, "\r\n", "\n"))
			}
			name := strings.TrimSuffix(file, ".graphql") + ".golden"
			if *update {
				if err := os.WriteFile(name, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name) //nolint:gosec // a file of the test
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got:\n%s\nwant:\n%s", got.Bytes(), want)
			}
		})
	}
}

func TestDeferredPartsAreSentWhenReady(t *testing.T) {
	t.Parallel()
	t.Run("what is not deferred does not wait", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		release := gatewaytest.Hold(t, w.Orders)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer { total } } }`, nil, deferSpec)
		p.Want(`{"data":{"ticket":{"title":"ticket t1"}},"hasNext":true}`)
		release()
		p.Want(`{"incremental":[{"path":["ticket"],"data":{"total":2149}}],"hasNext":false}`)
	})
	for name, c := range map[string]struct{ query, held, first, second string }{
		"nor for a field of the same entity": {
			`{ ticket(id: "t1") { title ... @defer { currency price } } }`, "currency",
			`{"data":{"ticket":{"title":"ticket t1"}},"hasNext":true}`,
			`{"incremental":[{"path":["ticket"],"data":{"currency":"USD","price":1999}}],"hasNext":false}`,
		},
		"nor for a root field of the same subgraph": {
			`{ ticket(id: "t1") { title } ... @defer { tickets(first: 2) { total } } }`, "tickets(",
			`{"data":{"ticket":{"title":"ticket t1"}},"hasNext":true}`,
			`{"incremental":[{"path":[],"data":{"tickets":{"total":2}}}],"hasNext":false}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			held := make(chan struct{})
			w.Tickets.Watch(func(r subgraphtest.Request) {
				if strings.Contains(r.Query, c.held) {
					<-held
				}
			})
			release := sync.OnceFunc(func() { close(held) })
			defer release()
			p := w.Parts(c.query, nil, deferSpec)
			p.Want(c.first)
			release()
			p.Want(c.second)
			if a := w.Query(c.query, nil); len(a.Errors) > 0 || len(w.Tickets.Requests()) != 3 {
				t.Errorf("in one response: got %s after %d requests, want one more", a.Body, len(w.Tickets.Requests()))
			}
		})
	}
	t.Run("the faster of two fragments comes first", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		release := gatewaytest.Hold(t, w.Orders)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer(label: "slow") { total } ... @defer(label: "fast") { seller { displayName } } } }`, nil, incrementalSpec)
		p.Want(`{"data":{"ticket":{"title":"ticket t1"}},"pending":[{"id":"0","path":["ticket"],"label":"slow"},{"id":"1","path":["ticket"],"label":"fast"}],"hasNext":true}`,
			`{"incremental":[{"id":"1","data":{"seller":{"displayName":"user sam"}}}],"completed":[{"id":"1"}],"hasNext":true}`)
		release()
		p.Want(`{"incremental":[{"id":"0","data":{"total":2149}}],"completed":[{"id":"0"}],"hasNext":false}`)
	})
	t.Run("a field of two fragments comes once, with the first", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		release := gatewaytest.Hold(t, w.Orders)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer(label: "slow") { id total } ... @defer(label: "fast") { id seller { displayName } } } }`, nil, incrementalSpec)
		p.Next()
		p.Want(`{"incremental":[{"id":"1","data":{"id":"t1","seller":{"displayName":"user sam"}}}],"completed":[{"id":"1"}],"hasNext":true}`)
		release()
		p.Want(`{"incremental":[{"id":"0","data":{"total":2149}}],"completed":[{"id":"0"}],"hasNext":false}`)
	})
	t.Run("an inner fragment waits for the outer one", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		release := gatewaytest.Hold(t, w.Orders)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer(label: "outer") { total ... @defer(label: "inner") { seller { displayName } } } } }`, nil, deferSpec)
		p.Next()
		release()
		p.Want(`{"incremental":[{"path":["ticket"],"label":"outer","data":{"total":2149}}],"hasNext":true}`,
			`{"incremental":[{"path":["ticket"],"label":"inner","data":{"seller":{"displayName":"user sam"}}}],"hasNext":false}`)
	})
	t.Run("nothing is fetched any more when the client is gone", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		asked, gone := make(chan struct{}), make(chan struct{})
		w.Orders.Answer(func(_ http.ResponseWriter, r *http.Request) {
			close(asked)
			<-r.Context().Done()
			close(gone)
		})
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer { total } } }`, nil, deferSpec)
		p.Next()
		<-asked
		p.Response.Body.Close()
		<-gone
	})
}

func TestDeferOnRequestOnly(t *testing.T) {
	t.Parallel()
	const query = `query($if: Boolean = true) { ticket(id: "t1") { title ... @defer(if: $if) { total } } }`
	whole := `{"data":{"ticket":{"title":"ticket t1","total":2149}}}`
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		accept    string
	}{
		"JSON":                  {query: query, accept: "application/json"},
		"anything":              {query: query, accept: "*/*"},
		"no specification":      {query: query, accept: "multipart/mixed, application/json"},
		"another specification": {query: query, accept: "multipart/mixed;incrementalSpec=v0.9, application/json"},
		"for subscriptions":     {query: query, accept: "multipart/mixed;subscriptionSpec=1.0, application/json"},
		"unwanted":              {query: query, accept: "multipart/mixed;deferSpec=20220824;q=0, application/json"},
		"disabled":              {query: `{ ticket(id: "t1") { title ... @defer(if: false) { total } } }`, accept: deferSpec},
		"disabled by a variable": {
			query: query, variables: map[string]any{"if": false}, accept: deferSpec + ",application/json",
		},
		"disabled by null": {query: query, variables: map[string]any{"if": nil}, accept: deferSpec},
		"disabled by default": {
			query: strings.Replace(query, "= true", "= false", 1), accept: incrementalSpec + ",application/json",
		},
		"left out": {query: `{ ticket(id: "t1") { title total ... @defer @skip(if: true) { price } } }`, accept: deferSpec},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := gatewaytest.New(t).Query(c.query, c.variables, "Accept", c.accept)
			if a.Body != whole || a.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("got %s: %s", a.Header.Get("Content-Type"), a.Body)
			}
		})
	}
	for accept, want := range map[string]string{
		// what Apollo's clients send
		"multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9":                         "deferSpec=20220824",
		"multipart/mixed;incrementalSpec=v0.2,application/graphql-response+json,application/json;q=0.9":                       "incrementalSpec=v0.2",
		"multipart/mixed;deferSpec=20220824, application/json":                                                                "deferSpec=20220824",
		`multipart/mixed; boundary="-"; DeferSpec="20220824"`:                                                                 "deferSpec=20220824",
		"multipart/mixed;deferSpec=20220824;q=0.5, multipart/mixed;incrementalSpec=v0.2;q=0.9":                                "incrementalSpec=v0.2",
		"multipart/mixed;boundary=graphql;subscriptionSpec=1.0, multipart/mixed;deferSpec=20220824, application/json; q=0.1 ": "deferSpec=20220824",
	} {
		t.Run(accept, func(t *testing.T) {
			t.Parallel()
			a := gatewaytest.New(t).Query(query, map[string]any{"if": true}, "Accept", accept)
			if got := a.Header.Get("Content-Type"); got != `multipart/mixed; boundary="-"; `+want {
				t.Errorf("got %s: %s", got, a.Body)
			}
		})
	}
	t.Run("what is refused is JSON", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		a := w.Query(`{ ticket(id: "t1") { ... @defer { nonsense } } }`, nil, "Accept", deferSpec+",application/graphql-response+json")
		if a.Status != http.StatusBadRequest || a.Code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("got %d: %s", a.Status, a.Body)
		}
		w.ExpectNoFetches()
	})
	t.Run("together with the schema", func(t *testing.T) {
		t.Parallel()
		a := gatewaytest.New(t).Query(`{ __schema { queryType { name } } ticket(id: "t1") { ... @defer { total } } }`, nil, "Accept", deferSpec)
		if want := `{"data":{"__schema":{"queryType":{"name":"Query"}},"ticket":{}},"hasNext":true}`; !strings.Contains(a.Body, want) {
			t.Errorf("got %s, want %s", a.Body, want)
		}
	})
}

func TestDeferIsValidated(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"on the root of a mutation":                `mutation { ... @defer { ping } }`,
		"on the root of a mutation, in a fragment": `mutation { ...M } fragment M on Mutation { ...P @defer } fragment P on Mutation { ping }`,
		"in a subscription":                        `subscription { orderUpdated(id: "o1") { id ... @defer { ticket { title } } } }`,
		"in a subscription, in a fragment":         `subscription { orderUpdated(id: "o1") { ...O } } fragment O on Order { ... @defer { id } }`,
		"on the root of a subscription":            `subscription($no: Boolean!) { ... @defer(if: $no) { orderUpdated(id: "o1") { id } } }`,
		"with a label twice":                       `{ ... @defer(label: "a") { viewer { email } } ... @defer(label: "a") { viewer { email } } }`,
		"with a label in a variable":               `query($l: String) { ... @defer(label: $l) { viewer { email } } }`,
		"twice":                                    `{ ... @defer @defer { viewer { email } } }`,
		"on a field":                               `{ viewer @defer { email } }`,
		"with an argument that does not exist":     `{ ... @defer(when: true) { viewer { email } } }`,
		"with an argument that is of another type": `{ ... @defer(if: "yes") { viewer { email } } }`,
		"with a variable that is of another type":  `query($if: String) { ... @defer(if: $if) { viewer { email } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			a := w.Query(query, map[string]any{}, append(gatewaytest.As("anna"), "Accept", deferSpec)...)
			if a.Code() != "GRAPHQL_VALIDATION_FAILED" {
				t.Errorf("got %s", a.Body)
			}
			w.ExpectNoFetches()
		})
	}
	t.Run("a subscription may do without", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnna)
		w.Subscribe(conn, `subscription($no: Boolean!) { orderUpdated(id: "o1") { id ... @defer(if: $no) { ticket { title } } ... @defer(if: false) { buyer { id } } } }`,
			map[string]any{"no": true})
		w.Expect(conn, gatewaytest.Next(`{"data":{"orderUpdated":{"id":"o1","ticket":{"title":"ticket t1"},"buyer":{"id":"anna"}}}}`))
	})
}

func TestDeferredFailures(t *testing.T) {
	t.Parallel()
	const unavailable = `{"message":"Part of the service is unavailable. Try again.","path":%s,"extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}`
	down := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "auth at 10.0.0.7 is down", http.StatusInternalServerError)
	}
	t.Run("null where it may be", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		w.Orders.Answer(down)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer { total } } }`, nil, deferSpec, gatewaytest.As("anna")...)
		p.Next()
		p.Want(fmt.Sprintf(`{"incremental":[{"path":["ticket"],"data":{"total":null},"errors":[`+unavailable+`]}],"hasNext":false}`, `["ticket"]`))
		p = w.Parts(`{ ticket(id: "t1") { title ... @defer { total } } }`, nil, incrementalSpec, gatewaytest.As("anna")...)
		p.Next()
		p.Want(fmt.Sprintf(`{"incremental":[{"id":"0","data":{"total":null},"errors":[`+unavailable+`]}],"completed":[{"id":"0"}],"hasNext":false}`, `["ticket"]`))
	})
	t.Run("a fragment fails, and not what the client has", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		w.Auth.Answer(down)
		const query = `{ ticket(id: "t1") { title seller { id } ... @defer { seller { displayName } } } }`
		p := w.Parts(query, nil, deferSpec, gatewaytest.As("anna")...)
		p.Want(`{"data":{"ticket":{"title":"ticket t1","seller":{"id":"sam"}}},"hasNext":true}`,
			fmt.Sprintf(`{"incremental":[{"path":["ticket"],"data":null,"errors":[`+unavailable+`]}],"hasNext":false}`, `["ticket","seller"]`))
		p = w.Parts(query, nil, incrementalSpec, gatewaytest.As("anna")...)
		p.Next()
		p.Want(fmt.Sprintf(`{"completed":[{"id":"0","errors":[`+unavailable+`]}],"hasNext":false}`, `["ticket","seller"]`))
	})
	t.Run("what stands in a fragment that fails does not come", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		w.Auth.Answer(down)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer { seller { displayName } ... @defer { total } } } }`, nil, deferSpec, gatewaytest.As("anna")...)
		p.Next()
		p.Want(fmt.Sprintf(`{"incremental":[{"path":["ticket"],"data":null,"errors":[`+unavailable+`]}],"hasNext":false}`, `["ticket","seller"]`))
	})
	t.Run("one of two fragments fails", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		w.Auth.Answer(down)
		release := gatewaytest.Hold(t, w.Orders)
		p := w.Parts(`{ ticket(id: "t1") { title ... @defer(label: "a") { seller { displayName } } ... @defer(label: "o") { seller { id } total } } }`, nil, incrementalSpec, gatewaytest.As("anna")...)
		p.Next()
		p.Want(fmt.Sprintf(`{"completed":[{"id":"0","errors":[`+unavailable+`]}],"hasNext":true}`, `["ticket","seller"]`))
		release()
		p.Want(`{"incremental":[{"id":"1","data":{"seller":{"id":"sam"},"total":2149}}],"completed":[{"id":"1"}],"hasNext":false}`)
	})
	t.Run("in a list only what fails", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		w.Auth.Answer(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			fmt.Fprint(rw, `{"data":{"_entities":[{"__typename":"User","displayName":"user anna"},null]},"errors":[{"message":"no bob","path":["_entities",1],"extensions":{"code":"NOT_FOUND"}}]}`)
		})
		w.Orders.Answer(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			fmt.Fprint(rw, `{"data":{"orders":[{"id":"o1","buyer":{"__typename":"User","id":"anna"}},{"id":"o2","buyer":{"__typename":"User","id":"bob"}}]}}`)
		})
		p := w.Parts(`{ orders { id ... @defer { buyer { displayName } } } }`, nil, incrementalSpec, gatewaytest.As("anna")...)
		p.Want(`{"data":{"orders":[{"id":"o1"},{"id":"o2"}]},"pending":[{"id":"0","path":["orders",0]},{"id":"1","path":["orders",1]}],"hasNext":true}`,
			`{"incremental":[{"id":"0","data":{"buyer":{"displayName":"user anna"}}}],"completed":[{"id":"0"},{"id":"1","errors":[{"message":"no bob","path":["orders",1,"buyer"],"extensions":{"code":"NOT_FOUND"}}]}],"hasNext":false}`)
	})
	t.Run("who may not read a field does not make the subgraph look for it", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		p := w.Parts(`{ ticket(id: "t1") { id } ... @defer { orders { id } } }`, nil, deferSpec)
		p.Want(`{"data":{"ticket":{"id":"t1"}},"hasNext":true}`,
			`{"incremental":[{"path":[],"data":{"orders":null},"errors":[{"message":"Sign in first.","path":["orders"],"extensions":{"code":"UNAUTHENTICATED"}}]}],"hasNext":false}`)
		if n := len(w.Orders.Requests()); n > 0 {
			t.Errorf("orders was asked %d times", n)
		}
	})
	t.Run("limits are those of the whole", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, func(cfg *gateway.Config) { cfg.Limits.Cost = 2 })
		a := w.Query(`{ ticket(id: "t1") { ... @defer { seller { tickets(first: 3) { nodes { id } } } } } }`, nil, "Accept", deferSpec)
		if a.Code() != "COST_LIMIT_EXCEEDED" {
			t.Errorf("got %s", a.Body)
		}
		w.ExpectNoFetches()
	})
}

func TestDeferredMutations(t *testing.T) {
	t.Parallel()
	t.Run("each root field is executed once, in order, before anything that is deferred", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		p := w.Parts(`mutation { a: createOrder(ticketId: "t1") { id ... @defer { ticket { id title } buyer { id } } } b: createTicket(title: "x", price: 3) { id ... @defer { title seller { displayName } } } c: createOrder(ticketId: "t2") { id } }`,
			nil, deferSpec, gatewaytest.As("anna")...)
		p.Want(`{"data":{"a":{"id":"new"},"b":{"id":"new"},"c":{"id":"new"}},"hasNext":true}`)
		p.Next()
		p.Next()
		mutations := 0
		for _, s := range []*subgraphtest.Subgraph{w.Orders, w.Tickets, w.Auth} {
			for _, r := range s.Requests() {
				mutations += strings.Count(r.Query, "createOrder") + strings.Count(r.Query, "createTicket")
			}
		}
		if mutations != 3 {
			t.Errorf("%d mutations were sent, want 3", mutations)
		}
	})
	t.Run("a session's cookies come before the first part", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		p := w.Parts(`mutation { signIn(email: "anna@example.com", password: "x") { token viewer { email ... @defer { user { tickets(first: 1) { nodes { id } } } } } } }`, nil, incrementalSpec)
		p.Want(`{"data":{"signIn":{"token":null,"viewer":{"email":"anna@example.com"}}},"pending":[{"id":"0","path":["signIn","viewer"]}],"hasNext":true}`,
			`{"incremental":[{"id":"0","data":{"user":{"tickets":{"nodes":[{"id":"t1"}]}}}}],"completed":[{"id":"0"}],"hasNext":false}`)
		if got := p.Response.Header.Values("Set-Cookie"); len(got) != 2 {
			t.Errorf("got cookies %q", got)
		}
	})
}

func TestDeferredOverConnections(t *testing.T) {
	t.Parallel()
	const query = `{ ticket(id: "t1") { title ... @defer { total } } }`
	payload := func(extensions string) string {
		return `{"query":` + strconv.Quote(query) + `,"extensions":` + extensions + `}`
	}
	const whole = `{"data":{"ticket":{"title":"ticket t1","total":2149}}}`
	for extensions, want := range map[string][]string{
		`{}`:                                   {whole},
		`{"incrementalSpec":"v0.9"}`:           {whole},
		`{"deferSpec":20220824}`:               {whole},
		`{"deferSpec":"20220824"}`:             {`{"data":{"ticket":{"title":"ticket t1"}},"hasNext":true}`, `{"incremental":[{"path":["ticket"],"data":{"total":2149}}],"hasNext":false}`},
		`{"incrementalSpec":"v0.2"}`:           {`{"data":{"ticket":{"title":"ticket t1"}},"pending":[{"id":"0","path":["ticket"]}],"hasNext":true}`, `{"incremental":[{"id":"0","data":{"total":2149}}],"completed":[{"id":"0"}],"hasNext":false}`},
		`{"deferSpec":"20220824","cost":true}`: {`{"data":{"ticket":{"title":"ticket t1"}},"hasNext":true,"extensions":{"cost":{"estimated":1,"limit":5000}}}`, `{"incremental":[{"path":["ticket"],"data":{"total":2149}}],"hasNext":false}`},
	} {
		t.Run(extensions, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			conn := w.Socket(gatewaytest.InitAnonymous)
			w.SendText(conn, `{"type":"subscribe","id":"1","payload":`+payload(extensions)+`}`)
			for _, part := range want {
				w.Expect(conn, gatewaytest.Next(part))
			}
			w.Expect(conn, gatewaytest.Completed)
			events := w.Do(w.Raw(http.MethodPost, "/graphql", []byte(payload(extensions)), "Content-Type", "application/json", "Accept", "text/event-stream"))
			text := ":\n\n"
			for _, part := range want {
				text += "event: next\ndata: " + part + "\n\n"
			}
			if text += "event: complete\ndata:\n\n"; events.Body != text {
				t.Errorf("got  %q\nwant %q", events.Body, text)
			}
		})
	}
}
