package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/outbox"
)

const (
	parallel   = 32               // calls of the processor at a time
	lease      = 30 * time.Second // longer than any call of the processor
	poll       = time.Second      // finds what no wake-up told of
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
	stuck      = 10 * time.Minute // after that, a payment on its way is worth a warning
)

// Drive takes the steps of payments and refunds that are due until ctx ends: those that were just
// begun, and those that a process has left in between. Any number of processes may do it at once.
func (s *Service) Drive(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	defer group.Wait() //nolint:errcheck // it returns none
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-timer.C:
		}
		pause, err := s.takeAll(ctx, &group)
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "payments not driven, will try again", "error", err)
		}
		timer.Reset(pause)
	}
}

// InProgress returns how many payments a worker has to drive on, by the next step.
func (s *Service) InProgress(ctx context.Context) (map[string]float64, error) {
	return countSteps(ctx, s.pool)
}

// takeAll begins every step that is due and says how long to pause then.
func (s *Service) takeAll(ctx context.Context, group *errgroup.Group) (time.Duration, error) {
	for {
		steps, err := takeSteps(ctx, s.pool, s.now(), lease, parallel)
		if err != nil {
			return poll, err
		}
		for _, t := range steps {
			group.Go(func() error { s.step(ctx, t); return nil })
		}
		refunds, err := takeRefunds(ctx, s.pool, s.now(), lease, parallel)
		if err != nil {
			return poll, err
		}
		for _, t := range refunds {
			group.Go(func() error { s.stepRefund(ctx, t); return nil })
		}
		if len(steps) == 0 && len(refunds) == 0 {
			break
		}
	}
	due, err := nextDue(ctx, s.pool)
	if err != nil || due == nil {
		return poll, err
	}
	return min(poll, max(due.Sub(s.now()), time.Millisecond)), nil
}

// step takes one step of a payment. A failure leaves it to be tried again.
func (s *Service) step(ctx context.Context, t task) {
	if age := s.now().Sub(t.UpdatedAt); age > stuck {
		slog.WarnContext(ctx, "payment is stuck", "payment", t.ID, "order", t.OrderID, "status", t.Status, "step", t.Step, "since", t.UpdatedAt)
	}
	intent, err := s.ask(ctx, t)
	if err == nil {
		err = s.apply(ctx, t, intent)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	slog.WarnContext(ctx, "payment not driven, will try again", "payment", t.ID, "step", t.Step, "tries", t.tries, "error", err)
	if err := postpone(ctx, s.pool, t, s.now().Add(backOff(t.tries))); err != nil {
		slog.WarnContext(ctx, "payment waits for its lease to end", "payment", t.ID, "error", err)
	}
}

// backOff returns how long to wait after a step was tried so many times.
func backOff(tries int) time.Duration {
	return min(firstRetry<<min(tries-1, 10), lastRetry)
}

// ask does the step at the processor and returns what it knows afterwards. When the outcome is
// unknown, the processor is asked what it knows: it may have done it before its answer was lost,
// or answer the same failure to the same request for ever.
func (s *Service) ask(ctx context.Context, t task) (Intent, error) {
	var intent Intent
	var err error
	switch t.Step {
	case Authorize:
		intent, err = s.processor.Authorize(ctx, Authorization{
			PaymentID: t.ID, OrderID: t.OrderID, Amount: t.Amount, Token: t.Token, Description: t.Description,
		})
		if err != nil {
			return s.search(ctx, t, err)
		}
		return intent, nil
	case Capture:
		intent, err = s.processor.Capture(ctx, t.ID, t.Reference)
	case Void:
		intent, err = s.processor.Void(ctx, t.ID, t.Reference)
	default:
		return s.processor.Find(ctx, t.Reference)
	}
	if errors.Is(err, ErrOutcomeUnknown) {
		return s.processor.Find(ctx, t.Reference)
	}
	return intent, err
}

// search looks for the intent of a payment whose authorization had no answer. When the processor
// has not heard of it for long enough, it never will, and the payment has failed.
func (s *Service) search(ctx context.Context, t task, cause error) (Intent, error) {
	intent, err := Search(ctx, s.processor, t.ID)
	switch {
	case err == nil:
		return intent, nil
	case !errors.Is(err, ErrNoSuchIntent):
		return Intent{}, errors.Join(cause, err)
	}
	if s.now().Sub(t.CreatedAt) > s.cfg.GiveUp {
		return Intent{Status: IntentDeclined}, nil
	}
	return Intent{}, cause
}

// apply stores what the processor has shown of a payment, and tells of it.
func (s *Service) apply(ctx context.Context, t task, i Intent) error {
	if i.PaymentID != "" && i.PaymentID != t.ID {
		return fmt.Errorf("processor showed payment %s for %s", i.PaymentID, t.ID)
	}
	if i.Reference != "" && i.Amount != t.Amount {
		return fmt.Errorf("processor has %v for %v of payment %s", i.Amount, t.Amount, t.ID)
	}
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		p, err := lockPayment(ctx, tx, t.ID)
		if err != nil {
			return err
		}
		after := p.observe(i, s.now())
		if p.PayableUntil == nil { // the order ended before it was known that the buyer has to act
			after = after.endWithOrder()
		}
		return s.store(ctx, tx, p, after, t.tries)
	})
	if err != nil {
		return err
	}
	s.changes.Changed(t.OrderID)
	s.wakeUp()
	return nil
}

