package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/supergraph"
)

const (
	// maxWork bounds the options that are compared for one operation. Beyond it, the operation is refused.
	maxWork = 400_000
	// maxMoves bounds the work of improving assignments. Beyond it, they stay as they begin.
	maxMoves = 100_000
)

// search finds a cheap way to resolve selections. Its results say which subgraph resolves which field; they do not
// depend on where in the response a selection stands, and are remembered.
type search struct {
	cancelled func() bool
	graph     *graph
	labels    func(label string) bool
	serial    bool // root fields are executed once, one after the other
	work      int  // options compared
	moves     int  // fields looked at while assignments were improved
	known     map[choiceKey]*choice
	hopsOf    map[hopKey][]*hop
	templates map[templateKey]*set
	open      []coordinate // requirements that are being resolved
	nesting   int          // of keys within keys

	candidatesOf map[string][]*hop // by object type
}

func newSearch(g *graph, labels func(string) bool, cancelled func() bool) *search {
	return &search{
		graph: g, labels: labels, cancelled: cancelled, known: map[choiceKey]*choice{}, hopsOf: map[hopKey][]*hop{},
		templates: map[templateKey]*set{}, candidatesOf: map[string][]*hop{},
	}
}

// source is where objects come from: a subgraph, and the external fields that it provides there.
type source struct {
	view
	provided ast.SelectionSet
	strict   bool // the objects are external: only what is provided is there, and keys
	loose    bool // the subgraph may declare the objects as an interface instead of the object type
}

// resolves returns a field of an object type as the source declares it, and the source of the field's objects. It
// returns false when the source does not resolve it without a requirement.
func (s *search) resolves(from source, object, name string) (f *supergraph.MemberField, below source, ok bool) {
	f = from.field(object, name)
	if f == nil || !s.active(f) {
		return nil, below, false
	}
	provided, given := s.graph.provided(from.provided, object, name)
	if (f.External || len(f.Requires) > 0 || from.strict && !from.inKey(object, name)) && !given {
		return f, below, false
	}
	below = source{
		view: from.below(f), provided: join(provided, f.Provides), strict: given && (f.External || from.strict),
		loose: f.Shared && from.subgraph.implements(f.Type.Name()),
	}
	return f, below, true
}

// sourceKey identifies a source.
type sourceKey struct {
	view
	provided *ast.Selection
	strict   bool
}

func (from source) key() sourceKey { return sourceKey{from.view, first(from.provided), from.strict} }

type choiceKey struct {
	from    sourceKey
	set     *set
	open    string // requirements that are being resolved
	nesting int
}

type templateKey struct {
	selection *ast.Selection
	object    string
}

// first identifies a field set.
func first(selection ast.SelectionSet) *ast.Selection {
	if len(selection) == 0 {
		return nil
	}
	return &selection[0]
}

func (s *search) template(selection ast.SelectionSet, object string) *set {
	key := templateKey{first(selection), object}
	t := s.templates[key]
	if t == nil {
		t = s.graph.template(selection, []string{object})
		s.templates[key] = t
	}
	return t
}

// cost orders choices. Fields that cannot be resolved count most, then the number of fetches that wait for each other.
type cost struct{ missing, absent, depth, fetches, fields int }

func (c cost) compare(d cost) int {
	return cmp.Or(cmp.Compare(c.missing, d.missing), cmp.Compare(c.absent, d.absent), cmp.Compare(c.depth, d.depth),
		cmp.Compare(c.fetches, d.fetches), cmp.Compare(c.fields, d.fields))
}

// choice is how a selection of objects from one source is resolved.
type choice struct {
	picks []pick
	cost  cost
	rest  *set // what cannot be resolved; nil if nothing
}

// pick is a field of some object types that a hop resolves.
type pick struct {
	node     *node
	on       []string // sorted
	hop      *hop
	field    *supergraph.MemberField
	from     source  // of a composite field's objects
	required *choice // how its requirement is resolved, from the selection's own source; nil without one
	template *set    // the requirement
	below    *choice // of a composite field
}

