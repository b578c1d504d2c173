package order

import (
	"fmt"
	"slices"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// How money and orders meet. A payment first only holds the money, then asks: payment.authorized.
// The order answers once, with confirmed or refused. Confirming freezes the order, so that nobody
// cancels it while the money is taken; and only a frozen order becomes Complete.

// payment is what orders knows of one attempt to pay: a replica, and the answer it got.
type payment struct {
	id        string
	status    paymentStatus
	amount    money.Money
	startedAt time.Time
	answer    verdict
}

// paymentStatus is where an attempt to pay is, as payments tells it.
type paymentStatus string

const (
	processing        paymentStatus = "processing"
	requiresAction    paymentStatus = "requires_action" // its buyer must do something
	authorized        paymentStatus = "authorized"      // the money is held, not taken
	succeeded         paymentStatus = "succeeded"       // the money is taken
	failed            paymentStatus = "failed"          // there is no money
	voided            paymentStatus = "voided"          // the hold was released
	partiallyRefunded paymentStatus = "partially_refunded"
	refunded          paymentStatus = "refunded" // all the money was given back
)

// underWay reports whether the payment may still lead to money.
func (p payment) underWay() bool {
	return slices.Contains([]paymentStatus{processing, requiresAction, authorized}, p.status)
}

// captured reports whether the payment has money that was not all given back.
func (p payment) captured() bool { return p.status == succeeded || p.status == partiallyRefunded }

// verdict is what orders says to a payment that asks; "" when nothing yet.
type verdict string

const (
	confirmed verdict = "confirmed" // take the money
	refused   verdict = "refused"   // release it, or give it back
)

// answer is the verdict on one payment.
type answer struct {
	paymentID string
	verdict   verdict
	reason    string // why it was refused
}

func (a answer) event(orderID string) events.Event {
	types := map[verdict]events.Type{confirmed: events.OrderPaymentConfirmed, refused: events.OrderPaymentRefused}
	return events.New(types[a.verdict], events.PaymentDecision{PaymentID: a.paymentID, OrderID: orderID, Reason: a.reason})
}

// FailurePolicy says what becomes of an order when a payment for it fails.
type FailurePolicy string

// Policies.
const (
	CancelOrder FailurePolicy = "cancel" // the order is over
	RetryOrder  FailurePolicy = "retry"  // its buyer may try again until the deadline
)

// UnmarshalText reads a policy by its name.
func (p *FailurePolicy) UnmarshalText(text []byte) error {
	switch policy := FailurePolicy(text); policy {
	case CancelOrder, RetryOrder:
		*p = policy
		return nil
	default:
		return fmt.Errorf("no such policy: %q, want %s or %s", text, CancelOrder, RetryOrder)
	}
}

// payments are the attempts to pay for one order, oldest first.
type payments []payment

// anyUnderWay reports whether an attempt that began before the time may still lead to money.
func (ps payments) anyUnderWay(before time.Time) bool {
	return slices.ContainsFunc(ps, func(p payment) bool { return p.underWay() && p.startedAt.Before(before) })
}

// rules are what an operator may set about payments.
type rules struct {
	policy FailurePolicy
	grace  time.Duration // what an attempt that began before the deadline may take beyond it
}

// deadlinePassed is the change when expiration tells of a deadline: an order that nobody is paying
// for ends; an attempt that began in time gets the grace, once. A deadline before the order's own
// says nothing.
func (o Order) deadlinePassed(deadline time.Time, ps payments, r rules, now time.Time) change {
	last := o.ExpiresAt.Add(r.grace)
	switch {
	case deadline.Before(o.ExpiresAt):
		return o.nothing()
	case o.Cancellable() && ps.anyUnderWay(o.ExpiresAt) && now.Before(last) && deadline.Before(last):
		c := o.nothing()
		c.lookAgain = last
		return c
	}
	return o.cancel(System, Expired, now)
}

// paymentChanged is the change when a payment has told something new about itself.
func (o Order) paymentChanged(p events.Payment, ps payments, r rules, now time.Time) change {
	mine := o.PaymentID == p.ID
	switch paymentStatus(p.Status) {
	case succeeded, partiallyRefunded:
		if mine && o.Unpaid() {
			return o.complete(now)
		}
	case refunded:
		if mine && o.Live() {
			c := o.end(refunder(p), Refunded, now)
			c.keepOffSale = !p.ReleaseTicket
			return c
		}
	case failed, voided:
		if mine && o.Frozen() || paymentStatus(p.Status) == failed && o.Cancellable() {
			return o.paymentFailed(ps, r, now)
		}
	}
	return o.nothing()
}

func refunder(p events.Payment) Actor {
	if actor := Actor(p.RefundedBy); actor == Seller || actor == Operator {
		return actor
	}
	return System
}

// paymentFailed is the change when there will be no money from the payment that the order is frozen
// for, or from another while it is not frozen.
func (o Order) paymentFailed(ps payments, r rules, now time.Time) change {
	thawed := o
	thawed.PaymentID, thawed.FrozenAt = "", time.Time{}
	var c change
	switch {
	case r.policy == CancelOrder:
		c = thawed.end(System, PaymentFailed, now)
	case !now.Before(o.ExpiresAt):
		c = thawed.deadlinePassed(o.ExpiresAt, ps, r, now)
	case o.Frozen():
		c = thawed.nothing()
		c.lookAgain = o.ExpiresAt // it may have been told, in vain, while the order was frozen
	default:
		return o.nothing()
	}
	c.before = o
	return c
}

// answering adds the answer to every payment that waits for one and can have it, and freezes the
// order for the one that is confirmed. Money that was taken without being confirmed is refused.
func (c change) answering(ps payments, r rules, now time.Time) change {
	for _, p := range ps {
		a := answer{paymentID: p.id}
		switch {
		case p.status == authorized && p.answer == "":
			a.verdict, a.reason = c.order.judge(p, r, now)
		case p.captured() && p.answer != refused && c.order.PaymentID != p.id:
			a.verdict, a.reason = refused, "unconfirmed"
		}
		if a.verdict == confirmed {
			c.order.PaymentID, c.order.FrozenAt = p.id, now
		}
		if a.verdict != "" {
			c.answers = append(c.answers, a)
		}
	}
	return c
}

// judge says whether an authorized payment may take the money for the order, and why not. It says
// nothing as long as tickets has not confirmed its lock.
func (o Order) judge(p payment, r rules, now time.Time) (answer verdict, reason string) {
	switch {
	case o.Status == Created:
		return "", ""
	case o.Status == Cancelled && o.Reason != Expired:
		return refused, "cancelled"
	case o.Status == Complete || o.Frozen():
		return refused, "paid"
	case o.Status == Cancelled || !p.startedAt.Before(o.ExpiresAt) || !now.Before(o.ExpiresAt.Add(r.grace)):
		return refused, "expired"
	case p.amount != o.Price:
		return refused, "amount"
	}
	return confirmed, ""
}
