package events

import (
	"time"

	"boxoffice.dev/pkg/money"
)

// Ticket is the whole state of a ticket. Published by tickets; orders keeps a replica.
type Ticket struct {
	ID           string       `json:"id"`
	Version      int          `json:"version"` // grows by exactly one with every change
	Title        string       `json:"title"`
	Price        money.Money  `json:"price"`
	SellerID     string       `json:"sellerId"`
	Availability Availability `json:"availability"`
	OrderID      string       `json:"orderId,omitempty"` // the order that holds it; only when reserved or sold
}

func (t Ticket) aggregate() (string, int) { return t.ID, t.Version }

// ReservationRefused says that a ticket could not be locked for an order. The ticket itself did not change.
type ReservationRefused struct {
	OrderID string      `json:"orderId"`
	Reason  LockRefusal `json:"reason"`
	Ticket  Ticket      `json:"ticket"` // the current ticket; only its id when unknown
}

func (r ReservationRefused) aggregate() (string, int) { return r.Ticket.ID, r.Ticket.Version }

// Order is the whole state of an order. Published by orders; payments keeps a replica.
type Order struct {
	ID            string       `json:"id"`
	Version       int          `json:"version"` // grows by exactly one with every change
	Status        OrderStatus  `json:"status"`
	BuyerID       string       `json:"buyerId"`
	SellerID      string       `json:"sellerId"`
	TicketID      string       `json:"ticketId"`
	TicketVersion int          `json:"ticketVersion"` // version of the ticket that the buyer saw
	Title         string       `json:"title"`         // what the buyer saw
	Price         money.Money  `json:"price"`         // what the buyer agreed to
	ExpiresAt     time.Time    `json:"expiresAt"`
	Reason        CancelReason `json:"reason,omitempty"`      // only when cancelled
	KeepOffSale   bool         `json:"keepOffSale,omitempty"` // do not sell the ticket again; only when cancelled

	// Only when unpaid, and absent from events that older releases published.
	PaidVersion    int           `json:"paidVersion,omitempty"`    // the version of the order once it is complete
	PaymentFailure FailurePolicy `json:"paymentFailure,omitempty"` // what a failed payment does to the order
}

func (o Order) aggregate() (string, int) { return o.ID, o.Version }

// OrderDeadline is the payload of OrderExpired and OrderDeadlineMoved. Expiration publishes it once the deadline has
// passed; orders then cancels the order unless a payment is in progress. Orders publishes it to request another
// OrderExpired at a later time.
type OrderDeadline struct {
	OrderID  string    `json:"orderId"`
	Deadline time.Time `json:"deadline"`
}

// An order has one deadline at a time, so the version is always 1.
func (d OrderDeadline) aggregate() (string, int) { return d.OrderID, 1 }

// Payment is the whole state of one attempt to pay for an order. Published by payments; orders keeps a replica.
type Payment struct {
	ID        string        `json:"id"`
	Version   int           `json:"version"` // grows by exactly one with every change
	OrderID   string        `json:"orderId"`
	Status    PaymentStatus `json:"status"`
	Amount    money.Money   `json:"amount"`
	StartedAt time.Time     `json:"startedAt"`
	Reason    DeclineReason `json:"reason,omitempty"` // only when failed

	RefundedMinorUnits int   `json:"refundedMinorUnits,omitempty"` // of the amount, given back so far
	RefundedBy         Actor `json:"refundedBy,omitempty"`         // seller, operator or system; of the last refund
	ReleaseTicket      bool  `json:"releaseTicket,omitempty"`      // sell the ticket again; only when refunded
}

func (p Payment) aggregate() (string, int) { return p.ID, p.Version }

// PaymentDecision is the one decision of orders about an authorized payment.
type PaymentDecision struct {
	PaymentID string         `json:"paymentId"`
	OrderID   string         `json:"orderId"`
	Reason    PaymentRefusal `json:"reason,omitempty"` // only when refused
}

// A payment gets one decision, so the version is always 1.
func (d PaymentDecision) aggregate() (string, int) { return d.PaymentID, 1 }
