package graph

import (
	"context"

	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
)

// FindManyViewerByIDs resolves the caller. Any other user, and an ended session, is null.
func (r entityResolver) FindManyViewerByIDs(
	ctx context.Context, reps []*generated.ViewerByIDsInput,
) ([]*generated.Viewer, error) {
	viewer, err := r.viewer(ctx)
	if err != nil {
		return nil, err
	}
	viewers := make([]*generated.Viewer, len(reps))
	for i, rep := range reps {
		if viewer != nil && rep.ID == viewer.ID {
			viewers[i] = viewer
		}
	}
	return viewers, nil
}

// FindManyUserByIDs resolves users that other subgraphs refer to. Profiles are public.
func (r entityResolver) FindManyUserByIDs(
	ctx context.Context, reps []*generated.UserByIDsInput,
) ([]*generated.User, error) {
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
