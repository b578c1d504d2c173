package gqlserver

import (
	"context"
	"fmt"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/page"
)

// limitCost refuses an operation whose response may have too many objects, before it is executed.
func limitCost(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	oc := graphql.GetOperationContext(ctx)
	m := meter{variables: oc.Variables, fragments: map[string]float64{}}
	if cost := m.set(oc.Operation.SelectionSet); cost > maxCost {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{{
			Message:    fmt.Sprintf("the cost of %.0f exceeds the limit of %d", cost, maxCost),
			Extensions: map[string]any{"code": apperr.BadUserInput},
		}}})
	}
	return next(ctx)
}

// meter estimates the number of objects in a response. A page of N, and _entities with N representations, cost N times
// their selection. Each fragment is priced once, so the work is linear in the document.
type meter struct {
	variables map[string]any
	fragments map[string]float64
}

func (m meter) set(set ast.SelectionSet) (cost float64) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			if len(s.SelectionSet) > 0 {
				cost += m.items(s) * (1 + m.set(s.SelectionSet))
			}
		case *ast.InlineFragment:
			cost += m.set(s.SelectionSet)
		case *ast.FragmentSpread:
			known, ok := m.fragments[s.Name]
			if !ok {
				known = m.set(s.Definition.SelectionSet)
				m.fragments[s.Name] = known
			}
			cost += known
		}
	}
	return cost
}

// items returns how many objects a field has, or a connection's page.
func (m meter) items(f *ast.Field) float64 {
	arguments := f.ArgumentMap(m.variables)
	if list, ok := arguments["representations"].([]any); ok && f.Name == "_entities" {
		return float64(len(list))
	}
	if f.Definition.Arguments.ForName("first") == nil {
		return 1
	}
	for _, name := range []string{"first", "last"} {
		if n, err := strconv.ParseFloat(fmt.Sprint(arguments[name]), 64); err == nil {
			return max(n, 0)
		}
	}
	return page.DefaultSize
}
