package graph

import (
	"context"

	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
)

// FindManyUserByIDs resolves the people that other subgraphs refer to. Everybody may see them.
func (r entityResolver) FindManyUserByIDs(ctx context.Context, reps []*generated.UserByIDsInput) ([]*generated.User, error) {
	ids := make([]string, len(reps))
	for i, rep := range reps {
		ids[i] = rep.ID
	}
	users, err := r.accounts.Users(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([]*generated.User, len(ids))
	for i, id := range ids {
		found[i] = showUser(users[id])
	}
	return found, nil
}
