package operation_test

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/persisted"
)

var sum, byHash = gatewaytest.Hash, gatewaytest.ByHash

// TestExponentialDocumentsAreRefused: each of these documents is small, and expanding its
// fragments would take seconds or gigabytes.
func TestExponentialDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	doubling := "query { ticket(id: 1) { ...F0 } }"
	for i := range 40 {
		doubling += fmt.Sprintf(" fragment F%d on Ticket { ...F%d ...F%d }", i, i+1, i+1)
	}
	doubling += " fragment F40 on Ticket { id }"
	chain := "query { ticket(id: 1) { ...F0 } }"
	for i := range 5000 {
		chain += fmt.Sprintf(" fragment F%d on Ticket { ...F%d }", i, i+1)
	}
	chain += " fragment F5000 on Ticket { id }"
	nested := "query { user(id: 1) { ...A } }"
	for i := range 8 {
		nested += fmt.Sprintf(" fragment %c on User { tickets { nodes { seller { ...%c } } } }", 'A'+i, 'A'+i+1)
	}
	nested += " fragment I on User { id }"
	repeat := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "%", fmt.Sprint(i)) + " ")
		}
		return b.String()
	}
	for _, c := range []struct{ name, query, code string }{
		{"fragments that double 40 times", doubling, "FIELD_LIMIT_EXCEEDED"},
		{"an unused fragment of 1,000 fields", "{ __typename } fragment F on Ticket { " + repeat("id", 1000) + "}", "FIELD_LIMIT_EXCEEDED"},
		{"a chain of 5,000 fragments", chain, "DOCUMENT_TOO_LARGE"},
		{"a chain of 1,000 fragments", "query { ticket(id: 1) { ...F0 } } " + repeat("fragment F% on Ticket { ...G% }", 1000), "TOKEN_LIMIT_EXCEEDED"},
		{"a fragment cycle", "{ ticket(id: 1) { ...A } } fragment A on Ticket { ...B } fragment B on Ticket { id ...A }", "GRAPHQL_VALIDATION_FAILED"},
		{"a fragment cycle through fields", "{ user(id: 1) { ...A } } fragment A on User { tickets { nodes { seller { ...A } } } }", "GRAPHQL_VALIDATION_FAILED"},
		{"depth hidden in fragments", nested, "DEPTH_LIMIT_EXCEEDED"},
		{"depth 100,000", strings.Repeat("{a", 100_000), "DOCUMENT_TOO_LARGE"},
		{"depth 2,000", strings.Repeat("{a", 2000) + strings.Repeat("}", 2000), "TOKEN_LIMIT_EXCEEDED"},
		{"lists nested 4,000 deep", "{ticket(id:" + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + "){id}}", "TOKEN_LIMIT_EXCEEDED"},
		{"10,000 aliases", "{" + repeat("a%:__typename", 10_000) + "}", "DOCUMENT_TOO_LARGE"},
		{"500 aliases", `{ ticket(id: 1) {` + repeat("a%:id", 500) + "} }", "ALIAS_LIMIT_EXCEEDED"},
		{"aliases hidden in fragments", `{ ticket(id: 1) {` + repeat("...F", 20) + "} } fragment F on Ticket { a: id b: id }", "ALIAS_LIMIT_EXCEEDED"},
		{"10,000 repeats of a field", "{" + repeat("__typename", 10_000) + "}", "DOCUMENT_TOO_LARGE"},
		{"4,000 repeats of a field", "{ ticket(id: 1) {" + repeat("id", 4000) + "} }", "FIELD_LIMIT_EXCEEDED"},
		{"100 root fields", "mutation {" + repeat("ping", 100) + "}", "ROOT_FIELD_LIMIT_EXCEEDED"},
		{"1,000 directives", "{ __typename " + repeat("@skip(if: false)", 600) + "}", "DIRECTIVE_LIMIT_EXCEEDED"},
		{"500 unknown directives", "{ __typename " + repeat("@x", 500) + "}", "DIRECTIVE_LIMIT_EXCEEDED"},
		{"directives on variables", "query(" + repeat("$a%: Int @x", 90) + ") { __typename }", "DIRECTIVE_LIMIT_EXCEEDED"},
		{"5,000 variables", "query(" + repeat("$a%:Int", 5000) + ") { __typename }", "TOKEN_LIMIT_EXCEEDED"},
		{"500 variables", "query(" + repeat("$a%:Int", 500) + ") { __typename }", "VARIABLE_LIMIT_EXCEEDED"},
		{"variables over many operations", repeat("query Q%($a: Int, $b: Int, $c: Int) { __typename }", 40), "VARIABLE_LIMIT_EXCEEDED"},
		{"a 64 KiB string", `{ ticket(id: "` + strings.Repeat("x", 64<<10) + `") { id } }`, "DOCUMENT_TOO_LARGE"},
		{"introspection of fields of fields", "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }", "GRAPHQL_VALIDATION_FAILED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.Query(c.query, nil, "Accept", "application/graphql-response+json")
			if a.Status != http.StatusBadRequest || a.Code() != c.code {
				t.Errorf("got %d %s, want 400 %s", a.Status, a.Code(), c.code)
			}
			if len(a.Body) > 1000 {
				t.Errorf("the answer has %d bytes", len(a.Body))
			}
		})
	}
	w.ExpectNoFetches()
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const byVariable = `query($n: Int) { tickets(first: $n) { nodes { id } } }`
	for _, c := range []struct {
		query     string
		variables map[string]any
	}{
		{`{ tickets(first: 1000000) { nodes { id } } }`, nil},
		{`{ tickets(first: -1) { nodes { id } } }`, nil},
		{`{ tickets(last: 101) { nodes { id } } }`, nil},
		{`{ tickets(first: 2147483648) { nodes { id } } }`, nil},
		{`{ tickets(first: 99999999999999999999) { nodes { id } } }`, nil},
		{`query($n: Int = 5000) { tickets(first: $n) { nodes { id } } }`, nil},
		{byVariable, map[string]any{"n": 101}},
		{byVariable, map[string]any{"n": -5}},
		{byVariable, map[string]any{"n": 1e300}},
		{byVariable, map[string]any{"n": "100"}},
		{byVariable, map[string]any{"n": 1.5}},
		{`{ user(id: 1) { ...T } } fragment T on User { tickets(first: 101) { total } }`, nil},
	} {
		a := w.Query(c.query, c.variables, "Accept", "application/graphql-response+json")
		if a.Status != 400 || a.Code() != "BAD_USER_INPUT" && a.Code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%s %v: got %d %s", c.query, c.variables, a.Status, a.Body)
		}
	}
	if a := w.Query(`query($ids: [ID!]!) { ticketsById(ids: $ids) { id } }`, map[string]any{"ids": make([]int, 101)}); a.Code() != "BAD_USER_INPUT" {
		t.Errorf("101 ids: got %s", a.Body)
	}
	for _, s := range [][]any{{len(w.Tickets.Requests()), "tickets"}} {
		if s[0] != 0 {
			t.Errorf("%s was asked %d times", s[1], s[0])
		}
	}
	if a := w.Query(byVariable, map[string]any{"n": 100}); a.Status != 200 || len(a.Errors) > 0 {
		t.Errorf("first: 100: got %d %s", a.Status, a.Body)
	}
}

