package planner

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/supergraph"
)

// emitter turns choices into groups of fields that are fetched together.
type emitter struct {
	*search
	operation ast.Operation
	headers   map[ast.Operation]header
	deferred  []Deferred
	groups    []*group
	last      *group // of a mutation's root fields
}

// group is one fetch in the making.
type group struct {
	subgraph *subgraph
	site     *site
	typename string   // of representations
	requires string   // the requirement that representations have
	part     int      // deferred part of the fields that opened the group
	level    int      // depth of the hop: a group only needs groups of lower levels at its site, so there is no circle
	on       []string // object types of entities; nil for root fields
	entities bool
	fields   []RepresentationField
	seen     map[string][]Conditions // under which the key of each type is fetched
	always   bool                    // fetched also when the conditions of its fields do not hold, for the objects' types
	out      *output
	needs    []*group
	parts    map[int]bool // deferred parts that have a field of the group
	stage    int
}

// site is a position of the response that is resolved from one source, and by further groups.
type site struct {
	path       Path
	types      []string
	table      *table
	conditions Conditions
	from       source
	group      *group // of the source
	out        *output
	opened     []*group
	waits      []*group // groups without which the path cannot be followed
}

// output is what a group selects at a position.
type output struct {
	member   *supergraph.Member // nil for entities of several types
	typename bool
	loose    bool // written so that it fits an interface, too
	entries  []*entry
}

// entry is a selected field.
type entry struct {
	storage, name, arguments string
	variables                []string
	directives               directives
	on                       []string
	conditions               Conditions
	leaf                     bool
	below                    *output
}

// emit adds a selection to the groups of a site and returns the groups that have a part of it.
func (e *emitter) emit(at *site, sel *set, c *choice, outer Conditions) (touched []*group, err error) {
	if err := e.types(at, sel); err != nil {
		return nil, err
	}
	picks := c.picks
	if e.operation == ast.Mutation && len(at.path) == 0 {
		picks = inOrder(picks)
	}
	part := func(pick) int { return at.part() }
	if len(e.deferred) > 1 {
		part = func(p pick) int { return sel.part(at, p.node) }
		picks = slices.SortedStableFunc(slices.Values(picks), func(p, q pick) int { return cmp.Compare(part(p), part(q)) })
	}
	for _, p := range picks {
		conditions := joined(outer, p.node.conditions)
		p.hop = e.apart(at, p, part(p))
		targets, err := e.targets(at, p, conditions, part(p))
		if err != nil {
			return nil, err
		}
		for _, to := range targets {
			if p.node.field != nil {
				to.group.parts[p.node.field.Deferred] = true
			}
			more, err := e.add(at, to.site, p.node, to.on, p.from, p.below, conditions)
			if err != nil {
				return nil, err
			}
			touched = union(union(touched, []*group{to.group}), more)
		}
	}
	return touched, nil
}

// target is where a pick's field of some object types is added.
type target struct {
	*site

	on []string
}

// targets opens the groups of a pick. Object types that the subgraph is reached for at different stages have a group each.
func (e *emitter) targets(at *site, p pick, conditions Conditions, part int) (all []target, err error) {
	for _, object := range p.on {
		to, err := e.open(at, p, object, conditions, part)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(other target) bool { return other.group == to.group })
		if i < 0 {
			i = len(all)
			all = append(all, target{site: to})
		}
		all[i].on = append(all[i].on, object)
	}
	return all, nil
}

// inOrder moves the picks of each root field of a mutation to its first one: everything below the field is fetched before
// the next field is executed.
func inOrder(picks []pick) []pick {
	first := map[string]int{}
	for i, p := range picks {
		if _, known := first[p.node.field.Storage]; !known {
			first[p.node.field.Storage] = i
		}
	}
	return slices.SortedStableFunc(slices.Values(picks), func(a, b pick) int {
		return cmp.Compare(first[a.node.field.Storage], first[b.node.field.Storage])
	})
}

// part is the deferred part whose fetches bring the objects.
func (at *site) part() int {
	if at.group == nil {
		return 0
	}
	return at.group.part
}

// part is the deferred part that fetches a field: the first of those that select it. Keys and requirements come with
// their site.
func (s *set) part(at *site, n *node) int {
	if n.field == nil {
		return at.part()
	}
	part := n.field.Deferred
	for _, other := range s.nodes {
		if other.field != nil && other.field.Storage == n.field.Storage {
			part = min(part, other.field.Deferred)
		}
	}
	return part
}

