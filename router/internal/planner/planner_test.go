package planner_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/supergraph"
)

var update = flag.Bool("update", false, "write the golden files")

func never(string) bool { return false }

func allowed(string, string) bool { return false }

// graph is a planner with the clients' schema.
type graph struct {
	*planner.Planner

	client *ast.Schema
}

func load(t testing.TB, sdl string) graph {
	t.Helper()
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		t.Fatal(err)
	}
	p, err := planner.New(sg)
	if err != nil {
		t.Fatal(err)
	}
	return graph{p, gqlparser.MustLoadSchema(&ast.Source{Input: sg.ClientSDL})}
}

func read(t testing.TB, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...)) //nolint:gosec // a file of the tests
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// plan plans an operation of a document.
func (g graph) plan(op *ast.OperationDefinition) (*planner.Plan, error) {
	normal, err := g.Normalize(op, allowed, never, true)
	if err != nil {
		return nil, err
	}
	return g.Plan(context.Background(), normal, never)
}

// TestPlans compares the plans of the conformance suite's queries with those that were reviewed. Planning twice gives the
// same plan.
func TestPlans(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../conformance/testdata/*/supergraph*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no supergraphs: %v", err)
	}
	for _, file := range files {
		folder := filepath.Dir(file)
		golden := filepath.Join("testdata", filepath.Base(folder)+strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".graphql"), "supergraph")+".golden")
		t.Run(filepath.Base(golden), func(t *testing.T) {
			t.Parallel()
			g := load(t, read(t, file))
			doc, errs := gqlparser.LoadQueryWithRules(g.client, read(t, folder, "queries.graphql"), nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			var got strings.Builder
			for _, op := range doc.Operations {
				plan, err := g.plan(op)
				if err != nil {
					t.Errorf("%s: %v", op.Name, err)
					continue
				}
				if again, err := g.plan(op); err != nil || again.String() != plan.String() {
					t.Errorf("%s: got %v %v the second time, and %v before", op.Name, again, err, plan)
				}
				fmt.Fprintf(&got, "# %s\n%s\n", op.Name, plan)
			}
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := read(t, golden); got.String() != want {
				t.Errorf("the plans differ from %s (go test -update writes it):\n%s", golden, got.String())
			}
		})
	}
}

// FuzzPlan plans any valid document over the conformance suite's supergraphs.
func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("../conformance/testdata/*/supergraph.graphql")
	if err != nil || len(files) == 0 {
		f.Fatalf("no supergraphs: %v", err)
	}
	graphs := map[string]graph{}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		graphs[name] = load(f, read(f, file))
		for _, text := range strings.SplitAfter(read(f, filepath.Dir(file), "queries.graphql"), "\n}\n") {
			f.Add(name, text)
		}
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		g, ok := graphs[name]
		if !ok {
			return
		}
		doc, errs := gqlparser.LoadQueryWithRules(g.client, text, nil)
		if len(errs) > 0 {
			return
		}
		for _, op := range doc.Operations {
			if _, err := g.plan(op); err != nil && !errors.Is(err, planner.ErrTooComplex) {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

// BenchmarkPlan plans queries that were not seen before.
func BenchmarkPlan(b *testing.B) {
	for _, c := range []struct{ folder, query string }{
		{"keys", `{ product(id: 1) { id name } }`},
		{"keys", `{ reviews { text author { name } product { name inStock } } }`},
		{"mixed", `{ me { reviews(first: 2) { product { similar { name similar { price } } } } } }`},
	} {
		b.Run(c.query, func(b *testing.B) {
			g := load(b, read(b, "../conformance/testdata", c.folder, "supergraph.graphql"))
			doc, errs := gqlparser.LoadQueryWithRules(g.client, c.query, nil)
			if len(errs) > 0 {
				b.Fatal(errs)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.plan(doc.Operations[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAdversary plans documents that are as bad as the default limits allow.
func BenchmarkAdversary(b *testing.B) {
	g := load(b, sharedByAll(20, 10))
	var fragments strings.Builder
	for i := range 10 { // each object type has a selection of its own, three levels deep
		fmt.Fprintf(&fragments, " ... on T%d { f%d next { ... on T%d { f%d next { ... on T%d { f%d } } } } }", i, i, (i+1)%10, i, (i+2)%10, i)
	}
	for name, query := range map[string]string{
		"abstract": "{ node {" + strings.Repeat(fragments.String(), 4) + " } }",
		"deep":     "{ node " + strings.Repeat("{ f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 next ", 13) + "{ f0 }" + strings.Repeat("}", 13) + " }",
		"wide":     "{ node {" + fmt.Sprint(manyAliases(30)) + " f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 } }",
	} {
		b.Run(name, func(b *testing.B) {
			doc, errs := gqlparser.LoadQueryWithRules(g.client, query, nil)
			if len(errs) > 0 {
				b.Fatal(errs)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.plan(doc.Operations[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func manyAliases(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf(" a%d: next { f%d }", i, i%10)
	}
	return text
}

// sharedByAll returns a supergraph of an interface whose object types all subgraphs have, each with a field of its own
// and all others shared.
func sharedByAll(subgraphs, types int) string {
	var b, all strings.Builder
	b.WriteString("schema { query: Query }\nenum join__Graph {\n")
	for s := range subgraphs {
		fmt.Fprintf(&b, "  S%d @join__graph(name: \"s%d\", url: \"http://127.0.0.1:9\")\n", s, s)
		fmt.Fprintf(&all, " @join__type(graph: S%d)", s)
	}
	fmt.Fprintf(&b, "}\ntype Query%s { node: Node @join__field(graph: S0) }\ninterface Node%s { id: ID! next: Node", all.String(), all.String())
	for f := range types {
		fmt.Fprintf(&b, " f%d: Int", f)
	}
	b.WriteString(" }\n")
	for t := range types {
		fmt.Fprintf(&b, "type T%d implements Node", t)
		for s := range subgraphs {
			fmt.Fprintf(&b, " @join__type(graph: S%d, key: \"id\") @join__implements(graph: S%d, interface: \"Node\")", s, s)
		}
		b.WriteString(" { id: ID! next: Node")
		for f := range types {
			fmt.Fprintf(&b, " f%d: Int @join__field(graph: S%d) @join__field(graph: S%d)", f, (t+f)%subgraphs, (t*f+1)%subgraphs)
		}
		b.WriteString(" }\n")
	}
	return b.String()
}
