package payment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
)

// Processor is a card processor. Every method may be called again with the same arguments, at any
// later time and by another process, and then has no further effect: it moves money at most once.
//
// An expected refusal is not an error but a status of the Intent. Errors: ErrOutcomeUnknown when the
// processor may or may not have done it, ErrNoSuchIntent, and anything else for a request that was
// certainly not carried out, such as a wrong API key.
type Processor interface {
	// Authorize holds the amount on the card without taking it.
	Authorize(ctx context.Context, a Authorization) (Intent, error)
	// Capture takes all that an authorized intent holds.
	Capture(ctx context.Context, paymentID, reference string) (Intent, error)
	// Void releases what an intent holds, or ends one that waits for its buyer.
	Void(ctx context.Context, paymentID, reference string) (Intent, error)
	// Find returns the intent as the processor knows it.
	Find(ctx context.Context, reference string) (Intent, error)
	// Refund gives back a part of what was captured.
	Refund(ctx context.Context, r RefundRequest) (RefundResult, error)
	// FindRefund returns a refund as the processor knows it.
	FindRefund(ctx context.Context, reference string) (RefundResult, error)
	// Ledger yields every intent that was made at the processor since then, newest first.
	Ledger(ctx context.Context, since time.Time) iter.Seq2[Intent, error]
}

// Errors of a Processor, to be found with errors.Is.
var (
	ErrOutcomeUnknown = errors.New("the processor may or may not have done it")
	ErrNoSuchIntent   = errors.New("the processor knows no such payment")
)

// clockSkew is by how much the processor's clock may be behind the one that our ids are made with.
const clockSkew = 10 * time.Minute

// Search looks for a payment whose reference is not known among the intents that were made since its
// id. The error wraps ErrNoSuchIntent when it is not there.
func Search(ctx context.Context, processor Processor, paymentID string) (Intent, error) {
	for intent, err := range processor.Ledger(ctx, id.Time(paymentID).Add(-clockSkew)) {
		if err != nil || intent.PaymentID == paymentID {
			return intent, err
		}
	}
	return Intent{}, fmt.Errorf("search %s: %w", paymentID, ErrNoSuchIntent)
}

// Authorization is what Authorize asks for. All of it stands at the processor afterwards.
type Authorization struct {
	PaymentID   string // makes the request repeatable, and ties the intent to our payment
	OrderID     string
	Amount      money.Money
	Token       string // the card, as the processor's browser SDK names it
	Description string // for the buyer's receipt and the processor's dashboard
}

// IntentStatus is where an intent to pay is at the processor.
type IntentStatus string

// An intent ends as captured, voided or declined.
const (
	IntentPending        IntentStatus = "pending"         // the processor is still at it
	IntentRequiresAction IntentStatus = "requires_action" // the buyer must do something (3-D Secure)
	IntentAuthorized     IntentStatus = "authorized"      // the amount is held
	IntentCaptured       IntentStatus = "captured"        // the money is taken
	IntentVoided         IntentStatus = "voided"          // nothing is held any more
	IntentDeclined       IntentStatus = "declined"        // the card or the bank said no; nothing is held
)

// Intent is an attempt to pay as the processor knows it.
type Intent struct {
	Reference          string // its id at the processor; empty only when the request itself was declined
	PaymentID          string // ours, which it was made with; empty when it is none of ours
	Status             IntentStatus
	Amount             money.Money
	CapturedMinorUnits int // 0 or the whole amount
	RefundedMinorUnits int
	CreatedAt          time.Time
	Card               *Card    // nil until the processor has seen a card
	Action             *Action  // only with IntentRequiresAction
	Decline            *Decline // only with IntentDeclined
}

// Card is what may be shown of a card.
type Card struct {
	Brand       string // visa
	Last4       string
	ExpiryMonth int // 1 to 12
	ExpiryYear  int // four digits
}

// Action is what the buyer must do before the bank agrees.
type Action struct {
	RedirectURL  string // where to send the browser; empty when the processor's browser SDK handles it
	ClientSecret string // for the processor's browser SDK
}

// Decline says why there is no money.
type Decline struct {
	Reason  FailureReason
	Message string // safe to show to the buyer
}

// FailureReason is why a payment failed.
type FailureReason string

// Reasons of a failure.
const (
	CardDeclined         FailureReason = "card_declined"
	InsufficientFunds    FailureReason = "insufficient_funds"
	ExpiredCard          FailureReason = "expired_card"
	AuthenticationFailed FailureReason = "authentication_failed"
	ProcessingError      FailureReason = "processing_error"
)

// RefundRequest is what Refund asks for.
type RefundRequest struct {
	RefundID  string // makes the request repeatable
	PaymentID string // stands at the processor afterwards, for its webhooks to name
	Reference string // of the captured intent
	Amount    money.Money
}

// RefundStatus is where a refund is.
type RefundStatus string

// A refund ends as succeeded or failed.
const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
)

// RefundResult is a refund as the processor knows it.
type RefundResult struct {
	Reference string // its id at the processor; empty only when the request itself was refused
	Status    RefundStatus
}
