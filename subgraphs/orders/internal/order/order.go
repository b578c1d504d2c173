// Package order decides who gets a ticket: it reserves one for a limited time, gives it back when
// the buyer cancels or the deadline passes, and never promises one ticket to two people.
package order

import (
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Status is where an order is in its life.
type Status string

// An order begins as Created, or AwaitingPayment as soon as tickets has confirmed its lock, and
// ends as Complete or Cancelled.
const (
	Created         Status = "created"          // the ticket is held here; tickets has not confirmed its lock yet
	AwaitingPayment Status = "awaiting_payment" // tickets has locked title and price
	Complete        Status = "complete"         // paid
	Cancelled       Status = "cancelled"        // over; the reason says why
)

// Reason says why an order was cancelled.
type Reason string

// Reasons of a cancellation.
const (
	BuyerCancelled     Reason = "buyer_cancelled"
	Expired            Reason = "expired"
	ReservationRefused Reason = "reservation_refused" // the seller changed or withdrew the ticket in the same instant
)

// Actor is who changed an order.
type Actor string

// Actors.
const (
	Buyer  Actor = "buyer"
	System Actor = "system"
)

// Order is one buyer's claim on one ticket, with title and price as the buyer saw them.
type Order struct {
	ID            string
	Version       int // grows by exactly one with every change
	Status        Status
	BuyerID       string
	SellerID      string
	TicketID      string
	TicketVersion int // version of the ticket that the buyer saw
	Title         string
	Price         money.Money
	CreatedAt     time.Time
	UpdatedAt     time.Time
	ExpiresAt     time.Time // when the ticket goes back on sale unless the order is paid
	Reason        Reason    // only when cancelled
}

// Live reports whether the order holds its ticket.
func (o Order) Live() bool { return o.Status != Cancelled }

// Unpaid reports whether the order can still be paid, cancelled by its buyer, or expire.
func (o Order) Unpaid() bool { return o.Status == Created || o.Status == AwaitingPayment }

// SecondsUntilExpiry returns the seconds left to pay, rounded up, 0 when there is nothing to wait for.
func (o Order) SecondsUntilExpiry(now time.Time) int {
	if !o.Unpaid() {
		return 0
	}
	return max(0, int((o.ExpiresAt.Sub(now)+time.Second-1)/time.Second))
}

// Event is one line of an order's history: a change from one status to another.
type Event struct {
	ID        string
	OrderID   string
	Version   int // of the order after the change
	At        time.Time
	Actor     Actor
	From      *Status // nil for the first line
	To        Status
	Reason    *Reason // only when cancelled
	RequestID string  // the request that began it, for support
}

// change is what happens to an order, with the line of history and the event that tell it.
type change struct {
	order Order
	from  *Status
	actor Actor
}

// create makes the first change of an order.
func create(o Order) change {
	o.Version, o.Status, o.UpdatedAt = 1, Created, o.CreatedAt
	return change{order: o, actor: Buyer}
}

// confirm is the change when tickets has locked the ticket; false when the order is past that.
func (o Order) confirm(now time.Time) (change, bool) {
	if o.Status != Created {
		return change{}, false
	}
	return o.become(AwaitingPayment, System, now), true
}

// cancel is the change to Cancelled; false when the order is paid or already over.
func (o Order) cancel(actor Actor, reason Reason, now time.Time) (change, bool) {
	if !o.Unpaid() {
		return change{}, false
	}
	c := o.become(Cancelled, actor, now)
	c.order.Reason = reason
	return c, true
}

func (o Order) become(status Status, actor Actor, now time.Time) change {
	from := o.Status
	o.Version++
	o.Status, o.UpdatedAt = status, now
	return change{order: o, from: &from, actor: actor}
}

// event is the change as other services hear of it.
func (c change) event() events.Event {
	types := map[Status]events.Type{
		Created:         events.OrderCreated,
		AwaitingPayment: events.OrderAwaitingPayment,
		Complete:        events.OrderCompleted,
		Cancelled:       events.OrderCancelled,
	}
	o := c.order
	return events.New(types[o.Status], events.Order{
		ID: o.ID, Version: o.Version, Status: string(o.Status), BuyerID: o.BuyerID, SellerID: o.SellerID,
		TicketID: o.TicketID, TicketVersion: o.TicketVersion, Title: o.Title, Price: o.Price,
		ExpiresAt: o.ExpiresAt, Reason: string(o.Reason),
	})
}