// apart returns the hop for a field. A deferred field of the objects' own source is fetched by a key, so that it holds
// up no earlier part. It comes with its objects if it is there anyway, is (or only leads to) a key, or if the key may be
// null.
func (e *emitter) apart(at *site, p pick, part int) *hop {
	if !p.hop.origin() || part == at.part() || p.node.field == nil || p.leads() || at.out.has(p.node.field.Storage) {
		return p.hop
	}
	var found *hop
	for _, object := range p.on {
		hops := e.hops(at.from, object)
		i := slices.IndexFunc(hops, func(h *hop) bool {
			return (found == nil || found.alike(h)) && e.leadsBack(at, h, p, object)
		})
		if i < 0 {
			return p.hop
		}
		if found == nil {
			found = hops[i]
		}
	}
	return found
}

// leadsBack reports whether a hop goes to the objects' own subgraph, by a key that they have, and finds a field there.
func (e *emitter) leadsBack(at *site, h *hop, p pick, object string) bool {
	if h.key == nil || h.depth != 1 || h.subgraph != at.from.subgraph || !e.graph.sure(h.key) ||
		p.node.sub == nil && h.key.has(p.node.name) ||
		slices.ContainsFunc(h.steps, func(s step) bool { return !s.from.origin() }) {
		return false
	}
	_, below, ok := e.resolves(h.source, object, p.node.name)
	return ok && below.key() == p.from.key()
}

// sure reports whether no field of a key may be null.
func (g *graph) sure(key *set) bool {
	return !slices.ContainsFunc(key.nodes, func(n *node) bool {
		nullable := func(object string) bool { return !g.field(object, n.name).Type.NonNull }
		return slices.ContainsFunc(n.on, nullable) || n.sub != nil && !g.sure(n.sub)
	})
}

// leads reports whether the field's source gives nothing of its objects but what other subgraphs need.
func (p pick) leads() bool {
	return p.below != nil && !slices.ContainsFunc(p.below.picks, func(inner pick) bool { return inner.hop.origin() })
}

func (s *set) has(name string) bool {
	return slices.ContainsFunc(s.nodes, func(n *node) bool { return n.name == name })
}

func (o *output) has(storage string) bool {
	return slices.ContainsFunc(o.entries, func(e *entry) bool { return e.storage == storage })
}

// types makes sure that the type of objects is known where it matters.
func (e *emitter) types(at *site, sel *set) error {
	if len(at.types) < 2 {
		return nil
	}
	if at.out != nil && at.from.typed() {
		at.out.typename = true
		return nil
	}
	needed := slices.ContainsFunc(sel.nodes, func(n *node) bool {
		return n.name == typename || len(n.on) != len(at.types)
	})
	if at.from.subgraph == nil || !needed {
		return nil
	}
	hops := e.hops(at.from, at.types[0])
	i := slices.IndexFunc(hops, func(h *hop) bool { return h.typed == nil && h.view.typed() })
	if i < 0 {
		return fmt.Errorf("no subgraph resolves the type of %s", at.from.member.Name)
	}
	var found []*group
	for _, object := range at.types {
		all := e.hops(at.from, object)
		j := slices.IndexFunc(all, hops[i].alike)
		if j < 0 { // the subgraph does not know the object type
			continue
		}
		to, err := e.reachHop(at, all[j], object, nil, at.part(), nil)
		if err != nil {
			return err
		}
		to.out.typename = true
		found = union(found, []*group{to.group})
	}
	for _, g := range found {
		g.on, g.always = at.types, true
		for _, n := range sel.nodes {
			if n.field != nil {
				g.parts[n.field.Deferred] = true
				if n.field.On != nil { // decides which objects have a deferred fragment
					g.parts[e.deferred[n.field.Deferred].Within] = true
				}
			}
		}
	}
	at.waits = union(at.waits, found)
	return nil
}

// open returns where a pick's field of an object type is added.
func (e *emitter) open(at *site, p pick, object string, conditions Conditions, part int) (*site, error) {
	h := p.hop
	if !h.origin() && h.key != nil && p.on[0] != object { // the same hop for another type
		hops := e.hops(at.from, object)
		h = hops[slices.IndexFunc(hops, h.alike)]
	}
	if h.key == nil && !h.origin() {
		storage := ""
		if p.node.field != nil {
			storage = p.node.field.Storage
		}
		return e.reachRoot(at, h, storage, part), nil
	}
	return e.reachHop(at, h, object, conditions, part, &p)
}

