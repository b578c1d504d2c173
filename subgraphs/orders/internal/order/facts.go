package order

import (
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// Ticket is a replica of a ticket.
type Ticket struct {
	ID           string
	Version      int
	Title        string
	Price        money.Money
	SellerID     string
	Availability events.Availability
}

// facts decide whether an order can be created, as of one moment.
type facts struct {
	ticket   *Ticket            // nil when unknown
	heldBy   events.OrderStatus // of the live order that holds the ticket, "" if none does
	freeSlot int                // a slot for one more unpaid order of the buyer, 0 if there is none
	repeated *repeated          // the buyer's order with the same idempotency key, if any
}

// admit returns nil if the buyer may order the ticket, else the error that explains the refusal.
func (f facts) admit(buyerID string, in CreateInput, maxUnpaid int) error {
	t := f.ticket
	switch {
	case t == nil:
		return TicketNotFoundError{}
	case t.SellerID == buyerID:
		return OwnTicketError{}
	case f.heldBy == events.Complete || t.Availability == events.Sold: // after a refund, Sold until tickets releases it
		return TicketSoldError{t.ID}
	case f.heldBy != "":
		return TicketReservedError{t.ID}
	case t.Availability == events.Withdrawn:
		return TicketNotForSaleError{t.ID}
	case in.ExpectedPrice != nil && *in.ExpectedPrice != t.Price:
		return PriceChangedError{t.ID, t.Price}
	case f.freeSlot == 0:
		return TooManyActiveOrdersError{maxUnpaid}
	}
	return nil
}

// repeated is an order that was created with an idempotency key, and the request that came with the key.
type repeated struct {
	orderID string
	request string
}
