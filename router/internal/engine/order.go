package engine

import (
	"errors"
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
)

// order arranges the fetches of a plan so that each runs after those it depends on, in parallel with the others
// that are ready by then. It replaces the library's own step, which recurses until the stack overflows when
// fetches depend on each other in a circle; order returns an error for these.
func order(p plan.Plan) error {
	var root *resolve.FetchTreeNode
	switch p := p.(type) {
	case *plan.SynchronousResponsePlan:
		root = p.Response.Fetches
	case *plan.SubscriptionResponsePlan:
		root = p.Response.Response.Fetches
	default:
		return nil
	}
	waiting := root.ChildNodes
	root.ChildNodes = nil
	for len(waiting) > 0 {
		var ready, blocked []*resolve.FetchTreeNode
		for _, n := range waiting {
			dependencies := n.Item.Fetch.Dependencies().DependsOnFetchIDs
			if slices.ContainsFunc(waiting, func(other *resolve.FetchTreeNode) bool {
				return slices.Contains(dependencies, other.Item.Fetch.Dependencies().FetchID)
			}) {
				blocked = append(blocked, n)
			} else {
				ready = append(ready, n)
			}
		}
		switch len(ready) {
		case 0:
			return errors.New("fetches depend on each other in a circle")
		case 1:
			root.ChildNodes = append(root.ChildNodes, ready[0])
		default:
			root.ChildNodes = append(root.ChildNodes, resolve.Parallel(ready...))
		}
		waiting = blocked
	}
	return nil
}
