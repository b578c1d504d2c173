package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	stripego "github.com/stripe/stripe-go/v84"

	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// apiError returns what Stripe answered, nil when it did not, or not in its own words.
func apiError(err error) *stripego.Error {
	var e *stripego.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// failure says what an error means to the caller: payment.ErrNoSuchIntent, payment.ErrOutcomeUnknown
// or, without either, that Stripe refused to do it. Stripe's own text stays out of it, for it quotes
// the request: tokens, and in bodies that nobody could read also client secrets.
func failure(doing string, err error) error {
	e := apiError(err)
	if e == nil {
		var lost *url.Error
		if errors.As(err, &lost) {
			return fmt.Errorf("%s: %w: %w", doing, payment.ErrOutcomeUnknown, lost)
		}
		return fmt.Errorf("%s: %w: unreadable answer", doing, payment.ErrOutcomeUnknown)
	}
	said := fmt.Sprintf("stripe answered %d %s", e.HTTPStatusCode, e.Type)
	for _, fact := range []struct{ name, value string }{
		{"code", string(e.Code)}, {"decline_code", string(e.DeclineCode)}, {"param", e.Param}, {"request", e.RequestID},
	} {
		if fact.value != "" {
			said += " " + fact.name + "=" + fact.value
		}
	}
	switch {
	case e.HTTPStatusCode == http.StatusNotFound, e.Code == stripego.ErrorCodeResourceMissing:
		return fmt.Errorf("%s: %w: %s", doing, payment.ErrNoSuchIntent, said)
	case e.HTTPStatusCode == http.StatusConflict, e.HTTPStatusCode == http.StatusTooManyRequests,
		e.HTTPStatusCode >= http.StatusInternalServerError, e.Type == stripego.ErrorTypeIdempotency:
		return fmt.Errorf("%s: %w: %s", doing, payment.ErrOutcomeUnknown, said)
	}
	return fmt.Errorf("%s: %s", doing, said)
}

// looksStored reports whether Stripe will answer the same to the same request for a day: after a
// 5xx, and when the key was used with other parameters.
func looksStored(err error) bool {
	e := apiError(err)
	return e != nil && (e.HTTPStatusCode >= http.StatusInternalServerError ||
		e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripego.ErrorTypeIdempotency)
}

// refusal returns what to tell the buyer when Stripe takes the card or the amount for invalid, and
// "" for every other error.
func refusal(err error) string {
	e := apiError(err)
	if e == nil || e.HTTPStatusCode != http.StatusBadRequest || e.Type != stripego.ErrorTypeInvalidRequest {
		return ""
	}
	switch {
	case strings.HasPrefix(e.Param, "payment_method"):
		return "The card's details are not valid any more. Enter the card again."
	case e.Param == "amount", e.Param == "currency", e.Code == stripego.ErrorCodeAmountTooSmall, e.Code == stripego.ErrorCodeAmountTooLarge:
		return "This amount cannot be charged to a card."
	}
	return ""
}

// declineOf translates why a bank refused; e may be nil. Codes: https://docs.stripe.com/declines/codes.
func declineOf(e *stripego.Error) *payment.Decline {
	if e == nil {
		return &payment.Decline{Reason: payment.ProcessingError, Message: "The card could not be charged."}
	}
	decline := payment.Decline{Reason: payment.CardDeclined, Message: "Your card was declined."}
	switch string(e.DeclineCode) {
	case "insufficient_funds":
		decline = payment.Decline{Reason: payment.InsufficientFunds, Message: "Your card has insufficient funds."}
	case "expired_card":
		decline = payment.Decline{Reason: payment.ExpiredCard, Message: "Your card has expired."}
	case "authentication_required", "authentication_not_handled":
		decline = payment.Decline{Reason: payment.AuthenticationFailed, Message: "Your bank could not make sure that it is you."}
	case "processing_error", "issuer_not_available", "try_again_later", "reenter_transaction":
		decline = payment.Decline{Reason: payment.ProcessingError, Message: "The card could not be charged."}
	}
	switch e.Code {
	case stripego.ErrorCodeExpiredCard:
		decline = payment.Decline{Reason: payment.ExpiredCard, Message: "Your card has expired."}
	case stripego.ErrorCodePaymentIntentAuthenticationFailure, stripego.ErrorCodeAuthenticationRequired:
		decline = payment.Decline{Reason: payment.AuthenticationFailed, Message: "Your bank could not make sure that it is you."}
	case stripego.ErrorCodeProcessingError:
		decline = payment.Decline{Reason: payment.ProcessingError, Message: "The card could not be charged."}
	}
	if e.Type == stripego.ErrorTypeCard && e.Msg != "" {
		decline.Message = e.Msg // of these Stripe says that the buyer may read them
	}
	return &decline
}
