package graph

import (
	"strconv"
	"strings"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

// show returns the schema's Order as the viewer sees it, nil for the zero Order.
func (r *Resolver) show(v order.Viewer, o order.Order) *generated.Order {
	if o.ID == "" {
		return nil
	}
	now := r.now()
	shown := &generated.Order{
		ID: o.ID, Version: o.Version, Status: enum[generated.OrderStatus](o.Status),
		Buyer: &generated.User{ID: o.BuyerID}, Ticket: &generated.Ticket{ID: o.TicketID},
		Title: o.Title, Price: &o.Price,
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, ExpiresAt: o.ExpiresAt,
		SecondsUntilExpiry:        o.SecondsUntilExpiry(now),
		ViewerCannotCancelReasons: enums[generated.OrderCannotCancelReason](o.CannotCancelReasons()),
		ViewerCannotPayReasons:    enums[generated.OrderCannotPayReason](o.CannotPayReasons(v, now)),
	}
	shown.ViewerCanCancel = len(shown.ViewerCannotCancelReasons) == 0
	shown.ViewerCanPay = len(shown.ViewerCannotPayReasons) == 0
	if o.Status == events.Cancelled {
		reason := enum[generated.OrderCancellationReason](o.Reason)
		shown.Cancellation = &generated.OrderCancellation{Reason: reason, At: o.UpdatedAt}
	}
	return shown
}

// enum returns the value of a schema's enum: the domain's in capitals.
func enum[E, D ~string](value D) E { return E(strings.ToUpper(string(value))) }

// enums returns a list of enum values, never nil: lists of the schema are non-null.
func enums[E, D ~string](values []D) []E {
	list := make([]E, len(values))
	for i, value := range values {
		list[i] = enum[E](value)
	}
	return list
}

func readFilter(f *generated.OrderFilter) order.Filter {
	if f == nil {
		return order.Filter{}
	}
	filter := order.Filter{TicketID: f.TicketID}
	if f.Statuses != nil {
		filter.Statuses = []events.OrderStatus{} // an empty list is invalid, null is not
	}
	for _, s := range f.Statuses {
		filter.Statuses = append(filter.Statuses, events.OrderStatus(strings.ToLower(string(s))))
	}
	return filter
}

// sortKey returns the order of a list: newest first unless the client sorts it.
func sortKey(s *generated.OrderSort) page.Key {
	key := order.ByCreation
	key.Desc = true
	if s == nil {
		return key
	}
	if s.Field == generated.OrderSortFieldExpiresAt {
		key = order.ByExpiry
	}
	key.Desc = s.Direction == generated.SortDirectionDesc
	return key
}

func (r *Resolver) connection(
	v order.Viewer, p page.Page[order.Order], key page.Key, f order.Filter,
) *generated.OrderConnection {
	c := &generated.OrderConnection{Edges: []*generated.OrderEdge{}, Nodes: []*generated.Order{}, Filter: f}
	var cursors []string
	for _, o := range p.Items {
		node, cursor := r.show(v, o), key.Cursor(order.CursorValue(key, o), o.ID)
		cursors = append(cursors, cursor)
		c.Nodes = append(c.Nodes, node)
		c.Edges = append(c.Edges, &generated.OrderEdge{Cursor: cursor, Node: node})
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}

func historyConnection(p page.Page[order.HistoryEntry]) *generated.OrderHistoryConnection {
	c := &generated.OrderHistoryConnection{
		Edges: []*generated.OrderHistoryEdge{}, Nodes: []*generated.OrderHistoryEntry{},
	}
	var cursors []string
	for _, e := range p.Items {
		node, cursor := historyEntry(e), order.ByVersion.Cursor(strconv.Itoa(e.Version), e.ID)
		cursors = append(cursors, cursor)
		c.Nodes = append(c.Nodes, node)
		c.Edges = append(c.Edges, &generated.OrderHistoryEdge{Cursor: cursor, Node: node})
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}

func historyEntry(e order.HistoryEntry) *generated.OrderHistoryEntry {
	shown := &generated.OrderHistoryEntry{
		ID: e.ID, At: e.At, Actor: enum[generated.OrderActor](e.Actor), To: enum[generated.OrderStatus](e.To),
	}
	if e.From != nil {
		from := enum[generated.OrderStatus](*e.From)
		shown.From = &from
	}
	if e.Reason != nil {
		reason := enum[generated.OrderCancellationReason](*e.Reason)
		shown.Reason = &reason
	}
	if e.RequestID != "" {
		shown.RequestID = &e.RequestID
	}
	return shown
}

// reservation shows an order's hold on a ticket. A complete order has no end.
func reservation(o order.Order, viewerID string) *generated.TicketReservation {
	r := &generated.TicketReservation{HeldByViewer: o.BuyerID == viewerID}
	if o.Status.Unpaid() {
		r.Until = &o.ExpiresAt
	}
	return r
}
