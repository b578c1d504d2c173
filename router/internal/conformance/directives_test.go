package conformance_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Executable directives of the supergraph are validated, and described to clients.
func TestExecutableDirectivesAreValidated(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/directives/supergraph.graphql", nil)
	deep := strings.Repeat("[", 16) + strings.Repeat("]", 16)
	for query, want := range map[string]string{
		`{ item @other { id } }`:                                    `Unknown directive "@other".`,
		`{ item @local(of: 1) { id } }`:                             `Unknown directive "@local".`, // not every subgraph has it
		`query @must { item { id } }`:                               `Directive "@must" may not be used on QUERY.`,
		`{ item { ... @must { id } } }`:                             `Directive "@must" may not be used on INLINE_FRAGMENT.`,
		`{ item @must @must { id } }`:                               `The directive "@must" can only be used once at this location.`,
		`{ item @must(level: SOME) { id } }`:                        `Value "SOME" does not exist in "Level!" enum.`,
		`{ item @note(text: 1) { id } }`:                            `String cannot represent a non string value: 1`,
		`{ item @note(who: "a") { id } }`:                           `Unknown argument "who" on directive "@note".`,
		`query($x: Int) { item @note(text: $x) { id } }`:            `Variable "$x" of type "Int" used in position expecting type "String".`,
		`{ item @note(text: $x) { id } }`:                           `Variable "$x" is not defined.`,
		`query($x: String) { item { id } }`:                         `Variable "$x" is never used.`,
		`{ item @note(options: {tags: ` + deep + `}) { id } }`:      `the depth of an argument exceeds the limit of 15`,
		`query @note(options: {tags: ` + deep + `}) { item { id }}`: `the depth of an argument exceeds the limit of 15`,
	} {
		a := g.ask(t, query, "")
		if len(a.Errors) == 0 || !strings.HasPrefix(a.Errors[0].Message, want) {
			t.Errorf("%s: got %v, want %s", query, a.Errors, want)
		}
	}
	if asked := g.asked(); asked != "" {
		t.Errorf("subgraphs were asked:\n%s", asked)
	}
	a := g.ask(t, `{ __schema @note { directives { name isRepeatable locations args { name defaultValue } } } }`, "")
	for _, want := range []string{
		`{"args":[{"defaultValue":null,"name":"text"},{"defaultValue":null,"name":"options"}],"isRepeatable":true,` +
			`"locations":["FIELD","QUERY","MUTATION","INLINE_FRAGMENT","FRAGMENT_SPREAD"],"name":"note"}`,
		`{"args":[{"defaultValue":"LOW","name":"level"}],"isRepeatable":false,"locations":["FIELD","FRAGMENT_SPREAD"],"name":"must"}`,
	} {
		if got := compact(a.Data); !strings.Contains(got, want) {
			t.Errorf("introspection lacks %s: %s", want, got)
		}
	}
}

// Subgraphs are sent the directives of each document, with the values of its literals and variables.
func TestExecutableDirectivesAreSent(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/directives/supergraph.graphql", nil)
	for _, c := range []struct{ query, variables, document, values string }{
		{`{ item { first } }`, ``, `{item {first}}`, ``},
		{`{ item { first @note } }`, ``, `{item {first @note}}`, ``},
		{`{ item @note { first } }`, ``, `{item @note {first}}`, ``},
		{`{ item { ... @note { first } } }`, ``, `{item {... @note {first}}}`, ``},
		{`query @note { item { first } }`, ``, `query @note {item {first}}`, ``},
		{`{ item { first @note(text: "a") } }`, ``, `query($l0: String) {item {first @note(text: $l0)}}`, `{"l0":"a"}`},
		{`{ item { first @note(text: "b") } }`, ``, `query($l0: String) {item {first @note(text: $l0)}}`, `{"l0":"b"}`},
		{
			`{ item { first @note(options: {tags: "a", by: 7}) } }`, ``,
			`query($l0: NoteOptions) {item {first @note(options: $l0)}}`, `{"l0":{"tags":["a"],"by":"7"}}`,
		},
		{
			`query($x: String = "d", $by: ID) { item @note(text: $x, options: {by: $by}) { first } }`, `{"by": 3}`,
			`query($l0: NoteOptions, $x: String = "d") {item @note(options: $l0, text: $x) {first}}`, `{"l0":{"by":"3"},"x":"d"}`,
		},
		{
			`query($to: String) { item { first @note(text: $to) } }`, `{}`,
			`query($to: String) {item {first @note(text: $to)}}`, ``,
		},
	} {
		g.forget()
		body, err := json.Marshal(map[string]any{"query": c.query, "variables": json.RawMessage(cmp.Or(c.variables, "{}"))})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := g.post(body); err != nil || compact(a.Data) != `{"item":{"first":1}}` || a.Errors != nil {
			t.Errorf("%s: got %v, %v", c.query, a, err)
		}
		requests := g.subgraphs["a"].Requests()
		if len(requests) != 1 {
			t.Fatalf("%s: a was asked %v", c.query, requests)
		}
		var sent struct {
			Query     string
			Variables map[string]any
		}
		if err := json.Unmarshal(requests[0].Body, &sent); err != nil {
			t.Fatal(err)
		}
		var values map[string]any
		if c.values != "" {
			if err := json.Unmarshal([]byte(c.values), &values); err != nil {
				t.Fatal(err)
			}
		}
		if sent.Query != c.document || fmt.Sprint(sent.Variables) != fmt.Sprint(values) {
			t.Errorf("%s: sent %s %v, want %s %v", c.query, sent.Query, sent.Variables, c.document, values)
		}
	}
}

// A null where a directive must not have one is an error of the field, which is not fetched.
func TestNullsInDirectives(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/directives/supergraph.graphql", nil)
	a, err := g.post([]byte(`{
		"query": "query($level: Level = LOW) { item { first second @must(level: $level) } }", "variables": {"level": null}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = "BAD_USER_INPUT An argument has a variable with null, and must not be null. [item second]"
	if got := strings.Join(faults(a), "; "); compact(a.Data) != `{"item":{"first":1,"second":null}}` || got != want {
		t.Errorf("got %s %s", compact(a.Data), got)
	}
	if requests := g.subgraphs["b"].Requests(); len(requests) > 0 {
		t.Errorf("b was asked %v", requests)
	}
}
