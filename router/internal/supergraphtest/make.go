package supergraphtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// abstractTypes makes interfaces, whose fields it adds to their members, and unions.
func (m *maker) abstractTypes() {
	for _, name := range []string{"Node", "Named"}[:m.IntN(3)] {
		t := &typ{name: name, kind: abstraction, members: m.someOf(entity, value)}
		if general := m.of(abstraction); len(general) > 0 && m.once(2) {
			t.members = general[0].members[:1+m.IntN(len(general[0].members))]
			t.fields = append(t.fields, inherited(t, general[0])...)
		}
		for range 1 + m.IntN(3) {
			m.abstractField(t)
		}
		m.all = append(m.all, t)
	}
	for _, name := range []string{"Result", "Media"}[:m.IntN(3)] {
		m.all = append(m.all, &typ{name: name, kind: union, members: m.someOf(entity, value)})
	}
}

// inherited returns the fields of an interface for one that implements it.
func inherited(t, general *typ) (fields []*field) {
	for _, f := range general.fields {
		own := *f
		own.of = t
		fields = append(fields, &own)
	}
	return fields
}

func (m *maker) someOf(kinds ...kind) []*typ {
	all := m.of(kinds...)
	m.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+m.IntN(min(3, len(all)))]
}

// abstractField adds a field to an interface and its members, some of which promise more than the interface.
func (m *maker) abstractField(t *typ) {
	to, s := pick(m, m.scalars), shape{m.once(4)}
	if m.once(3) {
		to, s = pick(m, m.of(entity, value, abstraction)), m.shape(true)
		s[len(s)-1] = false // a value type may contain itself
		if to.kind == value {
			s[0] = false
		}
	}
	names := leafNames
	if to.composite() {
		names = linkNames
	}
	name := pick(m, names)
	for _, member := range append(slices.Clone(t.members), t) {
		if member.field(name) != nil {
			m.fields++
			name = fmt.Sprintf("%s%d", name, m.fields)
		}
	}
	var args []string
	if m.once(6) {
		args = m.arguments()
	}
	t.fields = append(t.fields, &field{of: t, name: name, typ: to, shape: s, args: args})
	for _, member := range t.members {
		own := slices.Clone(s)
		if !to.composite() && m.once(4) {
			own[0] = true
		}
		f := &field{of: member, name: name, typ: to, shape: own, args: args}
		if to.kind == abstraction && m.once(2) {
			f.typ = pick(m, to.members)
		}
		member.fields = append(member.fields, f)
		for s, p := range member.in {
			if p != nil && (member.kind == value || m.once(3)) {
				m.take(f, s)
			}
		}
	}
}

// interfaceObject makes an interface with a key that another subgraph knows as one object type.
func (m *maker) interfaceObject() {
	var members []*typ
	for _, e := range m.of(entity) {
		same := !e.nullKey && (len(members) == 0 || members[0].keys[0].uses[0].typ == e.keys[0].uses[0].typ)
		if e.keys[0].text == "id" && same && (len(members) == 0 || m.once(2)) {
			members = append(members, e)
		}
	}
	home, other := m.IntN(m.n), m.IntN(m.n)
	if home == other || len(members) == 0 || m.once(2) {
		return
	}
	for _, e := range members {
		if e.in[other] != nil {
			return
		}
	}
	m.sameIDs = false
	t := &typ{name: "Item", kind: abstraction, members: members, keyed: true}
	id := members[0].keys[0].uses[0]
	t.fields = []*field{{of: t, name: "id", typ: id.typ, shape: shape{true}, needed: true}}
	t.keys = []key{{"id", slices.Clone(t.fields)}}
	in := &part{keys: []*key{&t.keys[0]}, unresolvable: []bool{false}, members: members}
	t.in[home] = in
	for range m.IntN(3) {
		m.abstractField(t)
	}
	for _, e := range members {
		e.lacks[other] = true
		m.place(e, home)
		m.placeKey(e, home)
	}
	for _, f := range t.fields {
		if !m.place(f.typ, home) {
			continue
		}
		in.uses = append(in.uses, &use{field: f, shape: f.shape})
		for _, e := range members {
			m.take(e.field(f.name), home)
		}
	}
	t.in[other] = &part{keys: in.keys, unresolvable: []bool{false}, interfaceObject: true}
	m.take(t.keys[0].uses[0], other)
	defer m.secondObject(t)
	for range 1 + m.IntN(3) {
		f := m.leafField(t)
		for taken := true; taken; {
			taken = slices.ContainsFunc(members, func(e *typ) bool { return e.field(f.name) != nil })
			if taken {
				m.fields++
				f.name = fmt.Sprintf("%s%d", pick(m, leafNames), m.fields)
			}
		}
		m.take(f, other)
	}
	m.all = append(m.all, t)
}

