// Package conformance_test runs the router over supergraphs that use all of Apollo Federation 2.
// Each folder of testdata holds the schemas of some subgraphs, the supergraph that was composed of
// them, what they know together, and queries. An answer is right when one server that has the
// whole schema and all data would give it. The subgraphs refuse what a planner must not ask
// them for, and know only entities that a representation describes rightly.
package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/stream"
	"boxoffice.dev/router/internal/subgraphtest"
	"boxoffice.dev/router/internal/supergraph"
	"boxoffice.dev/router/internal/supergraphtest"
	"boxoffice.dev/router/internal/upstream"
)

func TestMain(m *testing.M) {
	if os.Getenv("LOGS") == "" {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	os.Exit(m.Run())
}

// graph is a router over the subgraphs of one folder.
type graph struct {
	handler   *gateway.Gateway
	subgraphs map[string]*subgraphtest.Subgraph
	client    *ast.Schema
	data      subgraphtest.Data
	denied    []string // fields that anonymous callers may not read
}

func start(t testing.TB, file string, fields map[string]subgraphtest.Field) *graph {
	t.Helper()
	sdl, folder := read(t, file), filepath.Dir(file)
	parsed, err := supergraph.Parse(sdl)
	if err != nil {
		t.Fatal(err)
	}
	g := &graph{subgraphs: map[string]*subgraphtest.Subgraph{}, client: gqlparser.MustLoadSchema(&ast.Source{Input: parsed.ClientSDL})}
	data, err := subgraphtest.ParseData([]byte(read(t, folder, "data.json")))
	if err != nil {
		t.Fatal(err)
	}
	g.data, g.denied = data, refused[folder]
	urls := map[string]string{}
	for _, s := range parsed.Subgraphs {
		g.subgraphs[s.Name] = subgraphtest.Start(t, subgraphtest.Config{SDL: read(t, folder, s.Name+".graphqls"), Data: data, Fields: fields})
		urls[s.Name] = g.subgraphs[s.Name].URL
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	if g.handler, err = newRouter(ctx, sdl, urls); err != nil {
		t.Fatal(err)
	}
	return g
}

// newRouter returns a router that works until ctx ends.
func newRouter(ctx context.Context, sdl string, urls map[string]string) (*gateway.Gateway, error) {
	limits := env.Must(env.ParseAs[operation.Limits]())
	limits.Aliases, limits.Fields, limits.RootFields, limits.Directives, limits.Cost = 1000, 1000, 1000, 1000, 1<<30
	return gateway.New(ctx, gateway.Config{
		SDL: sdl, SubgraphURLs: urls, Introspection: true, AllErrorCodes: true,
		Verify:   func(context.Context, string) (identity.Caller, error) { return identity.Caller{}, identity.ErrInvalid },
		Limits:   limits,
		Live:     env.Must(env.ParseAs[stream.Config]()),
		Upstream: upstream.Config{Timeout: time.Minute, MaxBytes: 1 << 20, Concurrency: 64, Wait: time.Minute},
	})
}

// refused lists the fields, by folder, that anonymous callers may not read.
var refused = map[string][]string{"testdata/access": {"Closed.code", "Query.thing"}}

func read(t testing.TB, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...)) //nolint:gosec // a file of the test
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// maxErrors is the number of errors that the router puts into one response.
const maxErrors = 50

// answer is a GraphQL response.
type answer struct {
	Data   any
	Errors []fault
}

type fault struct {
	Message    string
	Path       []any
	Extensions struct{ Code string }
}

// within returns where the data is null that holds what an error is about, nil if nowhere: there GraphQL leaves it
// open which errors show besides one.
func (f fault) within(data any) []any {
	for i, step := range f.Path {
		switch at := data.(type) {
		case nil:
			return f.Path[:i]
		case map[string]any:
			name, _ := step.(string)
			data = at[name]
		case []any:
			index, ok := step.(float64)
			if !ok || int(index) >= len(at) {
				return nil
			}
			data = at[int(index)]
		}
	}
	return nil
}

func (g *graph) ask(t testing.TB, query, operation string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "operationName": operation})
	if err != nil {
		t.Fatal(err)
	}
	a, err := g.post(body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// post sends a request to the router.
func (g *graph) post(body []byte) (a answer, err error) {
	text := g.raw(body)
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("%w: %s", err, text)
	}
	return a, nil
}

