package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// refund is a row of refunds, with the currency of its intent.
type refund struct {
	Seq       int64
	ID        string
	IntentID  string
	CreatedAt time.Time
	Amount    int64
	Metadata  map[string]string
	Status    string
	SettlesAt *time.Time // only while pending
	Currency  string
}

func (r refund) show() refundObject {
	return refundObject{
		ID: r.ID, Object: "refund", Amount: r.Amount, Currency: r.Currency, Status: r.Status,
		Charge: intent{ID: r.IntentID}.chargeID(), PaymentIntent: r.IntentID,
		Created: r.CreatedAt.Unix(), Metadata: r.Metadata,
	}
}

// createRefund refunds some of a captured intent.
func (s *Simulator) createRefund(ctx context.Context, tx pgx.Tx, _ string, f *form) (answer, error) {
	id := f.value("payment_intent")
	amount, err := positive(f, "amount", maxAmount)
	if err != nil {
		return answer{}, err
	}
	metadata := f.hash("metadata")
	if err := f.rejectUnread(); err != nil {
		return answer{}, err
	}
	i, err := lockIntent(ctx, tx, id)
	switch left := i.AmountReceived - i.Refunded; {
	case err != nil:
		return answer{}, noIntent(err, id, "payment_intent", http.StatusNotFound)
	case i.AmountReceived == 0:
		const message = "This PaymentIntent does not have a successful charge to refund."
		return invalid("payment_intent", message).answer(), nil
	case left == 0:
		message := "Charge " + i.chargeID() + " has already been refunded."
		return apiError{Type: invalidRequest, Code: "charge_already_refunded", Message: message}.answer(), nil
	case amount > left:
		return invalid("amount", "Refund amount is greater than unrefunded amount on charge.").answer(), nil
	}
	r := refund{
		ID: "re_" + rand.Text(), IntentID: i.ID, CreatedAt: s.now(), Amount: amount, Metadata: metadata,
		Status: i.token().refund, Currency: i.Currency,
	}
	switch r.Status {
	case "":
		r.Status = succeeded
		err = insertMovement(ctx, tx, s.now(), i, moneyRefunded, amount)
	case "pending":
		at := s.now().Add(s.config.Settle)
		r.SettlesAt = &at
	}
	if err != nil {
		return answer{}, err
	}
	if err := insertRefund(ctx, tx, r); err != nil {
		return answer{}, err
	}
	if err := s.queueRefundEvents(ctx, tx, "refund.created", r); err != nil {
		return answer{}, err
	}
	return withFault(ok(r.show()), i.token(), onRefund), nil
}

// queueRefundEvents queues an event for the refund, and one for its charge if the refund has succeeded.
func (s *Simulator) queueRefundEvents(ctx context.Context, tx pgx.Tx, kind string, r refund) error {
	if err := s.queueEvent(ctx, tx, kind, r.show()); err != nil || r.Status != succeeded {
		return err
	}
	i, err := lockIntent(ctx, tx, r.IntentID)
	if err != nil {
		return err
	}
	return s.queueEvent(ctx, tx, "charge.refunded", i.charge())
}

// settle completes the pending refunds that are due.
func (s *Simulator) settle(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		settled, err := settleRefunds(ctx, tx, s.now())
		if err != nil {
			return err
		}
		for _, r := range settled {
			i, err := lockIntent(ctx, tx, r.IntentID)
			if err != nil {
				return err
			}
			if err := insertMovement(ctx, tx, s.now(), i, moneyRefunded, r.Amount); err != nil {
				return err
			}
			if err := s.queueRefundEvents(ctx, tx, "refund.updated", r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Simulator) readRefund(ctx context.Context, id string, f *form) (any, error) {
	if err := f.rejectUnread(); err != nil {
		return nil, err
	}
	r, err := findRefund(ctx, s.pool, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, missing("refund", id, "id", http.StatusNotFound)
	}
	if err != nil {
		return nil, err
	}
	return r.show(), nil
}

func (s *Simulator) listRefunds(ctx context.Context, _ string, f *form) (any, error) {
	intentID := f.value("payment_intent")
	p, err := pageOf(f)
	if err != nil {
		return nil, err
	}
	before := int64(0)
	if p.startingAfter != "" {
		last, err := findRefund(ctx, s.pool, p.startingAfter)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, missing("refund", p.startingAfter, "starting_after", http.StatusBadRequest)
		}
		if err != nil {
			return nil, err
		}
		before = last.Seq
	}
	refunds, err := selectRefunds(ctx, s.pool, intentID, before, p.limit+1)
	if err != nil {
		return nil, err
	}
	shown := make([]refundObject, 0, len(refunds))
	for _, r := range refunds[:min(len(refunds), p.limit)] {
		shown = append(shown, r.show())
	}
	return list{Object: "list", URL: "/v1/refunds", HasMore: len(refunds) > p.limit, Data: shown}, nil
}
