package planner

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/supergraph"
)

// maxDocument bounds the size of a document for a subgraph, in bytes.
const maxDocument = 1 << 20

// document writes what is sent to a subgraph.
type document struct {
	strings.Builder

	graph     *graph
	subgraph  *subgraph
	variables []string // that are used, sorted
	full      bool     // maxDocument was reached
}

// operation returns the whole document, around the selection of its root.
func (d *document) operation(
	kind ast.Operation, representations []string, types map[string]string, directives string,
) string {
	var b strings.Builder
	var declared []string
	for _, name := range representations {
		declared = append(declared, "$"+name+": [_Any!]!")
	}
	for _, name := range d.variables {
		declared = append(declared, "$"+name+": "+types[name])
	}
	if kind != ast.Query || len(declared) > 0 || directives != "" {
		b.WriteString(string(kind))
	}
	if len(declared) > 0 {
		b.WriteString("(" + strings.Join(declared, ", ") + ")")
	}
	b.WriteString(directives)
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(d.String())
	return b.String()
}

func (d *document) use(names ...string) {
	for _, name := range names {
		if i, found := slices.BinarySearch(d.variables, name); !found {
			d.variables = slices.Insert(d.variables, i, name)
		}
	}
}

// selection writes what is selected of objects of one type of the subgraph.
func (d *document) selection(o *output) {
	if d.Len() > maxDocument {
		d.full = true
		return
	}
	if o.loose {
		d.WriteString("{... on " + o.member.Name + " ")
		defer d.WriteByte('}')
	}
	d.WriteByte('{')
	begin := d.Len()
	abstract := o.member.Kind != ast.Object
	if abstract || o.typename && !o.member.InterfaceObject {
		d.WriteString(typename)
	}
	var rest []*entry
	for _, e := range o.entries {
		if abstract && !d.declares(o.member, o.member.Possible, e) {
			rest = append(rest, e)
			continue
		}
		d.entry(e, begin)
	}
	for _, part := range d.fragments(o.member, rest) {
		d.separate(begin)
		d.WriteString("... on " + part.typ + " {")
		inner := d.Len()
		for _, e := range part.entries {
			d.entry(e, inner)
		}
		d.WriteByte('}')
	}
	switch {
	case d.Len() > begin:
	case o.member.InterfaceObject: // its name must not be taken for the type of an object
		d.WriteString("_: " + typename)
	default:
		d.WriteString(typename)
	}
	d.WriteByte('}')
}

func (d *document) separate(begin int) {
	if d.Len() > begin {
		d.WriteByte(' ')
	}
}

// declares reports whether an entry can be written for a type of the subgraph, and means the same as for the object
// types among the given ones.
func (d *document) declares(m *supergraph.Member, among []string, e *entry) bool {
	f := m.Fields[e.name]
	if f == nil || m.Kind != ast.Interface || e.below != nil && e.below.member.Name != f.Type.Name() {
		return false
	}
	for _, object := range m.Possible {
		if _, ok := slices.BinarySearch(among, object); !ok {
			continue
		}
		own := d.subgraph.members[object].Fields[e.name]
		if !slices.Contains(e.on, object) || own == nil || !d.graph.sameType(f.Type, own.Type) {
			return false
		}
	}
	return true
}

// fragment is a part of a selection for one type.
type fragment struct {
	typ     string
	entries []*entry
}

// fragments distributes entries to fragments: one on an interface where it means the same, otherwise one for each
// object type.
func (d *document) fragments(m *supergraph.Member, entries []*entry) (all []fragment) {
	add := func(typ string, e *entry) {
		i := slices.IndexFunc(all, func(f fragment) bool { return f.typ == typ })
		if i < 0 {
			i = len(all)
			all = append(all, fragment{typ: typ})
		}
		all[i].entries = append(all[i].entries, e)
	}
	for _, e := range entries {
		on := intersect(m.Possible, e.on)
		if folded := d.fold(m, on, e); folded != "" {
			add(folded, e)
			continue
		}
		for _, object := range on {
			add(object, e)
		}
	}
	return all
}

// fold returns the interface whose objects among those of m are exactly the given ones, and that has the entry.
func (d *document) fold(m *supergraph.Member, on []string, e *entry) string {
	if len(on) < 2 {
		return ""
	}
	var found string
	for name, i := range d.subgraph.members {
		if i.Kind == ast.Interface && (found == "" || name < found) &&
			slices.Equal(intersect(m.Possible, i.Possible), on) && d.declares(i, m.Possible, e) {
			found = name
		}
	}
	return found
}

func (d *document) entry(e *entry, begin int) {
	d.separate(begin)
	d.use(e.variables...)
	field := e.name + e.arguments
	if e.storage != e.name {
		field = e.storage + ": " + field
	}
	d.WriteString(e.directives.around)
	open, skip, include := e.directives.depth, false, false
	directives := e.directives.own
	for _, c := range e.conditions {
		d.use(c.Variable)
		text := " @include(if: $" + c.Variable + ")"
		once := &include
		if c.Not {
			text, once = " @skip(if: $"+c.Variable+")", &skip
		}
		if *once { // a directive may only stand once at one place
			d.WriteString("..." + text + " {")
			open++
			continue
		}
		*once = true
		directives += text
	}
	d.WriteString(field + directives)
	if e.below != nil {
		d.WriteByte(' ')
		d.selection(e.below)
	}
	d.WriteString(strings.Repeat("}", open))
}

// entities writes what is selected of the entities of a group.
func (d *document) entities(g *group) {
	if g.out.member != nil {
		d.WriteString("{... on " + g.out.member.Name + " ")
		d.selection(g.out)
		d.WriteByte('}')
		return
	}
	d.WriteByte('{')
	begin := d.Len()
	for _, object := range g.on {
		d.separate(begin)
		d.WriteString("... on " + object + " {")
		inner := d.Len()
		if g.out.typename {
			d.WriteString(typename)
		}
		for _, e := range g.out.entries {
			if slices.Contains(e.on, object) {
				d.entry(e, inner)
			}
		}
		if d.Len() == inner {
			d.WriteString(typename)
		}
		d.WriteByte('}')
	}
	d.WriteByte('}')
}