func (g *graph) raw(body []byte) []byte {
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Body.Bytes()
}

func (g *graph) forget() {
	for _, s := range g.subgraphs {
		s.Forget()
	}
}

// asked returns the requests to the subgraphs, for the log of a failed test.
func (g *graph) asked() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.subgraphs)) {
		for _, r := range g.subgraphs[name].Requests() {
			fmt.Fprintf(&b, "%s: %s\n   %s\n", name, r.Body, r.Answer)
		}
	}
	return b.String()
}

var (
	definition = regexp.MustCompile(`(?m)^(# asks .*\n)?(?:query|mutation) (\w+)`)
	spread     = regexp.MustCompile(`\.\.\.(\w+)`)
)

// TestConformance asks everything of supergraphs that two composers made of the same subgraphs: the
// one that this repository uses, and Apollo's (version 2.14), whose licence keeps it out of here.
func TestConformance(t *testing.T) {
	t.Parallel()
	files := supergraphs(t)
	for _, file := range files {
		folder, name := filepath.Split(file)
		t.Run(filepath.Base(folder)+" "+strings.TrimSuffix(name, ".graphql"), func(t *testing.T) {
			t.Parallel()
			g := start(t, file, nil)
			text := read(t, folder, "queries.graphql")
			for _, found := range definition.FindAllStringSubmatch(text, -1) {
				t.Run(found[2], func(t *testing.T) {
					g.conforms(t, alone(text, found[2]), found[2], strings.TrimPrefix(strings.TrimSpace(found[1]), "# asks "))
				})
			}
		})
	}
}

// supergraphs returns the supergraphs of testdata.
func supergraphs(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/supergraph*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no supergraphs: %v", err)
	}
	return files
}

// alone returns a document with one operation and the fragments that it spreads.
func alone(text, operation string) string {
	parts := map[string]string{}
	var name string
	for line := range strings.Lines(text) {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '(' || r == '{' })
		if len(words) > 1 && slices.Contains([]string{"query", "mutation", "fragment"}, words[0]) {
			name = strings.Replace(words[0], "mutation", "query", 1) + " " + words[1]
		}
		if !strings.HasPrefix(line, "#") {
			parts[name] += line
		}
	}
	document := parts["query "+operation]
	for added := ""; added != document; {
		added = document
		for _, s := range spread.FindAllStringSubmatch(document, -1) {
			if part := parts["fragment "+s[1]]; !strings.Contains(document, part) {
				document += part
			}
		}
	}
	return document
}

// difference compares the answer of the router with that of one server for everything. It is empty when they are equal.
func (g *graph) difference(op supergraphtest.Operation, named string) string {
	g.forget()
	data, errs := g.data.Execute(g.client, op.Query, op.Variables, g.denied)
	if len(errs) == 1 && errs[0] == subgraphtest.TooLarge {
		return ""
	}
	body, err := json.Marshal(map[string]any{"query": op.Query, "operationName": named, "variables": op.Variables})
	if err != nil {
		return err.Error()
	}
	got, err := g.post(body)
	if err != nil {
		return err.Error()
	}
	var want answer
	text, err := json.Marshal(map[string]any{"data": data, "errors": errs})
	if err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(text, &want); err != nil {
		return err.Error()
	}
	difference := ""
	if !reflect.DeepEqual(got.Data, want.Data) {
		difference += fmt.Sprintf("got  %s\nwant %s\n", compact(got.Data), compact(want.Data))
	}
	if len(got.Errors) == maxErrors {
		return difference // the others are left out
	}
	if gotErrors, wantErrors := g.significant(got, want), g.significant(want, got); !slices.Equal(gotErrors, wantErrors) {
		difference += fmt.Sprintf("got errors  %v\nwant errors %v\n", gotErrors, wantErrors)
	}
	return difference
}

