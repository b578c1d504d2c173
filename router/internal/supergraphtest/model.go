package supergraphtest

import (
	"slices"
	"strings"
)

// maxSubgraphs limits the number of subgraphs of one supergraph.
const maxSubgraphs = 5

type kind int

const (
	leaf kind = iota
	entity
	value // an object type without a key, which subgraphs share
	abstraction
	union
	root
)

// typ is a type of the supergraph.
type typ struct {
	name    string
	kind    kind
	fields  []*field
	keys    []key // of an entity
	members []*typ
	keyed   bool // an interface with @key
	nullKey bool // an entity one of whose instances has the key null
	// home is the only subgraph that links to that instance, and missing the one that does not find the instance lost.
	home    int
	missing int
	// lacks marks the subgraphs that must not have the type, because they have an interface object instead of it.
	lacks [maxSubgraphs]bool
	in    [maxSubgraphs]*part
}

// key is a selection of fields that identifies an entity.
type key struct {
	text string
	uses []*field
}

// field is a field of the supergraph.
type field struct {
	of    *typ
	name  string
	typ   *typ
	shape shape
	args  []string
	// needed marks fields of keys and requirements. A subgraph that fails there loses what others requested from it.
	needed      bool
	progressive bool // two subgraphs resolve it, for different requests
	// requirement is the selection of @requires.
	requirement string
}

// part is what one subgraph defines of a type.
type part struct {
	keys            []*key
	unresolvable    []bool // by key
	uses            []*use
	members         []*typ // of an abstract type
	interfaceObject bool
}

// use is a field as one subgraph defines it.
type use struct {
	*field

	shape      shape
	external   bool
	overridden bool // by another subgraph, for all requests
	provides   string
	directives []string
}

// shape has the nullability of a field from the outermost list to the item. True is non-null.
type shape []bool

func (s shape) of(name string) string {
	text := name
	if len(s) > 1 {
		text = "[" + s[1:].of(name) + "]"
	}
	if s[0] {
		text += "!"
	}
	return text
}

func (t *typ) field(name string) *field {
	for _, f := range t.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

func (t *typ) composite() bool { return t.kind != leaf }

func (p *part) use(f *field) *use {
	if p == nil {
		return nil
	}
	for _, u := range p.uses {
		if u.field == f {
			return u
		}
	}
	return nil
}

// hasKey reports whether a field belongs to a key of this part.
func (p *part) hasKey(f *field) bool {
	return slices.ContainsFunc(p.keys, func(k *key) bool { return slices.Contains(k.uses, f) })
}

// known returns the types that all subgraphs with the field can return from it.
func (f *field) known() []*typ {
	if f.typ.kind != abstraction && f.typ.kind != union {
		return []*typ{f.typ}
	}
	found := f.typ.members
	for s, p := range f.of.in {
		if p.use(f) == nil {
			continue
		}
		if at := f.typ.in[s]; !at.interfaceObject {
			found = slices.DeleteFunc(slices.Clone(found), func(t *typ) bool { return !slices.Contains(at.members, t) })
		}
	}
	return found
}

// resolvers returns the subgraphs that may be asked for a field.
func (f *field) resolvers() (found []int) {
	for s, p := range f.of.in {
		if u := p.use(f); u != nil && !u.external && !u.overridden {
			found = append(found, s)
		}
	}
	return found
}

// local reports whether one subgraph alone resolves a field, and without a representation.
func (f *field) local(s int) bool {
	return slices.Equal(f.resolvers(), []int{s}) && f.requirement == ""
}

// only reports whether a field is in one subgraph alone.
func (f *field) only(s int) bool {
	for i, p := range f.of.in {
		if (p.use(f) != nil) != (i == s) {
			return false
		}
	}
	return true
}

// nullable reports whether a field can be null in all subgraphs.
func (f *field) nullable() bool {
	for _, p := range f.of.in {
		if u := p.use(f); u != nil && u.shape[0] {
			return false
		}
	}
	return !f.shape[0]
}

// uniform reports whether a field has one type in all subgraphs.
func (f *field) uniform() bool {
	for _, p := range f.of.in {
		if u := p.use(f); u != nil && !slices.Equal(u.shape, f.shape) {
			return false
		}
	}
	return true
}

func (u *use) print() string {
	text := u.name
	if len(u.args) > 0 {
		text += "(" + strings.Join(u.args, ", ") + ")"
	}
	text += ": " + u.shape.of(u.typ.name)
	for _, d := range u.directives {
		text += " " + d
	}
	return text
}
