package events

// The types of events. The payload of each ticket.* event is Ticket, of each order.* event is
// Order and of each payment.* event is Payment, except where noted.
const (
	TicketCreated            Type = "ticket.created.v1"
	TicketUpdated            Type = "ticket.updated.v1"
	TicketReserved           Type = "ticket.reserved.v1" // an order holds it now
	TicketReleased           Type = "ticket.released.v1" // back on sale
	TicketSold               Type = "ticket.sold.v1"
	TicketWithdrawn          Type = "ticket.withdrawn.v1"
	TicketReservationRefused Type = "ticket.reservation_refused.v1" // ReservationRefused: an order cannot have it

	OrderCreated          Type = "order.created.v1"
	OrderAwaitingPayment  Type = "order.awaiting_payment.v1"
	OrderCompleted        Type = "order.completed.v1"
	OrderCancelled        Type = "order.cancelled.v1"
	OrderExpired          Type = "order.expired.v1"           // OrderDeadline: its deadline passed; orders decides what that means
	OrderDeadlineMoved    Type = "order.deadline_moved.v1"    // OrderDeadline: look again then
	OrderPaymentConfirmed Type = "order.payment_confirmed.v1" // PaymentDecision: the ticket stays held, take the money
	OrderPaymentRefused   Type = "order.payment_refused.v1"   // PaymentDecision: release the hold, or give the money back

	PaymentStarted    Type = "payment.started.v1"    // somebody tries to pay for an order
	PaymentAuthorized Type = "payment.authorized.v1" // the money is held; orders decides whether it may be taken
	PaymentSucceeded  Type = "payment.succeeded.v1"  // the money is taken
	PaymentFailed     Type = "payment.failed.v1"     // there is no money, and this attempt is over
	PaymentVoided     Type = "payment.voided.v1"     // the hold was released, nothing was taken
	PaymentRefunded   Type = "payment.refunded.v1"   // money was given back, in whole or in part
)

// Names of the services, as publishers and consumers.
const (
	Tickets    = "tickets"
	Orders     = "orders"
	Expiration = "expiration"
	Payments   = "payments"
)

// Route says who publishes a type of event and who consumes it.
type Route struct {
	Type      Type
	Source    string
	Consumers []string
}

// Catalogue lists every type of event. The broker's exchanges, queues and bindings are made from it.
func Catalogue() []Route {
	return []Route{
		{TicketCreated, Tickets, []string{Orders}},
		{TicketUpdated, Tickets, []string{Orders}},
		{TicketReserved, Tickets, []string{Orders}},
		{TicketReleased, Tickets, []string{Orders}},
		{TicketSold, Tickets, []string{Orders}},
		{TicketWithdrawn, Tickets, []string{Orders}},
		{TicketReservationRefused, Tickets, []string{Orders}},
		{OrderCreated, Orders, []string{Tickets, Expiration, Payments}},
		{OrderAwaitingPayment, Orders, []string{Payments}},
		{OrderCompleted, Orders, []string{Tickets, Expiration, Payments}},
		{OrderCancelled, Orders, []string{Tickets, Expiration, Payments}},
		{OrderDeadlineMoved, Orders, []string{Expiration}},
		{OrderPaymentConfirmed, Orders, []string{Payments}},
		{OrderPaymentRefused, Orders, []string{Payments}},
		{OrderExpired, Expiration, []string{Orders}},
		{PaymentStarted, Payments, []string{Orders}},
		{PaymentAuthorized, Payments, []string{Orders}},
		{PaymentSucceeded, Payments, []string{Orders}},
		{PaymentFailed, Payments, []string{Orders}},
		{PaymentVoided, Payments, []string{Orders}},
		{PaymentRefunded, Payments, []string{Orders}},
	}
}
