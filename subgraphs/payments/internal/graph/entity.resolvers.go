package graph

import (
	"context"

	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
)

// FindManyPaymentByIDs resolves payments that other subgraphs refer to. The router can ask for any
// id from anywhere, so one that the viewer may not see is null, like one that does not exist.
func (r entityResolver) FindManyPaymentByIDs(ctx context.Context, reps []*generated.PaymentByIDsInput) ([]*generated.Payment, error) {
	visible, err := r.payments.Visible(ctx, viewer(ctx), ids(reps, func(rep *generated.PaymentByIDsInput) string { return rep.ID }))
	if err != nil {
		return nil, err
	}
	found := make([]*generated.Payment, len(reps))
	for i, rep := range reps {
		found[i] = r.show(viewer(ctx), visible[rep.ID])
	}
	return found, nil
}

// FindManyRefundByIDs is the same for refunds.
func (r entityResolver) FindManyRefundByIDs(ctx context.Context, reps []*generated.RefundByIDsInput) ([]*generated.Refund, error) {
	visible, err := r.payments.VisibleRefunds(ctx, viewer(ctx), ids(reps, func(rep *generated.RefundByIDsInput) string { return rep.ID }))
	if err != nil {
		return nil, err
	}
	found := make([]*generated.Refund, len(reps))
	for i, rep := range reps {
		found[i] = showRefund(visible[rep.ID])
	}
	return found, nil
}

// FindManyOrderByIDs resolves what this subgraph adds to orders; that happens field by field.
func (r entityResolver) FindManyOrderByIDs(_ context.Context, reps []*generated.OrderByIDsInput) ([]*generated.Order, error) {
	orders := make([]*generated.Order, len(reps))
	for i, rep := range reps {
		orders[i] = &generated.Order{ID: rep.ID}
	}
	return orders, nil
}
