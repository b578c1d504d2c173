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

// find returns the object of each id, nil for an unknown one. It returns only the type and id of objects of other
// subgraphs, which then decide whether the object exists and who may see it.
func (r *Resolver) find(ctx context.Context, ids []string) ([]generated.Node, error) {
	if len(ids) > maxNodes {
		return nil, apperr.New(apperr.BadUserInput, fmt.Sprintf("Request at most %d ids.", maxNodes))
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

// showUser returns the schema's User, nil for the zero User.
func showUser(u account.User) *generated.User {
	if u.ID == "" {
		return nil
	}
	return &generated.User{ID: u.ID, DisplayName: u.DisplayName, MemberSince: u.MemberSince}
}

// showViewer returns the schema's Viewer, nil for the zero Viewer.
func showViewer(v account.Viewer) *generated.Viewer {
	if v.User.ID == "" {
		return nil
	}
	return &generated.Viewer{
		ID: v.User.ID, User: showUser(v.User), Email: v.Email,
		Session: &generated.Session{ID: v.Session.ID, CreatedAt: v.Session.CreatedAt, ExpiresAt: v.Session.ExpiresAt},
	}
}