// conforms fails the test when the answer of the router is different. Asks names the subgraphs that must be asked, if
// that matters.
func (g *graph) conforms(t *testing.T, query, operation, asks string) {
	t.Helper()
	if difference := g.difference(supergraphtest.Operation{Query: query}, operation); difference != "" {
		t.Errorf("%s\n%s", query, difference)
	}
	if asks != "" {
		var asked []string
		for name, s := range g.subgraphs {
			if len(s.Requests()) > 0 {
				asked = append(asked, name)
			}
		}
		slices.Sort(asked)
		if strings.Join(asked, " ") != asks {
			t.Errorf("%s asked %v, want %s", query, asked, asks)
		}
	}
	if t.Failed() {
		t.Logf("the subgraphs were asked:\n%s", g.asked())
	}
}

// significant returns the errors of an answer. Where both answers have errors with one code within the same null, it returns
// one entry for all, because GraphQL leaves it open which of them show. Denied fields, which are not fetched, may hide any.
func (g *graph) significant(a, other answer) []string {
	kept := answer{}
	var open []string
	for _, f := range a.Errors {
		null := f.within(a.Data)
		alike := func(o fault) bool { return reflect.DeepEqual(o.within(other.Data), null) }
		switch {
		case null == nil || len(null) == len(f.Path) || !slices.ContainsFunc(other.Errors, alike):
			kept.Errors = append(kept.Errors, f)
		case slices.ContainsFunc(a.Errors, func(f fault) bool {
			return reflect.DeepEqual(f.within(a.Data), null) &&
				slices.ContainsFunc(other.Errors, func(o fault) bool { return alike(o) && (o.Extensions.Code == f.Extensions.Code || g.denied != nil) })
		}):
			open = append(open, fmt.Sprint("within ", null))
		default:
			kept.Errors = append(kept.Errors, f)
		}
	}
	slices.Sort(open)
	return append(faults(kept), slices.Compact(open)...)
}

// faults are the errors of an answer.
func faults(a answer) []string {
	var list []string
	for _, e := range a.Errors {
		list = append(list, fmt.Sprint(e.Extensions.Code, " ", e.Message, " ", e.Path))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // it came as JSON
		panic(err)
	}
	return string(text)
}

// Errors of entities are located without further fetches.
func TestErrorsOfEntitiesAskNothingMore(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/failures/supergraph.graphql", nil)
	a := g.ask(t, `{ pages { title views } }`, "")
	if got := faults(a); !slices.Equal(got, []string{"FAILED lost [pages 1 views]"}) {
		t.Errorf("got errors %v", got)
	}
	for name, s := range g.subgraphs {
		if n := len(s.Requests()); n != 1 {
			t.Errorf("%s was asked %d times", name, n)
		}
	}
}

// An entity that its subgraph does not have is null without an error where it may be null.
func TestMissingEntities(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/failures/supergraph.graphql", nil)
	for _, c := range []struct{ query, entities, data, errors string }{
		{`{ page { title must } fine }`, `null`, `{"fine":1,"page":null}`, ``},
		{`{ page { title views } fine }`, `null`, `{"fine":1,"page":{"title":"one","views":null}}`, ``},
		{`{ grid { id must } }`, `null,{"must":2},null`, `{"grid":[[null,{"id":"2","must":2}],[{"id":"2","must":2},null]]}`, ``},
		{`{ pages { id must } }`, `{"must":1},null,{"must":3}`, `{"pages":null}`, `SUBGRAPH_UNAVAILABLE`},
		{`{ page { title must } fine }`, `{"must":null}`, `{"fine":1,"page":null}`, `SUBGRAPH_UNAVAILABLE`},
	} {
		g.subgraphs["back"].Answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"data":{"_entities":[%s]}}`, c.entities)
		})
		a := g.ask(t, c.query, "")
		var codes []string
		for _, e := range a.Errors {
			codes = append(codes, e.Extensions.Code)
		}
		if got := compact(a.Data); got != c.data || strings.Join(codes, " ") != c.errors {
			t.Errorf("%s with %s: got %s %v, want %s %s", c.query, c.entities, got, codes, c.data, c.errors)
		}
	}
}

// An interface object is asked for what a client wants of other types. An error of that does not show, unless something is
// missing for it.
func TestErrorsOfOtherTypes(t *testing.T) {
	t.Parallel()
	g := start(t, "testdata/interfaceobject/supergraph.graphql", nil)
	for entity, want := range map[string][]string{`{"stars":4,"summary":null}`: nil, `null`: {"NO no [media 1]"}} {
		g.subgraphs["reviews"].Answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"data":{"_entities":[{"stars":5},%s,{"stars":1}],"_e1":[{"summary":"s"}]},"errors":[{"message":"no","path":["_entities",1,"summary"],"extensions":{"code":"NO"}}]}`, entity)
		})
		if got := faults(g.ask(t, `{ media { stars ... on Book { summary } } }`, "")); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", entity, got, want)
		}
	}
}

