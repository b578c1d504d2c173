package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// position is objects of one type, with the sources that they may come from at once.
type position struct {
	sources []source
	object  string
	parent  string // the field that leads here, for messages
}

// Unreachable names the fields that clients see and that no subgraph resolves at some place where their objects occur,
// such as a field of an object without a key that another subgraph returns. Composition should refuse such a
// supergraph, but not all composers do. It names at most this many. The search ends after a bounded amount of work.
func (p *Planner) Unreachable(most int) (all []string) {
	all = p.graph.unreachable(func(string) bool { return false })
	if len(p.graph.labelled) > 0 { // progressive overrides
		all = append(all, p.graph.unreachable(func(string) bool { return true })...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), most)]
}

func (g *graph) unreachable(labels func(string) bool) (all []string) {
	s := newSearch(g, labels, func() bool { return false })
	seen := map[string]bool{}
	var queue []position
	enter := func(sources []source, objects []string, parent string) {
		for _, object := range objects {
			at := position{object: object, parent: parent}
			for _, from := range sources {
				if from.subgraph == nil || !from.typed() || slices.Contains(from.member.Possible, object) {
					at.sources = append(at.sources, from)
				}
			}
			if key := at.key(); len(at.sources) > 0 && !seen[key] {
				seen[key] = true
				queue = append(queue, at)
			}
		}
	}
	for _, kind := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		if root := g.root(kind); root != nil {
			enter([]source{{}}, []string{root.Name}, string(kind))
		}
	}
	for ; len(queue) > 0 && s.work < maxWork; queue = queue[1:] {
		at := queue[0]
		def := g.client.Types[at.object]
		if def == nil {
			continue
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			below, ok := s.below(at, f.Name)
			if !ok {
				all = append(all, fmt.Sprintf("%s.%s below %s", at.object, f.Name, at.parent))
			}
			enter(below, g.possible[f.Type.Name()], at.object+"."+f.Name)
		}
	}
	return all
}

// below returns the sources of a field's objects, and false when no source resolves the field.
func (s *search) below(at position, field string) (below []source, ok bool) {
	declared := s.graph.declared[coordinate{at.object, field}]
	n := &node{name: field}
	for _, from := range at.sources {
		for _, h := range s.hops(from, at.object) {
			p, resolved := s.option(from, h, declared, n, at.object)
			if !resolved {
				continue
			}
			ok = true
			if p.from.member != nil && !slices.ContainsFunc(below, func(b source) bool { return b.key() == p.from.key() }) {
				below = append(below, p.from)
			}
		}
	}
	return below, ok
}

// key identifies a position.
func (at position) key() string {
	keys := make([]string, len(at.sources))
	for i, from := range at.sources {
		keys[i] = fmt.Sprint(from.key())
	}
	slices.Sort(keys)
	return at.object + " " + strings.Join(keys, " ")
}