// secondObject makes another subgraph know an interface as an object type, with a field of its own.
func (m *maker) secondObject(t *typ) {
	s := m.IntN(m.n)
	if t.in[s] != nil || slices.ContainsFunc(t.members, func(e *typ) bool { return e.in[s] != nil }) || m.once(2) {
		return
	}
	for _, e := range t.members {
		e.lacks[s] = true
	}
	t.in[s] = &part{keys: []*key{&t.keys[0]}, unresolvable: []bool{false}, interfaceObject: true}
	m.take(t.keys[0].uses[0], s)
	m.fields++
	f := &field{of: t, name: fmt.Sprintf("%s%d", pick(m, leafNames), m.fields), typ: pick(m, m.scalars), shape: shape{m.once(3)}}
	t.fields = append(t.fields, f)
	m.take(f, s)
}

// roots makes the root fields of all subgraphs.
func (m *maker) roots() {
	m.query, m.mutate = &typ{name: "Query", kind: root}, &typ{name: "Mutation", kind: root}
	for s := range m.n {
		if s > 0 && m.once(6) {
			continue // its entities are reached from others
		}
		for range 1 + m.IntN(3) {
			m.rootField(m.query, s)
		}
		if m.once(4) {
			m.rootField(m.mutate, s)
		}
	}
}

func (m *maker) rootField(t *typ, s int) {
	to := pick(m, m.all)
	if m.once(8) {
		to = pick(m, m.scalars)
	}
	if !m.place(to, s) {
		return
	}
	f := m.add(t, to, m.shape(true), strings.ToLower(to.name))
	f.shape[0] = f.shape[0] && m.once(2)
	if m.once(4) {
		f.args = m.arguments()
	}
	m.take(f, s)
	if other := m.IntN(m.n); t == m.query && m.once(4) {
		m.take(f, other)
	}
}

// linkValues adds fields with entities to value types, in all subgraphs that have them.
func (m *maker) linkValues() {
	for _, t := range m.of(value) {
		if t.name == "Dimension" || !m.once(3) {
			continue
		}
		f := m.add(t, pick(m, m.of(entity)), m.shape(true), linkNames...)
		for s, p := range t.in {
			if p != nil {
				m.take(f, s)
			}
		}
	}
}

// links adds fields with object types to entities of a subgraph, and to its interface object.
func (m *maker) links(s int) {
	for _, t := range m.all {
		p := t.in[s]
		if p == nil || t.kind != entity && (!p.interfaceObject || m.once(2)) {
			continue
		}
		for range m.IntN(3) {
			to := pick(m, m.all)
			if m.once(15) && m.onlyRoot(s) {
				to = m.query
			}
			if !m.place(to, s) || t.kind == abstraction && to.kind != entity {
				continue
			}
			f := m.add(t, to, m.shape(to != m.query), linkNames...)
			if to.kind != entity {
				f.shape[len(f.shape)-1] = false
				f.shape[0] = false
			}
			for _, member := range t.members {
				if member.field(f.name) != nil {
					m.fields++
					f.name = fmt.Sprintf("%s%d", f.name, m.fields)
				}
			}
			if m.once(8) {
				f.args = m.arguments()
			}
			m.take(f, s)
			if other := m.IntN(m.n); m.once(6) && t.in[other] != nil && t.kind == entity {
				m.take(f, other)
			}
		}
	}
}

// onlyRoot reports whether a subgraph has all root fields. Others cannot be reached from below the root.
func (m *maker) onlyRoot(s int) bool {
	for i, p := range m.query.in {
		if (p != nil) != (i == s) {
			return false
		}
	}
	return true
}

// requirements adds fields that require what other subgraphs resolve.
func (m *maker) requirements(s int) {
	for _, t := range m.all {
		p := t.in[s]
		if p == nil || len(p.keys) == 0 || t.kind != entity && !p.interfaceObject || !m.once(2) {
			continue
		}
		for range 1 + m.IntN(2) {
			var parts []string
			for range 1 + m.IntN(2) {
				m.undo = nil
				switch text := m.require(t, s, 2); {
				case text == "":
				case mergeable(append(parts, text)):
					parts = append(parts, text)
				default:
					for _, undo := range m.undo {
						undo()
					}
				}
			}
			if len(parts) == 0 {
				continue
			}
			f := m.leafField(t)
			for _, member := range t.members {
				if member.field(f.name) != nil {
					m.fields++
					f.name = fmt.Sprintf("%s%d", f.name, m.fields)
				}
			}
			m.take(f, s)
			f.requirement = strings.Join(parts, " ")
		}
	}
}

