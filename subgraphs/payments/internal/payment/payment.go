// Package payment charges cards for orders: it authorizes a payment, captures it once orders has confirmed that the
// order still holds its ticket, and refunds it.
//
// A payment is a row that names its next step. Every step can be repeated, so a process may end at any point: another
// one finds the row and continues.
package payment

import (
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Step is the next step of a payment.
type Step string

// The steps. Drive takes all but AwaitOrder and Done.
const (
	Authorize  Step = "authorize"   // request the hold from the processor
	Look       Step = "look"        // read the intent from the processor
	AwaitOrder Step = "await_order" // orders decides
	Capture    Step = "capture"
	Void       Step = "void" // release the hold
	Done       Step = "none"
)

// Payment is one attempt to pay for an order.
type Payment struct {
	ID                 string
	Version            int // increases by one with every change of status or refunds
	OrderID            string
	BuyerID            string
	SellerID           string
	Status             events.PaymentStatus
	Step               Step
	Amount             money.Money
	RefundedMinorUnits int
	Description        string
	Reference          string // at the processor; empty until it is known
	Token              string // of the card; removed once used
	Card               *Card
	Action             *Action  // only if the status is RequiresAction
	Decline            *Decline // only if the status is Failed
	CreatedAt          time.Time
	UpdatedAt          time.Time

	// State of the order, as of when the payment was read.
	PayableUntil *time.Time // nil if the order is not unpaid
	OnFailure    events.FailurePolicy
}

// transition returns the payment in another status.
func (p Payment) transition(status events.PaymentStatus, step Step, now time.Time) Payment {
	p.Version++
	p.Status, p.Step, p.UpdatedAt, p.Action = status, step, now, nil
	return p
}

func (p Payment) fail(d Decline, now time.Time) Payment {
	p = p.transition(events.Failed, Done, now)
	p.Decline = &d
	return p
}

// observe returns the payment after the processor has returned its intent. It accepts every intent in every status:
// the intent may be outdated, repeated, or changed in the processor's dashboard.
func (p Payment) observe(i Intent, now time.Time) Payment {
	if i.Reference != "" {
		p.Reference = i.Reference
	}
	if i.Card != nil {
		p.Card = i.Card
	}
	if i.Status != IntentPending {
		p.Token = ""
	}
	switch {
	case p.Status.InProgress():
		return p.progress(i, now)
	case i.Status == IntentAuthorized && (p.Status == events.Failed || p.Status == events.Voided):
		p.Step = Void // the processor still holds the money
	default:
		p.Step = Done
	}
	return p
}

// progress is observe for a payment in progress.
func (p Payment) progress(i Intent, now time.Time) Payment {
	switch i.Status {
	case IntentRequiresAction:
		if p.Status == events.Processing {
			p = p.transition(events.RequiresAction, p.unlessVoid(Look), now)
			p.Action = i.Action
		}
		return p
	case IntentAuthorized:
		if p.Status == events.Authorized {
			return p
		}
		return p.transition(events.Authorized, p.unlessVoid(AwaitOrder), now)
	case IntentCaptured:
		return p.transition(events.Succeeded, Done, now)
	case IntentVoided:
		if p.Step == Void {
			return p.transition(events.Voided, Done, now)
		}
		return p.fail(Decline{events.ProcessingError, "The card processor cancelled the payment."}, now)
	case IntentDeclined:
		if p.Status != events.Authorized {
			return p.fail(declineOf(i), now)
		}
		// The bank had authorized the payment, so this is no decline of the buyer. The bank may still hold the money.
		p = p.fail(Decline{events.ProcessingError, "The authorized amount could not be captured."}, now)
		p.Step = Void
		return p
	default: // pending
		if p.Step == Authorize {
			p.Step = Look
		}
		return p
	}
}

// unlessVoid returns the step, or Void if the payment is already being voided.
func (p Payment) unlessVoid(step Step) Step {
	if p.Step == Void {
		return Void
	}
	return step
}

func declineOf(i Intent) Decline {
	if i.Decline == nil {
		return Decline{events.ProcessingError, "The card processor could not process the payment."}
	}
	return *i.Decline
}

// endWithOrder returns the payment after its order was cancelled: it voids a payment that waits for its buyer. For an
// authorized payment orders publishes a decision.
func (p Payment) endWithOrder() Payment {
	if p.Status.InProgress() && p.Step == Look {
		p.Step = Void
	}
	return p
}

// refund returns the payment after a refund.
func (p Payment) refund(minorUnits int, now time.Time) Payment {
	status := events.PartiallyRefunded
	if p.RefundedMinorUnits+minorUnits == p.Amount.MinorUnits {
		status = events.Refunded
	}
	p = p.transition(status, Done, now)
	p.RefundedMinorUnits += minorUnits
	return p
}

// event returns the event that announces the payment's status; false if the status is not published.
func (p Payment) event() (events.Event, bool) {
	types := map[events.PaymentStatus]events.Type{
		events.Processing: events.PaymentStarted,
		events.Authorized: events.PaymentAuthorized,
		events.Succeeded:  events.PaymentSucceeded,
		events.Failed:     events.PaymentFailed,
		events.Voided:     events.PaymentVoided,
	}
	typ, published := types[p.Status]
	return events.New(typ, p.payload()), published
}

func (p Payment) payload() events.Payment {
	payload := events.Payment{
		ID: p.ID, Version: p.Version, OrderID: p.OrderID, Status: p.Status, Amount: p.Amount,
		StartedAt: p.CreatedAt, RefundedMinorUnits: p.RefundedMinorUnits,
	}
	if p.Decline != nil {
		payload.Reason = p.Decline.Reason
	}
	return payload
}

// Refund returns captured money of a payment to the buyer.
type Refund struct {
	ID            string
	PaymentID     string
	Status        RefundStatus
	Amount        money.Money
	ReleaseTicket bool // make the ticket available again after a full refund
	Actor         events.Actor
	Reference     string // at the processor; empty until it is known
	CreatedAt     time.Time
}

// event returns the event that announces the refund; p is the payment after it.
func (r Refund) event(p Payment) events.Event {
	payload := p.payload()
	payload.RefundedBy, payload.ReleaseTicket = r.Actor, r.ReleaseTicket
	return events.New(events.PaymentRefunded, payload)
}

// Order is the replica of an order.
type Order struct {
	ID          string
	Version     int
	PaidVersion int // the version of the order once it is complete; 0 if unknown
	Status      events.OrderStatus
	BuyerID     string
	SellerID    string
	Title       string
	Price       money.Money
	ExpiresAt   time.Time
	OnFailure   events.FailurePolicy // what a failed payment does to the order; empty means CancelOnFailure
}

// Payable reports whether the order can still be paid.
func (o Order) Payable(now time.Time) bool { return o.Status.Unpaid() && now.Before(o.ExpiresAt) }

// ExpectedVersion returns the version of the order once its payment has completed it.
func (o Order) ExpectedVersion() int { return max(o.PaidVersion, o.Version) }
