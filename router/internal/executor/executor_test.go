package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/supergraph"
)

const sdl = `
schema { query: Query }
enum join__Graph { A @join__graph(name: "a", url: "http://127.0.0.1:9") B @join__graph(name: "b", url: "http://127.0.0.1:9") }
type Query @join__type(graph: A) @join__type(graph: B) {
  items: [Item!] @join__field(graph: A) grid: [[Item]] @join__field(graph: A) node: Node @join__field(graph: A) all: All @join__field(graph: A)
  must: Must @join__field(graph: A)
}
type Item implements Node @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") @join__implements(graph: A, interface: "Node") {
  tags: [Tag]
  id: ID! name: String @join__field(graph: A) price: Int @join__field(graph: B) stock: Int! @join__field(graph: B)
}
type Tag @join__type(graph: A) @join__type(graph: B) { name: String @join__field(graph: A) size: Int @join__field(graph: B) sure: Int! @join__field(graph: B) }
type Other implements Node @join__type(graph: A) @join__implements(graph: A, interface: "Node") { id: ID! size: Int }
interface Node @join__type(graph: A) { id: ID! }
type All @join__type(graph: A) { int: Int float: Float string: String id: ID boolean: Boolean kind: Kind custom: Custom list: [Int!] item: Item }
type Must @join__type(graph: A) { int: Int! inner: Must list: [Int!]! }
enum Kind @join__type(graph: A) { OPEN @join__enumValue(graph: A) CLOSED @join__enumValue(graph: A) }
scalar Custom @join__type(graph: A)
`

func planOf(t testing.TB, query string) *prepared {
	t.Helper()
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		t.Fatal(err)
	}
	p, err := planner.New(sg)
	if err != nil {
		t.Fatal(err)
	}
	doc, errs := gqlparser.LoadQueryWithRules(gqlparser.MustLoadSchema(&ast.Source{Input: sg.ClientSDL}), query, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	never := func(string) bool { return false }
	normal, err := p.Normalize(doc.Operations[0], func(string, string) bool { return false }, never, true)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(context.Background(), normal, never)
	if err != nil {
		t.Fatal(err)
	}
	return prepare(plan)
}

