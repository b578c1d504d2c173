package gateway_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"boxoffice.dev/router/internal/gatewaytest"
)

// A client cannot change the literals of a document by variables that the document does not declare, whichever names
// stand for literals in the router. Otherwise it could exceed the limits that the literals satisfy.
func TestUndeclaredVariablesAreIgnored(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Query(`{ tickets(first: 3) { total } }`, map[string]any{"l0": 100_000, "first": 100_000}, gatewaytest.As("anna")...)
	requests := w.Tickets.Requests()
	if len(requests) != 1 {
		t.Fatalf("the subgraph got %d requests", len(requests))
	}
	var sent struct{ Variables json.RawMessage }
	if err := json.Unmarshal(requests[0].Body, &sent); err != nil {
		t.Fatal(err)
	}
	if got := string(sent.Variables); got != `{"l0":3}` {
		t.Errorf("the subgraph got %s", got)
	}
}

// Two operations of one document declare a variable of a shared fragment differently.
func TestVariablesOfSharedFragments(t *testing.T) {
	t.Parallel()
	const document = `
		query ByPrice($by: TicketSortBy = PRICE) { ...F }
		query ByTitle($by: TicketSortBy! = TITLE) { ...F }
		query Given($by: TicketSortBy!) { ...F }
		fragment F on Query { tickets(first: 1, sort: {by: $by}) { total } }`
	for operation, want := range map[string]string{"ByPrice": `{"by":"PRICE"}`, "ByTitle": `{"by":"TITLE"}`} {
		w := gatewaytest.New(t)
		body, err := json.Marshal(map[string]any{"query": document, "operationName": operation})
		if err != nil {
			t.Fatal(err)
		}
		w.Do(w.Raw("POST", "/graphql", body, "Content-Type", "application/json"))
		requests := w.Tickets.Requests()
		if len(requests) != 1 {
			t.Fatalf("%s: the subgraph got %d requests", operation, len(requests))
		}
		var sent struct{ Variables map[string]json.RawMessage }
		if err := json.Unmarshal(requests[0].Body, &sent); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(sent.Variables)), func(v json.RawMessage) bool { return string(v) == want }) {
			t.Errorf("%s: got %s, want one that is %s", operation, sent.Variables, want)
		}
	}
}
