package graph

import (
	"context"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/tickets/internal/graph/generated"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

func code(e apperr.UserError) generated.UserErrorCode { return generated.UserErrorCode(e.Code()) }

func validationError(e apperr.ValidationError) generated.ValidationError {
	path := gqlserver.InputPath(e.Field)
	return generated.ValidationError{Code: code(e), Message: e.Message, Path: path, Rule: e.Rule}
}

func createTicketError(err apperr.UserError) generated.CreateTicketError {
	switch e := err.(type) {
	case apperr.ValidationError:
		return validationError(e)
	case apperr.IdempotencyKeyReusedError:
		path := gqlserver.InputPath("idempotencyKey")
		return generated.IdempotencyKeyReusedError{Code: code(e), Message: e.Error(), Path: path}
	}
	return nil
}

func updateTicketError(ctx context.Context) func(apperr.UserError) generated.UpdateTicketError {
	return func(err apperr.UserError) generated.UpdateTicketError {
		switch e := err.(type) {
		case apperr.ValidationError:
			return validationError(e)
		case ticket.WithdrawnError:
			return generated.TicketWithdrawnError{
				Code: code(e), Message: e.Error(), Path: gqlserver.InputPath("ticketId"), Ticket: show(ctx, e.Ticket),
			}
		}
		// Every other error of updateTicket is one of withdrawTicket, too.
		shared, _ := withdrawTicketError(ctx)(err).(generated.UpdateTicketError)
		return shared
	}
}

func withdrawTicketError(ctx context.Context) func(apperr.UserError) generated.WithdrawTicketError {
	return func(err apperr.UserError) generated.WithdrawTicketError {
		code, message, path := code(err), err.Error(), gqlserver.InputPath("ticketId")
		switch e := err.(type) {
		case ticket.NotFoundError:
			return generated.TicketNotFoundError{Code: code, Message: message, Path: path}
		case ticket.NotAuthorizedError:
			return generated.NotAuthorizedError{Code: code, Message: message, Path: path}
		case ticket.ReservedError:
			return generated.TicketReservedError{Code: code, Message: message, Path: path, Ticket: show(ctx, e.Ticket)}
		case ticket.SoldError:
			return generated.TicketSoldError{Code: code, Message: message, Path: path, Ticket: show(ctx, e.Ticket)}
		case ticket.StaleVersionError:
			return generated.StaleVersionError{
				Code: code, Message: message, Path: gqlserver.InputPath("expectedVersion"),
				CurrentVersion: e.Ticket.Version, Ticket: show(ctx, e.Ticket),
			}
		}
		return nil
	}
}
