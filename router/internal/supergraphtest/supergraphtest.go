// Package supergraphtest makes up supergraphs, their data and operations from random numbers, for tests that compare the
// router with one server that has everything.
//
// The data is such that both must give the same response. Where Federation leaves the result open, the generator avoids
// the case: a field that fails has the same type in all subgraphs, and a list contains only types that every subgraph
// with the field knows.
package supergraphtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"boxoffice.dev/router/internal/subgraphtest"
)

// Supergraph is a supergraph before its composition.
type Supergraph struct {
	Subgraphs []Subgraph
	Data      subgraphtest.Data
	// Denied lists fields, such as "Product.price", for which clients have to sign in.
	Denied []string
}

// Subgraph is the schema of one subgraph.
type Subgraph struct {
	Name string `json:"name"`
	SDL  string `json:"sdl"`
	// Missing lists entities, such as "Product:1", that the subgraph does not find. All that it resolves of them is null.
	Missing []string `json:"-"`
	// Refuse lists fields, such as "Product.price", that another subgraph overrides.
	Refuse []string `json:"-"`
}

// Generate returns the supergraph of a seed. Not all of them compose.
func Generate(seed uint64) (Supergraph, error) {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable
	m.n = []int{1, 2, 2, 2, 3, 3, 3, 4, 4, 5}[m.IntN(10)]
	m.differ, m.fatal, m.partial, m.sameIDs = m.once(3), m.once(3), m.once(6), m.once(2)
	m.auth = m.once(3)
	for s := range m.n {
		m.renamed[s] = m.once(10)
	}
	m.leaves()
	m.types()
	m.abstractTypes()
	m.interfaceObject()
	m.linkValues()
	m.roots()
	for s := range m.n {
		m.links(s)
	}
	for s := range m.n {
		m.requirements(s)
		m.provisions(s)
	}
	m.overrides()
	m.complete()
	var g Supergraph
	for s := range m.n {
		g.Subgraphs = append(g.Subgraphs, m.print(s))
	}
	var err error
	m.lose(g.Subgraphs)
	g.Denied = m.denied
	g.Data, err = m.data()
	return g, err
}

// maker makes one supergraph.
type maker struct {
	*rand.Rand

	auth    bool     // some fields are for signed-in clients
	undo    []func() // removes external fields that were declared last
	denied  []string
	n       int
	differ  bool               // nullability differs between subgraphs
	fatal   bool               // non-null fields may fail
	renamed [maxSubgraphs]bool // the query type has another name
	partial bool               // subgraphs have different fields of value types
	sameIDs bool               // entities of different types have the same ids
	scalars []*typ
	all     []*typ // composite types but the roots
	query   *typ
	mutate  *typ
	nested  bool // a key or requirement selects within objects
	fields  int  // made so far
}

func (m *maker) once(n int) bool { return m.IntN(n) == 0 }

func pick[T any](m *maker, from []T) T { return from[m.IntN(len(from))] }

func (m *maker) of(kinds ...kind) (found []*typ) {
	for _, t := range m.all {
		if slices.Contains(kinds, t.kind) {
			found = append(found, t)
		}
	}
	return found
}

func (m *maker) leaves() {
	for _, name := range []string{"Int", "String", "Boolean", "Float", "ID", "Level", "Date"} {
		m.scalars = append(m.scalars, &typ{name: name})
	}
}

func (m *maker) scalar(name string) *typ {
	return m.scalars[slices.IndexFunc(m.scalars, func(t *typ) bool { return t.name == name })]
}

// shape is the nullability of a field with a list now and then.
func (m *maker) shape(lists bool) shape {
	s := shape{m.once(3)}
	for lists && len(s) < 3 && m.once(2*len(s)) {
		s = append(shape{m.once(3)}, s...)
	}
	return s
}

// add adds a field to a type, whose name may be that of a field of another type.
func (m *maker) add(t *typ, to *typ, s shape, names ...string) *field {
	name := pick(m, names)
	for t.field(name) != nil {
		m.fields++
		name = fmt.Sprintf("%s%d", pick(m, names), m.fields)
	}
	f := &field{of: t, name: name, typ: to, shape: s}
	t.fields = append(t.fields, f)
	return f
}

