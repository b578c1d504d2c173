package stripe

import (
	"context"
	"errors"
	"fmt"

	stripego "github.com/stripe/stripe-go/v84"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// Refund implements payment.Processor. A refund that Stripe rejects, such as one of more than is left, has failed and
// has no Reference.
func (p *Processor) Refund(ctx context.Context, r payment.RefundRequest) (payment.RefundResult, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	operation := fmt.Sprintf("refund %s (%s)", r.RefundID, r.Reference)
	if !id.Valid(id.Refund, r.RefundID) {
		return payment.RefundResult{}, fmt.Errorf("%s: not a refund id", operation)
	}
	amount, _, err := toStripe(r.Amount)
	if err != nil {
		return payment.RefundResult{Status: payment.RefundFailed}, nil
	}
	if p.now().Sub(id.Time(r.RefundID)) > keyLifetime {
		created, err := p.searchRefund(ctx, r)
		if !errors.Is(err, payment.ErrNoSuchIntent) {
			return created, err
		}
	}
	params := &stripego.RefundCreateParams{
		PaymentIntent: &r.Reference,
		Amount:        &amount,
		Metadata:      map[string]string{refundIDKey: r.RefundID, paymentIDKey: r.PaymentID},
	}
	params.SetIdempotencyKey("refund/" + r.RefundID)
	created, err := p.client.V1Refunds.Create(ctx, params)
	if err == nil && !replayed(created.LastResponse) {
		return refundResult(created), nil
	}
	if err == nil {
		return p.FindRefund(ctx, created.ID)
	}
	if e := apiError(err); e != nil && e.Type == stripego.ErrorTypeInvalidRequest && (e.Param == "amount" ||
		e.Code == stripego.ErrorCodeChargeAlreadyRefunded || e.Code == stripego.ErrorCodeChargeDisputed) {
		return payment.RefundResult{Status: payment.RefundFailed}, nil
	}
	if isStored(err) {
		if created, err := p.searchRefund(ctx, r); err == nil {
			return created, nil
		}
	}
	return payment.RefundResult{}, failure(operation, err)
}

// FindRefund implements payment.Processor.
func (p *Processor) FindRefund(ctx context.Context, reference string) (payment.RefundResult, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if reference == "" {
		return payment.RefundResult{}, fmt.Errorf("find a refund: %w", payment.ErrNoSuchIntent)
	}
	found, err := p.client.V1Refunds.Retrieve(ctx, reference, nil)
	if err != nil {
		return payment.RefundResult{}, failure("find "+reference, err)
	}
	return refundResult(found), nil
}

// searchRefund finds the refund among those of the intent. The error is ErrNoSuchIntent if there is none.
func (p *Processor) searchRefund(ctx context.Context, r payment.RefundRequest) (payment.RefundResult, error) {
	var result payment.RefundResult
	err := fmt.Errorf("find %s: %w", r.RefundID, payment.ErrNoSuchIntent)
	params := &stripego.RefundListParams{PaymentIntent: &r.Reference}
	params.Limit = stripego.Int64(100)
	p.client.V1Refunds.List(ctx, params)(func(created *stripego.Refund, listErr error) bool {
		switch {
		case listErr != nil:
			err = failure("list refunds of "+r.Reference, listErr)
			return false
		case created.Metadata[refundIDKey] == r.RefundID:
			result, err = refundResult(created), nil
			return false
		}
		return true
	})
	return result, err
}

func refundResult(r *stripego.Refund) payment.RefundResult {
	// Pending, or requires_action, which refunds to cards never are.
	result := payment.RefundResult{Reference: r.ID, Status: payment.RefundPending}
	switch r.Status {
	case stripego.RefundStatusSucceeded:
		result.Status = payment.RefundSucceeded
	case stripego.RefundStatusFailed, stripego.RefundStatusCanceled:
		result.Status = payment.RefundFailed
	}
	return result
}
