// Package graph translates between the schema and the domain of orders. A resolver finds out who
// asks, calls the domain once and shows what came back; it decides nothing.
package graph

import (
	"time"

	"github.com/99designs/gqlgen/graphql"

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
)

func (r *Resolver) Query() generated.QueryResolver                     { return queryResolver{r} }
func (r *Resolver) Mutation() generated.MutationResolver               { return mutationResolver{r} }
func (r *Resolver) Subscription() generated.SubscriptionResolver       { return subscriptionResolver{r} }
func (r *Resolver) Entity() generated.EntityResolver                   { return entityResolver{r} }
func (r *Resolver) Order() generated.OrderResolver                     { return orderResolver{r} }
func (r *Resolver) OrderConnection() generated.OrderConnectionResolver { return connectionResolver{r} }
func (r *Resolver) Ticket() generated.TicketResolver                   { return ticketResolver{r} }