// reachHop returns the site of a hop's group, which it adds unless there is one.
func (e *emitter) reachHop(at *site, h *hop, object string, conditions Conditions, part int, p *pick) (*site, error) {
	if h.origin() {
		return at, nil
	}
	if h.key == nil {
		return e.reachRoot(at, h, "", part), nil
	}
	requires, level := "", h.depth
	if p != nil && p.required != nil {
		requires, level = p.template.text(), max(level, p.required.cost.depth+1)
	}
	i := slices.IndexFunc(at.opened, func(g *group) bool {
		return g.entities && g.subgraph == h.subgraph && g.typename == h.typename && g.requires == requires &&
			g.part == part && g.level == level
	})
	if i < 0 {
		i = len(at.opened)
		g := e.group(at, h.subgraph, part)
		g.entities, g.typename, g.requires, g.level = true, h.typename, requires, level
		if h.typename != "" {
			g.out.member = h.member
		}
	}
	g := at.opened[i]
	to := &site{types: at.types, table: at.table, from: h.source, group: g, out: g.out}
	if slices.ContainsFunc(g.seen[object], func(c Conditions) bool { return len(c) == 0 || slices.Equal(c, conditions) }) {
		return to, nil
	}
	if !slices.Contains(g.on, object) {
		g.on = append(g.on, object)
		slices.Sort(g.on)
	}
	g.seen[object] = append(g.seen[object], conditions)
	return to, e.represent(at, g, h, object, conditions, p)
}

func (e *emitter) group(at *site, sub *subgraph, part int) *group {
	g := &group{subgraph: sub, site: at, part: part, out: &output{}, parts: map[int]bool{}, seen: map[string][]Conditions{}}
	if at.group != nil {
		g.needs = append(g.needs, at.group)
	}
	g.needs = union(g.needs, at.waits)
	e.groups = append(e.groups, g)
	at.opened = append(at.opened, g)
	return g
}

// reachRoot returns the site of a group of root fields. A root field of a mutation that is selected more than once is
// executed once, with the first group that has it.
func (e *emitter) reachRoot(at *site, h *hop, storage string, part int) *site {
	i := slices.IndexFunc(at.opened, func(g *group) bool {
		if g.entities || g.subgraph != h.subgraph || g.part != part {
			return false
		}
		return len(at.path) > 0 || e.operation != ast.Mutation || g == e.last ||
			slices.ContainsFunc(g.out.entries, func(other *entry) bool { return other.storage == storage })
	})
	if i < 0 {
		i = len(at.opened)
		before := slices.Clone(e.groups)
		g := e.group(at, h.subgraph, part)
		g.out.member = h.member
		if e.operation == ast.Mutation && len(at.path) == 0 {
			g.needs = before // root fields of a mutation are executed one after the other
			e.last = g
		}
	}
	g := at.opened[i]
	return &site{types: at.types, table: at.table, from: h.source, group: g, out: g.out}
}

// represent adds the key of an object type, and a requirement, to the representations of a group.
func (e *emitter) represent(at *site, g *group, h *hop, object string, conditions Conditions, p *pick) error {
	if h.typed != nil && len(at.types) > 1 {
		to, err := e.reachHop(at, h.typed, object, conditions, at.part(), nil)
		if err != nil {
			return err
		}
		to.out.typename = true
		g.need(to.group)
	}
	on := []string{object}
	for _, s := range h.steps {
		to, err := e.reachHop(at, s.from, object, conditions, at.part(), nil)
		if err != nil {
			return err
		}
		g.need(to.group)
		touched, err := e.add(at, to, s.node, on, s.into, s.below, conditions)
		if err != nil {
			return err
		}
		g.need(touched...)
	}
	g.fields = e.merge(g.fields, e.representation(at, h.key, on, true))
	if p == nil || p.required == nil {
		return nil
	}
	touched, err := e.emit(at, p.template, p.required, conditions)
	if err != nil {
		return err
	}
	g.need(touched...)
	g.fields = e.merge(g.fields, e.representation(at, p.template, on, false))
	return nil
}

func (g *group) need(others ...*group) {
	for _, other := range others {
		if other != nil && other != g && !slices.Contains(g.needs, other) {
			g.needs = append(g.needs, other)
		}
	}
}

