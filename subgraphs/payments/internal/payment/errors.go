package payment

import "boxoffice.dev/pkg/apperr"

// OrderNotFoundError reports that there is no order with the id.
type OrderNotFoundError struct{}

func (OrderNotFoundError) Error() string { return "There is no such order." }

// Code implements apperr.UserError.
func (OrderNotFoundError) Code() apperr.Code { return "ORDER_NOT_FOUND" }

// OrderNotOwnedError reports that the order belongs to another buyer.
type OrderNotOwnedError struct{}

func (OrderNotOwnedError) Error() string { return "This is not your order." }

// Code implements apperr.UserError.
func (OrderNotOwnedError) Code() apperr.Code { return apperr.NotAuthorized }

// OrderNotPayableError reports that the order is not unpaid or its deadline has passed. Nothing was charged.
type OrderNotPayableError struct{ OrderID string }

func (OrderNotPayableError) Error() string {
	return "The order can no longer be paid. Nothing was charged."
}

// Code implements apperr.UserError.
func (OrderNotPayableError) Code() apperr.Code { return "ORDER_NOT_PAYABLE" }

// OrderAlreadyPaidError reports that another payment has paid for the order.
type OrderAlreadyPaidError struct{ Payment Payment }

func (OrderAlreadyPaidError) Error() string { return "The order is already paid." }

// Code implements apperr.UserError.
func (OrderAlreadyPaidError) Code() apperr.Code { return "ORDER_ALREADY_PAID" }

// InProgressError reports that another payment for the order is in progress.
type InProgressError struct{ Payment Payment }

func (InProgressError) Error() string { return "Another payment for this order is in progress." }

// Code implements apperr.UserError.
func (InProgressError) Code() apperr.Code { return "PAYMENT_IN_PROGRESS" }

// DeclinedError reports that the payment failed.
type DeclinedError struct{ Payment Payment }

func (e DeclinedError) Error() string { return e.Payment.Decline.Message }

// Code implements apperr.UserError.
func (DeclinedError) Code() apperr.Code { return "PAYMENT_DECLINED" }

// RateLimitedError reports that too many payments of the buyer failed.
type RateLimitedError struct{ RetryAfterSeconds int }

func (RateLimitedError) Error() string { return "Too many payments failed. Try again later." }

// Code implements apperr.UserError.
func (RateLimitedError) Code() apperr.Code { return apperr.RateLimited }

// NotFoundError reports that no payment with the id is visible to the viewer.
type NotFoundError struct{}

func (NotFoundError) Error() string { return "There is no such payment." }

// Code implements apperr.UserError.
func (NotFoundError) Code() apperr.Code { return "PAYMENT_NOT_FOUND" }

// RefundNotAuthorizedError reports that the viewer is the buyer, who cannot refund a payment.
type RefundNotAuthorizedError struct{}

func (RefundNotAuthorizedError) Error() string { return "Only the seller can refund the payment." }

// Code implements apperr.UserError.
func (RefundNotAuthorizedError) Code() apperr.Code { return apperr.NotAuthorized }

// NotRefundableError reports that the amount exceeds what is left to refund.
type NotRefundableError struct{ Payment Payment }

func (NotRefundableError) Error() string { return "The amount exceeds the refundable balance." }

// Code implements apperr.UserError.
func (NotRefundableError) Code() apperr.Code { return "PAYMENT_NOT_REFUNDABLE" }
