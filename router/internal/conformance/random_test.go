package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/subgraphtest"
	"boxoffice.dev/router/internal/supergraph"
	"boxoffice.dev/router/internal/supergraphtest"
)

// FuzzOperations executes operations that are generated from a number. The responses are checked as in TestConformance.
func FuzzOperations(f *testing.F) {
	files := supergraphs(f)
	var graphs []*graph
	for _, file := range files {
		graphs = append(graphs, start(f, file, nil))
	}
	for n := range 20 * len(files) {
		f.Add(uint8(n%len(files)), uint64(n)) //nolint:gosec // small
	}
	f.Fuzz(func(t *testing.T, n uint8, seed uint64) {
		g := graphs[int(n)%len(files)]
		op := supergraphtest.NewOperation(g.client, g.data, rand.New(rand.NewPCG(seed, 0)))
		if g.valid(op) {
			if difference := g.difference(op, ""); difference != "" {
				t.Fatalf("%s\n%v\n%s%s%s", op.Query, op.Variables, difference, g.asked(), files[int(n)%len(files)])
			}
		}
	})
}

// valid reports whether an operation is valid. It is not when two fields of one response name differ.
func (g *graph) valid(op supergraphtest.Operation) bool {
	_, errs := gqlparser.LoadQueryWithRules(g.client, op.Query, nil)
	return len(errs) == 0
}

// TestRandomSupergraphs executes random operations on random supergraphs, the same ones each time. The environment changes the extent: SEED is the
// first seed, GRAPHS the number of supergraphs, OPS the number of operations on each, and DIFFERENCES the number of
// differences after which the test ends.
func TestRandomSupergraphs(t *testing.T) {
	t.Parallel()
	first, graphs, ops, limit := setting(t, "SEED", 1), setting(t, "GRAPHS", 100), setting(t, "OPS", 20), setting(t, "DIFFERENCES", 10)
	composer, err := supergraphtest.StartComposer(t.Context(), "../../..")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := composer.Close(); err != nil {
			t.Error(err)
		}
	}()
	var mux graphMux
	server := httptest.NewServer(&mux)
	defer server.Close()
	var next, composed, executed, different, unsatisfiable atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for int(composed.Load()) < graphs && int(different.Load()) < limit {
				seed := uint64(first) + uint64(next.Add(1)) - 1 //nolint:gosec // positive
				g, err := mux.start(t.Context(), composer, server.URL, seed)
				if errors.Is(err, errRefused) {
					continue
				}
				if errors.Is(err, errUnsatisfiable) {
					t.Logf("seed %d: %v", seed, err)
					unsatisfiable.Add(1)
					continue
				}
				if err != nil {
					different.Add(1)
					t.Errorf("seed %d: %v", seed, err)
					continue
				}
				n, report := g.check(seed, ops)
				executed.Add(int64(n))
				if report != "" {
					different.Add(1)
					t.Error(report)
				}
				if done := composed.Add(1); done%100 == 0 {
					t.Logf("%d supergraphs, %d operations, %d differences, next seed %d", done, executed.Load(), different.Load(), seed+1)
				}
				g.stop()
			}
		})
	}
	workers.Wait()
	t.Logf("%d supergraphs from seed %d on, %d refused by the composer, %d unsatisfiable: %d operations, %d supergraphs with differences",
		composed.Load(), first, next.Load()-composed.Load()-unsatisfiable.Load(), unsatisfiable.Load(), executed.Load(), different.Load())
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// graphMux serves the subgraphs of all random supergraphs, each at /SEED/NAME.
type graphMux struct{ handlers sync.Map }

func (m *graphMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h, ok := m.handlers.Load(r.URL.Path); ok {
		h.(http.Handler).ServeHTTP(w, r) //nolint:forcetypeassert // see start
		return
	}
	http.NotFound(w, r)
}

// randomGraph is a router over a random supergraph.
type randomGraph struct {
	*graph
	supergraphtest.Supergraph

	stop func()
}

var (
	errRefused = errors.New("the supergraph does not compose")
	// errUnsatisfiable is about a supergraph that the composer should have refused.
	errUnsatisfiable = errors.New("the supergraph has fields that cannot be reached")
)

