package simulator

import "slices"

// Token is a payment method, with the outcome of payments with it.
type Token struct {
	Name    string
	Meaning string // one line

	brand, last4 string
	decline      decline // of the authorization, after the bank's page if there is one
	bank         bool    // requires authentication at the bank (3-D Secure)
	captureFails bool
	refund       string // initial status of a refund; succeeded if empty
	fault        fault  // of the processor
	faultyPath   string // the requests with the fault, by the end of their path
}

// decline is the reason of a bank's decline: https://docs.stripe.com/declines/codes.
type decline struct{ code, declineCode string }

// fault is a fault of the processor.
type fault string

const (
	delayResponse fault = "delay response" // carries out the request, responds late
	loseResponse  fault = "lose response"  // carries out the request, never responds
	failAfter     fault = "fail after"     // carries out the request, responds with 500
	failBefore    fault = "fail before"    // does not carry out the request, responds with 500
)

const (
	onAuthorize = "payment_intents"
	onCapture   = "capture"
	onRefund    = "refunds"
)

// Tokens that begin with pm_card are Stripe's and have the same outcome there:
// https://docs.stripe.com/testing?testing-method=payment-methods.
var tokens = []Token{
	{Name: "pm_card_visa", Meaning: "succeeds", brand: "visa", last4: "4242"},
	{Name: "pm_card_mastercard", Meaning: "succeeds", brand: "mastercard", last4: "4444"},
	{Name: "pm_card_amex", Meaning: "succeeds", brand: "amex", last4: "0005"},
	{Name: "pm_card_visa_chargeDeclined", Meaning: "declined",
		brand: "visa", last4: "0002", decline: decline{"card_declined", "generic_decline"}},
	{Name: "pm_card_chargeDeclined", Meaning: "declined (older name)",
		brand: "visa", last4: "0002", decline: decline{"card_declined", "generic_decline"}},
	{Name: "pm_card_visa_chargeDeclinedInsufficientFunds", Meaning: "declined: insufficient funds",
		brand: "visa", last4: "9995", decline: decline{"card_declined", "insufficient_funds"}},
	{Name: "pm_card_chargeDeclinedInsufficientFunds", Meaning: "declined: insufficient funds (older name)",
		brand: "visa", last4: "9995", decline: decline{"card_declined", "insufficient_funds"}},
	{Name: "pm_card_visa_chargeDeclinedLostCard", Meaning: "declined: the card was reported lost",
		brand: "visa", last4: "9987", decline: decline{"card_declined", "lost_card"}},
	{Name: "pm_card_chargeDeclinedExpiredCard", Meaning: "declined: the card has expired",
		brand: "visa", last4: "0069", decline: decline{"expired_card", ""}},
	{Name: "pm_card_chargeDeclinedIncorrectCvc", Meaning: "declined: wrong security code",
		brand: "visa", last4: "0127", decline: decline{"incorrect_cvc", ""}},
	{Name: "pm_card_chargeDeclinedProcessingError", Meaning: "declined: error at the bank",
		brand: "visa", last4: "0119", decline: decline{"processing_error", ""}},
	{Name: "pm_card_threeDSecure2Required", Meaning: "requires authentication at the bank (3-D Secure)",
		brand: "visa", last4: "3220", bank: true},
	{Name: "pm_card_authenticationRequired", Meaning: "requires authentication at the bank (3-D Secure)",
		brand: "visa", last4: "3184", bank: true},
	{Name: "pm_card_threeDSecureRequiredChargeDeclined", Meaning: "requires authentication at the bank, then declined",
		brand: "visa", last4: "1629", bank: true, decline: decline{"card_declined", "generic_decline"}},
	{Name: "pm_card_pendingRefund", Meaning: "succeeds; refunds stay pending for a while",
		brand: "visa", last4: "7726", refund: "pending"},
	{Name: "pm_sim_slow", Meaning: "succeeds, with a late response",
		brand: "visa", last4: "0001", fault: delayResponse, faultyPath: onAuthorize},
	{Name: "pm_sim_timeout_after_success", Meaning: "succeeds, but the response is lost",
		brand: "visa", last4: "0003", fault: loseResponse, faultyPath: onAuthorize},
	{Name: "pm_sim_error_after_success", Meaning: "succeeds, but the response is 500",
		brand: "visa", last4: "0004", fault: failAfter, faultyPath: onAuthorize},
	{Name: "pm_sim_error", Meaning: "is not carried out; the response is 500",
		brand: "visa", last4: "0012", fault: failBefore, faultyPath: onAuthorize},
	{Name: "pm_sim_capture_fails", Meaning: "is authorized; the capture is declined",
		brand: "visa", last4: "0006", captureFails: true},
	{Name: "pm_sim_capture_timeout_after_success", Meaning: "succeeds, but the response to the capture is lost",
		brand: "visa", last4: "0007", fault: loseResponse, faultyPath: onCapture},
	{Name: "pm_sim_capture_error_after_success", Meaning: "succeeds, but the response to the capture is 500",
		brand: "visa", last4: "0008", fault: failAfter, faultyPath: onCapture},
	{Name: "pm_sim_refund_fails", Meaning: "succeeds; refunds fail", brand: "visa", last4: "0009", refund: "failed"},
	{Name: "pm_sim_refund_timeout_after_success", Meaning: "succeeds; the responses to refunds are lost",
		brand: "visa", last4: "0010", fault: loseResponse, faultyPath: onRefund},
	{Name: "pm_sim_refund_error_after_success", Meaning: "succeeds; the responses to refunds are 500",
		brand: "visa", last4: "0011", fault: failAfter, faultyPath: onRefund},
}

// Tokens returns all tokens.
func Tokens() []Token { return slices.Clone(tokens) }

func findToken(name string) (Token, bool) {
	i := slices.IndexFunc(tokens, func(t Token) bool { return t.Name == name })
	if i < 0 {
		return Token{}, false
	}
	return tokens[i], true
}

// message returns Stripe's message for a decline.
func (d decline) message() string {
	switch {
	case d.declineCode == "insufficient_funds":
		return "Your card has insufficient funds."
	case d.code == "expired_card":
		return "Your card has expired."
	case d.code == "incorrect_cvc":
		return "Your card's security code is incorrect."
	case d.code == "processing_error":
		return "An error occurred while processing your card. Try again in a little bit."
	case d.code == authenticationFailure:
		return "The provided PaymentMethod has failed authentication. You can provide payment_method_data " +
			"or a new PaymentMethod to attempt to fulfill this PaymentIntent again."
	}
	return "Your card was declined."
}
