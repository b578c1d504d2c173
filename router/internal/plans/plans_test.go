package plans_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/plans"
	"boxoffice.dev/router/internal/supergraph"
)

// An operation that is too much work to plan is refused with a code of its own. Default limits are far below.
func TestTooComplexOperations(t *testing.T) {
	t.Parallel()
	sg, err := supergraph.Parse(`
		schema { query: Query }
		enum join__Graph { A @join__graph(name: "a", url: "http://127.0.0.1:9") }
		type Query @join__type(graph: A) { book: Book }
		type Book @join__type(graph: A) { id: ID! }`)
	if err != nil {
		t.Fatal(err)
	}
	const most = 1 << 30
	documents, err := operation.New(operation.Config{SDL: sg.ClientSDL, Limits: operation.Limits{
		Bytes: most, Tokens: most, Depth: most, InputDepth: most, Fields: most, RootFields: most, Aliases: most,
		Directives: most, Variables: most, Cost: most,
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plans.New(plans.Config{Supergraph: sg})
	if err != nil {
		t.Fatal(err)
	}
	for books, refusal := range map[int]string{10: "", 120: "OPERATION_TOO_COMPLEX"} {
		var query strings.Builder
		for i := range books {
			fmt.Fprintf(&query, " a%d: book {", i)
			for j := range 200 {
				fmt.Fprintf(&query, " b%d: id", j)
			}
			query.WriteString(" }")
		}
		op, err := documents.Prepare("{"+query.String()+"}", "")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = p.Prepare(t.Context(), op, nil)
		code := ""
		if refused := (*operation.Refused)(nil); errors.As(err, &refused) {
			code = refused.Code()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != refusal {
			t.Errorf("%d books: got %q, want %q", books, code, refusal)
		}
	}
}
