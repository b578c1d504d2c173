package engine

import (
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/supergraph"
)

// AuthorizeFields decides on all protected fields of an operation before anything is fetched. A
// refused field of a mutation is never sent. This only spares the subgraphs work: they decide
// again, on every object.
func (e *Engine) AuthorizeFields(ctx *resolve.Context, fields []resolve.GraphCoordinate) ([]resolve.AuthorizationDecision, error) {
	caller := identity.From(ctx.Context())
	decisions := make([]resolve.AuthorizationDecision, len(fields))
	for i, f := range fields {
		decisions[i].Allowed = allowed(e.rules[coordinate{f.TypeName, f.FieldName}], caller)
	}
	return decisions, nil
}

func allowed(rules []supergraph.Rule, caller identity.Caller) bool {
	for _, rule := range rules {
		if !caller.SignedIn() {
			return false
		}
		holds := func(scopes []string) bool {
			return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(caller.Scopes, s) })
		}
		if len(rule.Scopes) > 0 && !slices.ContainsFunc(rule.Scopes, holds) {
			return false
		}
	}
	return true
}