// respond executes a plan with the subgraphs' responses, in the order of the plan's fetches.
func respond(t testing.TB, p *prepared, bodies ...string) string {
	t.Helper()
	x := New(Config{})
	r, err := x.newRun(Call{}, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.end()
	for id, body := range bodies {
		for _, a := range r.calls(id) {
			a.body = []byte(body)
			r.take(a)
		}
		r.done[id] = true
	}
	response, err := r.response(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return string(response)
}

// TestValues completes values of all kinds (GraphQL specification, section "Completing Values").
func TestValues(t *testing.T) {
	t.Parallel()
	for field, cases := range map[string]map[string]string{
		"int":     {`1`: `1`, `-2147483648`: `-2147483648`, `2147483648`: ``, `5.0`: `5`, `5.5`: ``, `"1"`: ``, `1e3`: `1000`, `true`: ``, `[1]`: ``, `{}`: ``, `null`: `null`},
		"float":   {`1`: `1`, `1.5e3`: `1.5e3`, `1e999`: ``, `"1"`: ``, `null`: `null`},
		"string":  {`"a\u00fc\n"`: `"a\u00fc\n"`, `1`: ``, `true`: ``, `[]`: ``},
		"id":      {`"a"`: `"a"`, `9007199254740993`: `"9007199254740993"`, `1.5`: ``, `true`: ``},
		"boolean": {`true`: `true`, `0`: ``, `"true"`: ``},
		"kind":    {`"OPEN"`: `"OPEN"`, `"open"`: ``, `1`: ``},
		"custom":  {`{"a":[1,"b",null]}`: `{"a":[1,"b",null]}`, `1`: `1`},
		"list":    {`[1,2]`: `[1,2]`, `[]`: `[]`, `[1,null]`: ``, `[1,"x"]`: ``, `1`: ``, `{}`: ``},
	} {
		p := planOf(t, "{ all { "+field+" } }")
		for value, want := range cases {
			got := respond(t, p, `{"data":{"all":{"`+field+`":`+value+`}}}`)
			if want != "" && got != `{"data":{"all":{"`+field+`":`+want+`}}}` {
				t.Errorf("%s %s: got %s, want %s", field, value, got, want)
			}
			if want == "" && (!strings.HasSuffix(got, `"data":{"all":{"`+field+`":null}}}`) || strings.Count(got, `"message"`) != 1 || !strings.Contains(got, `"path":["all","`+field+`"`)) {
				t.Errorf("%s %s: got %s, want null and one error", field, value, got)
			}
		}
	}
}

// TestNullsGoUp takes a null back to the nearest value that may be null.
func TestNullsGoUp(t *testing.T) {
	t.Parallel()
	p := planOf(t, `{ must { inner { int list } list } }`)
	for data, want := range map[string]string{
		`{"inner":{"int":1,"list":[2]},"list":[3]}`:   `{"must":{"inner":{"int":1,"list":[2]},"list":[3]}} []`,
		`{"inner":{"int":null,"list":[2]},"list":[]}`: `{"must":{"inner":null,"list":[]}} [must inner int]`,
		`{"inner":{"int":1,"list":[null]},"list":[]}`: `{"must":{"inner":null,"list":[]}} [must inner list 0]`,
		`{"inner":{"int":1,"list":[2]}}`:              `{"must":null} [must list]`,
		`{"inner":null,"list":[]}`:                    `{"must":{"inner":null,"list":[]}} []`,
	} {
		if got := outcome(t, respond(t, p, `{"data":{"must":`+data+`}}`)); got != want {
			t.Errorf("%s: got %s, want %s", data, got, want)
		}
	}
}

// outcome is the data of a response with the paths of its errors.
func outcome(t testing.TB, response string) string {
	t.Helper()
	var r struct {
		Data   json.RawMessage
		Errors []struct{ Path []any }
	}
	if err := json.Unmarshal([]byte(response), &r); err != nil {
		t.Fatalf("%v: %s", err, response)
	}
	text := string(r.Data)
	if len(r.Errors) == 0 {
		return text + " []"
	}
	for _, e := range r.Errors {
		text += fmt.Sprint(" ", e.Path)
	}
	return text
}

// TestErrorsOfEntities names every place of an entity, under the client's names.
func TestErrorsOfEntities(t *testing.T) {
	t.Parallel()
	p := planOf(t, `{ a: items { x: price } grid { name price } }`)
	first := `{"data":{"a":[{"id":"1"},{"id":"2"},{"id":"1"}],"grid":[[{"id":"2","name":"n"},null],[]]}}`
	for second, want := range map[string]string{
		`{"data":{"_entities":[{"x":1},{"x":2}],"_e1":[{"price":2}]}}`:                                                                                             `{"a":[{"x":1},{"x":2},{"x":1}],"grid":[[{"name":"n","price":2},null],[]]} []`,
		`{"data":{"_entities":[{"x":null},{"x":2}],"_e1":[{"price":2}]},"errors":[{"message":"no","path":["_entities",0,"x"],"extensions":{"code":"NO"}}]}`:        `{"a":[{"x":null},{"x":2},{"x":null}],"grid":[[{"name":"n","price":2},null],[]]} [a 0 x] [a 2 x]`,
		`{"data":{"_entities":[{"x":1},{"x":2}],"_e1":[null]},"errors":[{"message":"no","path":["_e1",0],"extensions":{"code":"NO"}}]}`:                            `{"a":[{"x":1},{"x":2},{"x":1}],"grid":[[{"name":"n","price":null},null],[]]} [grid 0 0]`,
		`{"data":null,"errors":[{"message":"down","path":["_entities"],"extensions":{"code":"NO"}},{"message":"down","path":["_e1"],"extensions":{"code":"NO"}}]}`: `{"a":[{"x":null},{"x":null},{"x":null}],"grid":[[{"name":"n","price":null},null],[]]} [a] [grid]`,
	} {
		if got := outcome(t, respond(t, p, first, second)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", second, got, want)
		}
	}
}

// TestMissingEntities are null without an error where they may be.
func TestMissingEntities(t *testing.T) {
	t.Parallel()
	first := `{"data":{"items":[{"id":"1"}]}}`
	missing := `{"data":{"_entities":[null]}}`
	if got := outcome(t, respond(t, planOf(t, `{ items { id price } }`), first, missing)); got != `{"items":[{"id":"1","price":null}]} []` {
		t.Errorf("got %s", got)
	}
	if got := outcome(t, respond(t, planOf(t, `{ items { id stock } }`), first, missing)); got != `{"items":null} [items 0 stock]` {
		t.Errorf("got %s", got)
	}
	if got := outcome(t, respond(t, planOf(t, `{ grid { id stock } }`), `{"data":{"grid":[[{"id":"1"}]]}}`, missing)); got != `{"grid":[[null]]} []` {
		t.Errorf("got %s", got)
	}
}

// TestListsOfDifferentLengths merges the items of a list that two subgraphs return. The list keeps the length and the
// nulls of the first response; fields that the other one lacks are null, with an error where they may not be.
func TestListsOfDifferentLengths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fields, first, second, want string }{
		{`name size`, `[{"name":"x"}]`, `[{"size":1},{"size":2}]`, `[{"name":"x","size":1}]}]} []`},
		{`name size`, `[{"name":"x"},{"name":"y"}]`, `[{"size":1}]`, `[{"name":"x","size":1},{"name":"y","size":null}]}]} []`},
		{`name sure`, `[{"name":"x"},{"name":"y"}]`, `[{"sure":1}]`, `[{"name":"x","sure":1},null]}]} [items 0 tags 1 sure]`},
		{`name sure`, `[]`, `[{"sure":1}]`, `[]}]} []`},
		{`name sure`, `[null,{"name":"x"}]`, `[{"sure":1},{"sure":2}]`, `[null,{"name":"x","sure":2}]}]} []`},
	} {
		p := planOf(t, `{ items { tags { `+c.fields+` } } }`)
		got := outcome(t, respond(t, p,
			`{"data":{"items":[{"id":"1","tags":`+c.first+`}]}}`, `{"data":{"_entities":[{"tags":`+c.second+`}]}}`))
		if want := `{"items":[{"tags":` + c.want; got != want {
			t.Errorf("%s and %s: got %s, want %s", c.first, c.second, got, want)
		}
	}
}

