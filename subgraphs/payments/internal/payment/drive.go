package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/worker"
)

const (
	maxConcurrent = 32               // requests to the processor
	lease         = 30 * time.Second // longer than any request to the processor
	pollInterval  = time.Second      // for steps that are due without a wake-up
	firstRetry    = 250 * time.Millisecond
	lastRetry     = 30 * time.Second
	stuckAfter    = 10 * time.Minute // log every step of a payment whose status is older than this
)

// Drive takes the steps of payments and refunds that are due until ctx ends, including those that another process has
// not completed. Any number of processes may do so concurrently.
func (s *Service) Drive(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	err := worker.Run(ctx, "driving payments", s.wake, func(ctx context.Context) (time.Duration, error) {
		return s.takeAll(ctx, &group)
	})
	return errors.Join(err, group.Wait())
}

// InProgress returns the number of payments with a next step, by step.
func (s *Service) InProgress(ctx context.Context) (map[string]float64, error) {
	return countSteps(ctx, s.pool)
}

// takeAll starts every step that is due and returns the time until the next one.
func (s *Service) takeAll(ctx context.Context, group *errgroup.Group) (time.Duration, error) {
	for {
		steps, err := takeSteps(ctx, s.pool, s.now(), lease, maxConcurrent)
		if err != nil {
			return 0, err
		}
		for _, t := range steps {
			group.Go(func() error { s.step(ctx, t); return nil })
		}
		refunds, err := takeRefunds(ctx, s.pool, s.now(), lease, maxConcurrent)
		if err != nil {
			return 0, err
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
		return pollInterval, err
	}
	return min(pollInterval, max(due.Sub(s.now()), time.Millisecond)), nil
}

// step takes one step of a payment. A step that fails is retried.
func (s *Service) step(ctx context.Context, t task) {
	if age := s.now().Sub(t.UpdatedAt); age > stuckAfter {
		slog.WarnContext(ctx, "payment is stuck",
			"payment", t.ID, "order", t.OrderID, "status", t.Status, "step", t.Step, "since", t.UpdatedAt)
	}
	intent, err := s.request(ctx, t)
	if err == nil {
		err = s.apply(ctx, t, intent)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	slog.WarnContext(ctx, "payment step failed, retrying",
		"payment", t.ID, "step", t.Step, "tries", t.tries, "error", err)
	if err := postpone(ctx, s.pool, t, s.now().Add(backOff(t.tries))); err != nil {
		slog.WarnContext(ctx, "postpone payment step failed, retrying when its lease ends",
			"payment", t.ID, "error", err)
	}
}

// backOff returns the pause before a step is repeated, after so many tries.
func backOff(tries int) time.Duration {
	return min(firstRetry<<min(tries-1, 10), lastRetry)
}

// request carries out the step at the processor and returns the intent. After an unknown outcome it reads the intent
// instead of repeating the request: the processor may have carried it out, or answer a repeated request with the same
// failure forever.
func (s *Service) request(ctx context.Context, t task) (Intent, error) {
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

// search finds the intent of a payment whose authorization failed with cause. If the processor has no record of the
// payment after Config.GiveUpAfter, the payment is declined.
func (s *Service) search(ctx context.Context, t task, cause error) (Intent, error) {
	intent, err := Search(ctx, s.processor, t.ID)
	switch {
	case err == nil:
		return intent, nil
	case !errors.Is(err, ErrNoSuchIntent):
		return Intent{}, errors.Join(cause, err)
	}
	if s.now().Sub(t.CreatedAt) > s.cfg.GiveUpAfter {
		return Intent{Status: IntentDeclined}, nil
	}
	return Intent{}, cause
}

// apply stores the result of a step with its event.
func (s *Service) apply(ctx context.Context, t task, i Intent) error {
	if i.PaymentID != "" && i.PaymentID != t.ID {
		return fmt.Errorf("processor returned payment %s for %s", i.PaymentID, t.ID)
	}
	if i.Reference != "" && i.Amount != t.Amount {
		return fmt.Errorf("processor has the amount %v for %v of payment %s", i.Amount, t.Amount, t.ID)
	}
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		p, err := lockPayment(ctx, tx, t.ID)
		if err != nil {
			return err
		}
		after := p.observe(i, s.now())
		if p.PayableUntil == nil { // the order may have ended before the payment began to wait for its buyer
			after = after.endWithOrder()
		}
		return s.store(ctx, tx, p, after, t.tries)
	})
	if err != nil {
		return err
	}
	s.changes.Changed(t.OrderID)
	s.wake.Send()
	return nil
}

// store updates a payment and publishes its new status.
func (s *Service) store(ctx context.Context, tx pgx.Tx, before, after Payment, tries int) error {
	if err := updatePayment(ctx, tx, after, s.due(before, after, tries)); err != nil {
		return err
	}
	if after.Status == before.Status {
		return nil
	}
	event, published := after.event()
	if !published {
		return nil
	}
	return outbox.Append(ctx, tx, event)
}

// due returns when the next step of a payment is due: at once, or after a pause if the step repeats the last one or
// polls the processor. It returns nil if the payment has no step to take.
func (s *Service) due(before, after Payment, tries int) *time.Time {
	if after.Step == Done || after.Step == AwaitOrder {
		return nil
	}
	due := s.now()
	if after.Step == before.Step || after.Step == Look {
		due = due.Add(backOff(max(tries, 1)))
	}
	return &due
}

// Look handles a webhook: it makes the payment's next step, or its pending refunds, due at once. It returns
// ErrNoSuchIntent if there is no such payment.
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
		case p.Step == Authorize || p.Step == Done && (p.Status == events.Failed || p.Status == events.Voided):
			p.Step = Look
		case p.Status.Paid():
			return makeRefundsDue(ctx, tx, p.ID, s.now())
		case p.Step == AwaitOrder || p.Step == Done:
			return nil
		}
		now := s.now()
		return updatePayment(ctx, tx, p, &now)
	})
	if errors.Is(err, NotFoundError{}) {
		return fmt.Errorf("payment %q: %w", paymentID, ErrNoSuchIntent)
	}
	if err == nil {
		s.wake.Send()
	}
	return err
}

// stepRefund requests a refund from the processor, or reads its state.
func (s *Service) stepRefund(ctx context.Context, t refundTask) {
	var result RefundResult
	var err error
	if t.Reference == "" {
		result, err = s.processor.Refund(ctx, RefundRequest{
			RefundID: t.ID, PaymentID: t.PaymentID, Reference: t.intent, Amount: t.Amount,
		})
	} else {
		result, err = s.processor.FindRefund(ctx, t.Reference)
	}
	if err == nil {
		err = s.applyRefund(ctx, t, result)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	slog.WarnContext(ctx, "refund step failed, retrying", "refund", t.ID, "tries", t.tries, "error", err)
	if err := postponeRefund(ctx, s.pool, t.ID, s.now().Add(backOff(t.tries))); err != nil {
		slog.WarnContext(ctx, "postpone refund failed, retrying when its lease ends", "refund", t.ID, "error", err)
	}
}

// applyRefund stores the state of a refund, and publishes one that has succeeded.
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
