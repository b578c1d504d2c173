// Package identity issues and verifies access tokens (RFC 9068 profile, EdDSA only) and carries the verified caller in
// the context.
package identity

import (
	"context"
	"slices"
	"time"

	"boxoffice.dev/pkg/apperr"
)

// Caller is the verified user of a request. The zero Caller is signed out.
type Caller struct {
	UserID    string    // usr_…
	SessionID string    // ses_…
	Scopes    []string  // extra rights, such as Operator
	ExpiresAt time.Time // when the access token expires
}

// SignedIn reports whether the caller is signed in.
func (c Caller) SignedIn() bool { return c.UserID != "" }

type callerKey struct{}

// With returns a context with the caller.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From returns the caller of the context, or the zero Caller when there is none.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Require returns the caller of the context, or an Unauthenticated error when signed out.
func Require(ctx context.Context) (Caller, error) {
	c := From(ctx)
	if !c.SignedIn() {
		return Caller{}, apperr.New(apperr.Unauthenticated, "Sign in first.")
	}
	return c, nil
}

// Operator is the scope of operators.
const Operator = "operator"

// IsOperator reports whether the caller is an operator.
func (c Caller) IsOperator() bool { return slices.Contains(c.Scopes, Operator) }