// TestOddErrors costs a malformed error nothing but itself.
func TestOddErrors(t *testing.T) {
	t.Parallel()
	p := planOf(t, `{ all { int } must { int } }`)
	for _, errs := range []string{
		`[{"message":"m","extensions":{"code":402}}]`, `[{"message":"m","extensions":"x"}]`, `[{"message":5}]`, `[{"path":"all"}]`, `[5]`, `{}`, `"x"`,
		`[{"message":"m","path":["all",1.5,{}]}]`, `[null]`,
	} {
		got := respond(t, p, `{"data":{"all":null,"must":{"int":1}},"errors":`+errs+`}`)
		if !strings.Contains(got, `"data":{"all":null,"must":{"int":1}}`) || !strings.Contains(got, `"code":"INTERNAL_SERVER_ERROR"`) {
			t.Errorf("%s: got %s", errs, got)
		}
	}
}

// TestSplit distributes representations to requests.
func TestSplit(t *testing.T) {
	t.Parallel()
	make1 := func(n int) batch { return batch{make([][]byte, n), make([][]*value, n)} }
	var got [][]int
	for _, part := range split([]batch{make1(5), make1(0), make1(3)}, 4) {
		got = append(got, []int{len(part[0].objects), len(part[1].objects), len(part[2].objects)})
	}
	if want := [][]int{{4, 0, 0}, {1, 0, 3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzJSON compares the parser with that of the standard library.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,-0.5e+3,"\u00e4\n",true,false,null,{}]}`, `{"a":1,"a":2}`, `01`, `1.`, `"\x"`, "\"\x01\"", `[1,]`, `{"a"}`, ` [ ] `, `"\ud83d"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := new(arena).parse(text)
		deep := bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth
		if valid := json.Valid(text); valid != (err == nil) && (!valid || !deep) {
			t.Fatalf("%q: got %v, want valid %t", text, err, valid)
		}
		if err == nil && !json.Valid(appendJSON(nil, v)) {
			t.Errorf("%q was written as %q", text, appendJSON(nil, v))
		}
	})
}

// FuzzResponse checks that the response is valid JSON for any body of a subgraph.
func FuzzResponse(f *testing.F) {
	p := planOf(f, `{ items { id price } grid { name } node { __typename id ... on Other { size } } all { int custom list item { stock } } must { list inner { int } } }`)
	for _, body := range []string{
		`{"data":{"items":[{"id":"1"}],"grid":[[null,{"name":"x"}]],"node":{"__typename":"Other","id":"1","size":2},"all":{"int":1},"must":{"list":[1]}}}`,
		`{"data":null,"errors":[{"message":"m","path":["items",0,"id"]}]}`, `{"data":{"node":{"__typename":"Nothing"}}}`, `[]`, `{"data":{"all":{"custom":{"a\"":[]}}}}`,
		`{"errors":[{"path":["all","int",0,"x"],"message":"\u0000","extensions":{"code":"A"}}],"data":{"all":{"int":"x"}}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if got := respond(t, p, body, body); !json.Valid([]byte(got)) {
			t.Errorf("%q: got %q", body, got)
		}
	})
}

// BenchmarkComplete parses a subgraph's response and writes the client's.
func BenchmarkComplete(b *testing.B) {
	p := planOf(b, `{ items { id name } }`)
	x := New(Config{})
	for _, rows := range []int{20, 1000} {
		body := []byte(`{"data":{"items":[` + strings.Repeat(`,{"id":"it_01","name":"Goldberg Variations, row 3"}`, rows)[1:] + `]}}`)
		b.Run(fmt.Sprint(rows, " rows"), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				r, err := x.newRun(Call{}, p, nil)
				if err != nil {
					b.Fatal(err)
				}
				r.take(answer{fetch: 0, body: body})
				if _, err := r.response(context.Background()); err != nil {
					b.Fatal(err)
				}
				r.end()
			}
		})
	}
}
