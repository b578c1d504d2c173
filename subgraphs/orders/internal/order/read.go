package order

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Filter narrows a list of orders. A nil field matches every order.
type Filter struct {
	Statuses []events.OrderStatus // any of these
	TicketID *string
}

// The keys that lists of orders are sorted by, ascending unless Desc is set.
var (
	ByCreation = page.Key{Name: "created", Column: "created_at", Type: "timestamptz"}
	ByExpiry   = page.Key{Name: "expires", Column: "expires_at", Type: "timestamptz"}
)

// ByVersion is the order of a history, newest first.
var ByVersion = page.Key{Name: "version", Type: "int", Desc: true}

// CursorValue returns the value of the order's column that the key sorts by, for its cursor.
func CursorValue(key page.Key, o Order) string {
	at := o.CreatedAt
	if key.Name == ByExpiry.Name {
		at = o.ExpiresAt
	}
	return at.Format(time.RFC3339Nano)
}

// countLimit bounds how many rows Count reads.
const countLimit = 10_000

// check returns BadUserInput for an invalid filter.
func (f Filter) check() error {
	switch {
	case f.Statuses != nil && len(f.Statuses) == 0:
		return apperr.New(apperr.BadUserInput, "Name at least one status, or leave statuses out.")
	case len(f.Statuses) > 4:
		return apperr.New(apperr.BadUserInput, "Name each status at most once.")
	case f.TicketID != nil && !id.Valid(id.Ticket, *f.TicketID):
		return apperr.New(apperr.BadUserInput, "The filter's ticketId is not the id of a ticket.")
	}
	return nil
}

// List returns a page of the buyer's orders. Errors: BadUserInput for an invalid filter.
func (s *Service) List(ctx context.Context, buyerID string, f Filter, w page.Window) (page.Page[Order], error) {
	if err := f.check(); err != nil {
		return page.Page[Order]{}, err
	}
	orders, err := ordersOfBuyer(ctx, s.pool, buyerID, f, w)
	return page.Of(w, orders), err
}

// Count returns how many orders List would page through, nil for more than 10 000.
func (s *Service) Count(ctx context.Context, buyerID string, f Filter) (*int, error) {
	n, err := countOrdersOfBuyer(ctx, s.pool, buyerID, f, countLimit+1)
	if err != nil || n > countLimit {
		return nil, err
	}
	return &n, nil
}

// Get returns an order, the zero Order if it does not exist or is not visible to the viewer.
func (s *Service) Get(ctx context.Context, v Viewer, orderID string) (Order, error) {
	if !id.Valid(id.Order, orderID) {
		return Order{}, nil
	}
	visible, err := s.Visible(ctx, v, []string{orderID})
	return visible[orderID], err
}

// Visible returns those of the orders that are visible to the viewer, by id, in one statement.
func (s *Service) Visible(ctx context.Context, v Viewer, orderIDs []string) (map[string]Order, error) {
	visible := map[string]Order{}
	if v.UserID == "" {
		return visible, nil
	}
	found, err := ordersByID(ctx, s.pool, orderIDs)
	for _, o := range found {
		if v.sees(o) {
			visible[o.ID] = o
		}
	}
	return visible, err
}

// Holding returns the live order of each of the tickets that has one, by ticket id, in one statement. It returns
// orders of all buyers: the caller decides what the viewer may see.
func (s *Service) Holding(ctx context.Context, ticketIDs []string) (map[string]Order, error) {
	live, err := liveOrdersOfTickets(ctx, s.pool, ticketIDs)
	holding := make(map[string]Order, len(live))
	for _, o := range live {
		holding[o.TicketID] = o
	}
	return holding, err
}

// Histories returns the history of each of the orders, newest first, by order id, in one statement.
func (s *Service) Histories(ctx context.Context, orderIDs []string) (map[string][]HistoryEntry, error) {
	all, err := historyOfOrders(ctx, s.pool, orderIDs)
	histories := map[string][]HistoryEntry{}
	for _, e := range all {
		histories[e.OrderID] = append(histories[e.OrderID], e)
	}
	return histories, err
}

// Await returns what Get returns, as soon as the order has the version, if one is given. It waits at most for
// Config.Wait, and neither for an order that has ended nor beyond the limits on waiting requests.
func (s *Service) Await(ctx context.Context, v Viewer, orderID string, version *int) (Order, error) {
	read := func(ctx context.Context) (Order, error) { return s.Get(ctx, v, orderID) }
	enough := func(o Order) bool { return version == nil || o.Version >= *version || !o.Status.Live() }
	o, err := read(ctx)
	if err != nil || enough(o) {
		return o, err
	}
	release, ok := s.waiters.acquire(v.UserID)
	if !ok {
		return o, nil
	}
	defer release()
	patience, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	return signal.Await(ctx, patience, &s.changed, orderID, read, enough)
}

// Follow yields an order, and again after each change, until ctx ends. Changes in quick succession may be yielded as
// one. An error ends it: NotFound if the order does not exist or is not visible to the viewer.
func (s *Service) Follow(ctx context.Context, v Viewer, orderID string) iter.Seq2[Order, error] {
	read := func(ctx context.Context) (Order, error) {
		o, err := s.Get(ctx, v, orderID)
		if err == nil && o.ID == "" {
			err = apperr.New(apperr.NotFound, "There is no such order.")
		}
		return o, err
	}
	// Payments change what the viewer can do with an order, without a new version of it.
	type state struct {
		version        int
		paying, frozen bool
	}
	return signal.Follow(ctx, &s.changed, orderID, read, func(o Order) state {
		return state{o.Version, o.Paying, o.Frozen()}
	})
}

// OnEvent wakes the requests that follow or await an order, after any process of the service published an event
// about it.
func (s *Service) OnEvent(e events.Event) {
	orderID := e.Subject
	if e.Type == events.OrderPaymentConfirmed { // its subject is the payment
		var d events.PaymentDecision
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return // its consumers report it
		}
		orderID = d.OrderID
	}
	s.changed.Changed(orderID)
}

// Resync wakes all of these requests, because events may have been missed.
func (s *Service) Resync() { s.changed.AllChanged() }
