package order

import (
	"context"
	"time"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/internal/page"
)

// Filter narrows a list of orders. Nil fields do not.
type Filter struct {
	Statuses []events.OrderStatus // any of these
	TicketID *string
}

// Orders of a list.
var (
	ByCreation = page.Key{Name: "created", Column: "created_at", Type: "timestamptz"}
	ByExpiry   = page.Key{Name: "expires", Column: "expires_at", Type: "timestamptz"}
)

// CursorValue returns the value of the order's column that the key sorts by, for its cursor.
func CursorValue(key page.Key, o Order) string {
	at := o.CreatedAt
	if key.Name == ByExpiry.Name {
		at = o.ExpiresAt
	}
	return at.Format(time.RFC3339Nano)
}

// countLimit bounds what is counted exactly.
const countLimit = 10_000

// check returns BadUserInput for a filter that makes no sense.
func (f Filter) check() error {
	if len(f.Statuses) > 4 {
		return apperr.New(apperr.BadUserInput, "Name each status at most once.")
	}
	if f.TicketID != nil && !id.Valid(id.Ticket, *f.TicketID) {
		return apperr.New(apperr.BadUserInput, "The filter's ticketId is no id of a ticket.")
	}
	return nil
}

// List returns a page of the buyer's orders. Errors: BadUserInput for a filter that makes no sense.
func (s *Service) List(ctx context.Context, buyerID string, f Filter, w page.Window) (page.Page[Order], error) {
	if err := f.check(); err != nil {
		return page.Page[Order]{}, err
	}
	orders, err := ordersOfBuyer(ctx, s.pool, buyerID, f, w)
	return page.Of(w, orders), err
}

// Count returns how many orders List would page through, nil when more than 10 000.
func (s *Service) Count(ctx context.Context, buyerID string, f Filter) (*int, error) {
	n, err := countOrdersOfBuyer(ctx, s.pool, buyerID, f, countLimit+1)
	if err != nil || n > countLimit {
		return nil, err
	}
	return &n, nil
}

// Get returns one order for its buyer. Errors: NotFound, Forbidden when it is somebody else's.
func (s *Service) Get(ctx context.Context, viewerID, orderID string) (Order, error) {
	var found []Order
	if id.Valid(id.Order, orderID) {
		var err error
		if found, err = ordersByID(ctx, s.pool, []string{orderID}); err != nil {
			return Order{}, err
		}
	}
	if len(found) == 0 {
		return Order{}, apperr.New(apperr.NotFound, "There is no such order.")
	}
	if found[0].BuyerID != viewerID {
		return Order{}, apperr.New(apperr.Forbidden, "This is not your order.")
	}
	return found[0], nil
}

// Visible returns those of the orders that the viewer may see, by id, in one statement.
func (s *Service) Visible(ctx context.Context, viewerID string, orderIDs []string) (map[string]Order, error) {
	visible := map[string]Order{}
	if viewerID == "" {
		return visible, nil
	}
	found, err := ordersByID(ctx, s.pool, orderIDs)
	for _, o := range found {
		if o.BuyerID == viewerID {
			visible[o.ID] = o
		}
	}
	return visible, err
}

// Holding returns the live order of each of the tickets that has one, by ticket id, in one statement.
// Whoever shows them to somebody must show only what that person may see.
func (s *Service) Holding(ctx context.Context, ticketIDs []string) (map[string]Order, error) {
	live, err := liveOrdersOfTickets(ctx, s.pool, ticketIDs)
	holding := make(map[string]Order, len(live))
	for _, o := range live {
		holding[o.TicketID] = o
	}
	return holding, err
}

// Histories returns what happened to each of the orders, oldest first, by order id, in one statement.
func (s *Service) Histories(ctx context.Context, orderIDs []string) (map[string][]HistoryEntry, error) {
	all, err := historyOfOrders(ctx, s.pool, orderIDs)
	histories := map[string][]HistoryEntry{}
	for _, e := range all {
		histories[e.OrderID] = append(histories[e.OrderID], e)
	}
	return histories, err
}
