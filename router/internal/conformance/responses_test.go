package conformance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/subgraphtest"
)

// respond makes a subgraph send one body.
func respond(s *subgraphtest.Subgraph, body string) {
	s.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	})
}

// malformedErrors are values of the entry "errors" of a response that are not as the specification has them.
var malformedErrors = []string{
	`[{"message":"m","extensions":{"code":402}}]`,
	`[{"message":"m","extensions":{"code":{"a":1}}}]`,
	`[{"message":"m","extensions":"x"}]`,
	`[{"message":"m","extensions":["x"]}]`,
	`[{"message":5}]`,
	`[{"message":"m","path":"s"}]`,
	`[{"message":"m","path":[{"a":1}]}]`,
	`[{"message":"m","extensions":{"requestId":5}}]`,
	`["m"]`,
	`[null]`,
	`[5]`,
	`{}`,
	`"m"`,
}

// A malformed error costs nothing but itself.
func TestMalformedErrors(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/failures/supergraph.graphql", nil)
	for _, errs := range malformedErrors {
		respond(g.subgraphs["back"], `{"data":{"other":null},"errors":`+errs+`}`)
		if a := g.ask(t, `{ other fine }`, ""); compact(a.Data) != `{"fine":1,"other":null}` {
			t.Errorf("%s: got %s %v", errs, compact(a.Data), faults(a))
		}
		respond(g.subgraphs["back"], `{"data":{"_entities":[{"views":7}]},"errors":`+errs+`}`)
		if a := g.ask(t, `{ page { title views } }`, ""); compact(a.Data) != `{"page":{"title":"one","views":7}}` {
			t.Errorf("%s: got %s %v", errs, compact(a.Data), faults(a))
		}
	}
}

// A mutation that was executed is in the response.
func TestMalformedErrorsOfMutations(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/operations/supergraph.graphql", map[string]subgraphtest.Field{
		"Mutation.first": func(*http.Request, map[string]any) (any, error) { return subgraphtest.Object{"id": "1"}, nil },
	})
	for _, errs := range malformedErrors {
		respond(g.subgraphs["two"], `{"data":{"second":null},"errors":`+errs+`}`)
		if a := g.ask(t, `mutation { first(n: 1) { id } second(n: 2) { id } }`, ""); compact(a.Data) != `{"first":{"id":"1"},"second":null}` {
			t.Errorf("%s: got %s %v", errs, compact(a.Data), faults(a))
		}
	}
}

// A value that its type does not allow is null with one error. Nothing else is lost.
func TestValuesOfWrongTypes(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/failures/supergraph.graphql", nil)
	for _, c := range []struct{ query, back, data, path string }{
		{`{ other fine }`, `{"other":"x"}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ other fine }`, `{"other":"1"}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ other fine }`, `{"other":5.5}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ other fine }`, `{"other":12345678901}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ other fine }`, `{"other":true}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ other fine }`, `{"other":[1]}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ other fine }`, `{"other":{"a":1}}`, `{"fine":1,"other":null}`, `[other]`},
		{`{ page { title visitors { name } } }`, `{"_entities":[{"visitors":5}]}`, `{"page":{"title":"one","visitors":null}}`, `[page visitors]`},
		{`{ page { title visitors { name } } }`, `{"_entities":[{"visitors":{"name":"a"}}]}`, `{"page":{"title":"one","visitors":null}}`, `[page visitors]`},
		{`{ page { title visitors { name } } }`, `{"_entities":[{"visitors":["a"]}]}`, `{"page":{"title":"one","visitors":null}}`, `[page visitors 0]`},
		{
			`{ page { title visitors { name } } }`, `{"_entities":[{"visitors":[{"name":"a"},{"name":{}}]}]}`,
			`{"page":{"title":"one","visitors":null}}`, `[page visitors 1 name]`,
		},
		{`{ page { title must } fine }`, `{"_entities":[{"must":"x"}]}`, `{"fine":1,"page":null}`, `[page must]`},
	} {
		respond(g.subgraphs["back"], `{"data":`+c.back+`}`)
		a := g.ask(t, c.query, "")
		var paths []string
		for _, e := range a.Errors {
			paths = append(paths, fmt.Sprint(e.Path))
		}
		if compact(a.Data) != c.data || !slices.Equal(paths, []string{c.path}) {
			t.Errorf("%s with %s: got %s and errors at %v, want %s and one at %s", c.query, c.back, compact(a.Data), paths, c.data, c.path)
		}
	}
}

// The name of a type that the supergraph lacks is not shown to clients.
func TestUnknownTypename(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/abstract/supergraph.graphql", nil)
	for name, s := range g.subgraphs {
		respond(s, `{"data":{"search":[{"__typename":"Secret"}],"nodes":[{"__typename":"Secret"}]}}`)
		for _, query := range []string{`{ search { __typename } }`, `{ nodes { __typename } }`} {
			text := string(g.raw([]byte(`{"query":"` + query + `"}`)))
			if strings.Contains(text, "Secret") || strings.Contains(text, name) {
				t.Errorf("%s: got %s", query, text)
			}
		}
	}
}

