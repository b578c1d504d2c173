package order

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
)

// Reactions says what the service does when others tell it something.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.TicketCreated:            events.On(s.ticketChanged),
		events.TicketUpdated:            events.On(s.ticketChanged),
		events.TicketReleased:           events.On(s.ticketChanged),
		events.TicketSold:               events.On(s.ticketChanged),
		events.TicketWithdrawn:          events.On(s.ticketChanged),
		events.TicketReserved:           events.On(s.ticketReserved),
		events.TicketReservationRefused: events.On(s.reservationRefused),
		events.OrderExpired:             events.On(s.deadlinePassed),
		events.PaymentStarted:           events.On(s.paymentChanged),
		events.PaymentAuthorized:        events.On(s.paymentChanged),
		events.PaymentSucceeded:         events.On(s.paymentChanged),
		events.PaymentFailed:            events.On(s.paymentChanged),
		events.PaymentVoided:            events.On(s.paymentChanged),
		events.PaymentRefunded:          events.On(s.paymentChanged),
	}
}

// ticketChanged keeps the replica: newer versions replace older ones, whatever was missed between.
func (s *Service) ticketChanged(ctx context.Context, t events.Ticket) error {
	return replicate(ctx, s.pool, t)
}

// ticketReserved moves the order that holds the ticket to AwaitingPayment: nobody can edit the
// ticket any more.
func (s *Service) ticketReserved(ctx context.Context, t events.Ticket) error {
	return s.react(ctx, t.OrderID, func(batch *pgx.Batch) { queueTicket(batch, t) }, func(c claim) change {
		return c.confirm(s.now())
	})
}

// reservationRefused ends an order whose ticket is not what the buyer saw any more.
func (s *Service) reservationRefused(ctx context.Context, r events.ReservationRefused) error {
	return s.react(ctx, r.OrderID, nil, func(c claim) change {
		return c.cancel(System, ReservationRefused, s.now())
	})
}

// deadlinePassed ends an order that was not paid in time.
func (s *Service) deadlinePassed(ctx context.Context, d events.OrderDeadline) error {
	return s.react(ctx, d.OrderID, nil, func(c claim) change {
		return c.deadlinePassed(d.Deadline, s.cfg.rules(), s.now())
	})
}

// paymentChanged keeps the replica of payments, completes or ends the order that a payment is for,
// and answers a payment that asks. What was overtaken by something newer says nothing.
func (s *Service) paymentChanged(ctx context.Context, p events.Payment) error {
	var newer bool
	return s.react(ctx, p.OrderID, func(batch *pgx.Batch) { queuePayment(batch, p, &newer) }, func(c claim) change {
		if !newer {
			return c.nothing()
		}
		return c.paymentChanged(p, s.cfg.rules(), s.now())
	})
}

// react is change for events. An order that nobody knows is a fault then, not a user's mistake.
func (s *Service) react(ctx context.Context, orderID string, learn func(*pgx.Batch), decide func(claim) change) error {
	_, err := s.change(ctx, orderID, learn, func(c claim) (change, error) { return decide(c), nil })
	if apperr.Has(err, apperr.OrderNotFound) {
		return fmt.Errorf("unknown order %s", orderID)
	}
	return err
}
