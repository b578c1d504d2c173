package planner

import (
	"slices"

	"boxoffice.dev/router/internal/supergraph"
)

// maxNesting bounds how deep keys may need other entities' keys.
const maxNesting = 3

// hop is a way to objects of one type: their own source, a fetch of root fields, or a fetch of entities by a key that
// earlier hops give. Hops only build upon hops that are already there, so that they cannot form a cycle.
type hop struct {
	source
	typename string // of representations; empty for the object's own type
	key      *set   // nil for the source itself and for root fields
	steps    []step // where the fields of the key come from
	typed    *hop   // gives the object's own type, if representations need it
	depth    int
}

// step is a field of a key.
type step struct {
	node  *node
	from  *hop
	below *choice // of a composite field
	into  source  // of its objects
}

type hopKey struct {
	from    sourceKey
	object  string
	nesting int
}

// origin reports whether the hop is the objects' own source.
func (h *hop) origin() bool { return h.key == nil && h.depth == 0 }

// alike reports whether two hops are requests of the same kind to the same subgraph.
func (h *hop) alike(other *hop) bool {
	return h == other || h.subgraph == other.subgraph && h.origin() == other.origin() && h.typename == other.typename &&
		(h.member == other.member || h.typename == "" && !h.origin())
}

// open adds the fetches that a hop needs to a list.
func (h *hop) open(opened *[]*hop) {
	if isOpen(*opened, h) {
		return
	}
	*opened = append(*opened, h)
	for _, s := range h.steps {
		s.from.open(opened)
	}
	if h.typed != nil {
		h.typed.open(opened)
	}
}

// hops returns the ways to objects of a type, the nearest first.
func (s *search) hops(from source, object string) []*hop {
	if from.subgraph == nil || object == s.graph.schema.Query.Name {
		return s.roots(from, object)
	}
	key := hopKey{from.key(), object, s.nesting}
	if known, ok := s.hopsOf[key]; ok {
		return known
	}
	known := []*hop{{source: from}}
	for round := 1; ; round++ {
		var added []*hop
		pending := false
		for _, candidate := range s.candidates(object) {
			if slices.ContainsFunc(known[1:], candidate.alike) {
				continue
			}
			reached, ok := s.reach(candidate, known, object)
			switch {
			case ok && reached.depth > round:
				pending = true
			case ok && !slices.ContainsFunc(added, reached.alike):
				added = append(added, reached)
			}
		}
		known = append(known, added...)
		if len(added) == 0 && !pending {
			break
		}
	}
	s.hopsOf[key] = known
	return known
}

// roots returns the hops to a root type: every subgraph has its fields at hand.
func (s *search) roots(from source, object string) (hops []*hop) {
	if from.subgraph != nil {
		hops = append(hops, &hop{source: from})
	}
	for _, sub := range s.graph.subgraphs {
		if m := sub.members[object]; m != nil && sub != from.subgraph {
			hops = append(hops, &hop{source: source{view: view{sub, m}}, depth: 1})
		}
	}
	return hops
}

// candidates returns hops by every key of an object type, and of its interfaces.
func (s *search) candidates(object string) []*hop {
	all, ok := s.candidatesOf[object]
	if ok {
		return all
	}
	add := func(sub *subgraph, m *supergraph.Member, typename string) {
		begin := len(all)
		for _, k := range m.Keys {
			if k.Resolvable {
				key := s.template(k.Selection, object)
				all = append(all, &hop{source: source{view: view{sub, m}}, typename: typename, key: key})
			}
		}
		slices.SortStableFunc(all[begin:], func(a, b *hop) int { return a.key.count() - b.key.count() }) // small keys first
	}
	for _, sub := range s.graph.subgraphs {
		if m := sub.members[object]; m != nil {
			add(sub, m, "")
		}
		if m := sub.objects[object]; m != nil {
			add(sub, m, m.Name)
		}
		for _, owner := range sub.owners[object] {
			add(sub, sub.members[owner], owner)
		}
	}
	s.candidatesOf[object] = all
	return all
}

// reach returns the hop with its key's fields found in known hops, as near as possible, and false when they are not.
func (s *search) reach(h *hop, known []*hop, object string) (*hop, bool) {
	s.work++
	reached := *h
	if h.typename == "" {
		i := slices.IndexFunc(known, func(k *hop) bool { return k.view.typed() })
		if i < 0 {
			return nil, false
		}
		reached.typed = known[i]
		reached.depth = known[i].depth + 1
	}
	for _, n := range h.key.nodes {
		best, depth, ok := s.step(n, known, object)
		if !ok {
			return nil, false
		}
		reached.steps = append(reached.steps, best)
		reached.depth = max(reached.depth, depth+1)
	}
	reached.depth = max(reached.depth, 1)
	return &reached, true
}

// step returns the nearest hop that gives a field of a key.
func (s *search) step(n *node, known []*hop, object string) (best step, depth int, ok bool) {
	for _, k := range known {
		_, below, resolved := s.resolves(k.source, object, n.name)
		if !resolved {
			continue
		}
		candidate := step{node: n, from: k, into: below}
		at := k.depth
		if n.sub != nil {
			if s.nesting == maxNesting {
				continue
			}
			s.nesting++
			candidate.below = s.choose(below, n.sub)
			s.nesting--
			if candidate.below.rest != nil {
				continue
			}
			at += candidate.below.cost.depth
		}
		if !ok || at < depth {
			best, depth, ok = candidate, at, true
		}
	}
	return best, depth, ok
}
