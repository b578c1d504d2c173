package ticket

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/outbox"
)

// Reactions says what the service does when others tell it something.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.OrderCreated:   events.On(s.orderCreated),
		events.OrderCancelled: events.On(s.orderCancelled),
		events.OrderCompleted: events.On(s.orderCompleted),
	}
}

// orderCreated locks the ticket for the order, or refuses it when the ticket is not what the
// buyer saw.
//
// Orders lets one live order at a time have a ticket. So when another order still has it here,
// that one is over if it is older, and its cancellation has been overtaken: the newer one takes
// the lock over. Ids sort by age.
func (s *Service) orderCreated(ctx context.Context, o events.Order) error {
	return s.react(ctx, o, func(tx pgx.Tx, t Ticket) error {
		if t.OrderID >= o.ID {
			return nil // it has the ticket, or is over since a newer one has
		}
		if reason := t.refusal(o); reason != "" {
			return outbox.Append(ctx, tx, events.New(events.TicketReservationRefused,
				events.ReservationRefused{OrderID: o.ID, Reason: events.LockRefusal(reason), Ticket: t.payload()}))
		}
		return updateTicket(ctx, tx, t.reserve(o.ID, s.now()))
	})
}

// orderCancelled puts the ticket back on sale, or withdraws it when the order says so; only if that
// order holds it. A paid order ends when the money is given back.
func (s *Service) orderCancelled(ctx context.Context, o events.Order) error {
	return s.react(ctx, o, func(tx pgx.Tx, t Ticket) error {
		switch {
		case t.OrderID != o.ID:
			return nil
		case o.KeepOffSale:
			return updateTicket(ctx, tx, t.withdraw(s.now()))
		}
		return updateTicket(ctx, tx, t.release(s.now()))
	})
}

// orderCompleted sells the ticket. A paid order has a right to it, even when the order's creation has
// been overtaken. A ticket that is unknown, or sold to somebody else, is a fault.
func (s *Service) orderCompleted(ctx context.Context, o events.Order) error {
	return s.react(ctx, o, func(tx pgx.Tx, t Ticket) error {
		if t.Version == 0 || t.Availability == Sold {
			return fmt.Errorf("order %s is paid, but ticket %s is not there or sold to order %q", o.ID, t.ID, t.OrderID)
		}
		return updateTicket(ctx, tx, t.sell(o.ID, s.now()))
	})
}

// react locks the order's ticket and calls do, unless the service has acted on the same or a
// newer version of the order before. An unknown ticket is one at version 0.
func (s *Service) react(ctx context.Context, o events.Order, do func(pgx.Tx, Ticket) error) error {
	t, newer := Ticket{ID: o.TicketID}, false
	return s.outbox.TxAfter(ctx, func(batch *pgx.Batch) { queueLockFor(batch, o, &t, &newer) }, func(tx pgx.Tx) error {
		if !newer {
			return nil
		}
		return do(tx, t)
	})
}
