package payment

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/subgraphs/internal/signal"
)

// PayInput is a buyer's request to pay for an order.
type PayInput struct {
	OrderID        string
	Token          string       // of the card
	ExpectedAmount *money.Money // refuse any other price
	IdempotencyKey string       // the same key returns the first payment
}

// request identifies the input, to recognise a reused idempotency key.
func (in PayInput) request() string {
	amount := "any"
	if in.ExpectedAmount != nil {
		amount = fmt.Sprintf("%d %s", in.ExpectedAmount.MinorUnits, in.ExpectedAmount.Currency)
	}
	return hash(in.OrderID, in.Token, amount)
}

func (in PayInput) validate() error {
	if !id.Valid(id.Order, in.OrderID) {
		return OrderNotFoundError{}
	}
	invisible := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if in.Token == "" || len(in.Token) > 255 || strings.ContainsFunc(in.Token, invisible) {
		return apperr.ValidationError{
			Field: "paymentMethodToken", Rule: "token",
			Message: "The card's token must be 1 to 255 visible ASCII characters.",
		}
	}
	return apperr.ValidateIdempotencyKey(in.IdempotencyKey)
}

// Pay pays for an order and waits up to Config.Wait for the outcome. It returns the payment and the order as they are
// then.
//
// Errors: OrderNotFoundError, OrderNotOwnedError, OrderNotPayableError, OrderAlreadyPaidError, InProgressError,
// DeclinedError, RateLimitedError, and of apperr IdempotencyKeyReusedError and ValidationError.
func (s *Service) Pay(ctx context.Context, buyerID string, in PayInput) (Payment, Order, error) {
	if err := in.validate(); err != nil {
		return Payment{}, Order{}, err
	}
	wait, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	paymentID, err := s.begin(ctx, wait, buyerID, in)
	if err != nil {
		return Payment{}, Order{}, err
	}
	p, o, err := s.awaitOutcome(ctx, wait, paymentID, in.OrderID)
	switch {
	case err != nil:
		return Payment{}, Order{}, err
	case p.Status == events.Failed:
		return Payment{}, Order{}, DeclinedError{p}
	case p.Status == events.Voided:
		return Payment{}, Order{}, OrderNotPayableError{p.OrderID}
	}
	return p, o, nil
}

// replicaLag is how long the replica may lack a new order.
const replicaLag = time.Minute

// begin stores a new payment, or finds the one with the same idempotency key, and returns its id. Unique indexes
// decide between concurrent attempts; the others read the facts again.
func (s *Service) begin(ctx, wait context.Context, buyerID string, in PayInput) (paymentID string, err error) {
	read := func(ctx context.Context) (facts, error) {
		return readFacts(ctx, s.pool, buyerID, in, s.now().Add(-time.Hour))
	}
	// The replica may lag behind orders: wait for a new order before reporting OrderNotFoundError.
	enough := func(f facts) bool { return f.order != nil || s.now().Sub(id.Time(in.OrderID)) >= replicaLag }
	for {
		f, err := signal.Await(ctx, wait, &s.changes, in.OrderID, read, enough)
		if err != nil {
			return "", err
		}
		if f.repeated != nil {
			if f.repeated.request != in.request() {
				return "", apperr.IdempotencyKeyReusedError{}
			}
			return f.repeated.id, nil
		}
		if err := f.admit(buyerID, in, s.cfg.FailuresPerHour, s.now()); err != nil {
			return "", err
		}
		now := s.now()
		p := Payment{
			ID: id.New(id.Payment), Version: 1, OrderID: in.OrderID, BuyerID: buyerID, SellerID: f.order.SellerID,
			Status: events.Processing, Step: Authorize, Amount: f.order.Price, Description: f.order.Title,
			Token: in.Token, CreatedAt: now, UpdatedAt: now,
		}
		begun, err := s.insert(ctx, p, in)
		switch postgres.Violated(err) {
		case "payments_one_live_per_order", "payments_one_per_idempotency_key":
			continue // a concurrent attempt was first
		}
		if err != nil {
			return "", err
		}
		if begun {
			return p.ID, nil
		} // else the order has ended since it was read
	}
}

// insert stores a new payment with its event, unless its order has ended.
func (s *Service) insert(ctx context.Context, p Payment, in PayInput) (begun bool, err error) {
	err = s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		if begun, err = insertPayment(ctx, tx, p, in); err != nil || !begun {
			return err
		}
		started, _ := p.event()
		return outbox.Append(ctx, tx, started)
	})
	if err == nil && begun {
		s.wake.Send()
	}
	return begun, err
}

// awaitOutcome waits until the payment and its order are settled or wait ends, and returns both as they are then.
func (s *Service) awaitOutcome(ctx, wait context.Context, paymentID, orderID string) (Payment, Order, error) {
	type outcome struct {
		payment Payment
		order   Order
	}
	read := func(ctx context.Context) (out outcome, err error) {
		out.payment, out.order, err = paymentWithOrder(ctx, s.pool, paymentID)
		return out, err
	}
	settled := func(out outcome) bool { return settled(out.payment, out.order) }
	out, err := signal.Await(ctx, wait, &s.changes, orderID, read, settled)
	return out.payment, out.order, err
}

// settled reports whether the payment has ended with its effect on the order, or waits for its buyer.
func settled(p Payment, o Order) bool {
	switch p.Status {
	case events.Processing, events.Authorized:
		return false
	case events.Failed:
		return o.OnFailure == events.RetryOnFailure || !o.Status.Unpaid()
	case events.Succeeded:
		return !o.Status.Unpaid()
	default:
		return true
	}
}
