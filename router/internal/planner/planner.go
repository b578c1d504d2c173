package planner

import (
	"context"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/supergraph"
)

// Planner plans operations over one supergraph. Safe for concurrent use.
type Planner struct{ graph *graph }

// New returns a planner. The error names what a supergraph has that is not supported.
func New(sg *supergraph.Supergraph) (*Planner, error) {
	g, err := newGraph(sg)
	if err != nil {
		return nil, err
	}
	return &Planner{g}, nil
}

// Request is an operation with what its plan depends on.
type Request struct {
	Operation *ast.OperationDefinition // validated against the clients' schema
	// Denied reports whether the caller may not read a field of a type.
	Denied func(typ, field string) bool
	// Label reports whether a label of a progressive @override is active.
	Label func(label string) bool
}

// Plan plans an operation. The literals are the values of further variables that the plan uses.
func (p *Planner) Plan(ctx context.Context, r Request) (*Plan, []Literal, error) {
	n := &normalizer{graph: p.graph, denied: r.Denied}
	root, err := n.operation(r.Operation)
	if err != nil {
		return nil, nil, err
	}
	s := &search{
		ctx: ctx, graph: p.graph, labels: r.Label, known: map[choiceKey]*choice{}, hopsOf: map[hopKey][]*hop{},
		templates: map[templateKey]*set{}, candidatesOf: map[string][]*hop{},
	}
	c := s.choose(source{}, root)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if s.work > maxWork {
		return nil, nil, ErrTooComplex
	}
	if c.rest != nil {
		return nil, nil, fmt.Errorf("no subgraph resolves %s", c.rest.example(root.types[0]))
	}
	e := &emitter{search: s, operation: r.Operation.Operation}
	at := &site{types: root.types, table: root.table}
	if _, err := e.emit(at, root, c, nil); err != nil {
		return nil, nil, err
	}
	plan := &Plan{Operation: r.Operation.Operation, Selection: n.selection[root], Deferred: n.deferred}
	fetches, ids, err := e.fetches(n.types)
	if err != nil {
		return nil, nil, err
	}
	plan.Fetches = fetches
	plan.parts(e.groups, ids)
	return plan, n.literals, nil
}

// example names a field of a set for an error.
func (s *set) example(at string) string {
	n := s.nodes[0]
	for n.sub != nil && len(n.sub.nodes) > 0 {
		at, n = n.on[0]+"."+n.name, n.sub.nodes[0]
	}
	return fmt.Sprintf("%s.%s (in %s)", n.on[0], n.name, at)
}

// parts sets the fetches that each deferred part needs.
func (p *Plan) parts(groups []*group, ids map[*group]int) {
	for _, g := range groups {
		for part := range g.parts {
			p.need(part, ids[g])
		}
	}
	for i := range p.Deferred {
		slices.Sort(p.Deferred[i].Fetches)
	}
}

func (p *Plan) need(part, fetch int) {
	if slices.Contains(p.Deferred[part].Fetches, fetch) {
		return
	}
	p.Deferred[part].Fetches = append(p.Deferred[part].Fetches, fetch)
	for _, d := range p.Fetches[fetch].DependsOn {
		p.need(part, d)
	}
}