var (
	leafNames = []string{"name", "size", "code", "label", "price", "rank", "note", "level"}
	linkNames = []string{"owner", "item", "parent", "related", "main", "media"}
)

func (m *maker) leafField(t *typ) *field {
	f := m.add(t, pick(m, m.scalars), shape{m.once(3)}, leafNames...)
	if m.once(8) {
		f.shape = m.shape(true)
	}
	if m.once(5) {
		f.args = m.arguments()
	}
	return f
}

func (m *maker) arguments() []string {
	all := []string{"n: Int", "n: Int! = 2", "text: String", "level: Level = LOW", "ids: [ID!]", "filter: Filter", "currency: String!"}
	args := []string{pick(m, all)}
	if second := pick(m, all); second[0] != args[0][0] {
		args = append(args, second)
	}
	return args
}

// types makes entities and value types and gives them to subgraphs.
func (m *maker) types() {
	names := []string{"User", "Product", "Order", "Review", "Page"}
	for _, name := range names[:2+m.IntN(3)] {
		m.all = append(m.all, &typ{name: name, kind: entity})
	}
	for _, name := range []string{"Size", "Money", "Place"}[:m.IntN(4)] {
		v := &typ{name: name, kind: value}
		for range 1 + m.IntN(3) {
			m.leafField(v)
		}
		for _, other := range m.of(value) {
			if m.once(3) {
				m.add(v, other, m.shape(true), linkNames...)
			}
		}
		m.all = append(m.all, v)
	}
	entities := m.of(entity)
	for i, e := range entities {
		m.makeKeys(e, entities[:i])
	}
	for _, e := range entities {
		homes := m.Perm(m.n)[:1+m.IntN(m.n)]
		for _, s := range homes {
			m.place(e, s)
		}
		for range 2 + m.IntN(4) {
			f := m.leafField(e)
			m.place(e, homes[0])
			m.take(f, pick(m, homes))
			if m.once(5) {
				m.take(f, pick(m, homes))
			}
		}
	}
}

// makeKeys makes the keys of an entity, which may select within entities that have theirs.
func (m *maker) makeKeys(e *typ, before []*typ) {
	id := m.add(e, m.scalar(pick(m, []string{"ID", "ID", "ID", "Int", "String"})), shape{true}, "id")
	e.keys = []key{{"id", []*field{id}}}
	simple := func(name string) *field { return m.add(e, m.scalar("String"), shape{true}, name) }
	switch m.IntN(10) {
	case 0:
		f := simple("sku")
		e.keys = append(e.keys, key{"sku", []*field{f}})
	case 1:
		f := simple("region")
		e.keys[0] = key{"id region", []*field{id, f}}
	case 2:
		f, g := simple("sku"), simple("region")
		e.keys = append(e.keys, key{"sku region", []*field{f, g}})
	case 3:
		if len(before) > 0 {
			if other := pick(m, before); !other.nullKey {
				m.nested = true
				f := m.add(e, other, shape{true}, "org")
				e.keys = append(e.keys, key{"org { " + strings.TrimPrefix(other.keys[0].text, "__typename ") + " }", []*field{f}})
				if m.once(3) {
					e.keys = e.keys[1:] // the only key
				}
			}
		}
	case 4:
		f := m.add(e, m.scalar("String"), shape{true, true}, "tags")
		e.keys = append(e.keys, key{"tags", []*field{f}})
	case 5:
		e.keys[0].text = "__typename id"
	case 6:
		m.nested = true
		f := m.add(e, m.dimension(), shape{true, true}, "dims")
		e.keys[0] = key{"id dims { w }", []*field{id, f}}
	case 7:
		id.shape, id.typ, e.nullKey = shape{false}, m.scalar("String"), true
	}
	for _, k := range e.keys {
		for _, f := range k.uses {
			f.needed = true
		}
	}
}

// dimension returns the value type of keys.
func (m *maker) dimension() *typ {
	i := slices.IndexFunc(m.all, func(t *typ) bool { return t.name == "Dimension" })
	if i < 0 {
		i = len(m.all)
		t := &typ{name: "Dimension", kind: value}
		m.all = append(m.all, t)
		m.add(t, m.scalar("Int"), shape{true}, "w").needed = true
	}
	return m.all[i]
}