// unit is a field of object types with the same options.
type unit struct {
	node    *node
	on      []string
	options []pick
}

// choose resolves a selection of objects that a source gives.
func (s *search) choose(from source, sel *set) *choice {
	key := choiceKey{from.key(), sel, s.requirements(), s.nesting}
	if c, ok := s.known[key]; ok {
		return c
	}
	c := &choice{}
	if s.work > maxWork || s.cancelled() { // Plan returns an error
		return c
	}
	var units []*unit
	for _, n := range sel.nodes {
		if strings.HasPrefix(n.name, "__") || n.field != nil && n.field.Refusal != Allowed {
			continue
		}
		more, missing, absent := s.units(from, n)
		units = append(units, more...)
		c.cost.absent += absent
		if len(missing) > 0 {
			c.miss(sel, n, missing, n.sub)
		}
	}
	s.assign(c, units)
	s.complete(from, sel, c)
	if from.subgraph == nil && !s.serial {
		s.spread(from, c)
	}
	s.known[key] = c
	return c
}

// requirements identifies the requirements that are being resolved.
func (s *search) requirements() string {
	if len(s.open) == 0 {
		return ""
	}
	return fmt.Sprint(s.open)
}

// miss adds a field to what cannot be resolved.
func (c *choice) miss(sel *set, n *node, on []string, sub *set) {
	if c.rest == nil {
		c.rest = &set{types: sel.types, table: sel.table}
	}
	part := *n
	part.on, part.sub = on, sub
	c.rest.nodes = append(c.rest.nodes, &part)
	c.cost.missing += part.size()
}

// size counts the fields of a node.
func (n *node) size() int {
	total := 1
	if n.sub != nil {
		for _, inner := range n.sub.nodes {
			total += inner.size()
		}
	}
	return total
}

// units returns the options for a field, the object types for which there are none, and how many object types the
// source does not have.
func (s *search) units(from source, n *node) (units []*unit, missing []string, absent int) {
	for _, object := range n.on {
		if from.subgraph != nil && from.typed() && !slices.Contains(from.member.Possible, object) {
			absent++
			continue
		}
		options := s.options(from, n, object)
		if len(options) == 0 {
			missing = append(missing, object)
			continue
		}
		i := slices.IndexFunc(units, func(u *unit) bool { return slices.EqualFunc(u.options, options, pick.alike) })
		if i < 0 {
			i = len(units)
			units = append(units, &unit{node: n, options: options})
		}
		units[i].on = append(units[i].on, object)
	}
	for _, u := range units {
		for i := range u.options {
			u.options[i].on = u.on
		}
	}
	return units, missing, absent
}

// alike reports whether two options for different object types can be one.
func (p pick) alike(q pick) bool {
	return p.hop.alike(q.hop) && p.template == q.template && p.below == q.below &&
		first(p.field.Provides) == first(q.field.Provides)
}

// options returns the ways to resolve a field of one object type.
func (s *search) options(from source, n *node, object string) (options []pick) {
	declared := s.graph.declared[coordinate{object, n.name}]
	for _, h := range s.hops(from, object) {
		p, ok := s.option(from, h, declared, n, object)
		if !ok {
			continue
		}
		if n.sub != nil {
			p.below = s.choose(p.from, n.sub)
		}
		options = append(options, p)
	}
	return options
}

// option returns the way to resolve a field at a hop, without the selection below it, and false when there is none.
func (s *search) option(from source, h *hop, declared []declaration, n *node, object string) (p pick, ok bool) {
	if !slices.ContainsFunc(declared, func(d declaration) bool { return d.subgraph == h.subgraph.index }) {
		return p, false
	}
	s.work++
	p = pick{node: n, hop: h}
	if p.field, p.from, ok = s.resolves(h.source, object, n.name); ok {
		return p, true
	}
	f := p.field
	if f == nil || f.External || len(f.Requires) == 0 || h.origin() || !s.require(from, &p, object, n.name) {
		return p, false
	}
	p.from = source{view: h.below(f), provided: f.Provides}
	return p, true
}

