package events

import (
	"time"

	"boxoffice.dev/pkg/money"
)

// Ticket is the whole state of a ticket. Published by tickets; orders keeps a replica of it.
type Ticket struct {
	ID           string      `json:"id"`
	Version      int         `json:"version"` // grows by exactly one with every change
	Title        string      `json:"title"`
	Price        money.Money `json:"price"`
	SellerID     string      `json:"sellerId"`
	Availability string      `json:"availability"`      // available, reserved, sold or withdrawn
	OrderID      string      `json:"orderId,omitempty"` // the order that holds it; only when reserved or sold
}

func (t Ticket) aggregate() (string, int) { return t.ID, t.Version }

// ReservationRefused tells that a ticket could not be locked for an order, because it was
// withdrawn or is not what the buyer saw any more. The ticket itself did not change.
type ReservationRefused struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"` // changed, withdrawn, sold or unknown
	Ticket  Ticket `json:"ticket"` // as it is now; only its id when unknown
}

func (r ReservationRefused) aggregate() (string, int) { return r.Ticket.ID, r.Ticket.Version }

// Order is the whole state of an order. Published by orders.
type Order struct {
	ID            string      `json:"id"`
	Version       int         `json:"version"` // grows by exactly one with every change
	Status        string      `json:"status"`  // created, awaiting_payment, complete or cancelled
	BuyerID       string      `json:"buyerId"`
	SellerID      string      `json:"sellerId"`
	TicketID      string      `json:"ticketId"`
	TicketVersion int         `json:"ticketVersion"` // version of the ticket that the buyer saw
	Title         string      `json:"title"`         // what the buyer saw
	Price         money.Money `json:"price"`         // what the buyer agreed to
	ExpiresAt     time.Time   `json:"expiresAt"`
	Reason        string      `json:"reason,omitempty"`      // why it was cancelled; only when cancelled
	KeepOffSale   bool        `json:"keepOffSale,omitempty"` // do not sell the ticket again; only when cancelled
}

func (o Order) aggregate() (string, int) { return o.ID, o.Version }

// OrderDeadline is a moment that matters to an order. Published by expiration when it has come:
// orders cancels the order if nobody is paying for it. Published by orders when expiration should
// look again at another moment.
type OrderDeadline struct {
	OrderID  string    `json:"orderId"`
	Deadline time.Time `json:"deadline"`
}

// The deadline of an order is its only one, so its version is always 1.
func (d OrderDeadline) aggregate() (string, int) { return d.OrderID, 1 }

// Payment is the whole state of one attempt to pay for an order. Published by payments.
type Payment struct {
	ID        string      `json:"id"`
	Version   int         `json:"version"` // grows by exactly one with every change
	OrderID   string      `json:"orderId"`
	Status    string      `json:"status"` // processing, requires_action, authorized, succeeded, failed, voided, partially_refunded or refunded
	Amount    money.Money `json:"amount"`
	StartedAt time.Time   `json:"startedAt"`
	Reason    string      `json:"reason,omitempty"` // why it failed, such as card_declined; only when failed

	RefundedMinorUnits int    `json:"refundedMinorUnits,omitempty"` // of the amount, given back so far
	RefundedBy         string `json:"refundedBy,omitempty"`         // seller, operator or system; of the last refund
	ReleaseTicket      bool   `json:"releaseTicket,omitempty"`      // sell the ticket again; only when refunded
}

func (p Payment) aggregate() (string, int) { return p.ID, p.Version }

// PaymentDecision is what orders decides, once, about an authorized payment. Published by orders.
type PaymentDecision struct {
	PaymentID string `json:"paymentId"`
	OrderID   string `json:"orderId"`
	Reason    string `json:"reason,omitempty"` // why it was refused: cancelled, expired, paid, amount or unconfirmed
}

// There is one decision about a payment, so its version is always 1.
func (d PaymentDecision) aggregate() (string, int) { return d.PaymentID, 1 }
