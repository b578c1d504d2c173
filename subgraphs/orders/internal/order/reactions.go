package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
)

// Reactions returns the handlers of the events that the service consumes.
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

// ticketChanged updates the replica of a ticket. A newer version replaces an older one, with or without gaps.
func (s *Service) ticketChanged(ctx context.Context, t events.Ticket) error {
	return replicate(ctx, s.pool, t)
}

// ticketReserved moves the order that holds the ticket to AwaitingPayment: its title and price are locked.
func (s *Service) ticketReserved(ctx context.Context, t events.Ticket) error {
	return s.react(ctx, t.OrderID, func(batch *pgx.Batch) { queueTicket(batch, t) }, func(o orderWithPayments) change {
		return o.confirm(s.now())
	})
}

// reservationRefused ends an order whose ticket is not what the buyer saw.
func (s *Service) reservationRefused(ctx context.Context, r events.ReservationRefused) error {
	return s.react(ctx, r.OrderID, nil, func(o orderWithPayments) change {
		return o.cancel(events.System, events.ReasonReservationRefused, s.now())
	})
}

// deadlinePassed ends an order that was not paid in time, or moves its deadline once for a payment in progress.
func (s *Service) deadlinePassed(ctx context.Context, d events.OrderDeadline) error {
	return s.react(ctx, d.OrderID, nil, func(o orderWithPayments) change {
		return o.deadlinePassed(d.Deadline, s.cfg.rules(), s.now())
	})
}

// paymentChanged updates the replica of a payment and completes or ends its order accordingly. An event that is
// not newer than the replica changes nothing.
func (s *Service) paymentChanged(ctx context.Context, p events.Payment) error {
	var newer bool
	preload := func(batch *pgx.Batch) { queuePayment(batch, p, &newer) }
	return s.react(ctx, p.OrderID, preload, func(o orderWithPayments) change {
		if !newer {
			return o.unchanged()
		}
		return o.paymentChanged(p, s.cfg.rules(), s.now())
	})
}

// react is change for event handlers, for which an unknown order is a fault and not a user's mistake.
func (s *Service) react(
	ctx context.Context, orderID string, preload func(*pgx.Batch), decide func(orderWithPayments) change,
) error {
	_, err := s.change(ctx, orderID, preload, func(o orderWithPayments) (change, error) { return decide(o), nil })
	if errors.Is(err, NotFoundError{}) {
		return fmt.Errorf("unknown order %s", orderID)
	}
	return err
}
