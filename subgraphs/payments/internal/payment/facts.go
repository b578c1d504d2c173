package payment

import (
	"time"

	"boxoffice.dev/pkg/apperr"
)

// facts are what decides whether an order can be paid, as of one moment.
type facts struct {
	order    *Order    // nil when unknown
	standing *Payment  // the payment of the order that is live or has paid for it, if any
	repeated *repeated // the buyer's payment with the same idempotency key, if any
	failures int       // failed payments of the buyer in the last hour
	oldest   time.Time // when the oldest of them failed
}

// repeated is a payment that was begun with an idempotency key, and what was asked for then.
type repeated struct {
	id      string
	request string
}

// admit returns nil when the buyer may try to pay, else why not.
func (f facts) admit(buyerID string, in PayInput, failuresPerHour int, now time.Time) error {
	o := f.order
	switch {
	case o == nil:
		return orderNotFound()
	case o.BuyerID != buyerID:
		return apperr.New(apperr.NotAuthorized, "This is not your order.").At("input.orderId")
	case f.standing != nil && f.standing.Paid():
		return apperr.New(apperr.OrderAlreadyPaid, "The order is paid already.").At("input.orderId").With(*f.standing)
	case f.standing != nil:
		return apperr.New(apperr.PaymentInProgress, "Another payment for this order is under way.").At("input.orderId").With(*f.standing)
	case !o.Payable(now):
		return orderNotPayable(o.ID)
	case in.ExpectedAmount != nil && *in.ExpectedAmount != o.Price:
		return apperr.Invalid("input.expectedAmount", "expectedAmount", "The order costs "+o.Price.Decimal()+" "+o.Price.Currency+".")
	case f.failures >= failuresPerHour:
		seconds := int(f.oldest.Add(time.Hour).Sub(now)/time.Second) + 1
		return apperr.New(apperr.RateLimited, "Too many of your payments failed. Wait a while.").With(max(seconds, 1))
	}
	return nil
}
