package gateway_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/subgraphtest"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// TestExecute runs testdata/operations/*.graphql as anna and compares what subgraphs were asked and
// what the client got with the golden beside it.
func TestExecute(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/operations/*.graphql")
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
			var variables map[string]any
			if line, _, _ := strings.Cut(string(text), "\n"); strings.HasPrefix(line, "# ") {
				if err := json.Unmarshal([]byte(line[2:]), &variables); err != nil {
					t.Fatalf("variables: %v", err)
				}
			}
			w := gatewaytest.New(t)
			a := w.Query(string(text), variables, gatewaytest.As("anna")...)
			got := golden(t, w, a)
			name := strings.TrimSuffix(file, ".graphql") + ".golden"
			if *update {
				if err := os.WriteFile(name, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name) //nolint:gosec // a file of the test
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func golden(t *testing.T, w *gatewaytest.World, a gatewaytest.Response) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, s := range []struct {
		name string
		*subgraphtest.Subgraph
	}{{"auth", w.Auth}, {"tickets", w.Tickets}, {"orders", w.Orders}} {
		var asked []string
		for _, r := range s.Requests() {
			var sent struct{ Variables json.RawMessage }
			if err := json.Unmarshal(r.Body, &sent); err != nil {
				t.Fatal(err)
			}
			asked = append(asked, fmt.Sprintf("%s: %s %s\n", s.name, r.Query, sent.Variables))
		}
		slices.Sort(asked) // some are asked at the same time
		b.WriteString(strings.Join(asked, ""))
	}
	fmt.Fprintf(&b, "%d ", a.Status)
	if err := json.Indent(&b, []byte(a.Body), "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func TestSkipAndIncludeAreNotCachedAcrossValues(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const query = `query($a: Boolean!, $b: Boolean = true) { ticket(id: "t1") { id title @include(if: $a) price @skip(if: $b) } }`
	for range 2 {
		for _, c := range []struct {
			variables map[string]any
			want      string
		}{
			{map[string]any{"a": true, "b": true}, `{"data":{"ticket":{"id":"t1","title":"ticket t1"}}}`},
			{map[string]any{"a": false, "b": true}, `{"data":{"ticket":{"id":"t1"}}}`},
			{map[string]any{"a": false, "b": false}, `{"data":{"ticket":{"id":"t1","price":1999}}}`},
			{map[string]any{"a": true}, `{"data":{"ticket":{"id":"t1","title":"ticket t1"}}}`},
		} {
			if a := w.Query(query, c.variables); a.Body != c.want {
				t.Errorf("%v: got %s, want %s", c.variables, a.Body, c.want)
			}
		}
	}
}

// The cache and the engine must use the same value of a duplicate variable.
func TestDuplicateVariable(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const query = `query($a: Boolean!) { ticket(id: \"t1\") { id title @include(if: $a) } }`
	send := func(variables string) string {
		body := []byte(`{"query":"` + query + `","variables":` + variables + `}`)
		return w.Do(w.Raw(http.MethodPost, "/graphql", body, "Content-Type", "application/json")).Body
	}
	send(`{"a":true,"a":false}`)
	send(`{"a":false,"a":true}`)
	if got, want := send(`{"a":true}`), `{"data":{"ticket":{"id":"t1","title":"ticket t1"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := send(`{"a":false}`), `{"data":{"ticket":{"id":"t1"}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEqualOperationsArePlannedOnce(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	for i := range 20 {
		a := w.Query(fmt.Sprintf(`query Name%d { ticket(id: "t%d") { title } }`, i, i), nil)
		if want := fmt.Sprintf(`{"data":{"ticket":{"title":"ticket t%d"}}}`, i); a.Body != want {
			t.Errorf("got %s, want %s", a.Body, want)
		}
	}
	if n := w.Gateway.Planned(); n != 1 {
		t.Errorf("planned %d times, want once", n)
	}
}

func TestConcurrentUsersAreIsolated(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const query = `{ viewer { email user { displayName } } orders { id buyer { id displayName } ticket { title viewerOrder { id } } } }`
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			name := fmt.Sprint("user", i)
			header := gatewaytest.As(name)
			if i%2 == 0 {
				header = []string{"Cookie", "access=token-" + name, "Graphql-Preflight", "1"}
			}
			a := w.Query(query, nil, header...)
			want := fmt.Sprintf(`{"data":{"viewer":{"email":"%[1]s@example.com","user":{"displayName":"user %[1]s"}},`+
				`"orders":[{"id":"order-of-%[1]s","buyer":{"id":"%[1]s","displayName":"user %[1]s"},`+
				`"ticket":{"title":"ticket t1","viewerOrder":{"id":"order-of-%[1]s"}}}]}}`, name)
			if a.Body != want {
				t.Errorf("%s got %s\nwant %s", name, a.Body, want)
			}
		})
	}
	wg.Wait()
}

// Cached operations are executed with other values: each request reaches the subgraph with its own, sent as variables,
// literals, defaults or single items of lists.
func TestCachedOperationsWithOtherValues(t *testing.T) {
	t.Parallel()
	page := func(first, sort any) map[string]any { return map[string]any{"first": first, "sort": sort} }
	byPrice, byTitle := map[string]any{"by": "PRICE"}, map[string]any{"by": "TITLE"}
	for _, c := range []struct {
		name, query string
		sent, want  []map[string]any // the subgraph's arguments, in any order
	}{
		{
			"variables", `query($n: Int, $s: TicketSort) { tickets(first: $n, sort: $s) { total } }`,
			[]map[string]any{{"n": 1, "s": byPrice}, {"n": 2, "s": byTitle}, {"n": nil, "s": byTitle}, {"s": byPrice}},
			[]map[string]any{page(1, byPrice), page(2, byTitle), page(nil, byTitle), {"sort": byPrice}},
		},
		{
			"a literal beside a variable of the name that the plan gives it", `query($a: Int) { tickets(sort: {by: PRICE}, first: $a) { total } }`,
			[]map[string]any{{"a": 1}, {"a": 2}, {"a": 3, "b": "not declared"}},
			[]map[string]any{page(1, byPrice), page(2, byPrice), page(3, byPrice)},
		},
		{
			"a variable inside a literal", `query($by: TicketSortBy!) { tickets(first: 1, sort: {by: $by}) { total } }`,
			[]map[string]any{{"by": "PRICE"}, {"by": "TITLE"}},
			[]map[string]any{page(1, byPrice), page(1, byTitle)},
		},
		{
			"a default", `query($n: Int = 7) { tickets(first: $n, sort: {by: TITLE}) { total } }`,
			[]map[string]any{{}, {"n": 2}, {}},
			[]map[string]any{page(7, byTitle), page(2, byTitle), page(7, byTitle)},
		},
		{
			"single items in the place of lists", `query($ids: [ID!]!) { ticketsById(ids: $ids) { id } }`,
			[]map[string]any{{"ids": "t1"}, {"ids": []any{"t1", "t2"}}, {"ids": "t2"}},
			[]map[string]any{{"ids": []any{"t1"}}, {"ids": []any{"t1", "t2"}}, {"ids": []any{"t2"}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			for i, variables := range c.sent {
				w.Query(c.query, variables, gatewaytest.As("anna")...)
				requests := w.Tickets.Requests()
				if len(requests) != i+1 {
					t.Fatalf("request %d: the subgraph was asked %d times", i, len(requests))
				}
				var asked struct{ Variables map[string]any }
				if err := json.Unmarshal(requests[i].Body, &asked); err != nil {
					t.Fatal(err)
				}
				got, want := values(asked.Variables), values(c.want[i])
				if !slices.Equal(got, want) {
					t.Errorf("request %d with %v: the subgraph got %v, want %v", i, variables, got, want)
				}
			}
		})
	}
}

// values returns the values of variables in JSON, sorted: their names depend on the plan.
func values(variables map[string]any) (list []string) {
	for _, v := range variables {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		list = append(list, string(text))
	}
	slices.Sort(list)
	return list
}