// The root fields of a mutation are executed one after the other, whichever subgraphs have them, and
// what is asked below one is read before the next changes it.
func TestMutationsInOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	change := func(name string) subgraphtest.Field {
		return func(_ *http.Request, args map[string]any) (any, error) {
			note(fmt.Sprint(name, args["n"]))
			if name == "second" && fmt.Sprint(args["n"]) == "9" {
				return nil, &subgraphtest.Error{Code: "NO", Message: "not nine"}
			}
			return subgraphtest.Object{"id": "1"}, nil
		}
	}
	g := start(t, "testdata/operations/supergraph.graphql", map[string]subgraphtest.Field{
		"Mutation.first": change("first"), "Mutation.second": change("second"), "Mutation.third": change("third"),
	})
	for name, s := range g.subgraphs {
		s.Watch(func(r subgraphtest.Request) {
			if strings.Contains(r.Query, "_entities") {
				note("entity of " + name)
			}
		})
	}
	for _, c := range []struct{ query, want string }{
		{`mutation { first(n: 1) { id } second(n: 2) { id } third(n: 3) { id } }`, "first1 second2 third3"},
		{`mutation { third(n: 1) { id } b: second(n: 2) { id } first(n: 3) { id } a: second(n: 4) { id } }`, "third1 second2 first3 second4"},
		{`mutation { first(n: 1) { id } third(n: 2) { id } a: first(n: 3) { id } }`, "first1 third2 first3"},
		{`mutation { first(n: 1) { stock } second(n: 2) { name } third(n: 3) { id } }`, "first1 entity of two second2 entity of one third3"},
		{`mutation { second(n: 9) { id } first(n: 2) { id } }`, "second9 first2"},
		{`mutation { ...M third(n: 3) { id } } fragment M on Mutation { first(n: 1) { id } second(n: 2) { id } }`, "first1 second2 third3"},
	} {
		order = nil
		a := g.ask(t, c.query, "")
		if got := strings.Join(order, " "); got != c.want {
			t.Errorf("%s: got %s, want %s (%+v)", c.query, got, c.want, a)
		}
	}
}

// The caller is anonymous. Rules apply under the name that the subgraph gave their directive, and through
// interfaces, unions, fragments and aliases.
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"supergraph.graphql", "supergraph.apollo.graphql"} {
		g := start(t, "testdata/access/"+name, nil)
		for _, query := range []string{
			`{ nodes { code } }`,
			`{ nodes { id ... on Closed { x: code } } }`,
			`{ items { ... on Node { code } } }`,
			`{ items { ...C } } fragment C on Closed { code }`,
			`{ items { ... on Closed { ... on Node { code } } } }`,
			`{ thing { name } }`,
			`{ thing { __typename } }`,
		} {
			a := g.ask(t, query, "")
			text := compact(a.Data)
			if strings.Contains(text, `"code":2`) || strings.Contains(text, `"x":2`) || strings.Contains(text, "Thing") || strings.Contains(text, `"n"`) {
				t.Errorf("%s: %s shows %s", name, query, text)
			}
			if len(a.Errors) == 0 || a.Errors[0].Extensions.Code != "UNAUTHENTICATED" {
				t.Errorf("%s: %s: got %+v", name, query, a)
			}
		}
	}
}
