// Package graph translates between the schema and the domain of accounts, and delivers sessions as cookies or tokens.
// Decisions are left to the domain.
package graph

import (
	"time"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
	"boxoffice.dev/subgraphs/auth/internal/signing"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	accounts  *account.Service
	keys      *signing.Keyring
	operators []string
	now       func() time.Time
}

// Schema returns the executable schema of the auth subgraph. Its handler must be wrapped in WithSession. The tokens of
// operators, given by user id, have the scope "operator".
func Schema(
	accounts *account.Service, keys *signing.Keyring, operators []string, now func() time.Time,
) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{accounts, keys, operators, now}})
}

type (
	queryResolver    struct{ *Resolver }
	mutationResolver struct{ *Resolver }
	entityResolver   struct{ *Resolver }
)

func (r *Resolver) Query() generated.QueryResolver       { return queryResolver{r} }
func (r *Resolver) Mutation() generated.MutationResolver { return mutationResolver{r} }
func (r *Resolver) Entity() generated.EntityResolver     { return entityResolver{r} }
