package events

// The types of events. The payload of each ticket.* event is Ticket, of each order.* event is
// Order and of each payment.* event is Payment, except where noted.
const (
	TicketCreated            Type = "ticket.created.v1"
	TicketUpdated            Type = "ticket.updated.v1"
	TicketReserved           Type = "ticket.reserved.v1" // locked for an order
	TicketReleased           Type = "ticket.released.v1" // back on sale
	TicketSold               Type = "ticket.sold.v1"
	TicketWithdrawn          Type = "ticket.withdrawn.v1"
	TicketReservationRefused Type = "ticket.reservation_refused.v1" // ReservationRefused: the ticket was not locked

	OrderCreated          Type = "order.created.v1"
	OrderAwaitingPayment  Type = "order.awaiting_payment.v1"
	OrderCompleted        Type = "order.completed.v1"
	OrderCancelled        Type = "order.cancelled.v1"
	OrderExpired          Type = "order.expired.v1"           // OrderDeadline: its deadline passed; orders decides
	OrderDeadlineMoved    Type = "order.deadline_moved.v1"    // OrderDeadline: expiration publishes OrderExpired then
	OrderPaymentConfirmed Type = "order.payment_confirmed.v1" // PaymentDecision: hold the ticket, capture the money
	OrderPaymentRefused   Type = "order.payment_refused.v1"   // PaymentDecision: void the hold, or refund the money

	PaymentStarted    Type = "payment.started.v1"    // an attempt to pay for an order begins
	PaymentAuthorized Type = "payment.authorized.v1" // the money is on hold; orders decides whether it is captured
	PaymentSucceeded  Type = "payment.succeeded.v1"  // the money is captured
	PaymentFailed     Type = "payment.failed.v1"     // no money is on hold or captured, and this attempt has ended
	PaymentVoided     Type = "payment.voided.v1"     // the hold was released, nothing was captured
	PaymentRefunded   Type = "payment.refunded.v1"   // money was given back, in full or in part
)

// Names of the services, as publishers and consumers.
const (
	Tickets    = "tickets"
	Orders     = "orders"
	Expiration = "expiration"
	Payments   = "payments"
)

// Route is a type of event with its publisher and consumers.
type Route struct {
	Type      Type
	Source    string
	Consumers []string
}

// Catalogue returns the route of every type of event. The broker declares its exchanges, queues and bindings by it.
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
