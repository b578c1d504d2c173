package graph

import (
	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

func code(e apperr.UserError) generated.UserErrorCode { return generated.UserErrorCode(e.Code()) }

func (r *Resolver) payOrderError(v payment.Viewer) func(apperr.UserError) generated.PayOrderError {
	return func(err apperr.UserError) generated.PayOrderError {
		code, message, path := code(err), err.Error(), gqlserver.InputPath("orderId")
		switch e := err.(type) {
		case apperr.ValidationError:
			path = gqlserver.InputPath(e.Field)
			return generated.ValidationError{Code: code, Message: message, Path: path, Rule: e.Rule}
		case apperr.IdempotencyKeyReusedError:
			path = gqlserver.InputPath("idempotencyKey")
			return generated.IdempotencyKeyReusedError{Code: code, Message: message, Path: path}
		case payment.OrderNotFoundError:
			return generated.OrderNotFoundError{Code: code, Message: message, Path: path}
		case payment.OrderNotOwnedError:
			return generated.NotAuthorizedError{Code: code, Message: message, Path: path}
		case payment.OrderNotPayableError:
			o := &generated.Order{ID: e.OrderID}
			return generated.OrderNotPayableError{Code: code, Message: message, Path: path, Order: o}
		case payment.OrderAlreadyPaidError:
			p := r.payment(v, e.Payment)
			return generated.OrderAlreadyPaidError{Code: code, Message: message, Path: path, Payment: p}
		case payment.InProgressError:
			p := r.payment(v, e.Payment)
			return generated.PaymentInProgressError{Code: code, Message: message, Path: path, Payment: p}
		case payment.DeclinedError:
			return generated.PaymentDeclinedError{
				Code: code, Message: message, Payment: r.payment(v, e.Payment),
				Reason: reason(e.Payment.Decline.Reason), Retryable: r.payments.Retryable(e.Payment),
			}
		case payment.RateLimitedError:
			return generated.RateLimitedError{Code: code, Message: message, RetryAfterSeconds: e.RetryAfterSeconds}
		}
		return nil
	}
}

func (r *Resolver) refundPaymentError(v payment.Viewer) func(apperr.UserError) generated.RefundPaymentError {
	return func(err apperr.UserError) generated.RefundPaymentError {
		code, message, path := code(err), err.Error(), gqlserver.InputPath("paymentId")
		switch e := err.(type) {
		case apperr.ValidationError:
			path = gqlserver.InputPath(e.Field)
			return generated.ValidationError{Code: code, Message: message, Path: path, Rule: e.Rule}
		case apperr.IdempotencyKeyReusedError:
			path = gqlserver.InputPath("idempotencyKey")
			return generated.IdempotencyKeyReusedError{Code: code, Message: message, Path: path}
		case payment.NotFoundError:
			return generated.PaymentNotFoundError{Code: code, Message: message, Path: path}
		case payment.RefundNotAuthorizedError:
			return generated.NotAuthorizedError{Code: code, Message: message, Path: path}
		case payment.NotRefundableError:
			p := r.payment(v, e.Payment)
			return generated.PaymentNotRefundableError{Code: code, Message: message, Path: path, Payment: p}
		}
		return nil
	}
}
