// Package ticket implements tickets. Sellers list, update and withdraw them. An order locks the ticket that it
// holds, so that its buyer pays for exactly what the order says.
package ticket

import (
	"time"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Ticket is one admission, offered by one seller at one price.
type Ticket struct {
	ID           string
	Version      int // grows by one with every change
	Title        string
	Price        money.Money
	SellerID     string
	Availability events.Availability
	OrderID      string // the order that holds the ticket; empty unless reserved or sold
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Viewer is a signed-in user.
type Viewer struct {
	UserID   string
	Operator bool // may withdraw any ticket
}

// Reason says why a viewer cannot update a ticket.
type Reason string

// The reasons. Those after NotOwner are availabilities.
const (
	SignedOut Reason = "signed_out"
	NotOwner  Reason = "not_owner"
	Reserved         = Reason(events.Reserved)
	Sold             = Reason(events.Sold)
	Withdrawn        = Reason(events.Withdrawn)
)

// CannotUpdateReasons returns every reason why the viewer, "" when signed out, cannot update the ticket. The reason
// that concerns the viewer is first. The list is empty exactly when Update accepts the viewer and the ticket.
func (t Ticket) CannotUpdateReasons(viewerID string) []Reason {
	var reasons []Reason
	switch viewerID {
	case t.SellerID:
	case "":
		reasons = append(reasons, SignedOut)
	default:
		reasons = append(reasons, NotOwner)
	}
	if t.Availability != events.Available {
		reasons = append(reasons, Reason(t.Availability))
	}
	return reasons
}

// refuse returns the error of a change of the ticket that the reason forbids.
func (r Reason) refuse(t Ticket) error {
	switch r {
	case SignedOut:
		return apperr.New(apperr.Unauthenticated, "Sign in first.")
	case NotOwner:
		return NotAuthorizedError{}
	case Sold:
		return SoldError{t}
	case Withdrawn:
		return WithdrawnError{t}
	default:
		return ReservedError{t}
	}
}

// lockRefusal returns why the ticket cannot be locked for the order, "" when it can. It compares what the buyer saw
// instead of the version, which also grows when another order releases the ticket.
func (t Ticket) lockRefusal(o events.Order) events.LockRefusal {
	switch {
	case t.Version == 0:
		return events.RefusedTicketUnknown
	case t.Availability == events.Withdrawn:
		return events.RefusedTicketWithdrawn
	case t.Availability == events.Sold:
		return events.RefusedTicketSold
	case t.Title != o.Title || t.Price != o.Price:
		return events.RefusedTicketChanged
	}
	return ""
}

// change is a ticket after a change, with the type of the event that announces it.
type change struct {
	ticket Ticket
	typ    events.Type
}

// create returns the first change of a ticket.
func create(t Ticket) change {
	t.Version, t.Availability, t.UpdatedAt = 1, events.Available, t.CreatedAt
	return change{t, events.TicketCreated}
}

// edit changes the title, the price, or both; nil leaves a field unchanged.
func (t Ticket) edit(title *string, price *money.Money, now time.Time) change {
	if title != nil {
		t.Title = *title
	}
	if price != nil {
		t.Price = *price
	}
	return t.become(t.Availability, "", events.TicketUpdated, now)
}

// withdraw takes the ticket off sale.
func (t Ticket) withdraw(now time.Time) change {
	return t.become(events.Withdrawn, "", events.TicketWithdrawn, now)
}

// reserve locks the ticket for an unpaid order.
func (t Ticket) reserve(orderID string, now time.Time) change {
	return t.become(events.Reserved, orderID, events.TicketReserved, now)
}

// release puts the ticket back on sale.
func (t Ticket) release(now time.Time) change {
	return t.become(events.Available, "", events.TicketReleased, now)
}

// sell locks the ticket for a complete order.
func (t Ticket) sell(orderID string, now time.Time) change {
	return t.become(events.Sold, orderID, events.TicketSold, now)
}

func (t Ticket) become(a events.Availability, orderID string, typ events.Type, now time.Time) change {
	t.Version++
	t.Availability, t.OrderID, t.UpdatedAt = a, orderID, now
	return change{t, typ}
}

// event returns the event that announces the change to other services.
func (c change) event() events.Event { return events.New(c.typ, c.ticket.payload()) }

func (t Ticket) payload() events.Ticket {
	return events.Ticket{
		ID: t.ID, Version: t.Version, Title: t.Title, Price: t.Price,
		SellerID: t.SellerID, Availability: t.Availability, OrderID: t.OrderID,
	}
}