// active reports whether a subgraph resolves a field that a progressive @override may have moved.
func (s *search) active(f *supergraph.MemberField) bool {
	return f.Label == "" || s.labels(f.Label) == f.Override
}

// require resolves the requirement of a field. It returns false when that is impossible.
func (s *search) require(from source, p *pick, object, field string) bool {
	c := coordinate{object, field}
	if slices.Contains(s.open, c) {
		return false
	}
	s.open = append(s.open, c)
	p.template = s.template(p.field.Requires, object)
	p.required = s.choose(from, p.template)
	s.open = s.open[:len(s.open)-1]
	return p.required.rest == nil
}

// depth returns how many fetches come before the field's object is there, its own included.
func (p pick) depth() int {
	depth := p.hop.depth
	if p.required != nil {
		depth = max(depth, p.required.cost.depth+1)
	}
	return depth
}

// assign picks an option for each unit so that the selection is cheap as a whole. It begins with what is cheapest alone
// and then moves fields between hops for as long as that helps: all that can go to a hop, or one that is cheaper there or
// the last at its hop.
func (s *search) assign(c *choice, units []*unit) {
	a := assignment{search: s, units: units, at: make([]int, len(units))}
	a.begin()
	a.cost = s.total(units, a.at)
	hops := a.hops()
	for improved := len(hops) > 0; improved && s.moves < maxMoves && !s.cancelled(); {
		improved = false
		for _, h := range hops {
			improved = a.moveAll(h) || improved
		}
		for i := range units {
			improved = a.moveOne(i) || improved
		}
	}
	for i, u := range units {
		c.picks = append(c.picks, u.options[a.at[i]])
	}
	a.cost.missing += c.cost.missing
	a.cost.absent += c.cost.absent
	c.cost = a.cost
}

// assignment is an option for each unit of a selection.
type assignment struct {
	*search
	units []*unit
	at    []int // the option of each unit
	cost  cost
}

// begin assigns the cheapest options alone, and among equal ones those at hops that other units need anyway.
func (a *assignment) begin() {
	var opened []*hop
	for _, u := range a.units {
		if len(u.options) == 1 {
			u.options[0].hop.open(&opened)
		}
	}
	for i, u := range a.units {
		best := u.alone(0)
		for j := 1; j < len(u.options); j++ {
			c := u.alone(j).compare(best)
			if c < 0 || c == 0 && !isOpen(opened, u.options[a.at[i]].hop) && isOpen(opened, u.options[j].hop) {
				best, a.at[i] = u.alone(j), j
			}
		}
		u.options[a.at[i]].hop.open(&opened)
	}
}

func isOpen(opened []*hop, h *hop) bool { return h.origin() || slices.ContainsFunc(opened, h.alike) }

// hops returns the hops between which there is a choice.
func (a *assignment) hops() (hops []*hop) {
	for _, u := range a.units {
		for _, p := range u.options {
			if len(u.options) > 1 && !slices.ContainsFunc(hops, p.hop.alike) {
				hops = append(hops, p.hop)
			}
		}
	}
	return hops
}

// try takes another assignment if it is cheaper.
func (a *assignment) try(at []int) bool {
	t := a.total(a.units, at)
	if t.compare(a.cost) >= 0 {
		return false
	}
	a.at, a.cost = at, t
	return true
}

// moveAll moves all units that a hop can resolve there, if that is cheaper.
func (a *assignment) moveAll(h *hop) bool {
	at := slices.Clone(a.at)
	for i, u := range a.units {
		if j := slices.IndexFunc(u.options, func(p pick) bool { return p.hop.alike(h) }); j >= 0 {
			at[i] = j
		}
	}
	return !slices.Equal(at, a.at) && a.try(at)
}

// moveOne moves a unit to another option, if that is cheaper.
func (a *assignment) moveOne(i int) (moved bool) {
	u := a.units[i]
	for j := range u.options {
		if j == a.at[i] || u.alone(j).compare(u.alone(a.at[i])) >= 0 && !a.last(i) {
			continue
		}
		at := slices.Clone(a.at)
		at[i] = j
		moved = a.try(at) || moved
	}
	return moved
}

