// Package catalog is a subgraph with tickets. The names of their sellers are in package people.
package catalog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/tools/bench/subgraph/catalog/generated"
)

// New returns the schema with its resolvers.
func New() graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: resolver{}})
}

type resolver struct{}

func (resolver) Query() generated.QueryResolver   { return resolver{} }
func (resolver) User() generated.UserResolver     { return userResolver{} }
func (resolver) Entity() generated.EntityResolver { return entityResolver{} }

func (resolver) Tickets(_ context.Context, first, page int) ([]*generated.Ticket, error) {
	return tickets(strconv.Itoa(page), first), nil
}

type userResolver struct{}

func (userResolver) Tickets(_ context.Context, user *generated.User, first int) ([]*generated.Ticket, error) {
	return tickets(user.ID, first), nil
}

type entityResolver struct{}

func (entityResolver) FindManyTicketByIDs(_ context.Context, reps []*generated.TicketByIDsInput) ([]*generated.Ticket, error) {
	found := make([]*generated.Ticket, len(reps))
	for i, r := range reps {
		found[i] = ticket(r.ID, i, "usr_"+r.ID)
	}
	return found, nil
}

func (entityResolver) FindManyUserByIDs(_ context.Context, reps []*generated.UserByIDsInput) ([]*generated.User, error) {
	found := make([]*generated.User, len(reps))
	for i, r := range reps {
		found[i] = &generated.User{ID: r.ID}
	}
	return found, nil
}

// tickets returns the tickets of a page or a user. No two of these have tickets or sellers in common.
func tickets(of string, n int) []*generated.Ticket {
	list := make([]*generated.Ticket, n)
	for i := range list {
		row := fmt.Sprintf("%s_%02d", of, i)
		list[i] = ticket("tkt_01jq3v9t6wf8ja"+row, i, "usr_"+row)
	}
	return list
}

func ticket(id string, i int, seller string) *generated.Ticket {
	return &generated.Ticket{
		ID: id, Title: fmt.Sprintf("Cello Suites, row %d", i), Price: &generated.Money{MinorUnits: 6400 + i, Currency: "EUR"},
		Availability: generated.AvailabilityAvailable, CreatedAt: "2026-11-01T12:00:00Z", Seller: &generated.User{ID: seller},
	}
}
