package engine

import (
	"reflect"
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
)

// spread writes out fields of interfaces for each implementation by itself: { nodes { code } } as
// { nodes { ... on Open { code } ... on Closed { code } } }. It does so where their rules differ, so that each has its own; and for
// interface objects where some have fragments, with what requires something and with other names of the type: the planner forgets
// what is required of the others. The document must be printed afterwards, because selections stand in several places. It
// reports whether there were any.
func (e *Engine) spread(doc *ast.Document, set int, on ast.Node) (found bool) {
	var kept []int
	fragments := slices.ContainsFunc(doc.SelectionSets[set].SelectionRefs, func(selection int) bool {
		return doc.Selections[selection].Kind == ast.SelectionKindInlineFragment
	})
	for _, selection := range doc.SelectionSets[set].SelectionRefs {
		s := doc.Selections[selection]
		if s.Kind == ast.SelectionKindInlineFragment {
			inner, ok := e.client.Index.FirstNodeByNameStr(doc.InlineFragmentTypeConditionNameString(s.Ref))
			if !ok {
				inner = on
			}
			found = e.spread(doc, doc.InlineFragments[s.Ref].SelectionSet, inner) || found
		}
		if s.Kind != ast.SelectionKindField {
			kept = append(kept, selection)
			continue
		}
		if def, ok := e.client.NodeFieldDefinitionByName(on, doc.FieldNameBytes(s.Ref)); ok && doc.Fields[s.Ref].HasSelections {
			found = e.spread(doc, doc.Fields[s.Ref].SelectionSet, e.client.FieldDefinitionTypeNode(def)) || found
		}
		field := coordinate{e.client.NodeNameString(on), doc.FieldNameString(s.Ref)}
		var types []string
		if e.unequal[field] || fragments && doc.FieldAliasOrNameString(s.Ref) != "__typename" && e.disguises.requires(field) {
			types = e.implementations(on)
		}
		if len(types) == 0 {
			kept = append(kept, selection)
			continue
		}
		found = true
		for _, name := range types {
			inner := doc.AddSelectionSet().Ref
			doc.AddSelectionRefToSelectionSet(inner, selection)
			kept = append(kept, doc.AddSelectionToDocument(ast.Selection{Kind: ast.SelectionKindInlineFragment, Ref: doc.AddInlineFragment(ast.InlineFragment{
				TypeCondition: ast.TypeCondition{Type: doc.AddNamedType([]byte(name))}, SelectionSet: inner, HasSelections: true,
			})}))
		}
	}
	doc.SelectionSets[set].SelectionRefs = kept
	return found
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

// unequalFields returns the fields of interfaces whose rules are not those of every implementation. Composers give an interface those
// of all its implementations together.
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