// last reports whether no other unit is resolved by a unit's hop.
func (a *assignment) last(i int) bool {
	h := a.units[i].options[a.at[i]].hop
	for k, u := range a.units {
		if k != i && u.options[a.at[k]].hop.alike(h) {
			return false
		}
	}
	return true
}

// alone returns the cost of an option by itself.
func (u *unit) alone(option int) cost {
	p := u.options[option]
	c := cost{depth: p.depth(), fetches: p.depth(), fields: 1}
	if p.below != nil {
		c = c.plus(p.below.cost, p.depth())
	}
	return c
}

// plus adds the cost of a selection below fetches of a depth.
func (c cost) plus(below cost, depth int) cost {
	return cost{
		c.missing + below.missing, c.absent + below.absent, max(c.depth, depth+below.depth), c.fetches + below.fetches,
		c.fields + below.fields,
	}
}

// total returns the cost of an assignment: fetches that several fields need count once.
func (s *search) total(units []*unit, at []int) cost {
	s.moves += len(units)
	var total cost
	var opened []*hop
	for i, u := range units {
		p := u.options[at[i]]
		total = total.plus(cost{fields: 1}, p.depth())
		total.depth = max(total.depth, p.depth())
		if p.required != nil {
			total = total.plus(p.required.cost, 0)
			total.fetches++
		} else {
			p.hop.open(&opened)
		}
		if p.below != nil {
			total = total.plus(p.below.cost, p.depth())
		}
	}
	total.fetches += len(opened)
	return total
}

// complete resolves what the picked options leave out with further ones: parts of an object without a key may come
// from several subgraphs that resolve the same field.
func (s *search) complete(from source, sel *set, c *choice) {
	for i := 0; i < len(c.picks); i++ { // grows
		p := c.picks[i]
		if p.below == nil || p.below.rest == nil {
			continue
		}
		rest := p.below.rest
		part := *p.node
		part.sub = rest
		var better *pick
		for _, option := range s.options(from, &part, p.on[0]) {
			if option.below.cost.missing < rest.count() && (better == nil || option.below.cost.compare(better.below.cost) < 0) {
				option.on = p.on
				better = &option
			}
		}
		covered := *p.below
		covered.cost.missing -= rest.count()
		covered.rest = nil
		c.picks[i].below = &covered
		c.cost.missing -= rest.count()
		if better == nil {
			c.miss(sel, p.node, p.on, rest)
			continue
		}
		c.picks = append(c.picks, *better)
		c.cost = c.cost.plus(better.below.cost, better.depth())
	}
}

// spread requests a root field from several subgraphs at once, where that spares fetches in sequence. Lists are not
// spread, because only their order says which items belong together.
func (s *search) spread(from source, c *choice) {
	for i := 0; i < len(c.picks); i++ { // grows
		p := c.picks[i]
		if p.below == nil || p.below.cost.depth == 0 || p.field.Type.Elem != nil {
			continue
		}
		local, moved := &choice{}, &set{types: p.node.sub.types, table: p.node.sub.table}
		for _, inner := range p.below.picks {
			if inner.hop.origin() && (inner.below == nil || inner.below.cost.depth == 0) {
				local.picks = append(local.picks, inner)
				continue
			}
			part := *inner.node
			part.on = inner.on
			moved.nodes = append(moved.nodes, &part)
		}
		part := *p.node
		part.sub = moved
		for _, option := range s.options(from, &part, p.on[0]) {
			if option.hop.alike(p.hop) || option.below.rest != nil || option.below.cost.depth > 0 || len(local.picks) == 0 {
				continue
			}
			option.on = p.on
			c.picks[i].below = local
			c.picks = append(c.picks, option)
			break
		}
	}
	c.cost.depth = 0
	for _, p := range c.picks {
		c.cost.depth = max(c.cost.depth, p.depth())
		if p.below != nil {
			c.cost.depth = max(c.cost.depth, p.depth()+p.below.cost.depth)
		}
	}
}

// count returns the number of fields of a set.
func (s *set) count() int {
	total := 0
	for _, n := range s.nodes {
		total += n.size()
	}
	return total
}
