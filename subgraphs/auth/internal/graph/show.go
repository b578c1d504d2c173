package graph

import (
	"context"
	"fmt"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
)

const maxNodes = 100

// find returns the object of each id, nil where there is none. Of objects that another subgraph
// owns it knows only the type; their owner says whether they exist and who may see them.
func (r *Resolver) find(ctx context.Context, ids []string) ([]generated.Node, error) {
	if len(ids) > maxNodes {
		return nil, apperr.New(apperr.BadUserInput, fmt.Sprintf("Ask for at most %d ids.", maxNodes)).At("ids")
	}
	users, err := r.accounts.Users(ctx, ids)
	if err != nil {
		return nil, err
	}
	nodes := make([]generated.Node, len(ids))
	for i, s := range ids {
		switch id.Prefix(s) {
		case id.User:
			if user, ok := users[s]; ok {
				nodes[i] = showUser(user)
			}
		case id.Ticket:
			nodes[i] = &generated.Ticket{ID: s}
		case id.Order:
			nodes[i] = &generated.Order{ID: s}
		case id.Payment:
			nodes[i] = &generated.Payment{ID: s}
		case id.Refund:
			nodes[i] = &generated.Refund{ID: s}
		}
	}
	return nodes, nil
}

// showUser makes the schema's User, nil of no user.
func showUser(u account.User) *generated.User {
	if u.ID == "" {
		return nil
	}
	return &generated.User{ID: u.ID, DisplayName: u.DisplayName, MemberSince: u.MemberSince}
}

// showViewer makes the schema's Viewer, nil of no viewer.
func showViewer(v account.Viewer) *generated.Viewer {
	if v.User.ID == "" {
		return nil
	}
	return &generated.Viewer{
		ID: v.User.ID, User: showUser(v.User), Email: v.Email,
		Session: &generated.Session{ID: v.Session.ID, CreatedAt: v.Session.CreatedAt, ExpiresAt: v.Session.ExpiresAt},
	}
}

// typed makes the schema's object of a domain error, nil of one that is no typed error.
func typed(e *apperr.Error) any {
	code := generated.UserErrorCode(e.Code)
	switch e.Code {
	case apperr.ValidationFailed:
		return generated.ValidationError{Code: code, Message: e.Message, Path: e.Path, Rule: e.Rule}
	case apperr.RateLimited:
		seconds, _ := e.Detail.(int)
		return generated.RateLimitedError{Code: code, Message: e.Message, Path: e.Path, RetryAfterSeconds: seconds}
	case apperr.EmailInUse:
		return generated.EmailInUseError{Code: code, Message: e.Message, Path: e.Path}
	case apperr.InvalidCredentials:
		return generated.InvalidCredentialsError{Code: code, Message: e.Message, Path: e.Path}
	case apperr.SessionExpired:
		return generated.SessionExpiredError{Code: code, Message: e.Message, Path: e.Path}
	}
	return nil
}
