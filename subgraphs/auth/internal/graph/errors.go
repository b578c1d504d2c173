package graph

import (
	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
	"boxoffice.dev/subgraphs/internal/gqlserver"
)

func code(e apperr.UserError) generated.UserErrorCode { return generated.UserErrorCode(e.Code()) }

func validationError(e apperr.ValidationError) generated.ValidationError {
	path := gqlserver.InputPath(e.Field)
	return generated.ValidationError{Code: code(e), Message: e.Message, Path: path, Rule: e.Rule}
}

func rateLimitedError(e account.RateLimitedError) generated.RateLimitedError {
	return generated.RateLimitedError{Code: code(e), Message: e.Error(), RetryAfterSeconds: e.RetryAfterSeconds}
}

func signUpError(err apperr.UserError) generated.SignUpError {
	switch e := err.(type) {
	case apperr.ValidationError:
		return validationError(e)
	case account.RateLimitedError:
		return rateLimitedError(e)
	case account.EmailInUseError:
		return generated.EmailInUseError{Code: code(e), Message: e.Error(), Path: gqlserver.InputPath("email")}
	}
	return nil
}

func signInError(err apperr.UserError) generated.SignInError {
	switch e := err.(type) {
	case apperr.ValidationError:
		return validationError(e)
	case account.RateLimitedError:
		return rateLimitedError(e)
	case account.InvalidCredentialsError:
		return generated.InvalidCredentialsError{Code: code(e), Message: e.Error()}
	}
	return nil
}

func refreshSessionError(err apperr.UserError) generated.RefreshSessionError {
	if e, ok := err.(account.SessionExpiredError); ok {
		return generated.SessionExpiredError{Code: code(e), Message: e.Error()}
	}
	return nil
}
