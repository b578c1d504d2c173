package supergraph_test

import (
	"reflect"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/supergraph"
)

// A supergraph of Federation 2.0 to 2.13 either works, or is refused by the name of what is not supported.
func TestSpecifications(t *testing.T) {
	t.Parallel()
	const apollo = "https://specs.apollo.dev/"
	accepted := []string{
		"link/v1.0", "join/v0.2", "join/v0.3", "join/v0.4", "join/v0.5", "tag/v0.1", "tag/v0.2", "tag/v0.3",
		"inaccessible/v0.1", "inaccessible/v0.2", "authenticated/v0.1", "requiresScopes/v0.1", "policy/v0.1", "cost/v0.1",
		"cacheTag/v0.1",
	}
	refused := []string{
		"join/v0.1", "join/v0.6", "join", "link/v2.0", "tag/v1.0", "inaccessible/v0.3", "authenticated/v0.2",
		"requiresScopes/v1.0", "policy/v0.2", "cost/v0.2", "cacheTag/v0.2", "context/v0.1", "connect/v0.1", "connect/v0.4",
	}
	purposes := []string{"", ", for: null", ", for: EXECUTION", ", for: SECURITY"}
	for _, purpose := range purposes {
		needed := strings.HasSuffix(purpose, "N") || strings.HasSuffix(purpose, "Y")
		check := func(directives, named string) {
			t.Helper()
			_, err := supergraph.Parse(strings.Replace(small, "schema", "schema "+directives, 1))
			if named == "" && err != nil || named != "" && (err == nil || !strings.Contains(err.Error(), named+" is not supported")) {
				t.Errorf("%s: got %v, want %q", directives, err, named)
			}
		}
		for _, spec := range accepted {
			check(`@link(url: "`+apollo+spec+`"`+purpose+`)`, "")
		}
		for _, spec := range refused {
			check(`@link(url: "`+apollo+spec+`"`+purpose+`)`, apollo+spec)
			check(`@core(feature: "`+apollo+spec+`"`+purpose+`)`, apollo+spec)
		}
		for _, url := range []string{apollo + "future/v0.1", "https://specs.example/tag/v0.1", "https://specs.example/join/v0.9", "notes"} {
			named := ""
			if needed {
				named = url
			}
			check(`@link(url: "`+url+`"`+purpose+`)`, named)
		}
	}
	_, err := supergraph.Parse(small + ` extend schema @link(url: "` + apollo + `connect/v0.1")`)
	if err == nil || !strings.Contains(err.Error(), "connect") {
		t.Errorf("in an extension: got %v", err)
	}
	const arguments = `@join__field(graph: A, contextArguments: [{ context: "a", name: "b", type: "Int", selection: "{ c }" }])`
	if _, err := supergraph.Parse(strings.Replace(small, "a: Int", "a: Int "+arguments, 1)); err == nil || !strings.Contains(err.Error(), "@context") {
		t.Errorf("arguments from @context: got %v", err)
	}
}

const small = `schema { query: Query }
	enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") B @join__graph(name: "b", url: "http://b.invalid") }
	type Query @join__type(graph: A) @join__type(graph: B) { a: Int }`

// A directive belongs to Federation by its specification, not by its name.
func TestSpecificationsOfOthers(t *testing.T) {
	t.Parallel()
	g, err := supergraph.Parse(strings.Replace(strings.Replace(small, "a: Int", "a: Int @hide", 1), "schema",
		`schema @link(url: "https://specs.example/inaccessible/v0.2", import: [{name: "@inaccessible", as: "@hide"}])`, 1))
	if err != nil || !strings.Contains(g.ClientSDL, "a: Int") {
		t.Errorf("got %+v, %v", g, err)
	}
}

func TestCacheTags(t *testing.T) {
	t.Parallel()
	tag := func(graphs, format string) string {
		return ` @join__directive(graphs: [` + graphs + `], name: "federation__cacheTag", args: {format: "` + format + `"})`
	}
	g, err := supergraph.Parse(`schema @link(url: "https://specs.apollo.dev/cacheTag/v0.1", for: EXECUTION) { query: Query }
		enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") B @join__graph(name: "b", url: "http://b.invalid") }
		type Query @join__type(graph: A) @join__type(graph: B) {
			user(id: ID): User @join__field(graph: A)` + tag("A", "user-{$args.id}") + tag("A", "users") + `
			both: Int` + tag("A, B", "both") + ` @join__directive(graphs: [A], name: "other", args: {format: "x"})
		}
		type User @join__type(graph: A, key: "id") @join__type(graph: B, key: "id")` + tag("B", "user-{$key.id}") + ` { id: ID! }`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, s := range g.Subgraphs {
		for name, m := range s.Members() {
			if m.CacheTags != nil {
				got[s.Name+" "+name] = m.CacheTags
			}
			for field, f := range m.Fields {
				if f.CacheTags != nil {
					got[s.Name+" "+name+"."+field] = f.CacheTags
				}
			}
		}
	}
	want := map[string][]string{
		"a Query.user": {"user-{$args.id}", "users"}, "a Query.both": {"both"}, "b Query.both": {"both"}, "b User": {"user-{$key.id}"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
