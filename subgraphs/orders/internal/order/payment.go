package order

import (
	"fmt"
	"slices"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// How orders and money meet. A payment first only holds the money, and asks by being authorized.
// The order answers once: confirmed or refused. Confirming freezes the order, so that nothing ends
// it while the money is taken, and only a frozen order becomes Complete.

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
	return p.status == processing || p.status == requiresAction || p.status == authorized
}

// paid reports whether there is money of the payment that was not given back.
func (p payment) paid() bool { return p.status == succeeded || p.status == partiallyRefunded }

// verdict is the answer to a payment, "" when there is none yet.
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
	}
	return fmt.Errorf("%q is no policy: want %s or %s", text, CancelOrder, RetryOrder)
}

// rules are what an operator may set about payments.
type rules struct {
	policy FailurePolicy
	grace  time.Duration // how long an attempt that began before the deadline may go on after it
}

// claim is an order with the attempts to pay for it, oldest first.
type claim struct {
	Order
	payments []payment
}

// deadlinePassed is the change when expiration tells of a deadline: an order that nobody is paying
// for ends; for an attempt that began in time there is the grace, once. A deadline before the
// order's own says nothing.
func (c claim) deadlinePassed(deadline time.Time, r rules, now time.Time) change {
	last := c.ExpiresAt.Add(r.grace)
	inTime := func(p payment) bool { return p.underWay() && p.startedAt.Before(c.ExpiresAt) }
	switch {
	case deadline.Before(c.ExpiresAt):
		return c.nothing()
	case c.Cancellable() && slices.ContainsFunc(c.payments, inTime) && deadline.Before(last) && now.Before(last):
		return c.wait(last)
	}
	return c.cancel(System, Expired, now)
}

// paymentChanged is the change when payments has told something new about p, which may complete or
// end the order. Whether p is then answered is decided apart, by answering.
func (c claim) paymentChanged(p events.Payment, r rules, now time.Time) change {
	mine := c.PaymentID == p.ID
	switch status := paymentStatus(p.Status); status {
	case succeeded, partiallyRefunded:
		if mine && c.Frozen() {
			return c.complete(now)
		}
	case refunded:
		if mine && c.Live() {
			refund := c.end(refunder(p), Refunded, now)
			refund.keepOffSale = !p.ReleaseTicket
			return refund
		}
	case failed, voided:
		// A void is the answer to a refusal, unless the order relied on the payment.
		if mine && c.Frozen() || status == failed && c.Cancellable() {
			return c.paymentFailed(r, now)
		}
	}
	return c.nothing()
}

func refunder(p events.Payment) Actor {
	if actor := Actor(p.RefundedBy); actor == Seller || actor == Operator {
		return actor
	}
	return System
}

// paymentFailed is the change of an unpaid order when there is no money from a payment that may have
// had it frozen.
func (c claim) paymentFailed(r rules, now time.Time) change {
	thawed := c
	thawed.PaymentID, thawed.FrozenAt = "", time.Time{}
	var next change
	switch {
	case r.policy == CancelOrder:
		next = thawed.end(System, PaymentFailed, now)
	case !now.Before(c.ExpiresAt):
		next = thawed.deadlinePassed(c.ExpiresAt, r, now)
	case c.Frozen():
		next = thawed.wait(c.ExpiresAt) // was told in vain by then, should the clock of expiration be ahead
	default:
		next = thawed.nothing()
	}
	next.before = c.Order
	return next
}

// answering adds to a change the answers to all payments that can have one by then, and freezes the
// order for the one that is confirmed. So nothing that ends an order can forget a payment.
// Money that was taken unasked is refused.
func (c claim) answering(next change, r rules, now time.Time) change {
	for _, p := range c.payments {
		a := answer{paymentID: p.id}
		switch {
		case p.status == authorized && p.answer == "":
			a.verdict, a.reason = next.order.judge(p, r, now)
		case p.paid() && p.answer != refused && next.order.PaymentID != p.id:
			a.verdict, a.reason = refused, "unconfirmed"
		}
		if a.verdict == confirmed {
			next.order.PaymentID, next.order.FrozenAt = p.id, now
		}
		if a.verdict != "" {
			next.answers = append(next.answers, a)
		}
	}
	return next
}

// judge says whether an authorized payment may take the money for the order, and if not, why. It
// says nothing as long as tickets has not confirmed its lock.
func (o Order) judge(p payment, r rules, now time.Time) (v verdict, reason string) {
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
