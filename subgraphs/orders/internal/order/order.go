// Package order decides which buyer gets a ticket. It reserves the ticket for a limited time, releases it when
// the buyer cancels or the deadline passes, and never promises one ticket to two buyers.
package order

import (
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Order is one buyer's reservation of one ticket, with the title and price that the buyer saw.
type Order struct {
	ID            string
	Version       int // grows by one with every change of status
	Status        events.OrderStatus
	BuyerID       string
	SellerID      string
	TicketID      string
	TicketVersion int // version of the ticket that the buyer saw
	Title         string
	Price         money.Money
	CreatedAt     time.Time
	UpdatedAt     time.Time
	ExpiresAt     time.Time           // when the ticket goes back on sale unless the order is paid
	Reason        events.CancelReason // only when cancelled
	PaymentID     string              // the payment that it is frozen for or was paid with, if any
	FrozenAt      time.Time           // when that payment was confirmed; zero when not frozen
	Paying        bool                // a payment is in progress
}

// Frozen reports whether a payment was confirmed that has not captured the money yet.
// Until then, only the end of that payment ends the order.
func (o Order) Frozen() bool { return !o.FrozenAt.IsZero() }

// Cancellable reports whether the order can be cancelled.
func (o Order) Cancellable() bool { return o.Status.Unpaid() && !o.Frozen() }

// SecondsUntilExpiry returns the seconds left to pay, rounded up; 0 unless the order is unpaid.
func (o Order) SecondsUntilExpiry(now time.Time) int {
	if !o.Status.Unpaid() {
		return 0
	}
	return max(0, int((o.ExpiresAt.Sub(now)+time.Second-1)/time.Second))
}

// paidVersion returns the version that an unpaid order will have once it is complete, else 0. A Created order passes
// through AwaitingPayment first.
func (o Order) paidVersion() int {
	switch o.Status {
	case events.Created:
		return o.Version + 2
	case events.AwaitingPayment:
		return o.Version + 1
	default:
		return 0
	}
}

// HistoryEntry records one change of an order's status.
type HistoryEntry struct {
	ID        string
	OrderID   string
	Version   int // of the order after the change
	At        time.Time
	Actor     events.Actor
	From      *events.OrderStatus // nil for the first entry
	To        events.OrderStatus
	Reason    *events.CancelReason // only when cancelled
	RequestID string               // the request that caused it, for support
}

// change is a transition of an order with its effects: history, events and decisions about payments.
type change struct {
	before       Order             // zero when the order is new
	order        Order             // after the change; the version differs if the status does
	actor        events.Actor      // of a change of status
	keepOffSale  bool              // the ticket must not be sold again
	decisions    []paymentDecision // about payments
	rescheduleAt time.Time         // when expiration has to publish the deadline again; zero if never
}

// unchanged returns the change that leaves the order as it is.
func (o Order) unchanged() change { return change{before: o, order: o} }

// postpone returns the change that leaves the order as it is until a later deadline.
func (o Order) postpone(until time.Time) change {
	return change{before: o, order: o, rescheduleAt: until}
}

// create returns the first change of an order.
func create(o Order) change {
	o.Version, o.Status, o.UpdatedAt = 1, events.Created, o.CreatedAt
	return change{order: o, actor: events.Buyer}
}

// confirm returns the change after tickets has locked the ticket. An order that is further along is unchanged.
func (o Order) confirm(now time.Time) change {
	if o.Status != events.Created {
		return o.unchanged()
	}
	return o.become(events.AwaitingPayment, events.System, now)
}

// cancel returns the change to Cancelled. An order that is frozen, complete or cancelled is unchanged.
func (o Order) cancel(actor events.Actor, reason events.CancelReason, now time.Time) change {
	if !o.Cancellable() {
		return o.unchanged()
	}
	return o.end(actor, reason, now)
}

// complete returns the change after the payment that the order is frozen for has captured the money.
func (o Order) complete(now time.Time) change { return o.become(events.Complete, events.Buyer, now) }

// end returns the change to Cancelled from any status.
func (o Order) end(actor events.Actor, reason events.CancelReason, now time.Time) change {
	c := o.become(events.Cancelled, actor, now)
	c.order.Reason = reason
	return c
}

func (o Order) become(status events.OrderStatus, actor events.Actor, now time.Time) change {
	c := change{before: o, order: o, actor: actor}
	c.order.Version++
	c.order.Status, c.order.UpdatedAt, c.order.FrozenAt = status, now, time.Time{}
	return c
}

// statusChanged reports whether the change gets a history entry.
func (c change) statusChanged() bool { return c.order.Version > c.before.Version }

// events returns the events that announce the change to other services. Those of an unpaid order carry the policy,
// which decides whether a failed payment ends the order.
func (c change) events(policy events.FailurePolicy) []events.Event {
	var all []events.Event
	if c.statusChanged() {
		all = append(all, c.statusEvent(policy))
	}
	for _, d := range c.decisions {
		all = append(all, d.event(c.order.ID))
	}
	if !c.rescheduleAt.IsZero() {
		deadline := events.OrderDeadline{OrderID: c.order.ID, Deadline: c.rescheduleAt}
		all = append(all, events.New(events.OrderDeadlineMoved, deadline))
	}
	return all
}

func (c change) statusEvent(policy events.FailurePolicy) events.Event {
	types := map[events.OrderStatus]events.Type{
		events.Created:         events.OrderCreated,
		events.AwaitingPayment: events.OrderAwaitingPayment,
		events.Complete:        events.OrderCompleted,
		events.Cancelled:       events.OrderCancelled,
	}
	o := c.order
	payload := events.Order{
		ID: o.ID, Version: o.Version, Status: o.Status, BuyerID: o.BuyerID, SellerID: o.SellerID,
		TicketID: o.TicketID, TicketVersion: o.TicketVersion, Title: o.Title, Price: o.Price,
		ExpiresAt: o.ExpiresAt, Reason: o.Reason, KeepOffSale: c.keepOffSale, PaidVersion: o.paidVersion(),
	}
	if o.Status.Unpaid() {
		payload.PaymentFailure = policy
	}
	return events.New(types[o.Status], payload)
}
