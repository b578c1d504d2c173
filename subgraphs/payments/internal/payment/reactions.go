package payment

import (
	"context"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
)

// Reactions says what the service does when orders tells it something.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.OrderCreated:          events.On(s.orderChanged),
		events.OrderAwaitingPayment:  events.On(s.orderChanged),
		events.OrderCompleted:        events.On(s.orderChanged),
		events.OrderCancelled:        events.On(s.orderCancelled),
		events.OrderPaymentConfirmed: events.On(s.confirmed),
		events.OrderPaymentRefused:   events.On(s.refused),
	}
}

// orderChanged keeps the replica. Nothing else follows from most changes, so that they cost a statement
// and wake nobody who drives payments or publishes events.
func (s *Service) orderChanged(ctx context.Context, o events.Order) error {
	if _, err := replicate(ctx, s.pool, o); err != nil {
		return err
	}
	s.changes.Changed(o.ID)
	return nil
}

// orderCancelled also ends a payment that waits for its buyer.
func (s *Service) orderCancelled(ctx context.Context, o events.Order) error {
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		newer, err := replicate(ctx, tx, o)
		if err != nil || !newer {
			return err
		}
		p, ok, err := lockLivePayment(ctx, tx, o.ID)
		if err != nil || !ok {
			return err
		}
		return s.store(ctx, tx, p, p.endWithOrder(), 0)
	})
	if err != nil {
		return err
	}
	s.wakeUp()
	s.changes.Changed(o.ID)
	return nil
}

// confirmed takes the money of an authorized payment.
func (s *Service) confirmed(ctx context.Context, d events.PaymentDecision) error {
	return s.decided(ctx, d, Capture)
}

// refused releases what an authorized payment holds. Money that was taken nevertheless is given back.
func (s *Service) refused(ctx context.Context, d events.PaymentDecision) error {
	return s.decided(ctx, d, Void)
}

func (s *Service) decided(ctx context.Context, d events.PaymentDecision, step Step) error {
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		p, err := lockPayment(ctx, tx, d.PaymentID)
		if err != nil {
			return err
		}
		switch {
		case p.Step == AwaitOrder:
			after := p
			after.Step = step
			return s.store(ctx, tx, p, after, 0)
		case p.Paid() && step == Void:
			return s.giveBack(ctx, tx, p)
		}
		return nil // it was decided before
	})
	if err == nil {
		s.wakeUp()
	}
	return err
}

// giveBack begins the refund of all that is left of a payment, once. Nobody asked for it, so the
// ticket's fate is not its business.
func (s *Service) giveBack(ctx context.Context, tx pgx.Tx, p Payment) error {
	repeated, _, err := refundByKey(ctx, tx, string(System), p.ID)
	if err != nil || repeated.ID != "" {
		return err
	}
	pending, count, err := pendingRefunds(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	amount, err := p.refundable(nil, pending, count)
	if err != nil {
		return nil //nolint:nilerr // all of it is on its way back already
	}
	r := Refund{ID: id.New(id.Refund), PaymentID: p.ID, Status: RefundPending, Amount: amount, ReleaseTicket: true, Actor: System, CreatedAt: s.now()}
	return insertRefund(ctx, tx, r, string(System), p.ID, "")
}
