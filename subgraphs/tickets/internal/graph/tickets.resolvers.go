package graph

import (
	"context"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/tickets/internal/graph/generated"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

func (r mutationResolver) CreateTicket(
	ctx context.Context, input generated.CreateTicketInput,
) (*generated.CreateTicketPayload, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	t, err := r.tickets.Create(ctx, viewer.UserID, ticket.CreateInput{
		Title: input.Title, Price: *input.Price, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.TypedErrors(err, createTicketError)
	return &generated.CreateTicketPayload{Ticket: show(ctx, t), Errors: errs}, fault
}

func (r mutationResolver) UpdateTicket(
	ctx context.Context, input generated.UpdateTicketInput,
) (*generated.UpdateTicketPayload, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	t, err := r.tickets.Update(ctx, viewer.UserID, ticket.UpdateInput{
		TicketID: input.TicketID, Title: input.Title, Price: input.Price, ExpectedVersion: input.ExpectedVersion,
	})
	errs, fault := gqlserver.TypedErrors(err, updateTicketError(ctx))
	return &generated.UpdateTicketPayload{Ticket: show(ctx, t), Errors: errs}, fault
}

func (r mutationResolver) WithdrawTicket(
	ctx context.Context, input generated.WithdrawTicketInput,
) (*generated.WithdrawTicketPayload, error) {
	viewer, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	v := ticket.Viewer{UserID: viewer.UserID, Operator: viewer.IsOperator()}
	t, err := r.tickets.Withdraw(ctx, v, input.TicketID, input.ExpectedVersion)
	errs, fault := gqlserver.TypedErrors(err, withdrawTicketError(ctx))
	return &generated.WithdrawTicketPayload{Ticket: show(ctx, t), Errors: errs}, fault
}

func (r queryResolver) Ticket(ctx context.Context, id string) (*generated.Ticket, error) {
	found, err := r.tickets.ByID(ctx, []string{id})
	return show(ctx, found[id]), err
}

func (r queryResolver) Tickets(
	ctx context.Context, first *int, after *string, last *int, before *string,
	filter *generated.TicketFilter, sort *generated.TicketSort,
) (*generated.TicketConnection, error) {
	args := page.Args{First: first, After: after, Last: last, Before: before}
	connections, err := r.list(ctx, args, sort, readFilter(filter))
	if err != nil {
		return nil, err
	}
	return connections[0], nil
}

func (r userResolver) Tickets(
	ctx context.Context, users []*generated.User, first *int, after *string, last *int, before *string,
	filter *generated.TicketFilter, sort *generated.TicketSort,
) ([]*generated.TicketConnection, error) {
	filters := make([]ticket.Filter, len(users))
	for i, u := range users {
		filters[i] = readFilter(filter).Of(u.ID)
	}
	return r.list(ctx, page.Args{First: first, After: after, Last: last, Before: before}, sort, filters...)
}

func (r connectionResolver) TotalCount(ctx context.Context, c *generated.TicketConnection) (*int, error) {
	return r.tickets.Count(ctx, c.Filter)
}

func (r subscriptionResolver) TicketUpdated(ctx context.Context, ticketID string) (<-chan *generated.Ticket, error) {
	show := func(t ticket.Ticket) *generated.Ticket { return show(ctx, t) }
	return gqlserver.Stream(ctx, r.tickets.Follow(ctx, ticketID), show)
}
