package operation

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// checkSubscription refuses a subscription that does not select exactly one field at its root, or whose root field
// depends on @skip or @include (GraphQL specification, section "Single Root Field").
func checkSubscription(op *ast.OperationDefinition) (errs gqlerror.List) {
	if op.Operation != ast.Subscription {
		return nil
	}
	names := map[string]bool{} // in the response
	var walk func(set ast.SelectionSet)
	conditional := func(directives ast.DirectiveList, at *ast.Position) {
		if directives.ForName("skip") != nil || directives.ForName("include") != nil {
			errs = append(errs, gqlerror.ErrorPosf(at, `"@skip" and "@include" must not be used at the root of a subscription.`))
		}
	}
	walk = func(set ast.SelectionSet) {
		for _, selected := range set {
			switch s := selected.(type) {
			case *ast.Field:
				conditional(s.Directives, s.Position)
				if names[s.Alias] = true; len(names) == 2 {
					errs = append(errs, gqlerror.ErrorPosf(s.Position, "A subscription must select exactly one field at its root."))
				}
			case *ast.InlineFragment:
				conditional(s.Directives, s.Position)
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				conditional(s.Directives, s.Position)
				walk(s.Definition.SelectionSet)
			}
		}
	}
	walk(op.SelectionSet)
	return errs
}