// store writes what has become of a payment and tells of its new status. The step that follows is
// due at once if it is a new one, and after a while if it was tried so many times.
func (s *Service) store(ctx context.Context, tx pgx.Tx, before, after Payment, tries int) error {
	if err := updatePayment(ctx, tx, after, s.due(before, after, tries)); err != nil {
		return err
	}
	if after.Status == before.Status {
		return nil
	}
	told, ok := after.event()
	if !ok {
		return nil
	}
	return outbox.Append(ctx, tx, told)
}

// due returns when the next step of a payment is to be taken, nil when there is none to take.
func (s *Service) due(before, after Payment, tries int) *time.Time {
	if after.Step == Done || after.Step == AwaitOrder {
		return nil
	}
	due := s.now()
	if after.Step == before.Step || after.Step == Look { // there is no news so soon
		due = due.Add(backOff(max(tries, 1)))
	}
	return &due
}

// Look makes a payment or its refunds be compared with the processor now, because the processor
// says that something has happened. Returns ErrNoSuchIntent for a payment that is unknown here.
func (s *Service) Look(ctx context.Context, paymentID, reference string) error {
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		p, err := lockPayment(ctx, tx, paymentID)
		if err != nil {
			return err
		}
		if p.Reference == "" {
			p.Reference = reference
		}
		switch {
		case p.Step == Authorize || p.Step == Done && (p.Status == Failed || p.Status == Voided):
			p.Step = Look
		case p.Paid():
			return hastenRefunds(ctx, tx, p.ID, s.now())
		case p.Step == AwaitOrder || p.Step == Done:
			return nil
		}
		now := s.now()
		return updatePayment(ctx, tx, p, &now)
	})
	if apperr.Has(err, apperr.PaymentNotFound) {
		return fmt.Errorf("payment %q: %w", paymentID, ErrNoSuchIntent)
	}
	if err == nil {
		s.wakeUp()
	}
	return err
}

// stepRefund asks the processor for a refund, or what has become of it.
func (s *Service) stepRefund(ctx context.Context, t refundTask) {
	var result RefundResult
	var err error
	if t.Reference == "" {
		result, err = s.processor.Refund(ctx, RefundRequest{RefundID: t.ID, PaymentID: t.PaymentID, Reference: t.intent, Amount: t.Amount})
	} else {
		result, err = s.processor.FindRefund(ctx, t.Reference)
	}
	if err == nil {
		err = s.applyRefund(ctx, t, result)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	slog.WarnContext(ctx, "refund not driven, will try again", "refund", t.ID, "tries", t.tries, "error", err)
	if err := postponeRefund(ctx, s.pool, t.ID, s.now().Add(backOff(t.tries))); err != nil {
		slog.WarnContext(ctx, "refund waits for its lease to end", "refund", t.ID, "error", err)
	}
}

// applyRefund stores what the processor has shown of a refund, and tells of money that was given back.
func (s *Service) applyRefund(ctx context.Context, t refundTask, result RefundResult) error {
	var p Payment
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) (err error) {
		if p, err = lockPayment(ctx, tx, t.PaymentID); err != nil {
			return err
		}
		r, err := lockRefund(ctx, tx, t.ID)
		if err != nil || r.Status != RefundPending {
			return err
		}
		r.Reference, r.Status = result.Reference, result.Status
		if r.Status == RefundPending {
			due := s.now().Add(backOff(t.tries))
			return updateRefund(ctx, tx, r, &due)
		}
		if err := updateRefund(ctx, tx, r, nil); err != nil || r.Status == RefundFailed {
			return err
		}
		p = p.refund(r.Amount.MinorUnits, s.now())
		if err := updatePayment(ctx, tx, p, nil); err != nil {
			return err
		}
		return outbox.Append(ctx, tx, r.event(p))
	})
	if err != nil {
		return err
	}
	s.changes.Changed(p.ID)
	s.changes.Changed(p.OrderID)
	return nil
}
