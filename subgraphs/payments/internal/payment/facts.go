package payment

import (
	"time"

	"boxoffice.dev/pkg/apperr"
)

// facts are all that decides whether a buyer may pay for an order, read at one moment.
type facts struct {
	order    *Order    // nil if unknown
	standing *Payment  // the payment that rules out another one, if any
	repeated *repeated // the buyer's payment with the same idempotency key, if any
	failures int       // failed payments of the buyer within the last hour
	oldest   time.Time // when the oldest of them failed
}

// repeated is an earlier payment with the same idempotency key.
type repeated struct {
	id      string
	request string // see PayInput.request
}

// admit returns nil if the buyer may begin a payment, or the reason why not.
func (f facts) admit(buyerID string, in PayInput, failuresPerHour int, now time.Time) error {
	o := f.order
	switch {
	case o == nil:
		return OrderNotFoundError{}
	case o.BuyerID != buyerID:
		return OrderNotOwnedError{}
	case f.standing != nil && f.standing.Status.Paid():
		return OrderAlreadyPaidError{*f.standing}
	case f.standing != nil:
		return InProgressError{*f.standing}
	case !o.Payable(now):
		return OrderNotPayableError{o.ID}
	case in.ExpectedAmount != nil && *in.ExpectedAmount != o.Price:
		return apperr.ValidationError{
			Field: "expectedAmount", Rule: "expectedAmount",
			Message: "The order costs " + o.Price.Decimal() + " " + o.Price.Currency + ".",
		}
	case f.failures >= failuresPerHour:
		seconds := int(f.oldest.Add(time.Hour).Sub(now)/time.Second) + 1
		return RateLimitedError{RetryAfterSeconds: max(seconds, 1)}
	}
	return nil
}