// representation returns the fields of representations for a key or requirement.
func (e *emitter) representation(at *site, t *set, on []string, key bool) (fields []RepresentationField) {
	for _, n := range t.nodes {
		for _, part := range e.variants(at, n, intersect(n.on, on)) {
			f := RepresentationField{Name: n.name, Storage: part.storage, On: part.on, Key: key}
			if len(part.on) == len(at.types) {
				f.On = nil
			}
			if n.sub != nil {
				below := &site{types: n.sub.types, table: part.below}
				f.Fields = e.representation(below, n.sub, n.sub.types, key)
				if len(n.sub.types) > 1 {
					f.Fields = append([]RepresentationField{{Name: typename, Storage: typename, Key: key}}, f.Fields...)
				}
			}
			fields = append(fields, f)
		}
	}
	return fields
}

// stored is a node under one storage name, with the object types that have it there.
type stored struct {
	*variant

	on []string
}

// variants returns the storage of a node for object types.
func (e *emitter) variants(at *site, n *node, on []string) (all []stored) {
	for _, object := range on {
		v := e.variant(at, n, object)
		i := slices.IndexFunc(all, func(s stored) bool { return s.variant == v })
		if i < 0 {
			i = len(all)
			all = append(all, stored{variant: v})
		}
		all[i].on = append(all[i].on, object)
	}
	return all
}

// merge adds fields to a template, or their object types to fields that are there.
func (e *emitter) merge(fields, more []RepresentationField) []RepresentationField {
	for _, f := range more {
		i := slices.IndexFunc(fields, func(other RepresentationField) bool {
			return other.Name == f.Name && other.Storage == f.Storage && sameFields(other.Fields, f.Fields)
		})
		switch {
		case i < 0:
			fields = append(fields, f)
		case fields[i].On != nil && f.On != nil:
			fields[i].On = names(fields[i].On, f.On)
			fields[i].Key = fields[i].Key || f.Key
		default:
			fields[i].On = nil
			fields[i].Key = fields[i].Key || f.Key
		}
	}
	return fields
}

func sameFields(a, b []RepresentationField) bool {
	return slices.EqualFunc(a, b, func(x, y RepresentationField) bool {
		return x.Name == y.Name && x.Storage == y.Storage && slices.Equal(x.On, y.On) && sameFields(x.Fields, y.Fields)
	})
}

// names returns the sorted union of names.
func names(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// add adds a field to a group and emits its selection.
func (e *emitter) add(
	at, to *site, n *node, on []string, child source, below *choice, conditions Conditions,
) ([]*group, error) {
	var touched []*group
	for _, part := range e.variants(at, n, on) {
		added := to.out.add(entry{
			storage: part.storage, name: n.name, arguments: n.arguments, variables: n.variables,
			directives: n.directives, on: part.on, conditions: conditions, leaf: n.sub == nil,
		})
		if n.sub == nil {
			continue
		}
		if added.below == nil {
			added.below = &output{member: child.member, loose: child.loose}
		}
		step := Step{Storage: part.storage, On: part.on}
		if len(step.On) == len(at.types) {
			step.On = nil
		}
		inner := &site{
			path: append(slices.Clip(at.path), step), types: n.sub.types, table: part.below,
			conditions: joined(at.conditions, conditions), from: child, group: to.group, out: added.below, waits: at.waits,
		}
		more, err := e.emit(inner, n.sub, below, nil)
		if err != nil {
			return nil, err
		}
		touched = union(touched, more)
	}
	return touched, nil
}

// variant returns the storage of a node.
func (e *emitter) variant(at *site, n *node, object string) *variant {
	if n.field != nil {
		i := slices.IndexFunc(at.table.variants, func(v *variant) bool { return v.storage == n.field.Storage })
		return at.table.variants[i]
	}
	return at.table.added(n.name, n.arguments, object)
}

// add adds an entry or returns the one that is there.
func (o *output) add(added entry) *entry {
	for _, other := range o.entries {
		if other.absorb(&added) || other.storage == added.storage && other.directives == added.directives &&
			slices.Equal(other.on, added.on) &&
			(slices.Equal(other.conditions, added.conditions) || len(other.conditions) == 0 && other.below == nil) {
			return other
		}
	}
	o.entries = append(o.entries, &added)
	return o.entries[len(o.entries)-1]
}

func joined(a, b Conditions) Conditions {
	if len(a) == 0 {
		return b
	}
	for _, c := range b {
		if !slices.Contains(a, c) {
			a = append(slices.Clip(a), c)
		}
	}
	return a
}

func union(a, b []*group) []*group {
	for _, g := range b {
		if !slices.Contains(a, g) {
			a = append(slices.Clip(a), g)
		}
	}
	return a
}
