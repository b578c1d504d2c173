package graph

import (
	"context"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

func (r mutationResolver) CreateOrder(ctx context.Context, input generated.CreateOrderInput) (*generated.CreateOrderPayload, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.orders.Create(ctx, viewer.UserID, order.CreateInput{
		TicketID: input.TicketID, ExpectedPrice: input.ExpectedPrice, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.TypedErrors(err, createOrderError)
	return &generated.CreateOrderPayload{Order: r.show(ctx, o), Errors: errs}, fault
}

func (r mutationResolver) CancelOrder(ctx context.Context, input generated.CancelOrderInput) (*generated.CancelOrderPayload, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.orders.Cancel(ctx, viewer.UserID, input.OrderID)
	errs, fault := gqlserver.TypedErrors(err, r.cancelOrderError(ctx))
	return &generated.CancelOrderPayload{Order: r.show(ctx, o), Errors: errs}, fault
}

func (r queryResolver) Order(ctx context.Context, id string, atLeastVersion *int) (*generated.Order, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.orders.Await(ctx, viewer.UserID, id, atLeastVersion)
	return r.show(ctx, o), err
}

func (r queryResolver) Orders(ctx context.Context, first *int, after *string, last *int, before *string, filter *generated.OrderFilter, sort *generated.OrderSort) (*generated.OrderConnection, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	key := sortKey(sort)
	window, err := page.Parse(page.Args{First: first, After: after, Last: last, Before: before}, key)
	if err != nil {
		return nil, err
	}
	f := readFilter(filter)
	orders, err := r.orders.List(ctx, viewer.UserID, f, window)
	if err != nil {
		return nil, err
	}
	return r.connection(ctx, orders, key, f), nil
}

func (r connectionResolver) TotalCount(ctx context.Context, obj *generated.OrderConnection) (*int, error) {
	return r.orders.Count(ctx, identity.From(ctx).UserID, obj.Filter)
}

func (r orderResolver) History(ctx context.Context, orders []*generated.Order, first *int, after *string) ([]*generated.OrderEventConnection, error) {
	window, err := page.Parse(page.Args{First: first, After: after}, historyKey)
	if err != nil {
		return nil, err
	}
	histories, err := r.orders.Histories(ctx, ids(orders, orderID))
	if err != nil {
		return nil, err
	}
	connections := make([]*generated.OrderEventConnection, len(orders))
	for i, o := range orders {
		connections[i] = historyConnection(page.Slice(window, histories[orderID(o)], func(e order.HistoryEntry) string { return e.ID }))
	}
	return connections, nil
}

// orderID returns the id of an order in a batch, where those that the viewer may not see are nil.
func orderID(o *generated.Order) string {
	if o == nil {
		return ""
	}
	return o.ID
}

func ticketID(t *generated.Ticket) string { return t.ID }

// Reservation shows that a ticket is held, and whether by the viewer, but never by whom.
func (r ticketResolver) Reservation(ctx context.Context, tickets []*generated.Ticket) ([]*generated.TicketReservation, error) {
	holding, err := r.orders.Holding(ctx, ids(tickets, ticketID))
	if err != nil {
		return nil, err
	}
	viewer := identity.From(ctx)
	reservations := make([]*generated.TicketReservation, len(tickets))
	for i, t := range tickets {
		if o, held := holding[t.ID]; held {
			reservations[i] = reservation(o, viewer.UserID)
		}
	}
	return reservations, nil
}

// ViewerOrder shows the viewer's own live order for a ticket and nobody else's.
func (r ticketResolver) ViewerOrder(ctx context.Context, tickets []*generated.Ticket) ([]*generated.Order, error) {
	holding, err := r.orders.Holding(ctx, ids(tickets, ticketID))
	if err != nil {
		return nil, err
	}
	viewer := identity.From(ctx)
	orders := make([]*generated.Order, len(tickets))
	for i, t := range tickets {
		if o, held := holding[t.ID]; held && o.BuyerID == viewer.UserID {
			orders[i] = r.show(ctx, o)
		}
	}
	return orders, nil
}

func (r subscriptionResolver) OrderUpdated(ctx context.Context, id string) (<-chan *generated.Order, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	return gqlserver.Stream(ctx, r.orders.Follow(ctx, viewer.UserID, id), func(o order.Order) *generated.Order { return r.show(ctx, o) })
}
