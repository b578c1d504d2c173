package order

import (
	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Ticket is what orders knows of a ticket: a replica.
type Ticket struct {
	ID           string
	Version      int
	Title        string
	Price        money.Money
	SellerID     string
	Availability events.Availability
}

// facts are what decides whether an order can be created, as of one moment.
type facts struct {
	ticket   *Ticket   // nil when unknown
	held     bool      // a live order has it
	freeSlot int       // a place for one more unpaid order of the buyer, 0 when there is none
	repeated *repeated // the buyer's order with the same idempotency key, if any
}

// Seen is the Detail of a PriceChanged error.
type Seen struct {
	TicketID     string
	CurrentPrice money.Money
}

// admit returns nil when the buyer may have the ticket, else why not.
func (f facts) admit(buyerID string, in CreateInput, maxUnpaid int) error {
	t := f.ticket
	switch {
	case t == nil:
		return ticketNotFound()
	case t.SellerID == buyerID:
		return apperr.New(apperr.OwnTicket, "This is your own ticket.").At("input.ticketId")
	case f.held:
		return apperr.New(apperr.TicketReserved, "Somebody else has reserved this ticket.").At("input.ticketId").With(t.ID)
	case t.Availability == events.Sold: // also after a refund, until tickets has put it back on sale
		return apperr.New(apperr.TicketReserved, "This ticket is sold.").At("input.ticketId").With(t.ID)
	case t.Availability == events.Withdrawn:
		return apperr.New(apperr.TicketNotForSale, "The seller took this ticket off sale.").At("input.ticketId").With(t.ID)
	case in.ExpectedPrice != nil && *in.ExpectedPrice != t.Price:
		return apperr.New(apperr.PriceChanged, "The price is different by now.").At("input.expectedPrice").With(Seen{t.ID, t.Price})
	case f.freeSlot == 0:
		return apperr.New(apperr.TooManyActiveOrders, "Pay or cancel one of your orders first.").With(maxUnpaid)
	}
	return nil
}

// repeated is an order that was created with an idempotency key, and what was asked for then.
type repeated struct {
	orderID string
	request string
}
