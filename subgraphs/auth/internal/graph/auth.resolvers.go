package graph

import (
	"context"
	"errors"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
	"boxoffice.dev/subgraphs/internal/gqlserver"
)

func (r mutationResolver) SignUp(ctx context.Context, input generated.SignUpInput) (*generated.SignUpPayload, error) {
	grant, err := r.accounts.SignUp(ctx, account.SignUpInput{
		Email: input.Email, Password: input.Password, DisplayName: input.DisplayName, From: exchangeOf(ctx).from,
	})
	viewer, tokens, err := r.deliver(ctx, grant, err, input.Delivery)
	errs, fault := gqlserver.TypedErrors(err, signUpError)
	return &generated.SignUpPayload{Viewer: viewer, Tokens: tokens, Errors: errs}, fault
}

func (r mutationResolver) SignIn(ctx context.Context, input generated.SignInInput) (*generated.SignInPayload, error) {
	grant, err := r.accounts.SignIn(ctx, account.SignInInput{
		Email: input.Email, Password: input.Password, From: exchangeOf(ctx).from,
	})
	viewer, tokens, err := r.deliver(ctx, grant, err, input.Delivery)
	errs, fault := gqlserver.TypedErrors(err, signInError)
	return &generated.SignInPayload{Viewer: viewer, Tokens: tokens, Errors: errs}, fault
}

func (r mutationResolver) RefreshSession(ctx context.Context) (*generated.RefreshSessionPayload, error) {
	x := exchangeOf(ctx)
	grant, err := r.accounts.Refresh(ctx, x.refreshToken, x.from)
	if errors.Is(err, account.SessionExpiredError{}) && x.delivery == generated.SessionDeliveryCookie {
		x.clearCookies()
	}
	viewer, tokens, err := r.deliver(ctx, grant, err, x.delivery)
	errs, fault := gqlserver.TypedErrors(err, refreshSessionError)
	return &generated.RefreshSessionPayload{Viewer: viewer, Tokens: tokens, Errors: errs}, fault
}

func (r mutationResolver) SignOut(ctx context.Context) (*generated.SignOutPayload, error) {
	x := exchangeOf(ctx)
	if err := r.accounts.SignOut(ctx, identity.From(ctx).SessionID, x.refreshToken); err != nil {
		return nil, err
	}
	x.clearCookies()
	return &generated.SignOutPayload{SignedOut: true, Errors: []generated.UserError{}}, nil
}

func (r mutationResolver) SignOutEverywhere(ctx context.Context) (*generated.SignOutPayload, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.accounts.SignOutEverywhere(ctx, viewer.UserID); err != nil {
		return nil, err
	}
	exchangeOf(ctx).clearCookies()
	return &generated.SignOutPayload{SignedOut: true, Errors: []generated.UserError{}}, nil
}

func (r queryResolver) Viewer(ctx context.Context) (*generated.Viewer, error) { return r.viewer(ctx) }

// viewer returns the caller, nil when signed out.
func (r *Resolver) viewer(ctx context.Context) (*generated.Viewer, error) {
	caller := identity.From(ctx)
	viewer, err := r.accounts.Viewer(ctx, caller.UserID, caller.SessionID)
	if apperr.Has(err, apperr.Unauthenticated) {
		err = nil
	}
	return showViewer(viewer), err
}

func (r queryResolver) EndedSessions(ctx context.Context, ids []string) ([]string, error) {
	return r.accounts.Ended(ctx, ids)
}

func (r queryResolver) User(ctx context.Context, id string) (*generated.User, error) {
	users, err := r.accounts.Users(ctx, []string{id})
	return showUser(users[id]), err
}

func (r queryResolver) Node(ctx context.Context, id string) (generated.Node, error) {
	nodes, err := r.find(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

func (r queryResolver) Nodes(ctx context.Context, ids []string) ([]generated.Node, error) {
	return r.find(ctx, ids)
}
