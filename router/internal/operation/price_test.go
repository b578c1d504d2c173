package operation_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/supergraph"
)

// shop reads testdata/shop.graphqls, whose directives have names of its own.
func shop(t *testing.T, change func(*operation.Limits)) *operation.Documents {
	t.Helper()
	sdl, err := os.ReadFile("testdata/supergraph.graphql")
	if err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Parse(string(sdl))
	if err != nil {
		t.Fatal(err)
	}
	limits := operation.Limits{
		Bytes: 1 << 20, Tokens: 10_000, Depth: 20, InputDepth: 5, Fields: 300, RootFields: 20, Aliases: 30, Directives: 30, Variables: 20,
		PageSize: 100, ListSize: 20, Cost: 1_000_000,
	}
	if change != nil {
		change(&limits)
	}
	documents, err := operation.New(operation.Config{SDL: graph.ClientSDL, Costs: graph.Costs, Limits: limits, Introspection: true})
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// check returns what the query costs, and the code of its refusal.
func check(t *testing.T, documents *operation.Documents, query, variables string) (cost float64, code, message string) {
	t.Helper()
	if variables == "" {
		variables = "{}"
	}
	values, ok := operation.ReadVariables([]byte(variables))
	if !ok {
		t.Fatalf("not variables: %s", variables)
	}
	op, err := documents.Prepare(query, "")
	if err == nil {
		cost, err = documents.Check(op, values)
	}
	if refused := new(operation.Refused); errors.As(err, &refused) {
		return cost, refused.Code(), refused.Errors[0].Message
	}
	if err != nil {
		t.Fatal(err)
	}
	return cost, "", ""
}

func TestCost(t *testing.T) {
	t.Parallel()
	documents := shop(t, nil)
	for _, c := range []struct {
		name, query, variables string
		want                   float64
	}{
		{"a leaf is free", `{ __typename }`, "", 0},
		{"an object has its weight", `{ book(id: 1) { id title } }`, "", 2},
		{"and 1 without one", `{ book(id: 1) { author { name } } }`, "", 2 + 1},
		{"a scalar with a weight", `{ book(id: 1) { cover } }`, "", 2 + 4},
		{"a field with a weight", `{ book(id: 1) { summary } }`, "", 2 + 10},
		{"a list of unknown size", `{ books { author { name } } }`, "", 20 * (2 + 1)},
		{"lists in lists", `{ books { author { books { summary } } } }`, "", 20 * (2 + 1 + 20*(2+10))},
		{"an assumed size", `{ bestsellers { cover } }`, "", 5 * (2 + 4)},
		{"a slicing argument", `{ search(limit: 3) { id } }`, "", 3 * 2},
		{"a variable", `query($n: Int) { search(limit: $n) { id } }`, `{"n":3}`, 3 * 2},
		{"an argument with a weight", `{ search(text: "x", limit: 3) { id } }`, "", 3*2 + 3},
		{"the argument's default", `{ latest { id } }`, "", 7 * 2},
		{"the default when the variable is absent", `query($n: Int) { latest(limit: $n) { id } }`, "", 7 * 2},
		{"the variable's default", `query($n: Int = 2) { latest(limit: $n) { id } }`, "", 2 * 2},
		{"null is no size", `query($n: Int = 2) { latest(limit: $n) { id } }`, `{"n":null}`, 9 * 2},
		{"sized fields", `{ catalogue(max: 3) { books { id } shelves { name } } }`, "", 1 + 3*2 + 20*1},
		{"first without a directive", `{ connection(first: 3) { nodes { id } edges { node { id } } count } }`, "", 1 + 3*2 + 3*(1+2)},
		{"the larger of first and last", `{ connection(first: 3, last: 5) { nodes { id } } }`, "", 1 + 5*2},
		{"a page through a fragment", `{ connection(first: 3) { ...C } } fragment C on BookConnection { ... { nodes { id } } }`, "", 1 + 3*2},
		{"a list with first", `{ book(id: 1) { related(first: 3) { cover } } }`, "", 2 + 3*(2+4)},
		{"nothing comes back", `{ book(id: 1) { related(first: 0) { cover } } }`, "", 2},
		{"the number of ids", `query($ids: [ID!]!) { several(ids: $ids) { id } }`, `{"ids":[1,2,3]}`, 3 * 2},
		{"one id", `{ several(ids: 1) { id } }`, "", 2},
		{"aliases count", `{ a: book(id: 1) { id } b: book(id: 2) { id } }`, "", 4},
		{"unions", `{ media { ... on Book { cover } ... on Film { title } } }`, "", 20 * (1 + 4)},
		{"input objects", `{ filtered(where: [{ title: "x", or: [{}, {}] }, {}]) { id } }`, "", 2 + (1 + 5 + 2) + 1},
		{"input objects in variables", `query($w: [Filter!]) { filtered(where: $w) { id } }`, `{"w":[{"title":"x","or":[{},{}]},{}]}`, 2 + (1 + 5 + 2) + 1},
		{"one input object stands for a list", `query($w: [Filter!]) { filtered(where: $w) { id } }`, `{"w":{"title":"x"}}`, 2 + 1 + 5},
		{"mutations cost ten more", `mutation { order(input: { ids: [1] }) { id } }`, "", 10 + 2 + 1},
		{"the weight of a place wins over the type's", `mutation { order(input: { ids: [1], gift: { note: "x" } }) { id } }`, "", 10 + 2 + 1 + 6},
		{"the schema is free", `{ __schema { types { fields { args { type { name } } } } } __type(name: "Book") { name } }`, "", 0},
		{"what is skipped counts", `{ book(id: 1) { id cover @skip(if: true) } }`, "", 2 + 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, code, message := check(t, documents, c.query, c.variables); got != c.want || code != "" {
				t.Errorf("got %v %s %s, want %v", got, code, message, c.want)
			}
		})
	}
}

