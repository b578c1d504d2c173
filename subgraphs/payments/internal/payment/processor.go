package payment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
)

// Processor is a card processor. Every method can be repeated with the same arguments, at any later time and by
// another process, without a further effect: it moves money at most once.
//
// A decline is not an error but a status of the Intent. Errors: ErrOutcomeUnknown if the processor may or may not have
// carried out the request, ErrNoSuchIntent, and any other error for a request that was certainly not carried out, such
// as one with an invalid API key.
type Processor interface {
	// Authorize holds the amount on the card.
	Authorize(ctx context.Context, a Authorization) (Intent, error)
	// Capture captures the whole amount of an authorized intent.
	Capture(ctx context.Context, paymentID, reference string) (Intent, error)
	// Void releases the hold of an intent, or ends an intent that waits for its buyer.
	Void(ctx context.Context, paymentID, reference string) (Intent, error)
	// Find returns an intent.
	Find(ctx context.Context, reference string) (Intent, error)
	// Refund refunds some of a captured intent.
	Refund(ctx context.Context, r RefundRequest) (RefundResult, error)
	// FindRefund returns a refund.
	FindRefund(ctx context.Context, reference string) (RefundResult, error)
	// Ledger yields the intents that were created since then, newest first.
	Ledger(ctx context.Context, since time.Time) iter.Seq2[Intent, error]
}

// Errors of a Processor, for errors.Is.
var (
	ErrOutcomeUnknown = errors.New("the outcome at the processor is unknown")
	ErrNoSuchIntent   = errors.New("the processor has no such payment")
)

// clockSkew is how far the processor's clock may be behind the clock of the process that generated a payment's id.
const clockSkew = 10 * time.Minute

// Search finds a payment without a reference among the intents that were created since its id was generated. The error
// wraps ErrNoSuchIntent if there is none.
func Search(ctx context.Context, processor Processor, paymentID string) (Intent, error) {
	for intent, err := range processor.Ledger(ctx, id.Time(paymentID).Add(-clockSkew)) {
		if err != nil || intent.PaymentID == paymentID {
			return intent, err
		}
	}
	return Intent{}, fmt.Errorf("search %s: %w", paymentID, ErrNoSuchIntent)
}

// Authorization is the request to hold an amount. The processor stores all of it.
type Authorization struct {
	PaymentID   string // makes the request repeatable, and links the intent to our payment
	OrderID     string
	Amount      money.Money
	Token       string // of the card, from the processor's browser SDK
	Description string // for the buyer's receipt and the processor's dashboard
}

// IntentStatus is the state of an intent at the processor.
type IntentStatus string

// An intent ends as captured, voided or declined.
const (
	IntentPending        IntentStatus = "pending"         // the processor has not finished
	IntentRequiresAction IntentStatus = "requires_action" // the buyer has to authenticate (3-D Secure)
	IntentAuthorized     IntentStatus = "authorized"      // the amount is held
	IntentCaptured       IntentStatus = "captured"
	IntentVoided         IntentStatus = "voided"   // the hold is released
	IntentDeclined       IntentStatus = "declined" // nothing is held
)

// Intent is an attempt to pay at the processor.
type Intent struct {
	Reference          string // its id at the processor; empty only if the request itself was declined
	PaymentID          string // of our payment; empty if the intent belongs to another system
	Status             IntentStatus
	Amount             money.Money
	CapturedMinorUnits int // 0 or the whole amount
	RefundedMinorUnits int
	CreatedAt          time.Time
	Card               *Card    // nil until the processor has accepted a card
	Action             *Action  // only with IntentRequiresAction
	Decline            *Decline // only with IntentDeclined
}

// Card is the part of a card that may be displayed.
type Card struct {
	Brand       string // such as visa
	Last4       string
	ExpiryMonth int // 1 to 12
	ExpiryYear  int // four digits
}

// Action is what the buyer must do before the bank authorizes the payment.
type Action struct {
	RedirectURL  string // where to send the browser; empty if the processor's browser SDK handles the action
	ClientSecret string // for the processor's browser SDK
}

// Decline says why a payment failed.
type Decline struct {
	Reason  events.DeclineReason
	Message string // suitable for display to the buyer
}

// RefundRequest is the request for a refund.
type RefundRequest struct {
	RefundID  string // makes the request repeatable
	PaymentID string // stored at the processor, for its webhooks
	Reference string // of the captured intent
	Amount    money.Money
}

// RefundStatus is the state of a refund.
type RefundStatus string

// A refund ends as succeeded or failed.
const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
)

// RefundResult is a refund at the processor.
type RefundResult struct {
	Reference string // its id at the processor; empty only if the request itself was refused
	Status    RefundStatus
}
