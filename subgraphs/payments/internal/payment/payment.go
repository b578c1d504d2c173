// Package payment takes the money for an order: it holds it on the buyer's card, takes it once
// orders has confirmed that the ticket is still the buyer's, and gives it back when asked to.
//
// A payment is a row that says which step comes next. Every step can be repeated, so a process
// may die anywhere: another one finds the row and goes on.
package payment

import (
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Status is where a payment is in its life.
type Status string

// A payment begins as Processing and ends as Failed, Voided or Refunded, or stays Succeeded.
const (
	Processing        Status = "processing"
	RequiresAction    Status = "requires_action" // waits for its buyer
	Authorized        Status = "authorized"      // the money is held, not taken
	Succeeded         Status = "succeeded"       // the money is taken
	Failed            Status = "failed"
	Voided            Status = "voided" // the hold was released
	PartiallyRefunded Status = "partially_refunded"
	Refunded          Status = "refunded"
)

// Step is what has to happen next to a payment.
type Step string

// Steps. All but AwaitOrder and Done are taken by Drive.
const (
	Authorize  Step = "authorize"   // ask the processor to hold the money
	Look       Step = "look"        // see what has become of it at the processor
	AwaitOrder Step = "await_order" // orders decides
	Capture    Step = "capture"     // take the money
	Void       Step = "void"        // release the hold
	Done       Step = "none"
)

// Payment is one attempt to pay for an order.
type Payment struct {
	ID                 string
	Version            int // grows by exactly one with every change of status or refunds
	OrderID            string
	BuyerID            string
	SellerID           string
	Status             Status
	Step               Step
	Amount             money.Money
	RefundedMinorUnits int
	Description        string
	Reference          string // at the processor, empty until it is known
	Token              string // of the card, until it was used
	Card               *Card
	Action             *Action  // only with RequiresAction
	Decline            *Decline // only with Failed
	CreatedAt          time.Time
	UpdatedAt          time.Time
	PayableUntil       *time.Time // of the order, when the payment was read; nil when the order is paid or over
}

// Live reports whether the payment may still lead to money.
func (p Payment) Live() bool {
	return p.Status == Processing || p.Status == RequiresAction || p.Status == Authorized
}

// Paid reports whether there is money of it that was not given back.
func (p Payment) Paid() bool { return p.Status == Succeeded || p.Status == PartiallyRefunded }

// become is the payment in another status.
func (p Payment) become(status Status, step Step, now time.Time) Payment {
	p.Version++
	p.Status, p.Step, p.UpdatedAt, p.Action = status, step, now, nil
	return p
}

func (p Payment) fail(d Decline, now time.Time) Payment {
	p = p.become(Failed, Done, now)
	p.Decline = &d
	return p
}

// observe is the payment after the processor has shown its intent. It understands every intent in
// every status, because what the processor says may be old, repeated, or about something that
// happened behind our back.
func (p Payment) observe(i Intent, now time.Time) Payment {
	if i.Reference != "" {
		p.Reference = i.Reference
	}
	if i.Card != nil {
		p.Card = i.Card
	}
	if i.Status != IntentPending {
		p.Token = "" // used
	}
	switch {
	case p.Live():
		return p.progress(i, now)
	case i.Status == IntentAuthorized && !p.Paid() && p.Status != Refunded:
		p.Step = Void // failed or voided here, and holds money nevertheless
	default:
		p.Step = Done
	}
	return p
}

// progress is observe of a live payment.
func (p Payment) progress(i Intent, now time.Time) Payment {
	switch i.Status {
	case IntentRequiresAction:
		if p.Status == Processing {
			p = p.become(RequiresAction, p.unlessVoid(Look), now)
			p.Action = i.Action
		}
		return p
	case IntentAuthorized:
		if p.Status == Authorized {
			return p
		}
		return p.become(Authorized, p.unlessVoid(AwaitOrder), now)
	case IntentCaptured:
		return p.become(Succeeded, Done, now)
	case IntentVoided:
		if p.Step == Void {
			return p.become(Voided, Done, now)
		}
		return p.fail(Decline{ProcessingError, "The payment was cancelled by the card processor."}, now)
	case IntentDeclined:
		if p.Status != Authorized {
			return p.fail(decline(i), now)
		}
		// The bank had agreed: whatever it says now, the buyer was not refused. Some may still be held.
		p = p.fail(Decline{ProcessingError, "The money was held, but could not be taken."}, now)
		p.Step = Void
		return p
	default: // pending
		if p.Step == Authorize {
			p.Step = Look
		}
		return p
	}
}

// unlessVoid returns the step, unless it was decided already that nothing must be held.
func (p Payment) unlessVoid(step Step) Step {
	if p.Step == Void {
		return Void
	}
	return step
}

func decline(i Intent) Decline {
	if i.Decline == nil {
		return Decline{ProcessingError, "The card processor could not do it."}
	}
	return *i.Decline
}

// endWithOrder is the payment when its order was cancelled: one that waits for its buyer waits no
// more. Of an authorized one orders tells separately.
func (p Payment) endWithOrder() Payment {
	if p.Live() && p.Step == Look {
		p.Step = Void
	}
	return p
}

// refund is the payment when some more of it was given back.
func (p Payment) refund(minorUnits int, now time.Time) Payment {
	status := PartiallyRefunded
	if p.RefundedMinorUnits+minorUnits == p.Amount.MinorUnits {
		status = Refunded
	}
	p = p.become(status, Done, now)
	p.RefundedMinorUnits += minorUnits
	return p
}

// event is the payment's status as other services hear of it; false when they need not.
func (p Payment) event() (events.Event, bool) {
	types := map[Status]events.Type{
		Processing: events.PaymentStarted,
		Authorized: events.PaymentAuthorized,
		Succeeded:  events.PaymentSucceeded,
		Failed:     events.PaymentFailed,
		Voided:     events.PaymentVoided,
	}
	typ, told := types[p.Status]
	return events.New(typ, p.payload()), told
}

func (p Payment) payload() events.Payment {
	payload := events.Payment{
		ID: p.ID, Version: p.Version, OrderID: p.OrderID, Status: events.PaymentStatus(p.Status), Amount: p.Amount,
		StartedAt: p.CreatedAt, RefundedMinorUnits: p.RefundedMinorUnits,
	}
	if p.Decline != nil {
		payload.Reason = events.DeclineReason(p.Decline.Reason)
	}
	return payload
}

// Actor is who gives money back.
type Actor string

// Actors.
const (
	Seller   Actor = "seller"
	Operator Actor = "operator"
	System   Actor = "system"
)

// Refund is money of a payment that is given back.
type Refund struct {
	ID            string
	PaymentID     string
	Status        RefundStatus
	Amount        money.Money
	ReleaseTicket bool // sell the ticket again once all of the money is given back
	Actor         Actor
	Reference     string // at the processor, empty until it is known
	CreatedAt     time.Time
}

// event tells of a refund that made the payment what it is now.
func (r Refund) event(p Payment) events.Event {
	payload := p.payload()
	payload.RefundedBy, payload.ReleaseTicket = events.Actor(r.Actor), r.ReleaseTicket
	return events.New(events.PaymentRefunded, payload)
}

// Order is what payments knows of an order: a replica.
type Order struct {
	ID        string
	Version   int
	Status    string // as orders publishes it
	BuyerID   string
	SellerID  string
	Title     string
	Price     money.Money
	ExpiresAt time.Time
}

// Payable reports whether the order may still be paid.
func (o Order) Payable(now time.Time) bool { return o.unpaid() && now.Before(o.ExpiresAt) }

func (o Order) unpaid() bool { return o.Status == "created" || o.Status == "awaiting_payment" }

// VersionWhenPaid returns the version that the order has, or will have, when a payment has had its effect.
func (o Order) VersionWhenPaid() int {
	switch o.Status {
	case "created":
		return o.Version + 2 // by way of awaiting_payment
	case "awaiting_payment":
		return o.Version + 1
	default:
		return o.Version
	}
}
