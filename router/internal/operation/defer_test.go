package operation_test

import (
	"reflect"
	"testing"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/router/internal/operation"
)

// TestDeferred finds the fragments of an operation, and which objects have them.
func TestDeferred(t *testing.T) {
	t.Parallel()
	documents, err := operation.New(operation.Config{Limits: env.Must(env.ParseAs[operation.Limits]()), SDL: `
		type Query { book: Book media: [Media] item: Item }
		interface Node { id: ID! }
		interface Media implements Node { id: ID! title: String }
		type Book implements Media & Node { id: ID! title: String author: Node }
		type Film implements Media & Node { id: ID! title: String author: Node }
		type Person implements Node { id: ID! }
		union Item = Book | Person
	`})
	if err != nil {
		t.Fatal(err)
	}
	type fragments = []operation.Fragment
	step := func(name string, types ...string) operation.Step { return operation.Step{Name: name, Types: types} }
	for _, c := range []struct {
		query     string
		variables string
		want      fragments
	}{
		{query: `{ book { ... @defer(label: "a") { title } } }`, want: fragments{{Label: "a", Path: []operation.Step{step("book")}}}},
		{query: `{ ...Q @defer } fragment Q on Query { b: book { ...B @defer } } fragment B on Book { id }`, want: fragments{
			{}, {Within: 1, Path: []operation.Step{step("b")}},
		}},
		{query: `{ media { ... on Book @defer { title } } }`, want: fragments{{Path: []operation.Step{step("media")}, Types: []string{"Book"}}}},
		{query: `{ item { ... on Node { ... on Media { ... @defer { id } } } } }`, want: fragments{{Path: []operation.Step{step("item")}, Types: []string{"Book", "Film"}}}},
		{query: `{ media { ... on Book { author { ... @defer { id } } } } }`, want: fragments{{Path: []operation.Step{step("media"), step("author", "Book")}}}},
		// Whatever applies to an object of a known type needs no look at it: nobody may have asked what it is.
		{query: `{ book { ... on Media { ... on Node { ... on Book @defer { title } } } } }`, want: fragments{{Path: []operation.Step{step("book")}}}},
		{query: `query($if: Boolean = false) { book { ... @defer(if: $if) { title } } }`},
		{query: `query($if: Boolean = false) { book { ... @defer(if: $if) { title } } }`, variables: `{"if":true}`, want: fragments{{Path: []operation.Step{step("book")}}}},
		{query: `query($if: Boolean) { book { ... @defer(if: $if) { title } } }`, want: fragments{{Path: []operation.Step{step("book")}}}},
		{query: `query($no: Boolean!) { book { ... @defer @skip(if: $no) { title } ... @include(if: $no) { id ... @defer { id } } } }`, variables: `{"no":true}`, want: fragments{
			{Path: []operation.Step{step("book")}},
		}},
	} {
		op, err := documents.Prepare(c.query, "")
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		variables, ok := operation.ReadVariables([]byte("{}"))
		if c.variables != "" {
			variables, ok = operation.ReadVariables([]byte(c.variables))
		}
		if !ok {
			t.Fatal(c.variables)
		}
		var got fragments
		if deferred := documents.Deferred(op, variables); deferred != nil {
			got = deferred.Fragments[1:]
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %s\ngot  %+v\nwant %+v", c.query, c.variables, got, c.want)
		}
	}
}