func satisfiable(sdl string) (bool, error) {
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return false, err
	}
	p, err := planner.New(sg)
	if err != nil {
		return false, err
	}
	return len(p.Unreachable(1)) == 0, nil
}

// start runs the supergraph of a seed.
func (m *graphMux) start(ctx context.Context, composer *supergraphtest.Composer, url string, seed uint64) (*randomGraph, error) {
	made, err := supergraphtest.Generate(seed)
	if err != nil {
		return nil, errRefused
	}
	composed, err := composer.Compose(made.Subgraphs)
	if err != nil {
		return nil, err
	}
	if len(composed.Errors) > 0 {
		return nil, errRefused
	}
	client, err := gqlparser.LoadSchema(&ast.Source{Input: composed.Client})
	if err != nil {
		return nil, errRefused // the composer overlooked something
	}
	g := &randomGraph{graph: &graph{client: client, data: made.Data, denied: made.Denied, subgraphs: map[string]*subgraphtest.Subgraph{}}, Supergraph: made}
	urls := map[string]string{}
	for _, s := range made.Subgraphs {
		subgraph, err := subgraphtest.New(subgraphtest.Config{SDL: s.SDL, Data: made.Data, Refuse: s.Refuse, Missing: s.Missing})
		if err != nil {
			return nil, err
		}
		path := fmt.Sprintf("/%d/%s", seed, s.Name)
		m.handlers.Store(path, subgraph)
		g.subgraphs[s.Name], urls[s.Name] = subgraph, url+path
	}
	ctx, cancel := context.WithCancel(ctx)
	g.stop = func() {
		cancel()
		g.handler.Close()
		for _, s := range made.Subgraphs {
			m.handlers.Delete(fmt.Sprintf("/%d/%s", seed, s.Name))
		}
	}
	if satisfiable, err := satisfiable(composed.Supergraph); err != nil || !satisfiable {
		return nil, errors.Join(err, errUnsatisfiable)
	}
	if g.handler, err = newRouter(ctx, composed.Supergraph, urls); err != nil {
		return nil, errors.Join(err, fmt.Errorf("%s", g.schemas()))
	}
	return g, nil
}

// check executes operations until one gives a wrong response, which it reports with the smallest operation that does. It
// defers parts of some operations.
func (g *randomGraph) check(seed uint64, ops int) (executed int, report string) {
	chance := rand.New(rand.NewPCG(seed, 2))
	for range ops {
		op := supergraphtest.NewOperation(g.client, g.data, chance)
		if !g.valid(op) {
			continue
		}
		executed++
		difference := func(op supergraphtest.Operation) string { return g.difference(op, "") }
		if difference(op) == "" && chance.IntN(4) == 0 {
			doc, err := parser.ParseQuery(&ast.Source{Input: op.Query})
			if err != nil {
				return executed, err.Error()
			}
			spec := specs[chance.IntN(len(specs))]
			op.Query = deferSome(doc, chance)
			difference = func(op supergraphtest.Operation) string { return g.deferredDifference(op, "", spec) }
		}
		if difference(op) == "" {
			continue
		}
		op = supergraphtest.Shrink(g.client, op, func(smaller supergraphtest.Operation) bool { return difference(smaller) != "" })
		g.forget()
		text := difference(op)
		return executed, fmt.Sprintf("SEED=%d GRAPHS=1 OPS=%d\n%s\n%s\n%s%s\n%s\n%s",
			seed, ops, op.Query, compact(op.Variables), text, g.asked(), g.schemas(), compact(g.data))
	}
	return executed, ""
}

// schemas returns the schemas of all subgraphs.
func (g *randomGraph) schemas() string {
	var b strings.Builder
	for _, s := range g.Subgraphs {
		_, types, _ := strings.Cut(s.SDL, "\n\n")
		fmt.Fprintf(&b, "# subgraph %s, refuses %v, lacks %v\n%s\n", s.Name, s.Refuse, s.Missing, types)
	}
	return b.String()
}
