package graph

import (
	"context"

	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

func (r mutationResolver) CreateOrder(
	ctx context.Context, input generated.CreateOrderInput,
) (*generated.CreateOrderPayload, error) {
	v, err := requireViewer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.orders.Create(ctx, v.UserID, order.CreateInput{
		TicketID: input.TicketID, ExpectedPrice: input.ExpectedPrice, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.TypedErrors(err, createOrderError)
	return &generated.CreateOrderPayload{Order: r.show(v, o), Errors: errs}, fault
}

func (r mutationResolver) CancelOrder(
	ctx context.Context, input generated.CancelOrderInput,
) (*generated.CancelOrderPayload, error) {
	v, err := requireViewer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.orders.Cancel(ctx, v, input.OrderID)
	errs, fault := gqlserver.TypedErrors(err, r.cancelOrderError(v))
	return &generated.CancelOrderPayload{Order: r.show(v, o), Errors: errs}, fault
}

func (r queryResolver) Order(ctx context.Context, id string, atLeastVersion *int) (*generated.Order, error) {
	v, err := requireViewer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := r.orders.Await(ctx, v, id, atLeastVersion)
	return r.show(v, o), err
}

func (r queryResolver) Orders(
	ctx context.Context, first *int, after *string, last *int, before *string,
	filter *generated.OrderFilter, sort *generated.OrderSort,
) (*generated.OrderConnection, error) {
	return r.list(ctx, page.Args{First: first, After: after, Last: last, Before: before}, filter, sort)
}

func (r viewerResolver) Orders(
	ctx context.Context, _ *generated.Viewer, first *int, after *string, last *int, before *string,
	filter *generated.OrderFilter, sort *generated.OrderSort,
) (*generated.OrderConnection, error) {
	return r.list(ctx, page.Args{First: first, After: after, Last: last, Before: before}, filter, sort)
}

// list returns a page of the orders of the request's viewer.
func (r *Resolver) list(
	ctx context.Context, args page.Args, filter *generated.OrderFilter, sort *generated.OrderSort,
) (*generated.OrderConnection, error) {
	v, err := requireViewer(ctx)
	if err != nil {
		return nil, err
	}
	key := sortKey(sort)
	window, err := page.Parse(args, key)
	if err != nil {
		return nil, err
	}
	f := readFilter(filter)
	orders, err := r.orders.List(ctx, v.UserID, f, window)
	if err != nil {
		return nil, err
	}
	return r.connection(v, orders, key, f), nil
}

func (r connectionResolver) TotalCount(ctx context.Context, obj *generated.OrderConnection) (*int, error) {
	return r.orders.Count(ctx, viewer(ctx).UserID, obj.Filter)
}

func (r orderResolver) History(
	ctx context.Context, orders []*generated.Order, first *int, after *string,
) ([]*generated.OrderHistoryConnection, error) {
	window, err := page.Parse(page.Args{First: first, After: after}, order.ByVersion)
	if err != nil {
		return nil, err
	}
	histories, err := r.orders.Histories(ctx, ids(orders, orderID))
	if err != nil {
		return nil, err
	}
	connections := make([]*generated.OrderHistoryConnection, len(orders))
	for i, o := range orders {
		entries := page.Slice(window, histories[orderID(o)], func(e order.HistoryEntry) string { return e.ID })
		connections[i] = historyConnection(entries)
	}
	return connections, nil
}

// orderID returns the id of an order in a batch, in which orders that the viewer may not see are nil.
func orderID(o *generated.Order) string {
	if o == nil {
		return ""
	}
	return o.ID
}

func ticketID(t *generated.Ticket) string { return t.ID }

// Reservation shows that an order holds the ticket, and whether it is the viewer's, but not whose else it is.
func (r ticketResolver) Reservation(
	ctx context.Context, tickets []*generated.Ticket,
) ([]*generated.TicketReservation, error) {
	holding, err := r.orders.Holding(ctx, ids(tickets, ticketID))
	if err != nil {
		return nil, err
	}
	reservations := make([]*generated.TicketReservation, len(tickets))
	for i, t := range tickets {
		if o, held := holding[t.ID]; held {
			reservations[i] = reservation(o, viewer(ctx).UserID)
		}
	}
	return reservations, nil
}

// ViewerOrder shows the viewer's own live order for a ticket.
func (r ticketResolver) ViewerOrder(ctx context.Context, tickets []*generated.Ticket) ([]*generated.Order, error) {
	holding, err := r.orders.Holding(ctx, ids(tickets, ticketID))
	if err != nil {
		return nil, err
	}
	v := viewer(ctx)
	orders := make([]*generated.Order, len(tickets))
	for i, t := range tickets {
		if o, held := holding[t.ID]; held && o.BuyerID == v.UserID {
			orders[i] = r.show(v, o)
		}
	}
	return orders, nil
}

func (r subscriptionResolver) OrderUpdated(ctx context.Context, orderID string) (<-chan *generated.Order, error) {
	v, err := requireViewer(ctx)
	if err != nil {
		return nil, err
	}
	show := func(o order.Order) *generated.Order { return r.show(v, o) }
	return gqlserver.Stream(ctx, r.orders.Follow(ctx, v, orderID), show)
}