// mergeable reports whether a requirement has each field with the same arguments everywhere.
func mergeable(parts []string) bool {
	args := map[string]string{}
	var same func(ast.SelectionSet) bool
	same = func(set ast.SelectionSet) bool {
		for _, selected := range set {
			switch s := selected.(type) {
			case *ast.Field:
				text := ""
				for _, a := range s.Arguments {
					text += a.Name + a.Value.String()
				}
				if before, known := args[s.Name]; known && before != text || !same(s.SelectionSet) {
					return false
				}
				args[s.Name] = text
			case *ast.InlineFragment:
				if !same(s.SelectionSet) {
					return false
				}
			}
		}
		return true
	}
	return same(selectionOf(strings.Join(parts, " ")))
}

// require returns a selection of something that others resolve, which the subgraph declares external. It is empty when
// there is nothing.
func (m *maker) require(t *typ, s, depth int) string {
	candidates := slices.DeleteFunc(slices.Clone(t.fields), func(f *field) bool {
		u := t.in[s].use(f)
		return u != nil && !u.external && depth == 2 || f.typ.kind == root || depth == 0 && f.typ.composite() ||
			len(f.resolvers()) == 0 || !m.place(f.typ, s)
	})
	if len(candidates) == 0 {
		return ""
	}
	f := pick(m, candidates)
	text := f.name + m.literals(f)
	if f.typ.composite() {
		inner := m.requireWithin(f.typ, s, depth-1)
		if inner == "" {
			return ""
		}
		text += " { " + inner + " }"
		m.nested = true
	}
	m.external(f, s)
	f.needed = true
	for _, member := range t.members { // of an interface object
		if own := member.field(f.name); own != nil {
			own.needed = true
		}
	}
	return text
}

// requireWithin selects within an object that is required.
func (m *maker) requireWithin(t *typ, s, depth int) string {
	switch t.kind {
	case abstraction, union:
		if t.in[s].interfaceObject {
			return ""
		}
		var parts []string
		for _, member := range t.in[s].members {
			if len(parts) > 0 && m.once(2) {
				continue
			}
			if inner := m.require(member, s, depth); inner != "" {
				parts = append(parts, "... on "+member.name+" { "+inner+" }")
			}
		}
		if uses := t.in[s].uses; len(uses) > 0 && m.once(2) {
			if f := uses[0].field; !f.typ.composite() {
				parts = append(parts, f.name+m.literals(f))
				for _, member := range t.members {
					member.field(f.name).needed = true
				}
			}
		}
		return strings.Join(parts, " ")
	}
	return m.require(t, s, depth)
}

// external declares a field that a subgraph needs and does not resolve.
func (m *maker) external(f *field, s int) {
	if p := f.of.in[s]; p.use(f) == nil {
		u := &use{field: f, shape: slices.Clone(f.shape), external: f.of.kind != value}
		p.uses = append(p.uses, u)
		m.undo = append(m.undo, func() { p.uses = slices.DeleteFunc(p.uses, func(v *use) bool { return v == u }) })
	}
}

// literals returns arguments for a field of a requirement.
func (m *maker) literals(f *field) string {
	var args []string
	for _, a := range f.args {
		name, typ, _ := strings.Cut(a, ": ")
		if text, ok := literals[typ]; ok && (strings.HasSuffix(typ, "!") || m.once(2)) {
			args = append(args, name+": "+pick(m, text))
		}
	}
	if len(args) == 0 {
		return ""
	}
	return "(" + strings.Join(args, ", ") + ")"
}

var literals = map[string][]string{
	"Int": {"1", "2"}, "Int! = 2": {"1", "2"}, "String": {`"a"`, `"b"`}, "Level = LOW": {"LOW", "HIGH"}, "String!": {`"EUR"`, `"USD"`},
	"[ID!]": {`["1"]`, `["1", "2"]`}, "Filter": {`{ min: 1 }`, `{ min: 2, levels: [HIGH] }`},
}

// provisions adds @provides to some links to entities.
func (m *maker) provisions(s int) {
	for _, t := range append([]*typ{m.query}, m.all...) {
		p := t.in[s]
		if p == nil || t.kind == abstraction || t.kind == union {
			continue
		}
		for _, u := range p.uses {
			if u.external || len(u.resolvers()) > 1 || !m.once(3) { // the composer forgets it on fields that all subgraphs share
				continue
			}
			switch to := u.typ; to.kind {
			case entity:
				u.provides = m.provide(to, s)
			case abstraction, union:
				if at := to.in[s]; !at.interfaceObject {
					if member := pick(m, at.members); member.kind == entity {
						if inner := m.provide(member, s); inner != "" {
							u.provides = "... on " + member.name + " { " + inner + " }"
						}
					}
				}
			}
		}
	}
}

