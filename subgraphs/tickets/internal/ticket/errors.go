package ticket

import "boxoffice.dev/pkg/apperr"

// NotFoundError reports that there is no ticket with the id.
type NotFoundError struct{}

func (NotFoundError) Error() string { return "There is no such ticket." }

// Code implements apperr.UserError.
func (NotFoundError) Code() apperr.Code { return "TICKET_NOT_FOUND" }

// NotAuthorizedError reports that the ticket belongs to another seller.
type NotAuthorizedError struct{}

func (NotAuthorizedError) Error() string { return "This is not your ticket." }

// Code implements apperr.UserError.
func (NotAuthorizedError) Code() apperr.Code { return apperr.NotAuthorized }

// ReservedError reports that an unpaid order holds the ticket.
type ReservedError struct{ Ticket Ticket }

func (ReservedError) Error() string { return "A buyer has reserved this ticket." }

// Code implements apperr.UserError.
func (ReservedError) Code() apperr.Code { return "TICKET_RESERVED" }

// SoldError reports that a complete order holds the ticket.
type SoldError struct{ Ticket Ticket }

func (SoldError) Error() string { return "This ticket is sold." }

// Code implements apperr.UserError.
func (SoldError) Code() apperr.Code { return "TICKET_SOLD" }

// WithdrawnError reports that the ticket is off sale.
type WithdrawnError struct{ Ticket Ticket }

func (WithdrawnError) Error() string { return "This ticket is off sale." }

// Code implements apperr.UserError.
func (WithdrawnError) Code() apperr.Code { return "TICKET_WITHDRAWN" }

// StaleVersionError reports that the ticket does not have the expected version.
type StaleVersionError struct{ Ticket Ticket }

func (StaleVersionError) Error() string { return "The ticket has changed." }

// Code implements apperr.UserError.
func (StaleVersionError) Code() apperr.Code { return "STALE_VERSION" }
