// Package apperr holds the one error type whose message people may read. Every other
// error is a fault: it is logged at the edge and shown as "internal error".
package apperr

import (
	"errors"
	"strings"
)

// Code is a stable machine-readable error code, as clients see it.
type Code string

// Codes of top-level GraphQL errors (`extensions.code`).
const (
	Unauthenticated Code = "UNAUTHENTICATED"
	Forbidden       Code = "FORBIDDEN"
	NotFound        Code = "NOT_FOUND"
	BadUserInput    Code = "BAD_USER_INPUT"
	Internal        Code = "INTERNAL_SERVER_ERROR"
)

// Codes of typed errors that mutations return as data (the SDL's UserErrorCode).
const (
	ValidationFailed     Code = "VALIDATION_FAILED"
	NotAuthorized        Code = "NOT_AUTHORIZED"
	RateLimited          Code = "RATE_LIMITED"
	IdempotencyKeyReused Code = "IDEMPOTENCY_KEY_REUSED"

	EmailInUse         Code = "EMAIL_IN_USE"
	InvalidCredentials Code = "INVALID_CREDENTIALS"
	SessionExpired     Code = "SESSION_EXPIRED"

	TicketNotFound   Code = "TICKET_NOT_FOUND"
	TicketReserved   Code = "TICKET_RESERVED"
	TicketSold       Code = "TICKET_SOLD"
	TicketNotForSale Code = "TICKET_NOT_FOR_SALE"
	TicketWithdrawn  Code = "TICKET_WITHDRAWN"
	StaleVersion     Code = "STALE_VERSION"

	PriceChanged        Code = "PRICE_CHANGED"
	OwnTicket           Code = "OWN_TICKET"
	TooManyActiveOrders Code = "TOO_MANY_ACTIVE_ORDERS"
	OrderNotFound       Code = "ORDER_NOT_FOUND"
	OrderNotCancellable Code = "ORDER_NOT_CANCELLABLE"

	OrderNotPayable      Code = "ORDER_NOT_PAYABLE"
	OrderAlreadyPaid     Code = "ORDER_ALREADY_PAID"
	PaymentInProgress    Code = "PAYMENT_IN_PROGRESS"
	PaymentDeclined      Code = "PAYMENT_DECLINED"
	PaymentNotFound      Code = "PAYMENT_NOT_FOUND"
	PaymentNotRefundable Code = "PAYMENT_NOT_REFUNDABLE"
)

// Error is an expected problem with what the caller asked for.
type Error struct {
	Code    Code
	Message string   // safe to show to the person, in English
	Path    []string // into the mutation's arguments, such as input, email; nil when no single field is at fault
	Rule    string   // the rule that was broken; only with ValidationFailed
	Detail  any      // what the typed error carries besides, such as the ticket that is reserved
}

// New returns an error with a code and a message.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Invalid returns a ValidationFailed error: the input at the dotted path broke the rule.
// The path begins at the mutation's argument, as in "input.email".
func Invalid(path, rule, message string) *Error {
	return &Error{Code: ValidationFailed, Message: message, Path: strings.Split(path, "."), Rule: rule}
}

// At returns a copy of the error that points at a dotted path, such as "input.ticketId".
func (e *Error) At(path string) *Error {
	c := *e
	c.Path = strings.Split(path, ".")
	return &c
}

// With returns a copy of the error that carries detail.
func (e *Error) With(detail any) *Error {
	c := *e
	c.Detail = detail
	return &c
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is reports whether the target has the same code, so that errors.Is(err, apperr.New(code, "")) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Has reports whether err is, wraps or joins an Error with the code.
func Has(err error, code Code) bool { return errors.Is(err, &Error{Code: code}) }

// All returns the Errors that err consists of: itself, what it wraps, or what was joined.
// It returns nil when any part of err is something else, because then the whole is a fault.
func All(err error) []*Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, part := range joined.Unwrap() {
			errs := All(part)
			if errs == nil {
				return nil
			}
			all = append(all, errs...)
		}
		return all
	}
	var e *Error
	if errors.As(err, &e) {
		return []*Error{e}
	}
	return nil
}

// CheckIdempotencyKey returns a ValidationFailed error at the path unless the key has 1 to 255
// visible ASCII characters.
func CheckIdempotencyKey(key, path string) error {
	visible := func(r rune) bool { return r > ' ' && r < 0x7f }
	if key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return !visible(r) }) {
		return Invalid(path, "idempotencyKey", "The idempotency key must be 1 to 255 visible ASCII characters.")
	}
	return nil
}
