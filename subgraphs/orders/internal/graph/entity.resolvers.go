package graph

import (
	"context"

	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
)

// FindManyOrderByIDs resolves orders that other subgraphs refer to. Any id can be requested, so an order that is not
// visible to the viewer is null, like one that does not exist.
func (r entityResolver) FindManyOrderByIDs(
	ctx context.Context, reps []*generated.OrderByIDsInput,
) ([]*generated.Order, error) {
	v := viewer(ctx)
	visible, err := r.orders.Visible(ctx, v, ids(reps, func(rep *generated.OrderByIDsInput) string { return rep.ID }))
	if err != nil {
		return nil, err
	}
	found := make([]*generated.Order, len(reps))
	for i, rep := range reps {
		found[i] = r.show(v, visible[rep.ID])
	}
	return found, nil
}

// FindManyTicketByIDs resolves the tickets to which this subgraph adds fields, each with a resolver of its own.
func (r entityResolver) FindManyTicketByIDs(
	_ context.Context, reps []*generated.TicketByIDsInput,
) ([]*generated.Ticket, error) {
	tickets := make([]*generated.Ticket, len(reps))
	for i, rep := range reps {
		tickets[i] = &generated.Ticket{ID: rep.ID}
	}
	return tickets, nil
}

// FindManyViewerByIDs resolves the viewer of the request. Any other id is null.
func (r entityResolver) FindManyViewerByIDs(
	ctx context.Context, reps []*generated.ViewerByIDsInput,
) ([]*generated.Viewer, error) {
	v := viewer(ctx)
	viewers := make([]*generated.Viewer, len(reps))
	for i, rep := range reps {
		if rep.ID != "" && rep.ID == v.UserID {
			viewers[i] = &generated.Viewer{ID: rep.ID}
		}
	}
	return viewers, nil
}

func ids[T any](things []T, id func(T) string) []string {
	all := make([]string, len(things))
	for i, thing := range things {
		all[i] = id(thing)
	}
	return all
}
