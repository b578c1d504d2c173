// Package graph translates between the schema and the domain of orders. A resolver determines the viewer, calls the
// domain once and shows the result; it decides nothing.
package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	orders *order.Service
	now    func() time.Time
}

// Schema returns the executable schema of the orders subgraph.
func Schema(orders *order.Service, now func() time.Time) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{orders, now}})
}

type (
	queryResolver        struct{ *Resolver }
	mutationResolver     struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
	entityResolver       struct{ *Resolver }
	orderResolver        struct{ *Resolver }
	connectionResolver   struct{ *Resolver }
	ticketResolver       struct{ *Resolver }
	viewerResolver       struct{ *Resolver }
)

func (r *Resolver) Query() generated.QueryResolver                     { return queryResolver{r} }
func (r *Resolver) Mutation() generated.MutationResolver               { return mutationResolver{r} }
func (r *Resolver) Subscription() generated.SubscriptionResolver       { return subscriptionResolver{r} }
func (r *Resolver) Entity() generated.EntityResolver                   { return entityResolver{r} }
func (r *Resolver) Order() generated.OrderResolver                     { return orderResolver{r} }
func (r *Resolver) OrderConnection() generated.OrderConnectionResolver { return connectionResolver{r} }
func (r *Resolver) Ticket() generated.TicketResolver                   { return ticketResolver{r} }
func (r *Resolver) Viewer() generated.ViewerResolver                   { return viewerResolver{r} }

// viewer returns the viewer of the request, the zero Viewer when signed out.
func viewer(ctx context.Context) order.Viewer { return asViewer(identity.From(ctx)) }

// requireViewer returns the viewer of the request, or an Unauthenticated error when signed out.
func requireViewer(ctx context.Context) (order.Viewer, error) {
	caller, err := identity.Require(ctx)
	return asViewer(caller), err
}

func asViewer(c identity.Caller) order.Viewer {
	return order.Viewer{UserID: c.UserID, Operator: c.IsOperator()}
}