func (m *maker) provide(t *typ, s int) string {
	for _, i := range m.Perm(len(t.fields)) {
		f := t.fields[i]
		if len(f.args) > 0 || f.typ.kind == abstraction || f.typ.kind == union || f.typ.kind == entity && (f.typ == t || m.once(2)) || len(f.resolvers()) == 0 {
			continue
		}
		if u := t.in[s].use(f); u != nil && !u.external || !m.place(f.typ, s) {
			continue
		}
		text := f.name
		if f.typ.kind == entity {
			inner := m.provide(f.typ, s)
			if inner == "" {
				continue
			}
			text += " { " + inner + " }"
		}
		if f.typ.kind == value {
			uses := f.typ.in[s].uses
			i := slices.IndexFunc(uses, func(u *use) bool { return !u.typ.composite() && len(u.args) == 0 })
			if i < 0 {
				continue
			}
			text += " { " + uses[i].name + " }"
		}
		m.external(f, s)
		return text
	}
	return ""
}

// overrides moves fields to other subgraphs.
func (m *maker) overrides() {
	for _, t := range m.of(entity) {
		for _, f := range t.fields {
			from, to := f.resolvers(), m.IntN(m.n)
			if len(from) != 1 || f.requirement != "" || !m.once(12) || t.in[to] == nil || t.in[to].use(f) != nil || t.in[from[0]].hasKey(f) {
				continue
			}
			if slices.ContainsFunc(t.in[to].keys, func(k *key) bool { return slices.Contains(k.uses, f) }) || !m.place(f.typ, to) {
				continue
			}
			old := t.in[from[0]].use(f)
			if old.provides != "" || m.inInterface(f, from[0]) {
				continue
			}
			now := m.take(f, to)
			label := ""
			switch m.IntN(4) {
			case 0:
				label, now.overridden = `, label: "percent(0)"`, true
			case 1:
				label, f.progressive = `, label: "percent(50)"`, true
			case 2:
				label, old.overridden = `, label: "percent(100)"`, true
			default:
				old.overridden = true
			}
			now.directives = []string{fmt.Sprintf(`@override(from: %q%s)`, name(from[0]), label)}
		}
	}
}

func (m *maker) inInterface(f *field, s int) bool {
	return slices.ContainsFunc(m.of(abstraction), func(t *typ) bool { return t.in[s] != nil && t.field(f.name) != nil })
}

// complete decides what depends on all subgraphs that have a field.
func (m *maker) complete() {
	for _, t := range append([]*typ{m.query, m.mutate}, m.all...) {
		for _, f := range t.fields {
			shared := len(f.resolvers()) > 1 && !f.progressive
			hide := t.kind == entity && m.once(25) && !slices.ContainsFunc(m.of(abstraction), func(i *typ) bool { return i.field(f.name) != nil })
			deny := m.auth && !hide && !f.needed && t.kind != abstraction && !m.inKey(f) && m.once(15)
			if deny {
				m.denied = append(m.denied, t.name+"."+f.name)
			}
			for _, p := range t.in {
				u := p.use(f)
				if u == nil {
					continue
				}
				if u.external {
					u.directives = append(u.directives, "@external")
				} else if shared && !u.overridden && !p.hasKey(f) && t.kind != abstraction {
					u.directives = append(u.directives, "@shareable")
					for i := range u.shape {
						u.shape[i] = u.shape[i] && (!m.differ || m.IntN(3) > 0 || f.needed || !m.weakens(f))
					}
				}
				if f.requirement != "" && !u.external {
					u.directives = append(u.directives, fmt.Sprintf("@requires(fields: %q)", f.requirement))
				}
				if u.provides != "" {
					u.directives = append(u.directives, fmt.Sprintf("@provides(fields: %q)", u.provides))
				}
				if hide && !u.external {
					u.directives = append(u.directives, "@inaccessible")
				}
				if deny && !u.external {
					u.directives = append(u.directives, "@authenticated")
				}
			}
		}
	}
	for _, t := range m.all {
		for _, p := range t.in {
			if p == nil || t.kind != entity {
				continue
			}
			bare := !slices.ContainsFunc(p.uses, func(u *use) bool { return !u.external && !p.hasKey(u.field) })
			requires := slices.ContainsFunc(p.uses, func(u *use) bool { return !u.external && u.requirement != "" })
			elsewhere := !slices.ContainsFunc(p.keys, func(k *key) bool { // all that only this key would reach
				return slices.ContainsFunc(k.uses, func(f *field) bool {
					return slices.ContainsFunc(t.in[:], func(q *part) bool { return q != nil && q.use(f) == nil })
				})
			})
			for i := range p.keys {
				p.unresolvable[i] = !requires && elsewhere && (bare && m.once(2) || m.once(80))
			}
		}
	}
}

// weakens reports whether the field may be nullable in a subgraph: no interface promises more.
func (m *maker) weakens(f *field) bool {
	for _, t := range m.of(abstraction) {
		if slices.Contains(t.members, f.of) && t.field(f.name) != nil {
			return false
		}
	}
	return true
}
