package order

import (
	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/money"
)

// TicketNotFoundError reports that there is no ticket with the id.
type TicketNotFoundError struct{}

func (TicketNotFoundError) Error() string { return "There is no such ticket." }

// Code implements apperr.UserError.
func (TicketNotFoundError) Code() apperr.Code { return "TICKET_NOT_FOUND" }

// OwnTicketError reports that the buyer is the ticket's seller.
type OwnTicketError struct{}

func (OwnTicketError) Error() string { return "This is your own ticket." }

// Code implements apperr.UserError.
func (OwnTicketError) Code() apperr.Code { return "OWN_TICKET" }

// TicketReservedError reports that an unpaid order holds the ticket.
type TicketReservedError struct{ TicketID string }

func (TicketReservedError) Error() string { return "Another buyer has reserved this ticket." }

// Code implements apperr.UserError.
func (TicketReservedError) Code() apperr.Code { return "TICKET_RESERVED" }

// TicketSoldError reports that a complete order holds the ticket.
type TicketSoldError struct{ TicketID string }

func (TicketSoldError) Error() string { return "This ticket is sold." }

// Code implements apperr.UserError.
func (TicketSoldError) Code() apperr.Code { return "TICKET_SOLD" }

// TicketNotForSaleError reports that the ticket was withdrawn.
type TicketNotForSaleError struct{ TicketID string }

func (TicketNotForSaleError) Error() string { return "The seller took this ticket off sale." }

// Code implements apperr.UserError.
func (TicketNotForSaleError) Code() apperr.Code { return "TICKET_NOT_FOR_SALE" }

// PriceChangedError reports that the ticket does not have the expected price.
type PriceChangedError struct {
	TicketID     string
	CurrentPrice money.Money
}

func (PriceChangedError) Error() string { return "The price has changed." }

// Code implements apperr.UserError.
func (PriceChangedError) Code() apperr.Code { return "PRICE_CHANGED" }

// TooManyActiveOrdersError reports that the buyer has as many unpaid orders as the limit allows.
type TooManyActiveOrdersError struct{ Limit int }

func (TooManyActiveOrdersError) Error() string { return "Pay for or cancel one of your orders first." }

// Code implements apperr.UserError.
func (TooManyActiveOrdersError) Code() apperr.Code { return "TOO_MANY_ACTIVE_ORDERS" }

// NotFoundError reports that there is no order with the id.
type NotFoundError struct{}

func (NotFoundError) Error() string { return "There is no such order." }

// Code implements apperr.UserError.
func (NotFoundError) Code() apperr.Code { return "ORDER_NOT_FOUND" }

// NotAuthorizedError reports that the order belongs to another buyer.
type NotAuthorizedError struct{}

func (NotAuthorizedError) Error() string { return "This is not your order." }

// Code implements apperr.UserError.
func (NotAuthorizedError) Code() apperr.Code { return apperr.NotAuthorized }

// NotCancellableError reports that the order is paid, or that a payment is capturing the money.
type NotCancellableError struct{ Order Order }

func (e NotCancellableError) Error() string {
	if e.Order.Frozen() {
		return "The order is being paid."
	}
	return "The order is already paid."
}

// Code implements apperr.UserError.
func (NotCancellableError) Code() apperr.Code { return "ORDER_NOT_CANCELLABLE" }
