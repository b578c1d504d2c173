package graph

import (
	"context"
	"strconv"
	"strings"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

// show makes the schema's Order as the viewer sees it, nil of no order.
func (r *Resolver) show(ctx context.Context, o order.Order) *generated.Order {
	if o.ID == "" {
		return nil
	}
	now := r.now()
	mine := o.BuyerID == identity.From(ctx).UserID
	shown := &generated.Order{
		ID: o.ID, Version: o.Version, Status: status(o.Status),
		Buyer: &generated.User{ID: o.BuyerID}, Ticket: &generated.Ticket{ID: o.TicketID},
		Title: o.Title, Price: &o.Price,
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, ExpiresAt: o.ExpiresAt,
		SecondsUntilExpiry: o.SecondsUntilExpiry(now),
		ViewerCanCancel:    mine && o.Cancellable(),
		ViewerCanPay:       mine && o.Payable(now),
	}
	if o.Status == events.Cancelled {
		shown.Cancellation = &generated.OrderCancellation{Reason: reason(o.Reason), At: o.UpdatedAt}
	}
	return shown
}

// The schema's enums are the domain's in capitals.

func status(s events.OrderStatus) generated.OrderStatus {
	return generated.OrderStatus(strings.ToUpper(string(s)))
}

func reason(r events.CancelReason) generated.OrderCancellationReason {
	return generated.OrderCancellationReason(strings.ToUpper(string(r)))
}

func readFilter(f *generated.OrderFilter) order.Filter {
	if f == nil {
		return order.Filter{}
	}
	filter := order.Filter{TicketID: f.TicketID}
	if f.Status != nil {
		filter.Statuses = []events.OrderStatus{} // of an empty list, no order is one
	}
	for _, s := range f.Status {
		filter.Statuses = append(filter.Statuses, events.OrderStatus(strings.ToLower(string(s))))
	}
	return filter
}

func sortKey(s *generated.OrderSort) page.Key {
	key := order.ByCreation
	if s == nil {
		return key
	}
	if s.Field == generated.OrderSortFieldExpiresAt {
		key = order.ByExpiry
	}
	key.Desc = s.Direction == generated.SortDirectionDesc
	return key
}

func (r *Resolver) connection(ctx context.Context, p page.Page[order.Order], key page.Key, f order.Filter) *generated.OrderConnection {
	c := &generated.OrderConnection{Edges: []*generated.OrderEdge{}, Nodes: []*generated.Order{}, Filter: f}
	var cursors []string
	for _, o := range p.Items {
		node, cursor := r.show(ctx, o), key.Cursor(order.CursorValue(key, o), o.ID)
		cursors = append(cursors, cursor)
		c.Nodes = append(c.Nodes, node)
		c.Edges = append(c.Edges, &generated.OrderEdge{Cursor: cursor, Node: node})
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}

var historyKey = page.Key{Name: "version", Type: "int"}

func historyConnection(p page.Page[order.HistoryEntry]) *generated.OrderEventConnection {
	c := &generated.OrderEventConnection{Edges: []*generated.OrderEventEdge{}, Nodes: []*generated.OrderEvent{}}
	var cursors []string
	for _, e := range p.Items {
		node := &generated.OrderEvent{ID: e.ID, At: e.At, Actor: generated.OrderActor(strings.ToUpper(string(e.Actor))), To: status(e.To)}
		if e.From != nil {
			from := status(*e.From)
			node.From = &from
		}
		if e.Reason != nil {
			why := reason(*e.Reason)
			node.Reason = &why
		}
		if e.RequestID != "" {
			node.RequestID = &e.RequestID
		}
		cursor := historyKey.Cursor(strconv.Itoa(e.Version), e.ID)
		cursors = append(cursors, cursor)
		c.Nodes = append(c.Nodes, node)
		c.Edges = append(c.Edges, &generated.OrderEventEdge{Cursor: cursor, Node: node})
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}

// reservation shows a ticket's hold. A sold ticket does not come back on sale.
func reservation(o order.Order, viewerID string) *generated.TicketReservation {
	r := &generated.TicketReservation{HeldByViewer: o.BuyerID == viewerID}
	if o.Status.Unpaid() {
		r.Until = &o.ExpiresAt
	}
	return r
}

