package graph

import (
	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/orders/internal/graph/generated"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

func code(e apperr.UserError) generated.UserErrorCode { return generated.UserErrorCode(e.Code()) }

func createOrderError(err apperr.UserError) generated.CreateOrderError {
	code, message, path := code(err), err.Error(), gqlserver.InputPath("ticketId")
	ticket := func(id string) *generated.Ticket { return &generated.Ticket{ID: id} }
	switch e := err.(type) {
	case apperr.ValidationError:
		return generated.ValidationError{Code: code, Message: message, Path: gqlserver.InputPath(e.Field), Rule: e.Rule}
	case apperr.IdempotencyKeyReusedError:
		path := gqlserver.InputPath("idempotencyKey")
		return generated.IdempotencyKeyReusedError{Code: code, Message: message, Path: path}
	case order.TicketNotFoundError:
		return generated.TicketNotFoundError{Code: code, Message: message, Path: path}
	case order.TicketReservedError:
		return generated.TicketReservedError{Code: code, Message: message, Path: path, Ticket: ticket(e.TicketID)}
	case order.TicketSoldError:
		return generated.TicketSoldError{Code: code, Message: message, Path: path, Ticket: ticket(e.TicketID)}
	case order.TicketNotForSaleError:
		return generated.TicketNotForSaleError{Code: code, Message: message, Path: path, Ticket: ticket(e.TicketID)}
	case order.PriceChangedError:
		return generated.PriceChangedError{
			Code: code, Message: message, Path: gqlserver.InputPath("expectedPrice"),
			CurrentPrice: &e.CurrentPrice, Ticket: ticket(e.TicketID),
		}
	case order.OwnTicketError:
		return generated.OwnTicketError{Code: code, Message: message, Path: path}
	case order.TooManyActiveOrdersError:
		return generated.TooManyActiveOrdersError{Code: code, Message: message, Limit: e.Limit}
	}
	return nil
}

func (r *Resolver) cancelOrderError(v order.Viewer) func(apperr.UserError) generated.CancelOrderError {
	return func(err apperr.UserError) generated.CancelOrderError {
		code, message, path := code(err), err.Error(), gqlserver.InputPath("orderId")
		switch e := err.(type) {
		case order.NotFoundError:
			return generated.OrderNotFoundError{Code: code, Message: message, Path: path}
		case order.NotAuthorizedError:
			return generated.NotAuthorizedError{Code: code, Message: message, Path: path}
		case order.NotCancellableError:
			shown := r.show(v, e.Order)
			return generated.OrderNotCancellableError{Code: code, Message: message, Path: path, Order: shown}
		}
		return nil
	}
}
