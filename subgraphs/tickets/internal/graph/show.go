package graph

import (
	"context"
	"strings"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/tickets/internal/graph/generated"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

// show returns the schema's Ticket as the caller sees it, nil for the zero Ticket.
func show(ctx context.Context, t ticket.Ticket) *generated.Ticket {
	if t.ID == "" {
		return nil
	}
	shown := &generated.Ticket{
		ID: t.ID, Version: t.Version, Title: t.Title, Price: &t.Price,
		Availability: generated.TicketAvailability(strings.ToUpper(string(t.Availability))),
		Seller:       &generated.User{ID: t.SellerID}, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
		ViewerCannotUpdateReasons: []generated.TicketCannotUpdateReason{},
	}
	// The schema's enums are the domain's in upper case.
	for _, reason := range t.CannotUpdateReasons(identity.From(ctx).UserID) {
		shown.ViewerCannotUpdateReasons = append(shown.ViewerCannotUpdateReasons,
			generated.TicketCannotUpdateReason(strings.ToUpper(string(reason))))
	}
	shown.ViewerCanUpdate = len(shown.ViewerCannotUpdateReasons) == 0
	return shown
}

// readFilter returns the domain's filter, the default for nil.
func readFilter(f *generated.TicketFilter) ticket.Filter {
	if f == nil {
		return ticket.Filter{}
	}
	filter := ticket.Filter{SellerID: f.SellerID, Query: f.Query, MinPrice: f.MinPrice, MaxPrice: f.MaxPrice}
	if f.Availabilities != nil {
		filter.Availabilities = []events.Availability{} // empty is an error, null is the default
	}
	for _, a := range f.Availabilities {
		filter.Availabilities = append(filter.Availabilities, events.Availability(strings.ToLower(string(a))))
	}
	return filter
}

// sortKey returns the sort order, newest first for nil.
func sortKey(s *generated.TicketSort) page.Key {
	if s == nil {
		s = &generated.TicketSort{Field: generated.TicketSortFieldCreatedAt, Direction: generated.SortDirectionDesc}
	}
	key := map[generated.TicketSortField]page.Key{
		generated.TicketSortFieldCreatedAt: ticket.ByCreation,
		generated.TicketSortFieldPrice:     ticket.ByPrice,
		generated.TicketSortFieldTitle:     ticket.ByTitle,
	}[s.Field]
	key.Desc = s.Direction == generated.SortDirectionDesc
	return key
}

// list returns a connection for each of the filters.
func (r *Resolver) list(
	ctx context.Context, args page.Args, sort *generated.TicketSort, filters ...ticket.Filter,
) ([]*generated.TicketConnection, error) {
	key := sortKey(sort)
	window, err := page.Parse(args, key)
	if err != nil {
		return nil, err
	}
	pages, err := r.tickets.List(ctx, window, filters...)
	if err != nil {
		return nil, err
	}
	connections := make([]*generated.TicketConnection, len(pages))
	for i, p := range pages {
		connections[i] = connection(ctx, p, key, filters[i])
	}
	return connections, nil
}

func connection(
	ctx context.Context, p page.Page[ticket.Ticket], key page.Key, f ticket.Filter,
) *generated.TicketConnection {
	c := &generated.TicketConnection{Edges: []*generated.TicketEdge{}, Nodes: []*generated.Ticket{}, Filter: f}
	var cursors []string
	for _, t := range p.Items {
		node, cursor := show(ctx, t), key.Cursor(ticket.CursorValue(key, t), t.ID)
		cursors = append(cursors, cursor)
		c.Nodes = append(c.Nodes, node)
		c.Edges = append(c.Edges, &generated.TicketEdge{Cursor: cursor, Node: node})
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}
