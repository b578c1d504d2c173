package supergraph_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"boxoffice.dev/router/internal/supergraph"
)

func load(t *testing.T) *supergraph.Supergraph {
	t.Helper()
	sdl, err := os.ReadFile("../gatewaytest/testdata/supergraph.graphql")
	if err != nil {
		t.Fatal(err)
	}
	g, err := supergraph.Parse(string(sdl))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestParseIsDeterministic(t *testing.T) {
	t.Parallel()
	first := load(t)
	for range 20 {
		if again := load(t); !reflect.DeepEqual(again, first) {
			t.Fatal("two readings of one text differ")
		}
	}
}

func TestSubgraphs(t *testing.T) {
	t.Parallel()
	g := load(t)
	var names []string
	members := map[string]*supergraph.Member{}
	for _, s := range g.Subgraphs {
		names = append(names, s.Name)
		for name, m := range s.Members() {
			members[s.Name+"."+name] = m
		}
		if _, err := validator.LoadSchema(validator.Prelude, &ast.Source{Input: s.SDL()}); err != nil {
			t.Errorf("%s: %v\n%s", s.Name, err, s.SDL())
		}
	}
	if got := strings.Join(names, " "); got != "auth orders tickets" {
		t.Errorf("got subgraphs %s", got)
	}
	for name, want := range map[string]string{
		"orders.Ticket":            "key id; id, price external, total requires price, viewerOrder",
		"orders.User":              "key id unresolvable; id",
		"auth.User":                "key id; displayName, id",
		"tickets.TicketConnection": "; nodes, total",
	} {
		if got := describe(members[name]); got != want {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
	}
}

// describe returns the keys and fields of a type.
func describe(m *supergraph.Member) string {
	first := func(set ast.SelectionSet) string { return set[0].(*ast.Field).Name } //nolint:forcetypeassert // the schema has only fields there
	text := ""
	for _, k := range m.Keys {
		text += "key " + first(k.Selection)
		if !k.Resolvable {
			text += " unresolvable"
		}
	}
	var fields []string
	for name, f := range m.Fields {
		if f.External {
			name += " external"
		}
		if f.Requires != nil {
			name += " requires " + first(f.Requires)
		}
		fields = append(fields, name)
	}
	slices.Sort(fields)
	return text + "; " + strings.Join(fields, ", ")
}

func TestRules(t *testing.T) {
	t.Parallel()
	rules := map[string][]supergraph.Rule{}
	for _, f := range load(t).Fields {
		rules[f.Type+"."+f.Name] = f.Rules
	}
	for name, want := range map[string][]supergraph.Rule{
		"Mutation.createOrder": {{}},
		"Query.orders":         {{}},
		"Ticket.margin":        {{Scopes: [][]string{{"operator"}}}},
		"Query.ticket":         nil,
	} {
		if got := rules[name]; len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestWhatIsNoSupergraphIsRefused(t *testing.T) {
	t.Parallel()
	for _, sdl := range []string{
		"", "type Query { a: Int }", "type Query {", "enum join__Graph { A }",
		`enum join__Graph { A @join__graph(name: "a", url: "") } type Query @join__type(graph: B) { a: Int }`,
		`enum join__Graph { A @join__graph(name: "a", url: "") } type Query @join__type(graph: A) { a: Int @join__field(graph: A, type: "[") }`,
	} {
		if _, err := supergraph.Parse(sdl); err == nil {
			t.Errorf("%q was read", sdl)
		}
	}
	if err := load(t).Relocate(map[string]string{"ticket": "http://x.invalid"}); err == nil {
		t.Error("a subgraph that does not exist was moved")
	}
}

// A supergraph may give the directives of a specification other names.
func TestDirectivesAreFoundUnderTheirNames(t *testing.T) {
	t.Parallel()
	const specs = "https://specs.apollo.dev/"
	for _, c := range []struct{ name, schema, hidden, signedIn, price, size string }{
		{"not said", ``, "@inaccessible", "@authenticated", "@cost", "@listSize"},
		{
			"as they are", `@link(url: "` + specs + `inaccessible/v0.2") @link(url: "` + specs + `authenticated/v0.1") @link(url: "` + specs + `cost/v0.1")`,
			"@inaccessible", "@authenticated", "@cost", "@cost__listSize",
		},
		{
			"imported", `@link(url: "` + specs + `inaccessible/v0.2", import: ["@inaccessible"]) @link(url: "` + specs + `authenticated/v0.1", import: [{name: "@authenticated", as: "@in"}]) ` +
				`@link(url: "` + specs + `cost/v0.1", import: [{as: "@price", name: "@cost"}, "@listSize"])`,
			"@inaccessible", "@in", "@price", "@listSize",
		},
		{
			"in another namespace", `@link(url: "` + specs + `inaccessible/v0.2", as: "hidden") @link(url: "` + specs + `authenticated/v0.1", as: "in") @link(url: "` + specs + `cost/v0.1", as: "c")`,
			"@hidden", "@in", "@c", "@c__listSize",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, err := supergraph.Parse(`schema ` + c.schema + ` { query: Query }
				enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") }
				type Query @join__type(graph: A) { list: [Int] ` + c.size + `(assumedSize: 3) mine: Int ` + c.signedIn + ` ` + c.price + `(weight: 5) secret: Int ` + c.hidden + ` }`)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(g.ClientSDL, "secret") || !strings.Contains(g.RouterSDL, "secret: Int @inaccessible") {
				t.Errorf("clients see\n%s\nthe planner\n%s", g.ClientSDL, g.RouterSDL)
			}
			if len(g.Fields) != 1 || g.Fields[0].Name != "mine" || len(g.Fields[0].Rules) != 1 {
				t.Errorf("got rules %+v", g.Fields)
			}
			if size := g.Costs.Lists["Query.list"].Assumed; g.Costs.Weights["Query.mine"] != 5 || size == nil || *size != 3 {
				t.Errorf("got costs %+v", g.Costs)
			}
		})
	}
}

func TestPoliciesAreScopes(t *testing.T) {
	t.Parallel()
	g, err := supergraph.Parse(`
		enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") }
		type Query @join__type(graph: A) { a: Int @policy(policies: [["vip", "paid"], ["staff"]]) }`)
	want := []supergraph.Rule{{Scopes: [][]string{{"policy:vip", "policy:paid"}, {"policy:staff"}}}}
	if err != nil || len(g.Fields) != 1 || !reflect.DeepEqual(g.Fields[0].Rules, want) {
		t.Errorf("got %+v, %v", g, err)
	}
}

// A rule without its scopes must not become a weaker one.
func TestRulesNeedTheirArguments(t *testing.T) {
	t.Parallel()
	parse := func(field string) (*supergraph.Supergraph, error) {
		return supergraph.Parse(strings.Replace(small, "a: Int", "a: Int "+field, 1))
	}
	for _, rule := range []string{
		"@requiresScopes", "@requiresScopes(scopes: [])", "@requiresScopes(scopes: null)", "@policy", "@policy(scopes: [[\"a\"]])",
	} {
		if _, err := parse(rule); err == nil || !strings.Contains(err.Error(), "Query.a: @") {
			t.Errorf("%s: got %v", rule, err)
		}
	}
	for rule, want := range map[string][][]string{ // single values are coerced to lists
		`@requiresScopes(scopes: "a")`: {{"a"}}, `@requiresScopes(scopes: ["a", "b"])`: {{"a"}, {"b"}}, `@policy(policies: [["a"]])`: {{"policy:a"}},
	} {
		g, err := parse(rule)
		if err != nil || !reflect.DeepEqual(g.Fields[0].Rules, []supergraph.Rule{{Scopes: want}}) {
			t.Errorf("%s: got %+v, %v", rule, g, err)
		}
	}
}

// Composers copy the rules of implementations to the interface, where they would deny the field of all others.
func TestInterfacesHaveTheirOwnRules(t *testing.T) {
	t.Parallel()
	g, err := supergraph.Parse(`
		schema @link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY) @link(url: "https://specs.apollo.dev/requiresScopes/v0.1", for: SECURITY) { query: Query }
		enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") }
		type Query @join__type(graph: A) { nodes: [Node] }
		interface Node @join__type(graph: A) { code: Int @authenticated name: Int @authenticated own: Int @authenticated }
		type Open implements Node @join__type(graph: A) { code: Int name: Int @authenticated own: Int }
		type Closed implements Node @join__type(graph: A) { code: Int @authenticated @requiresScopes(scopes: [["staff"]]) name: Int @authenticated own: Int }`)
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string][]supergraph.Rule{}
	for _, f := range g.Fields {
		rules[f.Type+"."+f.Name] = f.Rules
	}
	both := []supergraph.Rule{{}, {Scopes: [][]string{{"staff"}}}}
	if want := map[string][]supergraph.Rule{"Node.own": {{}}, "Closed.code": both, "Open.name": {{}}, "Closed.name": {{}}}; !reflect.DeepEqual(rules, want) {
		t.Errorf("got %+v, want %+v", rules, want)
	}
}