// Arguments reach the subgraph with the values that the specification gives them.
func TestArgumentValues(t *testing.T) {
	t.Parallel()
	echo := func(_ *http.Request, args map[string]any) (any, error) { return compact(args), nil }
	item := func(_ *http.Request, args map[string]any) (any, error) {
		return subgraphtest.Object{"id": args["id"], "name": "n"}, nil
	}
	g := start(t, "testdata/operations/supergraph.graphql", map[string]subgraphtest.Field{"Query.echo": echo, "Query.item": item})
	for _, c := range []struct{ query, variables, data, errors string }{
		{`{ item(id: 9007199254740993) { id } }`, `{}`, `{"item":{"id":"9007199254740993"}}`, ``},
		{"\ufeff{ echo(text: \"a\") }", `{}`, `{"echo":"{\"text\":\"a\"}"}`, ``},
		{"{ echo(text: \"\"\"\n    a\n      b\n  \"\"\") }", `{}`, `{"echo":"{\"text\":\"a\\n  b\"}"}`, ``},
		{`query($x: String) { echo(text: $x) }`, `{"x":{"a":1}}`, `null`, `BAD_USER_INPUT []`},
		{`query($x: String) { echo(text: $x) }`, `{"x":["a"]}`, `null`, `BAD_USER_INPUT []`},
		{`query($id: ID!) { item(id: $id) { id } }`, `{"id":9007199254740993}`, `{"item":{"id":"9007199254740993"}}`, ``},
		{"{ echo(text: \"\"\"a\n  b\"\"\") }", `{}`, `{"echo":"{\"text\":\"a\\nb\"}"}`, ``},
		{`query($x: Boolean) { item(id: "1") { name stock(all: $x) } }`, `{"x":null}`, `{"item":{"name":"n","stock":null}}`, `BAD_USER_INPUT [item stock]`},
	} {
		body, err := json.Marshal(map[string]any{"query": c.query, "variables": json.RawMessage(c.variables)})
		if err != nil {
			t.Fatal(err)
		}
		a, err := g.post(body)
		if err != nil {
			t.Fatal(err)
		}
		var errs []string
		for _, e := range a.Errors {
			errs = append(errs, fmt.Sprint(e.Extensions.Code, " ", e.Path))
		}
		if compact(a.Data) != c.data || strings.Join(errs, ", ") != c.errors {
			t.Errorf("%s with %s: got %s %v, want %s %s", c.query, c.variables, compact(a.Data), a.Errors, c.data, c.errors)
		}
	}
}

// Fields are in the order in which the operation selects them.
func TestOrderOfFields(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/recursionfetches/supergraph.graphql", nil)
	for _, c := range []struct{ query, want string }{
		{
			`{ products { ... on Book { pages } main { id body } ... on Magazine { issue } id } }`,
			`{"products":[{"pages":10,"main":{"id":"1","body":"one"},"id":"1"},{"main":{"id":"2","body":"two"},"issue":3,"id":"2"}]}`,
		},
		{
			`{ products { ... on Book { pages } id ... on Magazine { issue } t: __typename } }`,
			`{"products":[{"pages":10,"id":"1","t":"Book"},{"id":"2","issue":3,"t":"Magazine"}]}`,
		},
		{
			`{ products { main { body } ... on Book { id main { id } } ... on Magazine { main { product { id } } } } }`,
			`{"products":[{"main":{"body":"one","id":"1"},"id":"1"},{"main":{"body":"two","product":{"id":"2"}}}]}`,
		},
	} {
		if text := string(g.raw([]byte(`{"query":"` + c.query + `"}`))); text != `{"data":`+c.want+`}` {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, text, c.want)
		}
	}
}

// Plans have no more fetches than they need.
func TestNumberOfFetches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ graph, query, want string }{
		{"sharedroot", `{ me { prop1 prop2 } }`, "a: me, b: me"},
		{"recursionfetches", `{ products { ... on Book { pages } ... on Magazine { issue } } }`, "a: products, b: _entities"},
		{"recursionfetches", `{ products { main { body } ... on Book { pages } ... on Magazine { issue } } }`, "a: products, b: _entities"},
		{"keychain", `{ reviews { product { weight price } } }`, "catalogue: _entities, prices: _entities, reviews: reviews"},
	} {
		g := start(t, "testdata/"+c.graph+"/supergraph.graphql", nil)
		g.conforms(t, c.query, "", "")
		var got []string
		for name, s := range g.subgraphs {
			for _, r := range s.Requests() {
				_, root, _ := strings.Cut(r.Query, "{")
				root, _, _ = strings.Cut(strings.TrimSpace(root), "(")
				root, _, _ = strings.Cut(root, "{")
				got = append(got, name+": "+strings.TrimSpace(root))
			}
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, strings.Join(got, ", "), c.want)
		}
	}
}

// A field that the caller may not read is not requested from its subgraph.
func TestDeniedFieldsAreNotFetched(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/access/supergraph.graphql", nil)
	a := g.ask(t, `{ thing { name } nodes { id } }`, "")
	if asked := g.asked(); strings.Contains(asked, "thing") || !strings.Contains(asked, "nodes") {
		t.Errorf("got %+v after\n%s", a, asked)
	}
}
