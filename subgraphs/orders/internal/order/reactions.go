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
	}
}

// ticketChanged keeps the replica: newer versions replace older ones, whatever was missed between.
func (s *Service) ticketChanged(ctx context.Context, t events.Ticket) error {
	return replicate(ctx, s.pool, t)
}

// ticketReserved moves the order that holds the ticket to AwaitingPayment: nobody can edit the
// ticket any more.
func (s *Service) ticketReserved(ctx context.Context, t events.Ticket) error {
	return s.react(ctx, t.OrderID, func(tx pgx.Tx, o Order) (change, bool, error) {
		if err := replicate(ctx, tx, t); err != nil {
			return change{}, false, err
		}
		c, ok := o.confirm(s.now())
		return c, ok, nil
	})
}

// reservationRefused ends an order whose ticket is not what the buyer saw any more.
func (s *Service) reservationRefused(ctx context.Context, r events.ReservationRefused) error {
	return s.react(ctx, r.OrderID, func(_ pgx.Tx, o Order) (change, bool, error) {
		c, ok := o.cancel(System, ReservationRefused, s.now())
		return c, ok, nil
	})
}

// deadlinePassed ends an order that was not paid in time. A deadline before the order's own is
// one that was moved since, and is ignored.
func (s *Service) deadlinePassed(ctx context.Context, d events.OrderDeadline) error {
	return s.react(ctx, d.OrderID, func(_ pgx.Tx, o Order) (change, bool, error) {
		if d.Deadline.Before(o.ExpiresAt) {
			return change{}, false, nil
		}
		c, ok := o.cancel(System, Expired, s.now())
		return c, ok, nil
	})
}

// react is change for events. An order that nobody knows is a fault then, not a user's mistake.
func (s *Service) react(ctx context.Context, orderID string, decide func(pgx.Tx, Order) (change, bool, error)) error {
	_, err := s.change(ctx, orderID, decide)
	if apperr.Has(err, apperr.OrderNotFound) {
		return fmt.Errorf("unknown order %s", orderID)
	}
	return err
}
