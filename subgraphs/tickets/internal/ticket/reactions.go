package ticket

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/outbox"
)

// Reactions returns the handlers of the events that the service consumes.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.OrderCreated:   events.On(s.orderCreated),
		events.OrderCancelled: events.On(s.orderCancelled),
		events.OrderCompleted: events.On(s.orderCompleted),
	}
}

// orderCreated locks the ticket for the order. If the ticket is not what the buyer saw, it publishes a refusal instead.
//
// Orders lets one live order at a time hold a ticket. If an older order still has the lock here, it has ended and its
// cancellation was overtaken, so the newer order takes the lock over. Ids sort by age.
func (s *Service) orderCreated(ctx context.Context, o events.Order) error {
	return s.react(ctx, o, func(tx pgx.Tx, t Ticket) error {
		if t.OrderID >= o.ID {
			return nil // the order has the lock, or has ended because a newer one has it
		}
		if reason := t.lockRefusal(o); reason != "" {
			return outbox.Append(ctx, tx, events.New(events.TicketReservationRefused,
				events.ReservationRefused{OrderID: o.ID, Reason: reason, Ticket: t.payload()}))
		}
		return updateTicket(ctx, tx, t.reserve(o.ID, s.now()))
	})
}

// orderCancelled puts the ticket back on sale, or withdraws it if the order says so. It changes nothing unless the
// order holds the ticket. A refund cancels a complete order.
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

// orderCompleted marks the ticket as sold, even if order.created was overtaken. It changes nothing if a newer order has
// the lock. An unknown ticket, and one that is sold to an older order, are faults.
func (s *Service) orderCompleted(ctx context.Context, o events.Order) error {
	return s.react(ctx, o, func(tx pgx.Tx, t Ticket) error {
		if t.OrderID > o.ID {
			return nil // this order was refunded before the newer one could be created
		}
		if t.Version == 0 || t.Availability == events.Sold {
			const format = "order %s is complete, but ticket %s is unknown or sold to order %q"
			return fmt.Errorf(format, o.ID, t.ID, t.OrderID)
		}
		return updateTicket(ctx, tx, t.sell(o.ID, s.now()))
	})
}

// react locks the order's ticket and calls do, unless this or a newer version of the order was handled before.
// An unknown ticket has version 0.
func (s *Service) react(ctx context.Context, o events.Order, do func(pgx.Tx, Ticket) error) error {
	t, newer := Ticket{ID: o.TicketID}, false
	return s.outbox.TxAfter(ctx, func(batch *pgx.Batch) { queueLockFor(batch, o, &t, &newer) }, func(tx pgx.Tx) error {
		if !newer {
			return nil
		}
		return do(tx, t)
	})
}
