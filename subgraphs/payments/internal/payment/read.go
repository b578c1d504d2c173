package payment

import (
	"context"
	"slices"

	"boxoffice.dev/pkg/id"
)

// maxAttempts bounds the payments of an order that are shown.
const maxAttempts = 100

// sees reports whether the viewer may see the payment.
func (v Viewer) sees(p Payment) bool {
	return v.UserID != "" && (v.UserID == p.BuyerID || v.UserID == p.SellerID || v.Operator)
}

// CanRefund reports whether the viewer could give some of the payment back.
func (v Viewer) CanRefund(p Payment) bool {
	return v.UserID != "" && (v.UserID == p.SellerID || v.Operator) && p.Paid()
}

// Retryable reports whether the order of a failed payment still waits, so that another card may work.
func (s *Service) Retryable(p Payment) bool {
	return s.cfg.keepsOrder() && p.PayableUntil != nil && s.now().Before(*p.PayableUntil)
}

// Visible returns those of the payments that the viewer may see, by id, in one statement.
func (s *Service) Visible(ctx context.Context, viewer Viewer, paymentIDs []string) (map[string]Payment, error) {
	visible := map[string]Payment{}
	if viewer.UserID == "" {
		return visible, nil
	}
	found, err := paymentsByID(ctx, s.pool, paymentIDs)
	for _, p := range found {
		if viewer.sees(p) {
			visible[p.ID] = p
		}
	}
	return visible, err
}

// Get returns one payment that the viewer may see; false when there is none.
func (s *Service) Get(ctx context.Context, viewer Viewer, paymentID string) (Payment, bool, error) {
	if !id.Valid(id.Payment, paymentID) {
		return Payment{}, false, nil
	}
	visible, err := s.Visible(ctx, viewer, []string{paymentID})
	p, ok := visible[paymentID]
	return p, ok, err
}

// OfOrders returns the payments of each of the orders that the viewer may see, oldest first, by
// order id, in one statement.
func (s *Service) OfOrders(ctx context.Context, viewer Viewer, orderIDs []string) (map[string][]Payment, error) {
	payments := map[string][]Payment{}
	if viewer.UserID == "" {
		return payments, nil
	}
	found, err := paymentsOfOrders(ctx, s.pool, slices.Compact(slices.Sorted(slices.Values(orderIDs))), maxAttempts)
	for _, p := range found {
		if viewer.sees(p) {
			payments[p.OrderID] = append(payments[p.OrderID], p)
		}
	}
	return payments, err
}

// RefundsOf returns the refunds of each of the payments, oldest first, by payment id, in one
// statement. Whoever shows them to somebody must show only those of payments that this person may see.
func (s *Service) RefundsOf(ctx context.Context, paymentIDs []string) (map[string][]Refund, error) {
	all, err := refundsOfPayments(ctx, s.pool, paymentIDs)
	refunds := map[string][]Refund{}
	for _, r := range all {
		refunds[r.PaymentID] = append(refunds[r.PaymentID], r)
	}
	return refunds, err
}

// VisibleRefunds returns those of the refunds whose payment the viewer may see, by id.
func (s *Service) VisibleRefunds(ctx context.Context, viewer Viewer, refundIDs []string) (map[string]Refund, error) {
	visible := map[string]Refund{}
	if viewer.UserID == "" {
		return visible, nil
	}
	found, err := refundsByID(ctx, s.pool, refundIDs)
	if err != nil {
		return nil, err
	}
	paymentIDs := make([]string, len(found))
	for i, r := range found {
		paymentIDs[i] = r.PaymentID
	}
	payments, err := s.Visible(ctx, viewer, paymentIDs)
	for _, r := range found {
		if _, ok := payments[r.PaymentID]; ok {
			visible[r.ID] = r
		}
	}
	return visible, err
}
