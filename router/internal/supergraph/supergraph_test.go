package supergraph_test

import (
	"os"
	"reflect"
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
	types := map[string]supergraph.Type{}
	for _, s := range g.Subgraphs {
		names = append(names, s.Name)
		for _, typ := range s.Types {
			types[s.Name+"."+typ.Name] = typ
		}
		if _, err := validator.LoadSchema(validator.Prelude, &ast.Source{Input: s.SDL}); err != nil {
			t.Errorf("%s: %v\n%s", s.Name, err, s.SDL)
		}
	}
	if got := strings.Join(names, " "); got != "auth orders tickets" {
		t.Errorf("got subgraphs %s", got)
	}
	key := []supergraph.Key{{Selection: "id", Resolvable: true}}
	for name, want := range map[string]supergraph.Type{
		"orders.Ticket": {
			Name: "Ticket", Entry: true, Fields: []string{"id", "total", "viewerOrder"}, External: []string{"price"},
			Keys: key, Requires: []supergraph.FieldSet{{Field: "total", Selection: "price"}},
		},
		"orders.User":              {Name: "User", Entry: true, Fields: []string{"id"}, Keys: []supergraph.Key{{Selection: "id"}}},
		"auth.User":                {Name: "User", Entry: true, Fields: []string{"id", "displayName"}, Keys: key},
		"tickets.TicketConnection": {Name: "TicketConnection", Fields: []string{"nodes", "total"}},
	} {
		if got := types[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v\nwant %+v", name, got, want)
		}
	}
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

// A subgraph that resolves another's key fields can be left for it.
func TestKeysOfOtherSubgraphsAreImplicit(t *testing.T) {
	t.Parallel()
	g, err := supergraph.Parse(`
		enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") B @join__graph(name: "b", url: "http://b.invalid") }
		type Query @join__type(graph: A) { p: P @join__field(graph: A) }
		type P @join__type(graph: A, key: "id") @join__type(graph: B, key: "code") {
			id: ID! @join__field(graph: A)
			code: String! @join__field(graph: A) @join__field(graph: B)
			size: Int @join__field(graph: B)
		}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []supergraph.Key{{Selection: "id", Resolvable: true}, {Selection: "code"}}
	for _, typ := range g.Subgraphs[0].Types {
		if typ.Name == "P" && !reflect.DeepEqual(typ.Keys, want) {
			t.Errorf("got %+v, want %+v", typ.Keys, want)
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
	const rest = ` { query: Query } enum join__Graph { A @join__graph(name: "a", url: "http://a.invalid") } type Query @join__type(graph: A) { a: Int `
	for needs, sdl := range map[string]string{
		"connect":  `schema @link(url: "https://specs.apollo.dev/connect/v0.1", for: EXECUTION)` + rest + `}`,
		"@context": `schema` + rest + `@join__field(graph: A, contextArguments: [{ context: "a", name: "b", type: "Int", selection: "{ c }" }]) }`,
	} {
		if _, err := supergraph.Parse(sdl); err == nil || !strings.Contains(err.Error(), needs) {
			t.Errorf("%s: got %v", needs, err)
		}
	}
	if _, err := supergraph.Parse(`schema @link(url: "https://specs.example/notes/v1.0")` + rest + `}`); err != nil {
		t.Errorf("a specification that is not needed: %v", err)
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
