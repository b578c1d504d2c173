// Package graph translates between the schema and the domain of payments. A resolver identifies the viewer, calls the
// domain once and converts the result; it decides nothing.
package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	payments  *payment.Service
	processor Processor
}

// Processor is the public description of the card processor.
type Processor struct {
	Kind           generated.CardProcessorKind
	PublishableKey string // of its browser SDK; may be empty
}

// Kinds of processors.
const (
	Simulator = generated.CardProcessorKindSimulator
	Stripe    = generated.CardProcessorKindStripe
)

// Schema returns the executable schema of the payments subgraph.
func Schema(payments *payment.Service, processor Processor) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{payments, processor}})
}

type (
	queryResolver        struct{ *Resolver }
	mutationResolver     struct{ *Resolver }
	subscriptionResolver struct{ *Resolver }
	entityResolver       struct{ *Resolver }
	orderResolver        struct{ *Resolver }
	paymentResolver      struct{ *Resolver }
	refundResolver       struct{ *Resolver }
)

func (r *Resolver) Query() generated.QueryResolver               { return queryResolver{r} }
func (r *Resolver) Mutation() generated.MutationResolver         { return mutationResolver{r} }
func (r *Resolver) Subscription() generated.SubscriptionResolver { return subscriptionResolver{r} }
func (r *Resolver) Entity() generated.EntityResolver             { return entityResolver{r} }
func (r *Resolver) Order() generated.OrderResolver               { return orderResolver{r} }
func (r *Resolver) Payment() generated.PaymentResolver           { return paymentResolver{r} }
func (r *Resolver) Refund() generated.RefundResolver             { return refundResolver{r} }

// viewer returns the caller; UserID is empty when signed out.
func viewer(ctx context.Context) payment.Viewer { return asViewer(identity.From(ctx)) }

func asViewer(c identity.Caller) payment.Viewer {
	return payment.Viewer{UserID: c.UserID, Operator: c.IsOperator()}
}
