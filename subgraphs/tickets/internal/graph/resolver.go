// Package graph translates between the schema and the domain of tickets. A resolver identifies the caller, calls the
// domain once and translates the result. Decisions are left to the domain.
package graph

import (
	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/subgraphs/tickets/internal/graph/generated"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	tickets *ticket.Service
}

// Schema returns the executable schema of the tickets subgraph.
func Schema(tickets *ticket.Service) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{tickets}})
}

type (
	queryResolver        struct{ *Resolver }
	mutationResolver     struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
	entityResolver       struct{ *Resolver }
	connectionResolver   struct{ *Resolver }
	userResolver         struct{ *Resolver }
)

func (r *Resolver) Query() generated.QueryResolver               { return queryResolver{r} }
func (r *Resolver) Mutation() generated.MutationResolver         { return mutationResolver{r} }
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptionResolver{r} }
func (r *Resolver) Entity() generated.EntityResolver             { return entityResolver{r} }
func (r *Resolver) TicketConnection() generated.TicketConnectionResolver {
	return connectionResolver{r}
}
func (r *Resolver) User() generated.UserResolver { return userResolver{r} }
