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
	PaymentFailed      Reason = "payment_failed"
	Refunded           Reason = "refunded" // it was paid, and all the money was given back
)

// Actor is who changed an order.
type Actor string

// Actors.
const (
	Buyer    Actor = "buyer"
	Seller   Actor = "seller"
	Operator Actor = "operator"
	System   Actor = "system"
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
	PaymentID     string    // the payment that it is frozen for or was paid with, if any
	FrozenAt      time.Time // since when that payment may take the money; zero when not frozen
	Paying        bool      // an attempt to pay is under way
}

// Live reports whether the order holds its ticket.
func (o Order) Live() bool { return o.Status != Cancelled }

// Unpaid reports whether the order holds its ticket and waits for money.
func (o Order) Unpaid() bool { return o.Status == Created || o.Status == AwaitingPayment }

// Frozen reports whether a payment was told to take the money, and has not told yet that it did.
// Until it does, nothing but the end of that payment ends the order.
func (o Order) Frozen() bool { return !o.FrozenAt.IsZero() }

// Cancellable reports whether its buyer can give the order back.
func (o Order) Cancellable() bool { return o.Unpaid() && !o.Frozen() }

// Payable reports whether its buyer can begin to pay for the order.
func (o Order) Payable(now time.Time) bool {
	return o.Cancellable() && !o.Paying && now.Before(o.ExpiresAt)
}

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

// change is what happens to an order at one moment.
type change struct {
	before      Order     // zero when the order is new
	order       Order     // as it is then; at another version if its status is another
	actor       Actor     // who changed the status
	keepOffSale bool      // the ticket must not be sold again
	answers     []answer  // to payments that asked
	lookAgain   time.Time // when expiration has to tell of the order again; zero when it need not
}

// nothing is the change that leaves the order as it is.
func (o Order) nothing() change { return change{before: o, order: o} }

// wait is the change that leaves the order as it is until a later deadline.
func (o Order) wait(until time.Time) change {
	return change{before: o, order: o, lookAgain: until}
}

// create makes the first change of an order.
func create(o Order) change {
	o.Version, o.Status, o.UpdatedAt = 1, Created, o.CreatedAt
	return change{order: o, actor: Buyer}
}

// confirm is the change when tickets has locked the ticket; nothing when the order is past that.
func (o Order) confirm(now time.Time) change {
	if o.Status != Created {
		return o.nothing()
	}
	return o.become(AwaitingPayment, System, now)
}

// cancel is the change to Cancelled; nothing when the order is paid, being paid or already over.
func (o Order) cancel(actor Actor, reason Reason, now time.Time) change {
	if !o.Cancellable() {
		return o.nothing()
	}
	return o.end(actor, reason, now)
}

// complete is the change when the payment that the order is frozen for has taken the money.
func (o Order) complete(now time.Time) change { return o.become(Complete, Buyer, now) }

// end is the change to Cancelled from wherever the order is.
func (o Order) end(actor Actor, reason Reason, now time.Time) change {
	c := o.become(Cancelled, actor, now)
	c.order.Reason = reason
	return c
}

func (o Order) become(status Status, actor Actor, now time.Time) change {
	c := change{before: o, order: o, actor: actor}
	c.order.Version++
	c.order.Status, c.order.UpdatedAt, c.order.FrozenAt = status, now, time.Time{}
	return c
}

// moved reports whether the status changed, which makes a line of history.
func (c change) moved() bool { return c.order.Version > c.before.Version }

// told is the change as other services hear of it.
func (c change) told() []events.Event {
	var told []events.Event
	if c.moved() {
		told = append(told, c.event())
	}
	for _, a := range c.answers {
		told = append(told, a.event(c.order.ID))
	}
	if !c.lookAgain.IsZero() {
		told = append(told, events.New(events.OrderDeadlineMoved, events.OrderDeadline{OrderID: c.order.ID, Deadline: c.lookAgain}))
	}
	return told
}

// event is the change of status as other services hear of it.
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
		ExpiresAt: o.ExpiresAt, Reason: string(o.Reason), KeepOffSale: c.keepOffSale,
	})
}
