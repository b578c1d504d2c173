package account

import (
	"fmt"

	"boxoffice.dev/pkg/apperr"
)

// EmailInUseError reports that the email address already has an account.
type EmailInUseError struct{}

func (EmailInUseError) Error() string { return "This email address already has an account." }

// Code implements apperr.UserError.
func (EmailInUseError) Code() apperr.Code { return "EMAIL_IN_USE" }

// InvalidCredentialsError reports that the email address or the password is wrong, and not which of them.
type InvalidCredentialsError struct{}

func (InvalidCredentialsError) Error() string { return "The email address or the password is wrong." }

// Code implements apperr.UserError.
func (InvalidCredentialsError) Code() apperr.Code { return "INVALID_CREDENTIALS" }

// SessionExpiredError reports that the session of a refresh token has ended or never existed.
type SessionExpiredError struct{}

func (SessionExpiredError) Error() string { return "The session has ended. Sign in again." }

// Code implements apperr.UserError.
func (SessionExpiredError) Code() apperr.Code { return "SESSION_EXPIRED" }

// RateLimitedError reports too many attempts within the window of Limits.
type RateLimitedError struct{ RetryAfterSeconds int }

func (e RateLimitedError) Error() string {
	return fmt.Sprintf("Too many attempts. Try again in %d seconds.", e.RetryAfterSeconds)
}

// Code implements apperr.UserError.
func (RateLimitedError) Code() apperr.Code { return apperr.RateLimited }

func unauthenticated() error { return apperr.New(apperr.Unauthenticated, "Sign in first.") }
