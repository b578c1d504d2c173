package engine

import (
	"reflect"
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
)

// mostSpread is how many fields a document may get so. What would be more keeps the rules of the interface, which are the stricter ones.
const mostSpread = 1000

// spread writes out fields of interfaces for each implementation by itself: { nodes { code } } as
// { nodes { ... on Open { code } ... on Closed { code } } }. It does so where their rules differ, so that each has its own; and for
// interface objects where some have fragments, with what requires something and with other names of the type: the planner forgets
// what is required of the others. The document must be printed afterwards, because selections stand in several places. It
// reports whether there were any.
func (e *Engine) spread(doc *ast.Document, set int, on ast.Node) bool {
	s := spreading{e, doc, mostSpread}
	s.set(set, on)
	return s.left < mostSpread
}

type spreading struct {
	*Engine

	doc  *ast.Document
	left int
}

// set returns how many fields a selection has, written out.
func (s *spreading) set(set int, on ast.Node) (size int) {
	refs := s.doc.SelectionSets[set].SelectionRefs
	fragments := slices.ContainsFunc(refs, func(selection int) bool { return s.doc.Selections[selection].Kind == ast.SelectionKindInlineFragment })
	var kept []int
	for _, selection := range refs {
		selected := s.doc.Selections[selection]
		if selected.Kind == ast.SelectionKindInlineFragment {
			inner, ok := s.client.Index.FirstNodeByNameStr(s.doc.InlineFragmentTypeConditionNameString(selected.Ref))
			if !ok {
				inner = on
			}
			size += s.set(s.doc.InlineFragments[selected.Ref].SelectionSet, inner)
			kept = append(kept, selection)
			continue
		}
		own := 1
		if def, ok := s.client.NodeFieldDefinitionByName(on, s.doc.FieldNameBytes(selected.Ref)); ok && s.doc.Fields[selected.Ref].HasSelections {
			own += s.set(s.doc.Fields[selected.Ref].SelectionSet, s.client.FieldDefinitionTypeNode(def))
		}
		types := s.types(selected.Ref, on, fragments)
		if more := own * (len(types) - 1); len(types) == 0 || more >= s.left {
			kept = append(kept, selection)
			size += own
			continue
		}
		s.left -= max(own*(len(types)-1), 1)
		size += own * len(types)
		for _, name := range types {
			inner := s.doc.AddSelectionSet().Ref
			s.doc.AddSelectionRefToSelectionSet(inner, selection)
			kept = append(kept, s.doc.AddSelectionToDocument(ast.Selection{Kind: ast.SelectionKindInlineFragment, Ref: s.doc.AddInlineFragment(ast.InlineFragment{
				TypeCondition: ast.TypeCondition{Type: s.doc.AddNamedType([]byte(name))}, SelectionSet: inner, HasSelections: true,
			})}))
		}
	}
	s.doc.SelectionSets[set].SelectionRefs = kept
	return size
}

// types returns for which types a field is written out, none when it is left where it is.
func (s *spreading) types(field int, on ast.Node, fragments bool) []string {
	name := coordinate{s.client.NodeNameString(on), s.doc.FieldNameString(field)}
	if s.unequal[name] || fragments && s.doc.FieldAliasOrNameString(field) != "__typename" && s.disguises.requires(name) {
		return s.implementations(on)
	}
	return nil
}

// requires reports whether a field of an interface object requires something, or is its type.
func (d disguises) requires(field coordinate) bool {
	for _, known := range d {
		if i, ok := known[field.typ]; ok && (field.field == "__typename" || i.requires[field.field] != nil) {
			return true
		}
	}
	return false
}

// unequalFields returns the fields of interfaces whose rules, those of all implementations together, are not those of each.
func (e *Engine) unequalFields() map[coordinate]bool {
	unequal := map[coordinate]bool{}
	for ref := range e.client.InterfaceTypeDefinitions {
		on := ast.Node{Kind: ast.NodeKindInterfaceTypeDefinition, Ref: ref}
		for _, def := range e.client.NodeFieldDefinitions(on) {
			field := coordinate{e.client.NodeNameString(on), e.client.FieldDefinitionNameString(def)}
			unequal[field] = slices.ContainsFunc(e.implementations(on), func(name string) bool {
				return !reflect.DeepEqual(e.rules[field], e.rules[coordinate{name, field.field}])
			})
		}
	}
	return unequal
}

// implementations returns the objects behind an interface that clients see.
func (e *Engine) implementations(on ast.Node) []string {
	names, _ := e.client.InterfaceTypeDefinitionImplementedByObjectWithNames(on.Ref)
	return names
}
