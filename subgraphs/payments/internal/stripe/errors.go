package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	stripego "github.com/stripe/stripe-go/v84"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// apiError returns Stripe's error object, nil if the response has none.
func apiError(err error) *stripego.Error {
	var e *stripego.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// failure returns the error of a payment.Processor for an error of stripe-go. It wraps payment.ErrNoSuchIntent or
// payment.ErrOutcomeUnknown; with neither, Stripe has not carried out the request. It leaves out Stripe's messages,
// which quote the request's tokens, and unreadable bodies, which may hold client secrets.
func failure(operation string, err error) error {
	e := apiError(err)
	if e == nil {
		var lost *url.Error
		if errors.As(err, &lost) {
			return fmt.Errorf("%s: %w: %w", operation, payment.ErrOutcomeUnknown, lost)
		}
		return fmt.Errorf("%s: %w: unreadable response", operation, payment.ErrOutcomeUnknown)
	}
	details := fmt.Sprintf("stripe responded %d %s", e.HTTPStatusCode, e.Type)
	for _, field := range []struct{ name, value string }{
		{"code", string(e.Code)}, {"decline_code", string(e.DeclineCode)}, {"param", e.Param}, {"request", e.RequestID},
	} {
		if field.value != "" {
			details += " " + field.name + "=" + field.value
		}
	}
	switch {
	case e.HTTPStatusCode == http.StatusNotFound, e.Code == stripego.ErrorCodeResourceMissing:
		return fmt.Errorf("%s: %w: %s", operation, payment.ErrNoSuchIntent, details)
	case e.HTTPStatusCode == http.StatusConflict, e.HTTPStatusCode == http.StatusTooManyRequests,
		e.HTTPStatusCode >= http.StatusInternalServerError, e.Type == stripego.ErrorTypeIdempotency:
		return fmt.Errorf("%s: %w: %s", operation, payment.ErrOutcomeUnknown, details)
	}
	return fmt.Errorf("%s: %s", operation, details)
}

// isStored reports whether Stripe has stored the error under the idempotency key and will return it to the same request
// for a day: after a 5xx, and if the key was used with other parameters.
func isStored(err error) bool {
	e := apiError(err)
	return e != nil && (e.HTTPStatusCode >= http.StatusInternalServerError ||
		e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripego.ErrorTypeIdempotency)
}

// refusal returns a message for the buyer if Stripe rejects the card or the amount as invalid, and "" for every other
// error.
func refusal(err error) string {
	e := apiError(err)
	if e == nil || e.HTTPStatusCode != http.StatusBadRequest || e.Type != stripego.ErrorTypeInvalidRequest {
		return ""
	}
	switch {
	case strings.HasPrefix(e.Param, "payment_method"):
		return "The card's details are no longer valid. Enter the card again."
	case e.Param == "amount", e.Param == "currency",
		e.Code == stripego.ErrorCodeAmountTooSmall, e.Code == stripego.ErrorCodeAmountTooLarge:
		return "This amount cannot be charged to a card."
	}
	return ""
}

// declineOf returns the decline for Stripe's error, which may be nil. Codes: https://docs.stripe.com/declines/codes.
func declineOf(e *stripego.Error) *payment.Decline {
	if e == nil {
		return &payment.Decline{Reason: events.ProcessingError, Message: "The card could not be charged."}
	}
	unverified := payment.Decline{
		Reason: events.AuthenticationFailed, Message: "Your bank could not verify your identity.",
	}
	decline := payment.Decline{Reason: events.CardDeclined, Message: "Your card was declined."}
	switch string(e.DeclineCode) {
	case "insufficient_funds":
		decline = payment.Decline{Reason: events.InsufficientFunds, Message: "Your card has insufficient funds."}
	case "expired_card":
		decline = payment.Decline{Reason: events.ExpiredCard, Message: "Your card has expired."}
	case "authentication_required", "authentication_not_handled":
		decline = unverified
	case "processing_error", "issuer_not_available", "try_again_later", "reenter_transaction":
		decline = payment.Decline{Reason: events.ProcessingError, Message: "The card could not be charged."}
	}
	switch e.Code {
	case stripego.ErrorCodeExpiredCard:
		decline = payment.Decline{Reason: events.ExpiredCard, Message: "Your card has expired."}
	case stripego.ErrorCodePaymentIntentAuthenticationFailure, stripego.ErrorCodeAuthenticationRequired:
		decline = unverified
	case stripego.ErrorCodeProcessingError:
		decline = payment.Decline{Reason: events.ProcessingError, Message: "The card could not be charged."}
	}
	if e.Type == stripego.ErrorTypeCard && e.Msg != "" {
		decline.Message = e.Msg // meant for the buyer
	}
	return &decline
}
