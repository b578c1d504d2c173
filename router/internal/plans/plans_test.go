package plans_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/pkg/identity"
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
		_, _, err = p.Prepare(t.Context(), op, nil, false)
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

// What a caller may not read, and the labels of overrides, depend on the field, also where another denied field hides
// some of those that have rules or labels.
func TestDeniedFieldsAndLabels(t *testing.T) {
	t.Parallel()
	sg, err := supergraph.Parse(`
		schema
			@link(url: "https://specs.apollo.dev/link/v1.0")
			@link(url: "https://specs.apollo.dev/join/v0.5", for: EXECUTION)
			@link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY)
			@link(url: "https://specs.apollo.dev/requiresScopes/v0.1", for: SECURITY)
		{ query: Query }
		enum join__Graph { A @join__graph(name: "a", url: "http://127.0.0.1:9") B @join__graph(name: "b", url: "http://127.0.0.1:9") }
		type Query @join__type(graph: A) @join__type(graph: B) {
			hidden: Hidden @join__field(graph: A) @requiresScopes(scopes: [["hidden"]])
			secret: String @join__field(graph: A) @requiresScopes(scopes: [["secret"]])
			open: String @join__field(graph: A) @authenticated
			moved: String @join__field(graph: A, override: "b", overrideLabel: "percent(100)") @join__field(graph: B, overrideLabel: "percent(100)")
		}
		type Hidden @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
			id: ID!
			name: String @join__field(graph: A) @authenticated
			stays: String @join__field(graph: A, override: "b", overrideLabel: "percent(0)") @join__field(graph: B, overrideLabel: "percent(0)")
		}`)
	if err != nil {
		t.Fatal(err)
	}
	var limits operation.Limits
	if err := env.Parse(&limits); err != nil {
		t.Fatal(err)
	}
	documents, err := operation.New(operation.Config{SDL: sg.ClientSDL, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plans.New(plans.Config{Supergraph: sg})
	if err != nil {
		t.Fatal(err)
	}
	op, err := documents.Prepare("{ hidden { name stays } secret open moved }", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scopes []string
		want   string
	}{
		{nil, "a: {open moved}"},
		{[]string{"secret"}, "a: {secret open moved}"},
	} {
		plan, _, err := p.Prepare(identity.With(t.Context(), identity.Caller{UserID: "anna", Scopes: c.scopes}), op, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range plan.Fetches {
			got = append(got, f.Subgraph+": "+f.Query)
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("with scopes %q: got %q, want %q", c.scopes, got, c.want)
		}
	}
}
