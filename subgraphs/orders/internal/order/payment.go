package order

import (
	"slices"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// How orders and payments meet. A payment first puts the money on hold and becomes Authorized. Orders then decides
// once: it confirms or refuses the payment. A confirmation freezes the order, so that nothing ends it while the
// money is captured, and only a frozen order becomes Complete.

// payment is a replica of one attempt to pay for an order, with the decision about it.
type payment struct {
	id        string
	status    events.PaymentStatus
	amount    money.Money
	startedAt time.Time
	decision  decision
}

// decision is what orders has decided about a payment, "" when it has not yet.
type decision string

const (
	confirmed decision = "confirmed" // it may capture the money
	refused   decision = "refused"   // it must void the hold, or refund
)

// paymentDecision is a new decision about one payment.
type paymentDecision struct {
	paymentID string
	decision  decision
	reason    events.PaymentRefusal // only when refused
}

func (d paymentDecision) event(orderID string) events.Event {
	types := map[decision]events.Type{confirmed: events.OrderPaymentConfirmed, refused: events.OrderPaymentRefused}
	decision := events.PaymentDecision{PaymentID: d.paymentID, OrderID: orderID, Reason: d.reason}
	return events.New(types[d.decision], decision)
}

// rules are the settings about payments.
type rules struct {
	policy events.FailurePolicy
	grace  time.Duration // how long a payment that began before the deadline may go on after it
}

// orderWithPayments is an order with the attempts to pay for it, oldest first.
type orderWithPayments struct {
	Order
	payments []payment
}

// deadlinePassed returns the change after expiration has published a deadline. An order without a payment in
// progress ends. A payment that began in time gets the grace, once. A deadline before the order's own is ignored.
func (o orderWithPayments) deadlinePassed(deadline time.Time, r rules, now time.Time) change {
	last := o.ExpiresAt.Add(r.grace)
	inTime := func(p payment) bool { return p.status.InProgress() && p.startedAt.Before(o.ExpiresAt) }
	switch {
	case deadline.Before(o.ExpiresAt):
		return o.unchanged()
	case o.Cancellable() && slices.ContainsFunc(o.payments, inTime) && deadline.Before(last) && now.Before(last):
		return o.postpone(last)
	}
	return o.cancel(events.System, events.ReasonExpired, now)
}

// paymentChanged returns the change after payments has published a new version of p, which may complete or end
// the order. The decision about p is separate: see decide.
func (o orderWithPayments) paymentChanged(p events.Payment, r rules, now time.Time) change {
	frozenForIt := o.Frozen() && o.PaymentID == p.ID
	switch p.Status {
	case events.Succeeded, events.PartiallyRefunded:
		if frozenForIt {
			return o.complete(now)
		}
	case events.Refunded:
		if o.PaymentID == p.ID && o.Status.Live() {
			refund := o.end(refundActor(p), events.ReasonRefunded, now)
			refund.keepOffSale = !p.ReleaseTicket
			return refund
		}
	case events.Failed, events.Voided:
		// Voided is the result of a refusal and changes nothing, unless the order is frozen for the payment.
		if frozenForIt || p.Status == events.Failed && o.Cancellable() {
			return o.paymentFailed(r, now)
		}
	}
	return o.unchanged()
}

func refundActor(p events.Payment) events.Actor {
	if p.RefundedBy == events.Seller || p.RefundedBy == events.Operator {
		return p.RefundedBy
	}
	return events.System
}

// paymentFailed returns the change of an unpaid order after one of its payments has failed. The order may be frozen
// for that payment.
func (o orderWithPayments) paymentFailed(r rules, now time.Time) change {
	thawed := o
	thawed.PaymentID, thawed.FrozenAt = "", time.Time{}
	var next change
	switch {
	case r.policy == events.CancelOnFailure:
		next = thawed.end(events.System, events.ReasonPaymentFailed, now)
	case !now.Before(o.ExpiresAt):
		next = thawed.deadlinePassed(o.ExpiresAt, r, now)
	case o.Frozen():
		// The deadline may have been published already, if the clock of expiration is ahead.
		next = thawed.postpone(o.ExpiresAt)
	default:
		next = thawed.unchanged()
	}
	next.before = o.Order
	return next
}

// decide adds to a change the decisions about all payments that can have one after it, and freezes the order for
// the payment that is confirmed. It runs for every change, so a change that ends an order decides about its payments,
// too. A payment that captured money without a confirmation is refused.
func (o orderWithPayments) decide(next change, r rules, now time.Time) change {
	for _, p := range o.payments {
		d := paymentDecision{paymentID: p.id}
		switch {
		case p.status == events.Authorized && p.decision == "":
			d.decision, d.reason = next.order.decisionOn(p, r, now)
		case p.status.Paid() && p.decision != refused && next.order.PaymentID != p.id:
			d.decision, d.reason = refused, events.RefusedUnconfirmed
		}
		if d.decision == confirmed {
			next.order.PaymentID, next.order.FrozenAt = p.id, now
		}
		if d.decision != "" {
			next.decisions = append(next.decisions, d)
		}
	}
	return next
}

// decisionOn returns whether an authorized payment may capture the money for the order, and if not, why.
// There is no decision until tickets has confirmed its lock.
func (o Order) decisionOn(p payment, r rules, now time.Time) (d decision, reason events.PaymentRefusal) {
	switch {
	case o.Status == events.Created:
		return "", ""
	case o.Status == events.Cancelled && o.Reason != events.ReasonExpired:
		return refused, events.RefusedOrderCancelled
	case o.Status == events.Complete || o.Frozen():
		return refused, events.RefusedOrderPaid
	case o.Status == events.Cancelled || !p.startedAt.Before(o.ExpiresAt) || !now.Before(o.ExpiresAt.Add(r.grace)):
		return refused, events.RefusedOrderExpired
	case p.amount != o.Price:
		return refused, events.RefusedAmount
	}
	return confirmed, ""
}