func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	documents := shop(t, func(l *operation.Limits) { l.Cost = 60 })
	for _, c := range []struct{ query, variables, code string }{
		{`query($n: Int) { search(limit: $n) { id } }`, `{"n":30}`, ""},
		{`query($n: Int) { search(limit: $n) { id } }`, `{"n":31}`, "COST_LIMIT_EXCEEDED"},
		{`query($n: Int) { search(limit: $n) { id } }`, `{"n":101}`, "BAD_USER_INPUT"},
		{`query($n: Int) { search(limit: $n) { id } }`, `{"n":-1}`, "BAD_USER_INPUT"},
		{`{ search { id } }`, "", "BAD_USER_INPUT"}, // exactly one is needed
		{`{ search(limit: 1, top: 1) { id } }`, "", "BAD_USER_INPUT"},
		{`query($w: [Filter!]) { filtered(where: $w) { id } }`, `{"w":[` + strings.Repeat("{},", 99) + `{}]}`, "COST_LIMIT_EXCEEDED"},
		{`{ catalogue(max: 101) { shelves { name } } }`, "", "BAD_USER_INPUT"},
	} {
		if cost, code, message := check(t, documents, c.query, c.variables); code != c.code {
			t.Errorf("%s %s: got %s (%s, cost %v), want %s", c.query, c.variables, code, message, cost, c.code)
		}
	}
}

func TestDepthOfInputIsLimited(t *testing.T) {
	t.Parallel()
	documents := shop(t, nil)
	nest := func(n int, open, inner, end string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	const byVariable = `query($w: [Filter!]) { filtered(where: $w) { id } }`
	for _, c := range []struct{ name, query, variables, code string }{
		{"a literal at the limit", `{ filtered(where: ` + nest(4, "{or:", "{}", "}") + `) { id } }`, "", ""},
		{"a literal", `{ filtered(where: ` + nest(5, "{or:", "{}", "}") + `) { id } }`, "", "DEPTH_LIMIT_EXCEEDED"},
		{"a literal of 400", `{ filtered(where: ` + nest(400, "{or:", "{}", "}") + `) { id } }`, "", "DEPTH_LIMIT_EXCEEDED"},
		{"a default", `query($w: [Filter!] = ` + nest(5, "{or:", "{}", "}") + `) { filtered(where: $w) { id } }`, "", "DEPTH_LIMIT_EXCEEDED"},
		{"a variable at the limit", byVariable, `{"w":` + nest(4, `{"or":`, "{}", "}") + `}`, ""},
		{"a variable", byVariable, `{"w":` + nest(5, `{"or":`, "{}", "}") + `}`, "DEPTH_LIMIT_EXCEEDED"},
		{"a variable of 5,000", byVariable, `{"w":` + nest(5000, `{"or":`, "{}", "}") + `}`, "DEPTH_LIMIT_EXCEEDED"},
		{"a variable that is not declared", `{ __typename }`, `{"w":` + nest(6, "[", "", "]") + `}`, "DEPTH_LIMIT_EXCEEDED"},
		{"brackets in texts", byVariable, `{"w":{"title":"[[[[[[\"[[[[[[{\\"}}`, ""},
	} {
		if _, code, message := check(t, documents, c.query, c.variables); code != c.code {
			t.Errorf("%s: got %q (%s), want %q", c.name, code, message, c.code)
		}
	}
}

// Parsers disagree on which of two equal names counts, so there is only one left of them.
func TestVariablesAreWrittenAnew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`{"a":1,"a":2}`, `{"a":2}`},
		{`{"w":{"title":"x","title":"<y>"}}`, `{"w":{"title":"<y>"}}`},
		{` {"n": 1.0e2, "m": 12345678901234567890 } `, `{"m":12345678901234567890,"n":1.0e2}`},
		{`null`, ``}, {`{}`, `{}`},
	} {
		if got, ok := operation.ReadVariables([]byte(c.text)); !ok || string(got.JSON) != c.want {
			t.Errorf("%s: got %s, %t, want %s", c.text, got.JSON, ok, c.want)
		}
	}
	for _, text := range []string{``, `[]`, `"x"`, `{} {}`, `{}]`, `{"a":}`} {
		if _, ok := operation.ReadVariables([]byte(text)); ok {
			t.Errorf("%q was read", text)
		}
	}
}
