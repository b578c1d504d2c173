package planner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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

// Operation is a normalized operation: fragments are written out, literals are variables, and fields that the caller may
// not read are marked. Operations with the same Text have the same plan.
type Operation struct {
	Text     string
	Literals []Literal
	Labels   []string // of progressive overrides that the plan may depend on, sorted
	Nullable []string // variables whose null makes an argument invalid

	kind      ast.Operation
	root      *set
	selection *Selection
	deferred  []Deferred
	headers   map[ast.Operation]header
	types     map[string]string // of variables, with their defaults
}

// Normalize normalizes an operation that is valid for the clients' schema. Denied reports whether the caller may not read
// a field of a type; it is only called for fields that have rules. Null reports whether a variable is null; it is only
// called for Nullable ones. Without parts, no fragment is deferred.
func (p *Planner) Normalize(
	op *ast.OperationDefinition, denied func(typ, field string) bool, null func(variable string) bool, parts bool,
) (*Operation, error) {
	n := &normalizer{graph: p.graph, parts: parts, null: null, denied: func(typ, field string) bool {
		return len(p.graph.rules[coordinate{typ, field}]) > 0 && denied(typ, field)
	}}
	root, err := n.operation(op)
	if err != nil {
		return nil, err
	}
	normal := &Operation{
		Literals: n.literals, Labels: n.activeLabels(), Nullable: names(n.nullable, nil), kind: op.Operation, root: root,
		selection: n.selection[root], deferred: n.deferred, headers: n.headers, types: n.types,
	}
	normal.Text = normal.text()
	return normal, nil
}

// Rules returns the rules of a field, all of which a caller must satisfy to read it.
func (p *Planner) Rules(typ, field string) []supergraph.Rule {
	return p.graph.rules[coordinate{typ, field}]
}

// Schema returns the supergraph's schema, with what clients do not see.
func (p *Planner) Schema() *ast.Schema { return p.graph.schema }

// Plan plans an operation, once: it consumes it. Label reports whether a label of a progressive @override is active; it
// is only called for the operation's Labels.
func (p *Planner) Plan(ctx context.Context, op *Operation, label func(string) bool) (*Plan, error) {
	s := newSearch(p.graph, label, func() bool { return ctx.Err() != nil })
	s.serial = op.kind != ast.Query
	c := s.choose(source{}, op.root)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.work > maxWork {
		return nil, ErrTooComplex
	}
	if c.rest != nil {
		return nil, fmt.Errorf("no subgraph resolves %s", c.rest.example())
	}
	e := &emitter{search: s, operation: op.kind, headers: op.headers, deferred: op.deferred}
	at := &site{types: op.root.types, table: op.root.table}
	if _, err := e.emit(at, op.root, c, nil); err != nil {
		return nil, err
	}
	plan := &Plan{Operation: op.kind, Selection: op.selection, Deferred: slices.Clone(op.deferred)}
	fetches, ids, err := e.fetches(op.types)
	if err != nil {
		return nil, err
	}
	plan.Fetches = fetches
	plan.parts(e.groups, ids)
	return plan, nil
}

// example names a field of a set for an error.
func (s *set) example() string {
	n := s.nodes[0]
	for n.sub != nil && len(n.sub.nodes) > 0 {
		n = n.sub.nodes[0]
	}
	return n.on[0] + "." + n.name
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

// text writes a normalized operation.
func (o *Operation) text() string {
	var b strings.Builder
	b.WriteString(string(o.kind))
	for _, name := range slices.Sorted(maps.Keys(o.types)) {
		b.WriteString(" $" + name + ":" + o.types[name])
	}
	b.WriteString(o.headers[o.kind].text)
	o.root.write(&b)
	for _, d := range o.deferred[1:] {
		fmt.Fprintf(&b, " @defer(%q %d %v %v %v)", d.Label, d.Within, d.Path, d.On, d.If)
	}
	return b.String()
}

func (s *set) write(b *strings.Builder) {
	b.WriteByte('{')
	for _, n := range s.nodes {
		b.WriteString(n.field.Response + ":" + n.name + n.arguments)
		if n.field.On != nil {
			b.WriteString(" on " + strings.Join(n.field.On, " "))
		}
		if len(n.conditions) > 0 {
			fmt.Fprintf(b, " if %v", n.conditions)
		}
		if n.directives != (directives{}) {
			fmt.Fprintf(b, " directives %q", []string{n.directives.around, n.directives.own})
		}
		if n.field.Refusal != Allowed {
			fmt.Fprintf(b, " refused %d", n.field.Refusal)
		}
		if n.field.Deferred > 0 {
			fmt.Fprintf(b, " defer %d", n.field.Deferred)
		}
		if n.sub != nil {
			n.sub.write(b)
		}
		b.WriteByte(';')
	}
	b.WriteByte('}')
}
