package operation

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// asksUnions reports whether a document has fragments on unions, or asks for a union's type under another name.
func asksUnions(schema *ast.Schema, doc *ast.QueryDocument) bool {
	found := slices.ContainsFunc(doc.Fragments, func(f *ast.FragmentDefinition) bool { return isUnion(schema, f.TypeCondition) })
	eachSelection(doc, func(selected ast.Selection) {
		switch s := selected.(type) {
		case *ast.Field:
			found = found || s.Name == "__typename" && s.Alias != s.Name && s.ObjectDefinition.Kind == ast.Union
		case *ast.InlineFragment:
			found = found || isUnion(schema, s.TypeCondition)
		}
	})
	return found
}

func isUnion(schema *ast.Schema, name string) bool {
	def := schema.Types[name]
	return def != nil && def.Kind == ast.Union
}

// withoutUnions writes a document so that __typename, the only field that a union has, stands in no fragment on
// one, and under no other name on one. The engine forgets all of the names but one, which Relay's documents have, and
// the types of the fragments around it. It is asked of each type that objects may have in that place instead. The
// document is valid.
func withoutUnions(schema *ast.Schema, text string) (string, error) {
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return "", err
	}
	validator.Walk(schema, doc, &validator.Events{})
	u := unions{schema: schema, doc: doc, parts: map[string]parts{}}
	for _, op := range doc.Operations {
		op.SelectionSet = u.rewrite(op.SelectionSet)
	}
	var kept ast.FragmentDefinitionList
	for _, f := range doc.Fragments {
		if !isUnion(schema, f.TypeCondition) {
			f.SelectionSet = u.rewrite(f.SelectionSet)
		} else {
			f.SelectionSet = u.of(f).rest
		}
		if len(f.SelectionSet) > 0 {
			kept = append(kept, f)
		}
	}
	doc.Fragments = kept
	return written(doc), nil
}

type unions struct {
	schema *ast.Schema
	doc    *ast.QueryDocument
	parts  map[string]parts // of fragments on unions, by name
}

// parts are what stands in a fragment on a union.
type parts struct{ names, rest ast.SelectionSet }

// of returns the parts of a fragment on a union.
func (u unions) of(f *ast.FragmentDefinition) parts {
	p, known := u.parts[f.Name]
	if !known {
		p = u.split(f.SelectionSet)
		u.parts[f.Name] = p
	}
	return p
}

// split takes __typename out of what is selected on a union.
func (u unions) split(set ast.SelectionSet) (p parts) {
	within := func(inner parts, directives ast.DirectiveList) {
		p.names = append(p.names, fragments(inner.names, directives, "")...)
		p.rest = append(p.rest, fragments(inner.rest, directives, "")...)
	}
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			p.names = append(p.names, s)
		case *ast.InlineFragment:
			if s.TypeCondition == "" || s.TypeCondition == s.ObjectDefinition.Name {
				within(u.split(s.SelectionSet), s.Directives)
			} else {
				p.rest = append(p.rest, u.rewrite(ast.SelectionSet{s})...)
			}
		case *ast.FragmentSpread:
			if s.Definition.TypeCondition == s.ObjectDefinition.Name {
				within(u.of(s.Definition), s.Directives)
			} else {
				p.rest = append(p.rest, u.rewrite(ast.SelectionSet{s})...)
			}
		}
	}
	return p
}

// rewrite takes __typename out of the fragments on unions in a selection.
func (u unions) rewrite(set ast.SelectionSet) (all ast.SelectionSet) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			if union := s.Definition.Type.Name(); isUnion(u.schema, union) {
				p := u.split(s.SelectionSet)
				s.SelectionSet = append(u.before(p.names, nil, u.schema.Types[union], union), p.rest...)
			} else {
				s.SelectionSet = u.rewrite(s.SelectionSet)
			}
			all = append(all, s)
		case *ast.InlineFragment:
			if !isUnion(u.schema, s.TypeCondition) {
				s.SelectionSet = u.rewrite(s.SelectionSet)
				all = append(all, s)
				continue
			}
			p := u.split(s.SelectionSet)
			all = append(all, u.before(p.names, s.Directives, s.ObjectDefinition, s.TypeCondition)...)
			all = append(all, fragments(p.rest, s.Directives, s.TypeCondition)...)
		case *ast.FragmentSpread:
			if !isUnion(u.schema, s.Definition.TypeCondition) {
				all = append(all, s)
				continue
			}
			p := u.of(s.Definition)
			all = append(all, u.before(p.names, s.Directives, s.ObjectDefinition, s.Definition.TypeCondition)...)
			if len(p.rest) > 0 {
				all = append(all, s)
			}
		}
	}
	return all
}

// before selects for each type that objects have in a place and that belongs to the union.
func (u unions) before(names ast.SelectionSet, directives ast.DirectiveList, place *ast.Definition, union string) (all ast.SelectionSet) {
	members := u.schema.PossibleTypes[union]
	here := slices.DeleteFunc(slices.Clone(u.schema.GetPossibleTypes(place)), func(d *ast.Definition) bool { return !slices.Contains(members, d) })
	if len(here) == len(u.schema.GetPossibleTypes(place)) && !renamed(names) {
		return fragments(names, directives, "")
	}
	for _, d := range here {
		all = append(all, fragments(names, directives, d.Name)...)
	}
	return all
}

// renamed reports whether __typename is selected under another name. One by itself would do no harm, but the same field may be
// selected once more.
func renamed(names ast.SelectionSet) bool {
	return slices.ContainsFunc(names, func(selected ast.Selection) bool {
		switch s := selected.(type) {
		case *ast.Field:
			return s.Alias != s.Name
		case *ast.InlineFragment:
			return renamed(s.SelectionSet)
		}
		return false
	})
}

// fragments returns a fragment with the selection, none when that is empty.
func fragments(set ast.SelectionSet, directives ast.DirectiveList, on string) ast.SelectionSet {
	if len(set) == 0 {
		return nil
	}
	return ast.SelectionSet{&ast.InlineFragment{TypeCondition: on, Directives: directives, SelectionSet: set}}
}