func TestCostGrowsWithThePageSize(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) { c.Limits.Cost = 500 })
	const query = `query($n: Int!, $m: Int = 2) { tickets(first: $n) { nodes { id seller { tickets(first: $m) { nodes { id title } } } } } }`
	for _, c := range []struct {
		n, m int
		ok   bool
	}{{10, 10, true}, {100, 1, true}, {1, 100, true}, {50, 50, false}, {100, 100, false}, {0, 100, true}} {
		a := w.Query(query, map[string]any{"n": c.n, "m": c.m})
		switch {
		case c.ok && len(a.Errors) > 0:
			t.Errorf("%+v: got %s", c, a.Body)
		case !c.ok && (a.Status != 400 || a.Code() != "COST_LIMIT_EXCEEDED"):
			t.Errorf("%+v: got %d %s, want COST_LIMIT_EXCEEDED", c, a.Status, a.Body)
		}
	}
	// A client that names no size is taken to want a page of the usual one.
	const unsized = `{ tickets { nodes { seller { tickets { nodes { seller { tickets { nodes { id } } } } } } } } }`
	if a := w.Query(unsized, nil); a.Code() != "COST_LIMIT_EXCEEDED" {
		t.Errorf("without sizes: got %s", a.Body)
	}
}

func TestCostOnRequest(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for _, c := range []struct{ query, extensions, want string }{
		{`{ tickets(first: 2) { total nodes { id } } }`, `{"cost":true}`,
			`{"data":{"tickets":{"total":2,"nodes":[{"id":"t1"},{"id":"t2"}]}},"extensions":{"cost":{"estimated":3,"limit":5000}}}`},
		{`{ order(id: \"unknown\") { id } }`, `{"cost":true}`,
			`{"errors":[{"message":"There is no such order.","path":["order"],"extensions":{"code":"NOT_FOUND"}}],"data":{"order":null},"extensions":{"cost":{"estimated":1,"limit":5000}}}`},
		{`{ __schema { queryType { name } } }`, `{"cost":true}`,
			`{"data":{"__schema":{"queryType":{"name":"Query"}}},"extensions":{"cost":{"estimated":0,"limit":5000}}}`},
		{`{ ticket(id: \"t1\") { id } }`, `{"cost":false}`, `{"data":{"ticket":{"id":"t1"}}}`},
		{`{ ticket(id: \"t1\") { id } }`, `{"other":true}`, `{"data":{"ticket":{"id":"t1"}}}`},
	} {
		if a := w.Send(map[string]string{"query": `"` + c.query + `"`, "extensions": c.extensions}); a.Body != c.want {
			t.Errorf("%s: got %s\nwant %s", c.query, a.Body, c.want)
		}
	}
}

