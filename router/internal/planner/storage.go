package planner

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

const typename = "__typename"

// table names the values of objects at one position of the response. Two fields share a name only when every subgraph
// may be sent both in one document (GraphQL, section "Field Selection Merging").
type table struct {
	graph    *graph
	variants []*variant
}

// variant is a field of some object types under one storage name.
type variant struct {
	storage   string
	name      string // of the field
	arguments string
	types     []string // object types that have the field
	below     *table
}

// selected returns the variant of a field that the client selects under a response name.
func (t *table) selected(response, name, arguments, object string) *variant {
	if response == typename {
		response = "_" + typename
	}
	return t.named(response, name, arguments, object)
}

// added returns the variant of a field that the planner adds, which may be one that the client selects.
func (t *table) added(name, arguments, object string) *variant {
	for _, v := range t.variants {
		if t.fits(v, name, arguments, object) {
			return v.with(object)
		}
	}
	return t.named(name, name, arguments, object)
}

// named returns the first variant named want, _1want, _2want, … that is the field or not taken.
func (t *table) named(want, name, arguments, object string) *variant {
	storage := want
	for i := 1; ; i++ {
		at := slices.IndexFunc(t.variants, func(v *variant) bool { return v.storage == storage })
		if at < 0 {
			v := &variant{storage: storage, name: name, arguments: arguments, types: []string{object}, below: &table{graph: t.graph}}
			t.variants = append(t.variants, v)
			return v
		}
		if v := t.variants[at]; t.fits(v, name, arguments, object) {
			return v.with(object)
		}
		storage = "_" + strconv.Itoa(i) + want
	}
}

func (v *variant) with(object string) *variant {
	if !slices.Contains(v.types, object) {
		v.types = append(v.types, object)
	}
	return v
}

// fits reports whether an object type's field can be the variant.
func (t *table) fits(v *variant, name, arguments, object string) bool {
	if v.name != name || v.arguments != arguments {
		return false
	}
	return slices.Contains(v.types, object) ||
		!slices.ContainsFunc(v.types, func(other string) bool { return !t.graph.sameShape(name, other, object) })
}

// sameShape reports whether a field of two object types has the same response shape in each subgraph that declares
// both.
func (g *graph) sameShape(name, a, b string) bool {
	others := g.declared[coordinate{b, name}]
	for _, d := range g.declared[coordinate{a, name}] {
		for _, other := range others {
			if d.subgraph == other.subgraph && !g.sameType(d.field.Type, other.field.Type) {
				return false
			}
		}
	}
	return true
}

// sameType reports whether two types have the same response shape, their selections aside.
func (g *graph) sameType(a, b *ast.Type) bool {
	switch {
	case a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil):
		return false
	case a.Elem != nil:
		return g.sameType(a.Elem, b.Elem)
	}
	def := g.schema.Types[a.NamedType]
	if def != nil && def.IsCompositeType() {
		other := g.schema.Types[b.NamedType]
		return other != nil && other.IsCompositeType()
	}
	return a.NamedType == b.NamedType
}
