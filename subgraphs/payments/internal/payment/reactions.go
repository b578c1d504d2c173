package payment

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
)

// Reactions returns the handlers for the events of orders.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.OrderCreated:          events.On(s.orderChanged),
		events.OrderAwaitingPayment:  events.On(s.orderChanged),
		events.OrderCompleted:        events.On(s.orderChanged),
		events.OrderCancelled:        events.On(s.orderCancelled),
		events.OrderPaymentConfirmed: events.On(s.paymentConfirmed),
		events.OrderPaymentRefused:   events.On(s.paymentRefused),
	}
}

// orderChanged updates the replica. It needs neither a transaction nor a wake-up: no payment changes with the order.
func (s *Service) orderChanged(ctx context.Context, o events.Order) error {
	if _, err := replicate(ctx, s.pool, o); err != nil {
		return err
	}
	s.changes.Changed(o.ID)
	return nil
}

// orderCancelled updates the replica and voids a payment that waits for its buyer.
func (s *Service) orderCancelled(ctx context.Context, o events.Order) error {
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		newer, err := replicate(ctx, tx, o)
		if err != nil || !newer {
			return err
		}
		p, ok, err := lockPaymentInProgress(ctx, tx, o.ID)
		if err != nil || !ok {
			return err
		}
		return s.store(ctx, tx, p, p.endWithOrder(), 0)
	})
	if err != nil {
		return err
	}
	s.wake.Send()
	s.changes.Changed(o.ID)
	return nil
}

// paymentConfirmed captures an authorized payment.
func (s *Service) paymentConfirmed(ctx context.Context, d events.PaymentDecision) error {
	return s.decide(ctx, d, Capture)
}

// paymentRefused voids an authorized payment, and refunds one that was captured nevertheless.
func (s *Service) paymentRefused(ctx context.Context, d events.PaymentDecision) error {
	return s.decide(ctx, d, Void)
}

// decide applies the decision of orders. A decision that was applied before has no effect.
func (s *Service) decide(ctx context.Context, d events.PaymentDecision, step Step) error {
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
		case p.Status.Paid() && step == Void:
			return s.refundAll(ctx, tx, p)
		}
		return nil
	})
	if err == nil {
		s.wake.Send()
	}
	return err
}

// refundAll begins the refund of all that is left of a payment, once: the payment's id is the idempotency key.
func (s *Service) refundAll(ctx context.Context, tx pgx.Tx, p Payment) error {
	repeated, _, err := refundByKey(ctx, tx, string(events.System), p.ID)
	if err != nil || repeated.ID != "" {
		return err
	}
	pending, count, err := pendingRefunds(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	amount, err := p.refundable(nil, pending, count)
	if _, ok := errors.AsType[NotRefundableError](err); ok {
		return nil // pending refunds return all of it
	}
	if err != nil {
		return err
	}
	r := Refund{
		ID: id.New(id.Refund), PaymentID: p.ID, Status: RefundPending, Amount: amount,
		ReleaseTicket: true, Actor: events.System, CreatedAt: s.now(),
	}
	return insertRefund(ctx, tx, r, string(events.System), p.ID, "")
}
