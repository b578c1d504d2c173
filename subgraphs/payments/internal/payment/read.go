package payment

import (
	"context"
	"slices"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/internal/page"
)

// Viewer is the user on whose behalf the service reads or refunds. UserID is empty when signed out.
type Viewer struct {
	UserID   string
	Operator bool
}

// canSee reports whether the payment is visible to the viewer.
func (v Viewer) canSee(p Payment) bool {
	return v.UserID != "" && (v.UserID == p.BuyerID || v.UserID == p.SellerID || v.Operator)
}

// CanRefund reports whether the viewer could refund some of the payment.
func (v Viewer) CanRefund(p Payment) bool {
	return v.UserID != "" && (v.UserID == p.SellerID || v.Operator) && p.Status.Paid()
}

// Retryable reports whether the order of a failed payment still awaits payment, so that another card may succeed.
func (s *Service) Retryable(p Payment) bool {
	return p.OnFailure == events.RetryOnFailure && p.PayableUntil != nil && s.now().Before(*p.PayableUntil)
}

// Newest is the order of connections: newest first. Ids grow with time.
var Newest = page.Key{Name: "id", Column: "id", Type: "text", Desc: true}

// Visible returns the payments that are visible to the viewer, by id, in one statement.
func (s *Service) Visible(ctx context.Context, viewer Viewer, paymentIDs []string) (map[string]Payment, error) {
	found, err := paymentsByID(ctx, s.pool, wellFormed(id.Payment, paymentIDs))
	visible := map[string]Payment{}
	for _, p := range found {
		if viewer.canSee(p) {
			visible[p.ID] = p
		}
	}
	return visible, err
}

// VisibleRefunds returns the refunds of payments that are visible to the viewer, by id.
func (s *Service) VisibleRefunds(ctx context.Context, viewer Viewer, refundIDs []string) (map[string]Refund, error) {
	found, err := refundsByID(ctx, s.pool, wellFormed(id.Refund, refundIDs))
	if err != nil {
		return nil, err
	}
	paymentIDs := make([]string, len(found))
	for i, r := range found {
		paymentIDs[i] = r.PaymentID
	}
	payments, err := s.Visible(ctx, viewer, paymentIDs)
	visible := map[string]Refund{}
	for _, r := range found {
		if _, ok := payments[r.PaymentID]; ok {
			visible[r.ID] = r
		}
	}
	return visible, err
}

// PagesOfOrders returns, by order id, the page of each order's payments that are visible to the viewer.
// The window is ordered by Newest.
func (s *Service) PagesOfOrders(
	ctx context.Context, viewer Viewer, orderIDs []string, w page.Window,
) (map[string]page.Page[Payment], error) {
	found, err := paymentsOfOrders(ctx, s.pool, viewer, wellFormed(id.Order, orderIDs), w)
	return pages(w, found, func(p Payment) string { return p.OrderID }), err
}

// PaidBy returns, by order id, the payment that paid for each order, also after a refund, if it is visible to the
// viewer.
func (s *Service) PaidBy(ctx context.Context, viewer Viewer, orderIDs []string) (map[string]Payment, error) {
	found, err := capturedPayments(ctx, s.pool, wellFormed(id.Order, orderIDs))
	paid := map[string]Payment{}
	for _, p := range found {
		if viewer.canSee(p) {
			paid[p.OrderID] = p
		}
	}
	return paid, err
}

// PagesOfRefunds returns, by payment id, the page of each payment's refunds. It does not check that the payments are
// visible to anyone: resolvers reach refunds only through payments. The window is ordered by Newest.
func (s *Service) PagesOfRefunds(
	ctx context.Context, paymentIDs []string, w page.Window,
) (map[string]page.Page[Refund], error) {
	found, err := refundsOfPayments(ctx, s.pool, wellFormed(id.Payment, paymentIDs), w)
	return pages(w, found, func(r Refund) string { return r.PaymentID }), err
}

// pages groups rows, which are in the window's order, by owner.
func pages[T any](w page.Window, rows []T, owner func(T) string) map[string]page.Page[T] {
	grouped := map[string][]T{}
	for _, row := range rows {
		grouped[owner(row)] = append(grouped[owner(row)], row)
	}
	all := map[string]page.Page[T]{}
	for of, rows := range grouped {
		all[of] = page.Of(w, rows)
	}
	return all
}

// wellFormed returns the distinct ids that can belong to an object of the kind.
func wellFormed(prefix string, ids []string) []string {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	return slices.DeleteFunc(ids, func(s string) bool { return !id.Valid(prefix, s) })
}
