package order

import (
	"time"

	"boxoffice.dev/pkg/events"
)

// Viewer is the person of a request. The zero Viewer is signed out.
type Viewer struct {
	UserID   string
	Operator bool
}

// sees reports whether the order is visible to the viewer.
func (v Viewer) sees(o Order) bool { return v.UserID != "" && (v.Operator || v.buys(o)) }

// buys reports whether the viewer is the order's buyer.
func (v Viewer) buys(o Order) bool { return v.UserID == o.BuyerID }

// Obstacle is a reason why a viewer cannot cancel or pay for an order. The statuses Complete and Cancelled are
// obstacles, too.
type Obstacle string

// The other obstacles.
const (
	NotBuyer          Obstacle = "not_buyer"
	PaymentInProgress Obstacle = "payment_in_progress"
	PaymentConfirmed  Obstacle = "payment_confirmed"
	DeadlinePassed    Obstacle = "expired"
)

// CannotCancelReasons returns why neither the buyer nor an operator can cancel the order. It is empty exactly when
// Cancel would cancel it.
func (o Order) CannotCancelReasons() []Obstacle {
	switch {
	case !o.Status.Unpaid():
		return []Obstacle{Obstacle(o.Status)}
	case o.Frozen():
		return []Obstacle{PaymentConfirmed}
	}
	return nil
}

// CannotPayReasons returns why the viewer cannot start a payment for the order, the viewer's own reason first. It is
// empty if payments would accept one.
func (o Order) CannotPayReasons(v Viewer, now time.Time) []Obstacle {
	var reasons []Obstacle
	if !v.buys(o) {
		reasons = append(reasons, NotBuyer)
	}
	switch {
	case o.Status == events.Complete || o.Status == events.Cancelled:
		return append(reasons, Obstacle(o.Status))
	case o.Paying || o.Frozen():
		reasons = append(reasons, PaymentInProgress)
	}
	if !now.Before(o.ExpiresAt) {
		reasons = append(reasons, DeadlinePassed)
	}
	return reasons
}
