package planner_test

import (
	"slices"
	"testing"

	"github.com/vektah/gqlparser/v2"
)

// Two types of one list need the same two subgraphs in opposite order. A subgraph has one fetch for each stage, so that
// no fetch waits for itself.
func TestTypesInOppositeOrder(t *testing.T) {
	t.Parallel()
	g := load(t, read(t, "testdata", "crossing.graphql"))
	doc, errs := gqlparser.LoadQueryWithRules(g.client, `{ found { ... on Order { owner } ... on User { name } } }`, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	plan, err := g.plan(doc.Operations[0])
	if err != nil {
		t.Fatal(err)
	}
	var subgraphs []string
	for _, f := range plan.Fetches {
		subgraphs = append(subgraphs, f.Subgraph)
		if slices.ContainsFunc(f.DependsOn, func(d int) bool { return d >= f.ID }) {
			t.Errorf("fetch %d depends on %v", f.ID, f.DependsOn)
		}
	}
	slices.Sort(subgraphs[1:])
	if want := []string{"search", "accounts", "accounts", "sales", "sales"}; !slices.Equal(subgraphs, want) {
		t.Errorf("got %q, want %q", subgraphs, want)
	}
}

// Two types of one list need one subgraph at different stages for a field of their interface. Each has it in its fetch.
func TestFieldAtDifferentStages(t *testing.T) {
	t.Parallel()
	g := load(t, read(t, "testdata", "crossing.graphql"))
	doc, errs := gqlparser.LoadQueryWithRules(g.client, `{ found { ... on Noted { note } } }`, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	plan, err := g.plan(doc.Operations[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range plan.Fetches {
		got = append(got, f.Subgraph+" "+f.Query)
	}
	want := []string{
		"search {found {__typename ... on Order {id} ... on User {id}}}",
		"sales query($representations: [_Any!]!) {_entities(representations: $representations) {... on Order {note}}}",
		"accounts query($representations: [_Any!]!) {_entities(representations: $representations) {... on User {email}}}",
		"sales query($representations: [_Any!]!) {_entities(representations: $representations) {... on User {note}}}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
