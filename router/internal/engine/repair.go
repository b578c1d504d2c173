package engine

import (
	"bytes"
	"strings"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
)

// shifted begins the aliases that stand for a client's while an operation is planned.
const shifted = "_a_"

// shiftAliases renames the aliases that are also names of keys or requirements. The planner adds these
// under their own names to a selection and gives up when an alias is in the way: { id: name }.
func (e *Engine) shiftAliases(doc *ast.Document) {
	for i := range doc.Fields {
		if !doc.Fields[i].Alias.IsDefined {
			continue
		}
		alias := doc.FieldAliasString(i)
		if e.names[alias] && alias != doc.FieldNameString(i) || strings.HasPrefix(alias, shifted) {
			doc.Fields[i].Alias.Name = doc.Input.AppendInputString(shifted + alias)
		}
	}
}

// unshift returns what the client called it.
func unshift(name string) string { return strings.TrimPrefix(name, shifted) }

// repair makes a plan right that the planner has made: fields get the client's aliases back, items of
// lists of lists can be reached, interface objects are found by what they are, entities with a key that is null are left out, and mutations go one by one.
func (e *Engine) repair(p plan.Plan) {
	if subscription, ok := p.(*plan.SubscriptionResponsePlan); ok {
		asQuery(subscription.Response)
		e.disguises.lift(subscription.Response.Response)
		e.keys.require(subscription.Response.Response)
		reachNested(subscription.Response.Response)
		rename(subscription.Response.Response.Data)
	}
	if synchronous, ok := p.(*plan.SynchronousResponsePlan); ok && synchronous.Response != nil {
		e.disguises.lift(synchronous.Response)
		e.keys.require(synchronous.Response)
		reachNested(synchronous.Response)
		if info := synchronous.Response.Info; info != nil && info.OperationType == ast.OperationTypeMutation {
			inOrder(synchronous.Response)
		}
		rename(synchronous.Response.Data)
	}
}

func rename(node resolve.Node) {
	switch n := node.(type) {
	case *resolve.Object:
		for _, f := range n.Fields {
			f.Name = bytes.TrimPrefix(f.Name, []byte(shifted))
			rename(f.Value)
		}
	case *resolve.Array:
		rename(n.Item)
	}
}
