package executor

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/planner"
)

// projection is what a client gets of objects at one position: its selections, merged for each object type as
// CollectFields of the GraphQL specification does. Types are added when they first occur.
type projection struct {
	shape      *shape
	selections []*planner.Selection
	types      []string // possible types, sorted

	known atomic.Pointer[map[string]fields]
}

// fields are the fields of one object type, in the order of the response.
type fields []*field

// field is one field of the response.
type field struct {
	name       []byte // in the response, quoted, with a colon
	response   string
	storage    string
	typ        *ast.Type
	leaf       planner.Leaf
	enum       map[string]bool
	typename   bool
	refusal    planner.Refusal
	in         []int // parts of the response that have the field, ascending
	projection *projection
}

// shape is a plan for requests whose conditions have the same values.
type shape struct {
	plan   *planner.Plan
	truth  func(planner.Conditions) bool
	within []int // by Plan.Deferred: the part that a part is sent with; itself if it is deferred
	root   *projection
}

// maxShapes bounds the shapes of one plan.
const maxShapes = 64

// prepared is a plan with its shapes.
type prepared struct {
	plan      *planner.Plan
	variables []string // that conditions read, sorted
	requests  []request

	mu     sync.Mutex
	shapes map[string]*shape
}

func prepare(plan *planner.Plan) *prepared {
	p := &prepared{plan: plan, shapes: map[string]*shape{}}
	p.collect(plan.Selection)
	for _, d := range plan.Deferred {
		p.add(d.If)
	}
	for _, f := range plan.Fetches {
		for _, c := range f.Conditions {
			p.add(c)
		}
		p.requests = append(p.requests, newRequest(f))
	}
	slices.Sort(p.variables)
	p.variables = slices.Compact(p.variables)
	return p
}

func (p *prepared) add(conditions planner.Conditions) {
	for _, c := range conditions {
		p.variables = append(p.variables, c.Variable)
	}
}

func (p *prepared) collect(s *planner.Selection) {
	for _, f := range s.Fields {
		p.add(f.Conditions)
		if f.Selection != nil {
			p.collect(f.Selection)
		}
	}
}

// shape returns the shape for a request's variables.
func (p *prepared) shape(variables *value) *shape {
	key := make([]byte, len(p.variables))
	for i, name := range p.variables {
		key[i] = 't' // what @defer(if:) is without a value; the others always have one
		if v := variables.get(name); v != nil && string(v.raw) != "true" {
			key[i] = 'f'
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.shapes[string(key)]; s != nil {
		return s
	}
	s := &shape{plan: p.plan, truth: func(conditions planner.Conditions) bool {
		return !slices.ContainsFunc(conditions, func(c planner.Condition) bool {
			i, _ := slices.BinarySearch(p.variables, c.Variable)
			return (key[i] == 't') == c.Not
		})
	}}
	for i, d := range p.plan.Deferred {
		part := i
		if i > 0 && !s.truth(d.If) {
			part = s.within[d.Within]
		}
		s.within = append(s.within, part)
	}
	s.root = s.project(p.plan.Selection)
	if len(p.shapes) >= maxShapes {
		clear(p.shapes)
	}
	p.shapes[string(key)] = s
	return s
}

func (s *shape) project(selections ...*planner.Selection) *projection {
	p := &projection{shape: s, selections: selections}
	for _, sel := range selections {
		p.types = append(p.types, sel.Types...)
	}
	slices.Sort(p.types)
	p.types = slices.Compact(p.types)
	return p
}

const typename = "__typename"

// open reports whether a part of an object can be completed without its type: no subgraph was asked for it.
func (p *projection) open(part int) bool {
	for _, sel := range p.selections {
		for _, f := range sel.Fields {
			if f.On == nil && f.Name != typename || !p.shape.truth(f.Conditions) {
				continue
			}
			own := p.shape.within[f.Deferred]
			if own == part || own != 0 && f.On != nil && p.shape.parent(own) == part {
				return false
			}
		}
	}
	return true
}

// of returns the fields of an object type.
func (p *projection) of(typ string) fields {
	known := p.known.Load()
	if known != nil {
		if all, ok := (*known)[typ]; ok {
			return all
		}
	}
	all := p.collect(typ)
	more := map[string]fields{typ: all}
	if known != nil {
		maps.Copy(more, *known)
	}
	p.known.Store(&more) // when two types are added at once, one is collected again
	return all
}

func (p *projection) collect(typ string) (all fields) {
	below := map[*field][]*planner.Selection{}
	for _, sel := range p.selections {
		for _, f := range sel.Fields {
			if f.On != nil && !has(f.On, typ) || !p.shape.truth(f.Conditions) {
				continue
			}
			i := slices.IndexFunc(all, func(other *field) bool { return other.response == f.Response })
			if i < 0 {
				i = len(all)
				all = append(all, &field{
					name: append(strconv.AppendQuote(nil, f.Response), ':'), response: f.Response, storage: f.Storage,
					typ: f.Type, leaf: f.Leaf, enum: f.Enum, typename: f.Name == typename, refusal: f.Refusal,
				})
			}
			merged := all[i]
			if part := p.shape.within[f.Deferred]; !slices.Contains(merged.in, part) {
				merged.in = append(merged.in, part)
			}
			if f.Selection != nil {
				below[merged] = append(below[merged], f.Selection)
			}
		}
	}
	for _, f := range all {
		slices.Sort(f.in)
		if selections := below[f]; selections != nil {
			f.projection = p.shape.project(selections...)
		}
	}
	return all
}

// response returns the field of the response that has a storage name, for the path of an error.
func (p *projection) response(storage string) *field {
	for _, typ := range p.types {
		if f := p.of(typ).stored(storage); f != nil {
			return f
		}
	}
	return nil
}

// stored returns the field that has a storage name, nil when there is none.
func (all fields) stored(name string) *field {
	for _, f := range all {
		if f.storage == name && !f.typename {
			return f
		}
	}
	return nil
}

// has reports whether a sorted list has a name.
func has(list []string, name string) bool {
	_, found := slices.BinarySearch(list, name)
	return found
}
