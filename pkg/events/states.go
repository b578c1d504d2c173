package events

import "slices"

// Availability says whether a ticket can be ordered.
type Availability string

// A ticket begins as Available. An order makes it Reserved and then Sold, or Available again. A refund makes
// a Sold ticket Available or Withdrawn. Its seller, or an operator, may withdraw an Available one.
const (
	Available Availability = "available" // on sale
	Reserved  Availability = "reserved"  // an unpaid order holds it
	Sold      Availability = "sold"      // a complete order holds it
	Withdrawn Availability = "withdrawn" // off sale for good
)

// Held reports whether an order holds the ticket.
func (a Availability) Held() bool { return a == Reserved || a == Sold }

// OrderStatus is the state of an order.
type OrderStatus string

// An order begins as Created, becomes AwaitingPayment once its ticket is locked, and ends as Complete or Cancelled.
// A refund cancels a Complete order.
const (
	Created         OrderStatus = "created"          // orders holds the ticket; tickets has not confirmed the lock yet
	AwaitingPayment OrderStatus = "awaiting_payment" // title and price are locked
	Complete        OrderStatus = "complete"         // the money is captured
	Cancelled       OrderStatus = "cancelled"        // ended; the reason says why
)

// Live reports whether the order holds its ticket.
func (s OrderStatus) Live() bool { return s.Unpaid() || s == Complete }

// Unpaid reports whether the order holds its ticket and has not been paid.
func (s OrderStatus) Unpaid() bool { return s == Created || s == AwaitingPayment }

// OrderStatuses returns the statuses that satisfy the predicate, as in OrderStatuses(OrderStatus.Live).
func OrderStatuses(predicate func(OrderStatus) bool) []OrderStatus {
	return filter(predicate, Created, AwaitingPayment, Complete, Cancelled)
}

// CancelReason says why an order was cancelled.
type CancelReason string

// The reasons for a cancellation.
const (
	ReasonBuyerCancelled     CancelReason = "buyer_cancelled"
	ReasonExpired            CancelReason = "expired"
	ReasonReservationRefused CancelReason = "reservation_refused" // the ticket changed or was withdrawn meanwhile
	ReasonPaymentFailed      CancelReason = "payment_failed"
	ReasonRefunded           CancelReason = "refunded" // it was paid, and all the money was given back
	ReasonOperator           CancelReason = "operator" // an operator cancelled it
)

// Actor is the role in which a person, or the service itself, acted.
type Actor string

// The actors.
const (
	Buyer    Actor = "buyer"
	Seller   Actor = "seller"
	Operator Actor = "operator"
	System   Actor = "system"
)

// FailurePolicy says what a failed payment does to its order.
type FailurePolicy string

// The policies. Cancelling is the default.
const (
	CancelOnFailure FailurePolicy = "cancel" // the order is cancelled
	RetryOnFailure  FailurePolicy = "retry"  // its buyer may try again until the deadline
)

// PaymentStatus is the state of an attempt to pay for an order.
type PaymentStatus string

// A payment begins as Processing and ends as Failed, Voided or Succeeded. Refunds make a Succeeded payment
// PartiallyRefunded and Refunded.
const (
	Processing        PaymentStatus = "processing"
	RequiresAction    PaymentStatus = "requires_action" // its buyer has to authenticate with the bank
	Authorized        PaymentStatus = "authorized"      // the money is on hold, not captured
	Succeeded         PaymentStatus = "succeeded"       // the money is captured
	Failed            PaymentStatus = "failed"          // declined, or failed for another reason
	Voided            PaymentStatus = "voided"          // the hold was released, nothing was captured
	PartiallyRefunded PaymentStatus = "partially_refunded"
	Refunded          PaymentStatus = "refunded" // all the money was given back
)

// InProgress reports whether the payment may still lead to money.
func (s PaymentStatus) InProgress() bool {
	return s == Processing || s == RequiresAction || s == Authorized
}

// Paid reports whether captured money of the payment is left that was not given back.
func (s PaymentStatus) Paid() bool { return s == Succeeded || s == PartiallyRefunded }

// Standing reports whether the payment rules out another one for the same order.
func (s PaymentStatus) Standing() bool { return s.InProgress() || s.Paid() }

// PaymentStatuses returns the statuses that satisfy the predicate, as in PaymentStatuses(PaymentStatus.Paid).
func PaymentStatuses(predicate func(PaymentStatus) bool) []PaymentStatus {
	return filter(predicate,
		Processing, RequiresAction, Authorized, Succeeded, Failed, Voided, PartiallyRefunded, Refunded)
}

// DeclineReason says why a payment failed.
type DeclineReason string

// The reasons for a failure.
const (
	CardDeclined         DeclineReason = "card_declined"
	InsufficientFunds    DeclineReason = "insufficient_funds"
	ExpiredCard          DeclineReason = "expired_card"
	AuthenticationFailed DeclineReason = "authentication_failed"
	ProcessingError      DeclineReason = "processing_error"
)

// LockRefusal says why a ticket was not locked for an order.
type LockRefusal string

// The reasons for not locking a ticket.
const (
	RefusedTicketChanged   LockRefusal = "changed" // title or price are not what the buyer saw
	RefusedTicketWithdrawn LockRefusal = "withdrawn"
	RefusedTicketSold      LockRefusal = "sold"
	RefusedTicketUnknown   LockRefusal = "unknown"
)

// PaymentRefusal says why orders refused an authorized payment.
type PaymentRefusal string

// The reasons for refusing a payment.
const (
	RefusedOrderCancelled PaymentRefusal = "cancelled"
	RefusedOrderExpired   PaymentRefusal = "expired"
	RefusedOrderPaid      PaymentRefusal = "paid"        // by another payment
	RefusedAmount         PaymentRefusal = "amount"      // not the price of the order
	RefusedUnconfirmed    PaymentRefusal = "unconfirmed" // the money was captured without a confirmation
)

func filter[S any](predicate func(S) bool, all ...S) []S {
	return slices.DeleteFunc(all, func(s S) bool { return !predicate(s) })
}