func TestQueryPlanOnRequest(t *testing.T) {
	t.Parallel()
	const query = `"{ order(id: \"o1\") { id ticket { title } } }"`
	for allowed, want := range map[bool]string{
		true:  `,"extensions":{"cost":{"estimated":2,"limit":5000},"queryPlan":"QueryPlan {\n  Sequence {\n    Fetch(service: \"orders\")`,
		false: `,"extensions":{"cost":{"estimated":2,"limit":5000}}}`,
	} {
		w := gatewaytest.New(t, func(c *gateway.Config) { c.QueryPlans = allowed })
		if a := w.Send(map[string]string{"query": query, "extensions": `{"queryPlan":true,"cost":true}`}); !strings.Contains(a.Body, want) {
			t.Errorf("allowed %v: got %s", allowed, a.Body)
		}
	}
}

func TestCostOverEveryTransport(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const request, want = `{"query":"{ ticket(id: \"t1\") { title } }","extensions":{"cost":true}}`,
		`{"data":{"ticket":{"title":"ticket t1"}},"extensions":{"cost":{"estimated":1,"limit":5000}}}`
	get := "/graphql?query=" + url.QueryEscape(`{ ticket(id: "t1") { title } }`) + "&extensions=" + url.QueryEscape(`{"cost":true}`)
	for name, got := range map[string]string{
		"POST":   w.Do(w.Raw(http.MethodPost, "/graphql", []byte(request), "Content-Type", "application/json")).Body,
		"GET":    w.Do(w.Raw(http.MethodGet, get, nil)).Body,
		"socket": w.BySocket("", request),
		"events": w.ByEvents("", request),
	} {
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// Limits of a document in a POST apply to every other way to send it.
func TestLimitsApplyToEveryTransport(t *testing.T) {
	t.Parallel()
	const deep = `{ user(id: 1) { tickets(first: 100) { nodes { seller { tickets(first: 100) { nodes { id } } } } } } }`
	const wide = `{ ticket(id: 1) { a: id b: id c: id d: id } }`
	trusted := persisted.Manifest{}
	if err := trusted.Read([]byte(`{"deep":"` + deep + `","wide":"` + wide + `"}`)); err != nil {
		t.Fatal(err)
	}
	w := gatewaytest.New(t, gatewaytest.Automatic, func(c *gateway.Config) {
		c.Persisted.Trusted, c.Limits.Aliases = trusted, 3
	})
	for id, c := range map[string]struct{ text, code string }{
		"deep": {deep, "COST_LIMIT_EXCEEDED"}, "wide": {wide, "ALIAS_LIMIT_EXCEEDED"},
	} {
		for name, req := range map[string]*http.Request{
			"POST":               w.Request(c.text, nil),
			"GET":                w.Raw(http.MethodGet, "/graphql?query="+url.QueryEscape(c.text), nil),
			"a trusted document": w.Raw(http.MethodGet, "/graphql?documentId="+id, nil),
			"registering":        w.Raw(http.MethodPost, "/graphql", []byte(`{"query":"`+c.text+`","extensions":`+byHash(sum(c.text))+`}`), "Content-Type", "application/json"),
			"a remembered hash":  w.Raw(http.MethodGet, "/graphql?extensions="+url.QueryEscape(byHash(sum(c.text))), nil),
		} {
			if a := w.Do(req); a.Status != 400 || a.Code() != c.code {
				t.Errorf("%s, %s: got %d %s, want 400 %s", id, name, a.Status, a.Body, c.code)
			}
		}
		for _, request := range []string{`{"query":"` + c.text + `"}`, `{"documentId":"` + id + `"}`, `{"query":"` + c.text + `","extensions":` + byHash(sum(c.text)) + `}`} {
			for name, got := range map[string]string{"socket": w.BySocket("", request), "events": w.ByEvents("", request)} {
				if !strings.Contains(got, c.code) {
					t.Errorf("%s, %s: got %s, want %s", request, name, got, c.code)
				}
			}
		}
	}
	w.ExpectNoFetches()
}

// It runs alone, because it measures the heap.
func TestCachesAreBounded(t *testing.T) {
	w := gatewaytest.New(t, gatewaytest.Automatic)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	ask := func(from, to int) {
		for i := from; i < to; i++ {
			query := fmt.Sprintf(`query Q%d { __typename a%d: __typename }`, i, i)
			body := `{"query":"` + query + `","extensions":` + byHash(sum(query)) + `}` // to be remembered, too
			req, err := http.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			w.Gateway.ServeHTTP(gatewaytest.Discard{}, req)
		}
	}
	const full = 4000 // more than any cache holds
	ask(0, full)
	before := heap()
	ask(full, 2*full)
	if after := heap(); after > before+before/4 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

func TestVariablesAreNotRepeatedInErrors(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(`mutation($p: String!) { signIn(email: "anna@example.com", password: $p) { token } }`,
		map[string]any{"p": map[string]any{"s3cr3t": "s3cr3t"}})
	if a.Code() != "BAD_USER_INPUT" || strings.Contains(a.Body, "s3cr3t") {
		t.Errorf("got %s", a.Body)
	}
}
