package stripe

import (
	"time"

	stripego "github.com/stripe/stripe-go/v84"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// intentOf converts an intent.
func intentOf(pi *stripego.PaymentIntent) payment.Intent {
	currency := string(pi.Currency)
	intent := payment.Intent{
		Reference:          pi.ID,
		PaymentID:          pi.Metadata[paymentIDKey],
		Status:             statusOf(pi.Status),
		Amount:             fromStripe(pi.Amount, currency),
		CapturedMinorUnits: fromStripe(pi.AmountReceived, currency).MinorUnits,
		CreatedAt:          time.Unix(pi.Created, 0).UTC(),
		Card:               cardOf(pi),
	}
	if pi.LatestCharge != nil {
		intent.RefundedMinorUnits = fromStripe(pi.LatestCharge.AmountRefunded, currency).MinorUnits
	}
	switch intent.Status {
	case payment.IntentRequiresAction:
		intent.Action = &payment.Action{ClientSecret: pi.ClientSecret}
		if next := pi.NextAction; next != nil && next.RedirectToURL != nil {
			intent.Action.RedirectURL = next.RedirectToURL.URL
		}
	case payment.IntentDeclined:
		intent.Decline = declineOf(pi.LastPaymentError)
	}
	return intent
}

// statusOf converts a status: https://docs.stripe.com/payments/paymentintents/lifecycle. Every intent is confirmed as
// it is created, so one that requires a payment method has been declined.
func statusOf(s stripego.PaymentIntentStatus) payment.IntentStatus {
	switch s {
	case stripego.PaymentIntentStatusRequiresAction:
		return payment.IntentRequiresAction
	case stripego.PaymentIntentStatusRequiresCapture:
		return payment.IntentAuthorized
	case stripego.PaymentIntentStatusSucceeded:
		return payment.IntentCaptured
	case stripego.PaymentIntentStatusCanceled:
		return payment.IntentVoided
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		return payment.IntentDeclined
	}
	return payment.IntentPending
}

// cardOf returns the card of an intent. After a decline the intent has it only in the error.
func cardOf(pi *stripego.PaymentIntent) *payment.Card {
	methods := []*stripego.PaymentMethod{pi.PaymentMethod}
	if pi.LastPaymentError != nil {
		methods = append(methods, pi.LastPaymentError.PaymentMethod)
	}
	for _, m := range methods {
		if m != nil && m.Card != nil {
			return &payment.Card{
				Brand: string(m.Card.Brand), Last4: m.Card.Last4,
				ExpiryMonth: int(m.Card.ExpMonth), ExpiryYear: int(m.Card.ExpYear),
			}
		}
	}
	return nil
}

// refused returns a declined intent without a reference, for a request that Stripe rejected.
func (p *Processor) refused(a payment.Authorization, message string) payment.Intent {
	return payment.Intent{
		PaymentID: a.PaymentID, Status: payment.IntentDeclined, Amount: a.Amount, CreatedAt: p.now().UTC(),
		Decline: &payment.Decline{Reason: events.ProcessingError, Message: message},
	}
}