// place gives a type to a subgraph. It reports false when the subgraph cannot have it.
func (m *maker) place(t *typ, s int) bool {
	if t.kind == leaf || t.in[s] != nil {
		return true
	}
	if t.lacks[s] {
		return false
	}
	p := &part{}
	t.in[s] = p
	switch t.kind {
	case entity:
		m.placeKeys(t, s)
	case value:
		for _, f := range t.fields {
			if !m.partial || !m.once(4) || len(p.uses) == 0 {
				m.take(f, s)
			}
		}
	case abstraction, union:
		return m.placeMembers(t, s)
	}
	return true
}

func (m *maker) placeKeys(t *typ, s int) {
	p := t.in[s]
	first := m.IntN(len(t.keys))
	for i, k := range t.keys {
		if wanted := i == first || i == 0 && !m.once(4) || m.once(3); wanted && m.place(k.uses[0].typ, s) {
			p.keys = append(p.keys, &t.keys[i])
		}
	}
	if len(p.keys) == 0 {
		p.keys = []*key{&t.keys[0]}
	}
	p.unresolvable = make([]bool, len(p.keys), len(t.keys))
	for _, k := range p.keys {
		for _, f := range k.uses {
			m.take(f, s)
			if f.typ.kind == entity { // the key of another entity
				m.placeKey(f.typ, s)
			}
		}
	}
}

// placeKey gives the first key of an entity to a subgraph.
func (m *maker) placeKey(t *typ, s int) {
	p := t.in[s]
	if p == nil {
		return // the composer will refuse the supergraph
	}
	if !slices.Contains(p.keys, &t.keys[0]) {
		p.keys, p.unresolvable = append(p.keys, &t.keys[0]), append(p.unresolvable, false)
	}
	for _, f := range t.keys[0].uses {
		m.take(f, s)
		if f.typ.kind == entity {
			m.placeKey(f.typ, s)
		}
	}
}

// placeMembers gives an abstract type to a subgraph with some of its members and fields.
func (m *maker) placeMembers(t *typ, s int) bool {
	p := t.in[s]
	for _, i := range m.Perm(len(t.members)) {
		if (len(p.members) == 0 || !m.once(3)) && m.place(t.members[i], s) {
			p.members = append(p.members, t.members[i])
		}
	}
	if len(p.members) == 0 {
		t.in[s] = nil
		return false
	}
	for i, f := range t.fields {
		if i > 0 && m.once(3) || p.members[0].field(f.name) == nil || !m.place(f.typ, s) {
			continue // or it is a field of an interface object
		}
		if !m.placeCovariant(f, p.members, s) {
			continue
		}
		p.uses = append(p.uses, &use{field: f, shape: f.shape})
		for _, member := range p.members {
			m.take(member.field(f.name), s)
		}
	}
	return t.kind == union || len(p.uses) > 0
}

// placeCovariant makes the types of the members' fields implementations of the interface's in a subgraph.
func (m *maker) placeCovariant(f *field, members []*typ, s int) bool {
	to := f.typ.in[s]
	for _, member := range members {
		own := member.field(f.name).typ
		if own == f.typ {
			continue
		}
		if to == nil || to.interfaceObject || !m.place(own, s) {
			return false
		}
		if slices.Contains(to.members, own) {
			continue
		}
		if slices.ContainsFunc(to.uses, func(u *use) bool { return own.field(u.name) == nil }) {
			return false // a field that the interface has got since
		}
		for _, u := range to.uses {
			m.take(own.field(u.name), s)
		}
		to.members = append(to.members, own)
	}
	return true
}

// take makes a subgraph resolve a field. It returns nil when it cannot.
func (m *maker) take(f *field, s int) *use {
	if !m.place(f.of, s) || !m.place(f.typ, s) {
		return nil
	}
	p := f.of.in[s]
	if u := p.use(f); u != nil {
		return u
	}
	u := &use{field: f, shape: slices.Clone(f.shape)}
	p.uses = append(p.uses, u)
	return u
}
