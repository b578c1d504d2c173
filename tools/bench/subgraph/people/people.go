// Package people is a subgraph with the names of the sellers.
package people

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/tools/bench/subgraph/people/generated"
)

// New returns the schema with its resolvers.
func New() graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: resolver{}})
}

type resolver struct{}

func (resolver) Query() generated.QueryResolver   { return resolver{} }
func (resolver) User() generated.UserResolver     { return resolver{} }
func (resolver) Entity() generated.EntityResolver { return resolver{} }

func (resolver) Users(_ context.Context, first, page int) ([]*generated.User, error) {
	list := make([]*generated.User, first)
	for i := range list {
		list[i] = user(fmt.Sprintf("usr_%d_%d", page, i))
	}
	return list, nil
}

func (resolver) Referrer(_ context.Context, of *generated.User) (*generated.User, error) {
	return user(of.ID + "r"), nil
}

func (resolver) FindManyUserByIDs(_ context.Context, reps []*generated.UserByIDsInput) ([]*generated.User, error) {
	found := make([]*generated.User, len(reps))
	for i, r := range reps {
		found[i] = user(r.ID)
	}
	return found, nil
}

func user(id string) *generated.User {
	return &generated.User{ID: id, DisplayName: "Maria " + id, City: "Leipzig"}
}
