package engine

import (
	"strings"
	"testing"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/astparser"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/astprinter"
)

// What is written out for each implementation, and below that again for each, stays in bounds.
func TestSpread(t *testing.T) {
	t.Parallel()
	client, err := parseSchema(`type Query { node: Node } interface Node { id: ID next: Node } type A implements Node { id: ID next: Node } type B implements Node { id: ID next: Node }`)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{client: client, unequal: map[coordinate]bool{{"Node", "next"}: true}}
	spread := func(query string) string {
		doc, report := astparser.ParseGraphqlDocumentString(query)
		if report.HasErrors() {
			t.Fatal(report)
		}
		e.spread(&doc, doc.OperationDefinitions[0].SelectionSet, e.root(&doc.OperationDefinitions[0]))
		text, err := astprinter.PrintString(&doc)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if got, want := spread(`{ node { id next { id } } }`), `{node {id ... on A {next {id}} ... on B {next {id}}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	deep := strings.Repeat("{ next ", 100) + "{ id }" + strings.Repeat("}", 100)
	if got := strings.Count(spread("{ node "+deep+"}"), "next"); got > 100+mostSpread {
		t.Errorf("100 fields became %d", got)
	}
}
