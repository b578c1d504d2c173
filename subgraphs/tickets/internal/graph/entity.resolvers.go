package graph

import (
	"context"

	"boxoffice.dev/subgraphs/tickets/internal/graph/generated"
)

// FindManyTicketByIDs resolves tickets that other subgraphs refer to. Tickets are public; an unknown one is null.
func (r entityResolver) FindManyTicketByIDs(
	ctx context.Context, reps []*generated.TicketByIDsInput,
) ([]*generated.Ticket, error) {
	ids := make([]string, len(reps))
	for i, rep := range reps {
		ids[i] = rep.ID
	}
	found, err := r.tickets.ByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	tickets := make([]*generated.Ticket, len(reps))
	for i, id := range ids {
		tickets[i] = show(ctx, found[id])
	}
	return tickets, nil
}

// FindManyUserByIDs resolves users that other subgraphs refer to. Their fields have resolvers of their own.
func (r entityResolver) FindManyUserByIDs(
	_ context.Context, reps []*generated.UserByIDsInput,
) ([]*generated.User, error) {
	users := make([]*generated.User, len(reps))
	for i, rep := range reps {
		users[i] = &generated.User{ID: rep.ID}
	}
	return users, nil
}
