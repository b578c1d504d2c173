package operation_test

import (
	"testing"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/router/internal/operation"
)

// TestDeferred checks which requests get their response in parts.
func TestDeferred(t *testing.T) {
	t.Parallel()
	documents, err := operation.New(operation.Config{Limits: env.Must(env.ParseAs[operation.Limits]()), SDL: `
		type Query { book: Book }
		type Book { id: ID! title: String }
	`})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query, variables string
		want             bool
	}{
		{`{ book { ... @defer(label: "a") { title } } }`, `{}`, true},
		{`{ ...Q } fragment Q on Query { b: book { ...B @defer } } fragment B on Book { id }`, `{}`, true},
		{`query($if: Boolean = false) { book { ... @defer(if: $if) { title } } }`, `{}`, false},
		{`query($if: Boolean = false) { book { ... @defer(if: $if) { title } } }`, `{"if":true}`, true},
		{`query($if: Boolean) { book { ... @defer(if: $if) { title } } }`, `{}`, true},
		{`query($no: Boolean!) { book { id ... @defer @include(if: $no) { title } } }`, `{"no":false}`, false},
		{`query($no: Boolean!) { book @include(if: $no) { ... @defer { title } } }`, `{"no":false}`, false},
		{`query($no: Boolean!) { book { id ... @defer @skip(if: $no) { title } } }`, `{"no":false}`, true},
		{`{ book { ... { title } } }`, `{}`, false},
	} {
		op, err := documents.Prepare(c.query, "")
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		variables, ok := operation.ReadVariables([]byte(c.variables))
		if !ok {
			t.Fatal(c.variables)
		}
		if got := documents.Deferred(op, variables); got != c.want {
			t.Errorf("%s %s: got %t", c.query, c.variables, got)
		}
	}
}
