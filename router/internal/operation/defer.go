package operation

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Deferred reports whether an operation has a fragment that is deferred with these variables.
func (d *Documents) Deferred(op *Operation, variables Variables) bool {
	if !op.defers {
		return false
	}
	values := map[string]any{}
	for _, v := range op.Definition.VariableDefinitions {
		if v.DefaultValue != nil { // conditions are Booleans
			values[v.Variable] = v.DefaultValue.Raw == "true"
		}
	}
	for name, value := range variables.Values {
		values[name] = value
	}
	return deferred(op.Definition.SelectionSet, values)
}

// deferred reports whether a selection has a fragment that is deferred. An operation has at most Limits.Fields fields
// with its fragments expanded.
func deferred(set ast.SelectionSet, values map[string]any) bool {
	for _, selected := range set {
		d := deferOf(selected)
		here := d != nil && d.ArgumentMap(values)["if"] == true
		switch s := selected.(type) {
		case *ast.Field:
			if included(s.Directives, values) && deferred(s.SelectionSet, values) {
				return true
			}
		case *ast.InlineFragment:
			if included(s.Directives, values) && (here || deferred(s.SelectionSet, values)) {
				return true
			}
		case *ast.FragmentSpread:
			if included(s.Directives, values) && (here || deferred(s.Definition.SelectionSet, values)) {
				return true
			}
		}
	}
	return false
}

func included(directives ast.DirectiveList, values map[string]any) bool {
	holds := func(name string) any {
		if d := directives.ForName(name); d != nil {
			return d.ArgumentMap(values)["if"]
		}
		return nil
	}
	return holds("skip") != true && holds("include") != false
}

// defers reports whether a document has @defer.
func defers(doc *ast.QueryDocument) (found bool) {
	eachSelection(doc, func(s ast.Selection) { found = found || deferOf(s) != nil })
	return found
}

// checkDefers refuses uses of @defer that the specification's draft does not allow: at the root of a mutation or
// subscription, inside a subscription, and with labels that are not unique.
func checkDefers(doc *ast.QueryDocument) (errs gqlerror.List) {
	fail := func(d *ast.Directive, format string, args ...any) {
		errs = append(errs, gqlerror.ErrorPosf(d.Position, format, args...))
	}
	labels := map[string]bool{}
	eachSelection(doc, func(s ast.Selection) {
		d := deferOf(s)
		if d == nil {
			return
		}
		label := d.Arguments.ForName("label")
		switch {
		case label == nil || label.Value.Kind == ast.NullValue:
		case label.Value.Kind == ast.Variable:
			fail(d, `Argument "label" of "@defer" must be a static string.`)
		case labels[label.Value.Raw]:
			fail(d, `Labels of "@defer" must be unique.`)
		default:
			labels[label.Value.Raw] = true
		}
	})
	for _, op := range doc.Operations {
		if op.Operation == ast.Query {
			continue
		}
		seen := map[*ast.FragmentDefinition]bool{}
		var walk func(set ast.SelectionSet, root bool)
		walk = func(set ast.SelectionSet, root bool) {
			for _, selected := range set {
				if d := deferOf(selected); d != nil && root {
					fail(d, `"@defer" must not be used on fields of the %s type.`, op.Operation)
				} else if d != nil && op.Operation == ast.Subscription && !optional(d) {
					fail(d, `"@defer" must not be used in subscriptions, unless its argument "if" disables it.`)
				}
				switch s := selected.(type) {
				case *ast.Field:
					if op.Operation == ast.Subscription {
						walk(s.SelectionSet, false)
					}
				case *ast.InlineFragment:
					walk(s.SelectionSet, root)
				case *ast.FragmentSpread:
					if !seen[s.Definition] {
						seen[s.Definition] = true
						walk(s.Definition.SelectionSet, root)
					}
				}
			}
		}
		walk(op.SelectionSet, true)
	}
	return errs
}

// optional reports whether the directive can be disabled.
func optional(d *ast.Directive) bool {
	when := d.Arguments.ForName("if")
	return when != nil && (when.Value.Kind == ast.Variable || when.Value.Raw == "false")
}

func deferOf(s ast.Selection) *ast.Directive {
	switch s := s.(type) {
	case *ast.InlineFragment:
		return s.Directives.ForName("defer")
	case *ast.FragmentSpread:
		return s.Directives.ForName("defer")
	}
	return nil
}
