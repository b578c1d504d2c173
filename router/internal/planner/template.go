package planner

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// template returns the nodes of a key or requirement of an object type.
func (g *graph) template(selection ast.SelectionSet, types []string) *set {
	s := &set{types: types}
	g.fill(s, selection, types)
	return s
}

func (g *graph) fill(s *set, selection ast.SelectionSet, types []string) {
	for _, selected := range selection {
		switch f := selected.(type) {
		case *ast.InlineFragment:
			on := types
			if f.TypeCondition != "" {
				on = intersect(types, g.possible[f.TypeCondition])
			}
			g.fill(s, f.SelectionSet, on)
		case *ast.Field:
			on := slices.DeleteFunc(slices.Clone(types), func(t string) bool { return g.field(t, f.Name) == nil })
			if f.Name == typename || len(on) == 0 {
				continue // representations always have the type where it is not known
			}
			arguments := written(f.Arguments)
			i := slices.IndexFunc(s.nodes, func(n *node) bool {
				return n.name == f.Name && n.arguments == arguments && slices.Equal(n.on, on)
			})
			if i < 0 {
				i = len(s.nodes)
				s.nodes = append(s.nodes, &node{name: f.Name, arguments: arguments, on: on})
			}
			if len(f.SelectionSet) == 0 {
				continue
			}
			n := s.nodes[i]
			if n.sub == nil {
				n.sub = &set{types: g.below(on, f.Name)}
			}
			g.fill(n.sub, f.SelectionSet, n.sub.types)
		}
	}
}

// written returns arguments as a document has them.
func written(arguments ast.ArgumentList) string {
	text := ""
	for i, a := range arguments {
		if i > 0 {
			text += ", "
		}
		text += a.Name + ": " + a.Value.String()
	}
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// provided returns what @provides makes available below a field of an object type.
func (g *graph) provided(selection ast.SelectionSet, object, field string) (below ast.SelectionSet, ok bool) {
	for _, selected := range selection {
		switch f := selected.(type) {
		case *ast.InlineFragment:
			if f.TypeCondition != "" && !slices.Contains(g.possible[f.TypeCondition], object) {
				continue
			}
			inner, found := g.provided(f.SelectionSet, object, field)
			ok = ok || found
			below = join(below, inner)
		case *ast.Field:
			if f.Name == field {
				ok = true
				below = join(below, f.SelectionSet)
			}
		}
	}
	return below, ok
}

func join(a, b ast.SelectionSet) ast.SelectionSet {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return slices.Concat(a, b)
}

// text returns a template as a document has it, to compare requirements.
func (s *set) text() string {
	text := ""
	for _, n := range s.nodes {
		text += " " + n.name + n.arguments
		if len(n.on) != len(s.types) {
			text += " on " + strings.Join(n.on, ",")
		}
		if n.sub != nil {
			text += "{" + n.sub.text() + "}"
		}
	}
	return text
}
