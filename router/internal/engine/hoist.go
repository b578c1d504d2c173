package engine

import "github.com/wundergraph/graphql-go-tools/v2/pkg/ast"

// hoist takes fragments on objects out of fragments on interfaces and unions, { ... on Media { ... on Film { id } } },
// which say the same without: the planner forgets some of them there. It reports whether there were any. The
// document is normal: fragments are written out, and nothing depends on conditions. What stands in a fragment on an object, ofObject, is left alone.
func (e *Engine) hoist(doc *ast.Document, set int, ofObject bool) (found bool) {
	var kept []int
	for _, selection := range doc.SelectionSets[set].SelectionRefs {
		s := doc.Selections[selection]
		switch {
		case s.Kind == ast.SelectionKindField && doc.Fields[s.Ref].HasSelections:
			found = e.hoist(doc, doc.Fields[s.Ref].SelectionSet, false) || found
		case s.Kind == ast.SelectionKindInlineFragment && doc.InlineFragments[s.Ref].HasSelections:
			inner := doc.InlineFragments[s.Ref].SelectionSet
			on, ok := e.client.Index.FirstNodeByNameStr(doc.InlineFragmentTypeConditionNameString(s.Ref))
			isObject := ok && on.Kind == ast.NodeKindObjectTypeDefinition
			found = e.hoist(doc, inner, ofObject || isObject) || found
			if !ok || isObject || ofObject {
				break
			}
			var rest []int
			for _, below := range doc.SelectionSets[inner].SelectionRefs {
				object, ok := e.objectOf(doc, below)
				switch {
				case !ok:
					rest = append(rest, below)
				case e.client.NodeFragmentIsAllowedOnNode(object, on): // else nothing is of both types
					kept = append(kept, below)
				}
			}
			found = found || len(rest) < len(doc.SelectionSets[inner].SelectionRefs)
			if doc.SelectionSets[inner].SelectionRefs = rest; len(rest) == 0 {
				continue
			}
		}
		kept = append(kept, selection)
	}
	doc.SelectionSets[set].SelectionRefs = kept
	return found
}

// placeholder is what the normalizer leaves where @skip has taken everything.
const placeholder = "__internal_typename"

// prune takes out placeholders that stand beside something else, or that are all of a fragment which does: the
// planner forgets one of them or the type that the client asks for. It reports whether there is nothing else.
func prune(doc *ast.Document, set int) (empty bool) {
	var kept []int
	for _, selection := range doc.SelectionSets[set].SelectionRefs {
		s := doc.Selections[selection]
		switch s.Kind {
		case ast.SelectionKindField:
			if doc.FieldAliasString(s.Ref) == placeholder {
				continue
			}
			if doc.Fields[s.Ref].HasSelections {
				prune(doc, doc.Fields[s.Ref].SelectionSet)
			}
		case ast.SelectionKindInlineFragment:
			if prune(doc, doc.InlineFragments[s.Ref].SelectionSet) {
				continue
			}
		}
		kept = append(kept, selection)
	}
	if len(kept) == 0 {
		return true
	}
	doc.SelectionSets[set].SelectionRefs = kept
	return false
}

// objectOf returns the type of a fragment on an object.
func (e *Engine) objectOf(doc *ast.Document, selection int) (ast.Node, bool) {
	s := doc.Selections[selection]
	if s.Kind != ast.SelectionKindInlineFragment {
		return ast.InvalidNode, false
	}
	node, ok := e.client.Index.FirstNodeByNameStr(doc.InlineFragmentTypeConditionNameString(s.Ref))
	return node, ok && node.Kind == ast.NodeKindObjectTypeDefinition
}
