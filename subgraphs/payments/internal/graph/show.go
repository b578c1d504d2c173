package graph

import (
	"strings"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// show makes the schema's Payment as the viewer sees it, nil of no payment.
func (r *Resolver) show(v payment.Viewer, p payment.Payment) *generated.Payment {
	if p.ID == "" {
		return nil
	}
	shown := &generated.Payment{
		ID: p.ID, Version: p.Version, Status: status(p.Status),
		Amount: &p.Amount, RefundedAmount: &money.Money{MinorUnits: p.RefundedMinorUnits, Currency: p.Amount.Currency},
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ViewerCanRefund: v.CanRefund(p),
	}
	if p.Decline != nil {
		shown.Failure = &generated.PaymentFailure{
			Reason: reason(p.Decline.Reason), Message: p.Decline.Message, Retryable: r.payments.Retryable(p),
		}
	}
	if v.UserID == p.BuyerID {
		shown.Order = &generated.Order{ID: p.OrderID}
		if c := p.Card; c != nil {
			shown.Card = &generated.PaymentCard{Brand: c.Brand, Last4: c.Last4, ExpiryMonth: c.ExpiryMonth, ExpiryYear: c.ExpiryYear}
		}
		if a := p.Action; a != nil {
			shown.NextAction = &generated.PaymentNextAction{RedirectURL: text(a.RedirectURL), ClientSecret: text(a.ClientSecret)}
		}
	}
	if v.Operator {
		shown.ProviderReference = text(p.Reference)
	}
	return shown
}

// showRefund makes the schema's Refund, nil of no refund.
func showRefund(r payment.Refund) *generated.Refund {
	if r.ID == "" {
		return nil
	}
	return &generated.Refund{
		ID: r.ID, PaymentID: r.PaymentID, Amount: &r.Amount,
		Status: generated.RefundStatus(strings.ToUpper(string(r.Status))), CreatedAt: r.CreatedAt,
	}
}

// text makes null of nothing.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// The schema's enums are the domain's in capitals.

func status(s payment.Status) generated.PaymentStatus {
	return generated.PaymentStatus(strings.ToUpper(string(s)))
}

func reason(r payment.FailureReason) generated.PaymentFailureReason {
	return generated.PaymentFailureReason(strings.ToUpper(string(r)))
}

// typed makes the schema's object of a domain error, nil of one that is no typed error.
func (r *Resolver) typed(v payment.Viewer) func(*apperr.Error) any {
	return func(e *apperr.Error) any {
		code := generated.UserErrorCode(e.Code)
		p, _ := e.Detail.(payment.Payment)
		switch e.Code {
		case apperr.ValidationFailed:
			return generated.ValidationError{Code: code, Message: e.Message, Path: e.Path, Rule: e.Rule}
		case apperr.NotAuthorized:
			return generated.NotAuthorizedError{Code: code, Message: e.Message, Path: e.Path}
		case apperr.RateLimited:
			seconds, _ := e.Detail.(int)
			return generated.RateLimitedError{Code: code, Message: e.Message, Path: e.Path, RetryAfterSeconds: seconds}
		case apperr.IdempotencyKeyReused:
			return generated.IdempotencyKeyReusedError{Code: code, Message: e.Message, Path: e.Path}
		case apperr.OrderNotFound:
			return generated.OrderNotFoundError{Code: code, Message: e.Message, Path: e.Path}
		case apperr.OrderNotPayable:
			id, _ := e.Detail.(string)
			return generated.OrderNotPayableError{Code: code, Message: e.Message, Path: e.Path, Order: &generated.Order{ID: id}}
		case apperr.OrderAlreadyPaid:
			return generated.OrderAlreadyPaidError{Code: code, Message: e.Message, Path: e.Path, Payment: r.show(v, p)}
		case apperr.PaymentInProgress:
			return generated.PaymentInProgressError{Code: code, Message: e.Message, Path: e.Path, Payment: r.show(v, p)}
		case apperr.PaymentDeclined:
			return generated.PaymentDeclinedError{
				Code: code, Message: e.Message, Path: e.Path, Payment: r.show(v, p),
				Reason: reason(p.Decline.Reason), Retryable: r.payments.Retryable(p),
			}
		case apperr.PaymentNotFound:
			return generated.PaymentNotFoundError{Code: code, Message: e.Message, Path: e.Path}
		case apperr.PaymentNotRefundable:
			return generated.PaymentNotRefundableError{Code: code, Message: e.Message, Path: e.Path, Payment: r.show(v, p)}
		}
		return nil
	}
}
