// Package apperr has what the errors of all domains share: codes, validation, and how they are recognized. Every error
// that is no UserError is a fault: it is logged and shown as "internal error".
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

// Codes of typed errors that several domains have.
const (
	ValidationFailed     Code = "VALIDATION_FAILED"
	NotAuthorized        Code = "NOT_AUTHORIZED"
	RateLimited          Code = "RATE_LIMITED"
	IdempotencyKeyReused Code = "IDEMPOTENCY_KEY_REUSED"
)

// UserError is an expected problem with a request. Its Error is the message that people read, in English. Each domain
// defines types of its own, with typed fields for what a client needs besides the message.
type UserError interface {
	error
	Code() Code // stable; clients switch on it
}

// New returns a UserError of the top level.
func New(code Code, message string) error { return topLevelError{code, message} }

type topLevelError struct {
	code    Code
	message string
}

func (e topLevelError) Error() string { return e.message }
func (e topLevelError) Code() Code    { return e.code }

// Is reports whether target is an error of New with the same code.
func (e topLevelError) Is(target error) bool {
	t, ok := target.(topLevelError)
	return ok && t.code == e.code
}

// Has reports whether err is or wraps a UserError with the code.
func Has(err error, code Code) bool {
	e, ok := errors.AsType[UserError](err)
	return ok && e.Code() == code
}

// Split returns the UserErrors that err consists of: err itself, what it wraps, or what it joins. It returns nil if any
// part of err is something else: then the whole is a fault.
func Split(err error) []UserError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []UserError
		for _, part := range joined.Unwrap() {
			errs := Split(part)
			if errs == nil {
				return nil
			}
			all = append(all, errs...)
		}
		return all
	}
	if e, ok := errors.AsType[UserError](err); ok {
		return []UserError{e}
	}
	return nil
}

// ValidationError reports an input that broke a rule.
type ValidationError struct {
	Field   string // of the domain's input, dotted, such as price.currency; graph makes a path of it
	Rule    string // such as minLength
	Message string
}

func (e ValidationError) Error() string { return e.Message }

// Code implements UserError.
func (ValidationError) Code() Code { return ValidationFailed }

// IdempotencyKeyReusedError reports that the key came with another request before.
type IdempotencyKeyReusedError struct{}

func (IdempotencyKeyReusedError) Error() string {
	return "This idempotency key was used for another request."
}

// Code implements UserError.
func (IdempotencyKeyReusedError) Code() Code { return IdempotencyKeyReused }

// ValidateIdempotencyKey returns a ValidationError unless the key has 1 to 255 visible ASCII characters.
func ValidateIdempotencyKey(key string) error {
	invisible := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if key == "" || len(key) > 255 || strings.ContainsFunc(key, invisible) {
		const message = "The idempotency key must be 1 to 255 visible ASCII characters."
		return ValidationError{Field: "idempotencyKey", Rule: "idempotencyKey", Message: message}
	}
	return nil
}
