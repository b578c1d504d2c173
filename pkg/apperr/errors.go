package apperr

import (
	"errors"
	"strings"
)

// UserError is an expected problem with a request. Its Error is the message that people read, in English. Each
// domain defines its own types, with typed fields for what a client needs besides the message.
type UserError interface {
	error
	Code() Code // stable; clients switch on it
}

// ValidationError reports an input that broke a rule. Code ValidationFailed.
type ValidationError struct {
	Field   string // of the domain's input, dotted, such as price.currency; graph makes a path of it
	Rule    string // such as minLength
	Message string
}

func (e ValidationError) Error() string { return e.Message }

// Code implements UserError.
func (ValidationError) Code() Code { return ValidationFailed }

// IdempotencyKeyReusedError reports that the key came with another request before. Code IdempotencyKeyReused.
type IdempotencyKeyReusedError struct{}

func (IdempotencyKeyReusedError) Error() string { return "This idempotency key was used for another request." }

// Code implements UserError.
func (IdempotencyKeyReusedError) Code() Code { return IdempotencyKeyReused }

// ValidateIdempotencyKey returns a ValidationError unless the key has 1 to 255 visible ASCII characters.
func ValidateIdempotencyKey(key string) error {
	invisible := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if key == "" || len(key) > 255 || strings.ContainsFunc(key, invisible) {
		return ValidationError{"idempotencyKey", "idempotencyKey", "The idempotency key must be 1 to 255 visible ASCII characters."}
	}
	return nil
}

// Split returns the UserErrors that err consists of: err itself, what it wraps, or what it joins. It returns nil
// if any part of err is something else: then the whole is a fault.
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
