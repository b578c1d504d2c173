package graph

import (
	"context"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
)

// FindManyOrderByIDs resolves orders that other subgraphs refer to. The router can ask for any id
// from anywhere, so one that the viewer may not see is null, like one that does not exist.
func (r entityResolver) FindManyOrderByIDs(ctx context.Context, reps []*generated.OrderByIDsInput) ([]*generated.Order, error) {
	visible, err := r.orders.Visible(ctx, identity.From(ctx).UserID, ids(reps, func(rep *generated.OrderByIDsInput) string { return rep.ID }))
	if err != nil {
		return nil, err
	}
	found := make([]*generated.Order, len(reps))
	for i, rep := range reps {
		found[i] = r.show(ctx, visible[rep.ID])
	}
	return found, nil
}

// FindManyTicketByIDs resolves what this subgraph adds to tickets; that happens field by field.
func (r entityResolver) FindManyTicketByIDs(_ context.Context, reps []*generated.TicketByIDsInput) ([]*generated.Ticket, error) {
	tickets := make([]*generated.Ticket, len(reps))
	for i, rep := range reps {
		tickets[i] = &generated.Ticket{ID: rep.ID}
	}
	return tickets, nil
}

func ids[T any](things []T, id func(T) string) []string {
	all := make([]string, len(things))
	for i, thing := range things {
		all[i] = id(thing)
	}
	return all
}
