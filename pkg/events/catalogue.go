package events

// The types of events. The payload of each ticket.* event is Ticket and of each order.* event is
// Order, except where noted.
const (
	TicketCreated            Type = "ticket.created.v1"
	TicketUpdated            Type = "ticket.updated.v1"
	TicketReserved           Type = "ticket.reserved.v1" // an order holds it now
	TicketReleased           Type = "ticket.released.v1" // back on sale
	TicketSold               Type = "ticket.sold.v1"
	TicketWithdrawn          Type = "ticket.withdrawn.v1"
	TicketReservationRefused Type = "ticket.reservation_refused.v1" // ReservationRefused: an order cannot have it

	OrderCreated         Type = "order.created.v1"
	OrderAwaitingPayment Type = "order.awaiting_payment.v1"
	OrderCompleted       Type = "order.completed.v1"
	OrderCancelled       Type = "order.cancelled.v1"
	OrderExpired         Type = "order.expired.v1" // OrderDeadline: its deadline passed; orders decides what that means
)

// Names of the services, as publishers and consumers.
const (
	Tickets    = "tickets"
	Orders     = "orders"
	Expiration = "expiration"
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
		{OrderCreated, Orders, []string{Tickets, Expiration}},
		{OrderAwaitingPayment, Orders, nil},
		{OrderCompleted, Orders, []string{Tickets, Expiration}},
		{OrderCancelled, Orders, []string{Tickets, Expiration}},
		{OrderExpired, Expiration, []string{Orders}},
	}
}
