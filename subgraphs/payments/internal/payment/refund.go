package payment

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/internal/signal"
)

// RefundInput is a request to refund a payment.
type RefundInput struct {
	PaymentID      string
	Amount         *money.Money // nil for all that is left
	ReleaseTicket  bool         // make the ticket available again after a full refund
	IdempotencyKey string       // the same key returns the first refund
}

// request identifies the input, to recognise a reused idempotency key.
func (in RefundInput) request() string {
	amount := "all"
	if in.Amount != nil {
		amount = fmt.Sprintf("%d %s", in.Amount.MinorUnits, in.Amount.Currency)
	}
	return hash(in.PaymentID, amount, fmt.Sprint(in.ReleaseTicket))
}

// Refund refunds a payment and waits up to Config.Wait for the outcome. It returns the refund and the payment as they
// are then.
//
// Errors: NotFoundError, RefundNotAuthorizedError, NotRefundableError, and of apperr IdempotencyKeyReusedError and
// ValidationError.
func (s *Service) Refund(ctx context.Context, viewer Viewer, in RefundInput) (Refund, Payment, error) {
	if !id.Valid(id.Payment, in.PaymentID) {
		return Refund{}, Payment{}, NotFoundError{}
	}
	if err := apperr.ValidateIdempotencyKey(in.IdempotencyKey); err != nil {
		return Refund{}, Payment{}, err
	}
	wait, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	r, err := s.beginRefund(ctx, viewer, in)
	if err != nil {
		return Refund{}, Payment{}, err
	}
	type outcome struct {
		refund  Refund
		payment Payment
	}
	read := func(ctx context.Context) (out outcome, err error) {
		out.refund, out.payment, err = refundWithPayment(ctx, s.pool, r.ID)
		return out, err
	}
	ended := func(out outcome) bool { return out.refund.Status != RefundPending }
	out, err := signal.Await(ctx, wait, &s.changes, r.PaymentID, read, ended)
	return out.refund, out.payment, err
}

// beginRefund stores a new refund, or finds the one with the same idempotency key. The lock on the payment serialises
// its refunds, so that together they never exceed the captured amount.
func (s *Service) beginRefund(ctx context.Context, viewer Viewer, in RefundInput) (r Refund, err error) {
	err = s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		p, err := lockPayment(ctx, tx, in.PaymentID)
		if err != nil {
			return err
		}
		if err := p.authorizeRefund(viewer); err != nil {
			return err
		}
		repeated, request, err := refundByKey(ctx, tx, viewer.UserID, in.IdempotencyKey)
		if err != nil {
			return err
		}
		if repeated.ID != "" {
			r = repeated
			if request != in.request() {
				return apperr.IdempotencyKeyReusedError{}
			}
			return nil
		}
		pending, count, err := pendingRefunds(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		amount, err := p.refundable(in.Amount, pending, count)
		if err != nil {
			return err
		}
		r = Refund{
			ID: id.New(id.Refund), PaymentID: p.ID, Status: RefundPending, Amount: amount,
			ReleaseTicket: in.ReleaseTicket, Actor: events.Seller, CreatedAt: s.now(),
		}
		if p.SellerID != viewer.UserID {
			r.Actor = events.Operator
		}
		return insertRefund(ctx, tx, r, viewer.UserID, in.IdempotencyKey, in.request())
	})
	if err != nil {
		return Refund{}, err
	}
	if r.Actor == events.Operator {
		slog.InfoContext(ctx, "refund requested by an operator",
			"operator", viewer.UserID, "payment", r.PaymentID, "refund", r.ID)
	}
	s.wake.Send()
	return r, nil
}

// authorizeRefund returns nil if the viewer may refund the payment. It denies that the payment exists if it is not
// visible to the viewer.
func (p Payment) authorizeRefund(viewer Viewer) error {
	switch {
	case viewer.Operator, viewer.UserID == p.SellerID:
		return nil
	case viewer.UserID == p.BuyerID:
		return RefundNotAuthorizedError{}
	default:
		return NotFoundError{}
	}
}

// maxRefunds limits the refunds of one payment.
const maxRefunds = 100

// refundable returns the amount to refund: the requested amount, or all that is left.
func (p Payment) refundable(requested *money.Money, pendingMinorUnits, refunds int) (money.Money, error) {
	left := money.Money{
		MinorUnits: p.Amount.MinorUnits - p.RefundedMinorUnits - pendingMinorUnits, Currency: p.Amount.Currency,
	}
	amount := left
	if requested != nil {
		amount = *requested
	}
	switch {
	case amount.Currency != left.Currency:
		message := "The payment was made in " + left.Currency + "."
		return amount, apperr.ValidationError{Field: "amount.currency", Rule: "currency", Message: message}
	case requested != nil && amount.MinorUnits <= 0:
		message := "The amount must be greater than 0."
		return amount, apperr.ValidationError{Field: "amount.minorUnits", Rule: "min", Message: message}
	case !p.Status.Paid() || left.MinorUnits == 0 || amount.MinorUnits > left.MinorUnits || refunds >= maxRefunds:
		return amount, NotRefundableError{p}
	}
	return amount, nil
}
