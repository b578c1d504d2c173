// Package ticket keeps what is for sale: sellers list, edit and withdraw their tickets, and an
// order locks one while it holds it, so that nobody pays for something that changed meanwhile.
package ticket

import (
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Availability says who can have a ticket.
type Availability string

// A ticket begins as Available. An order makes it Reserved and then Sold, or Available again; a
// refund makes a Sold one Available or Withdrawn. Its seller may withdraw it while it is Available.
const (
	Available Availability = "available" // nobody holds it
	Reserved  Availability = "reserved"  // an unpaid order holds it
	Sold      Availability = "sold"      // a paid order holds it
	Withdrawn Availability = "withdrawn" // the seller took it off sale
)

// Ticket is something that one person sells to one other.
type Ticket struct {
	ID           string
	Version      int // grows by exactly one with every change
	Title        string
	Price        money.Money
	SellerID     string
	Availability Availability
	OrderID      string // the order that holds it; only when reserved or sold
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Viewer is the signed-in user who withdraws a ticket.
type Viewer struct {
	UserID   string
	Operator bool // may withdraw any ticket
}

// Reason is why somebody cannot update a ticket. An availability is one, too.
type Reason string

// Reasons that lie in the person.
const (
	SignedOut Reason = "signed_out"
	NotOwner  Reason = "not_owner"
)

// CannotUpdateReasons returns everything that keeps the viewer ("" when signed out) from updating
// the ticket, the person's own reason first. It is empty when an update would be accepted; Update
// itself goes by it.
func (t Ticket) CannotUpdateReasons(viewerID string) []Reason {
	var reasons []Reason
	switch viewerID {
	case t.SellerID:
	case "":
		reasons = append(reasons, SignedOut)
	default:
		reasons = append(reasons, NotOwner)
	}
	if t.Availability != Available {
		reasons = append(reasons, Reason(t.Availability))
	}
	return reasons
}

// refusal returns why the order cannot have the ticket, "" when it can. What counts is what the
// buyer saw, not the version: that also grows when another order gives the ticket back.
func (t Ticket) refusal(o events.Order) string {
	switch {
	case t.Version == 0:
		return "unknown"
	case t.Availability == Withdrawn || t.Availability == Sold:
		return string(t.Availability)
	case t.Title != o.Title || t.Price != o.Price:
		return "changed"
	}
	return ""
}

// change is what happens to a ticket, with the type of the event that tells it.
type change struct {
	ticket Ticket
	told   events.Type
}

// create makes the first change of a ticket.
func create(t Ticket) change {
	t.Version, t.Availability, t.UpdatedAt = 1, Available, t.CreatedAt
	return change{t, events.TicketCreated}
}

// edit gives the ticket a new title or price, or both; nil leaves one as it is.
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
	return t.become(Withdrawn, "", events.TicketWithdrawn, now)
}

// reserve locks the ticket for an unpaid order.
func (t Ticket) reserve(orderID string, now time.Time) change {
	return t.become(Reserved, orderID, events.TicketReserved, now)
}

// release puts the ticket back on sale.
func (t Ticket) release(now time.Time) change {
	return t.become(Available, "", events.TicketReleased, now)
}

// sell gives the ticket to a paid order, until the money is given back.
func (t Ticket) sell(orderID string, now time.Time) change {
	return t.become(Sold, orderID, events.TicketSold, now)
}

func (t Ticket) become(a Availability, orderID string, told events.Type, now time.Time) change {
	t.Version++
	t.Availability, t.OrderID, t.UpdatedAt = a, orderID, now
	return change{t, told}
}

// event is the change as other services hear of it.
func (c change) event() events.Event { return events.New(c.told, c.ticket.payload()) }

func (t Ticket) payload() events.Ticket {
	return events.Ticket{
		ID: t.ID, Version: t.Version, Title: t.Title, Price: t.Price,
		SellerID: t.SellerID, Availability: events.Availability(t.Availability), OrderID: t.OrderID,
	}
}
