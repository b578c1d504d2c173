package graph

import (
	"context"

	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
)

// FindManyPaymentByIDs resolves payments that other subgraphs refer to. Any client can make the router request any
// id here, so a payment that is not visible to the viewer is null, like one that does not exist.
func (r entityResolver) FindManyPaymentByIDs(
	ctx context.Context, reps []*generated.PaymentByIDsInput,
) ([]*generated.Payment, error) {
	wanted := ids(reps, func(rep *generated.PaymentByIDsInput) string { return rep.ID })
	visible, err := r.payments.Visible(ctx, viewer(ctx), wanted)
	if err != nil {
		return nil, err
	}
	payments := make([]*generated.Payment, len(reps))
	for i, rep := range reps {
		payments[i] = r.payment(viewer(ctx), visible[rep.ID])
	}
	return payments, nil
}

// FindManyRefundByIDs does the same for refunds.
func (r entityResolver) FindManyRefundByIDs(
	ctx context.Context, reps []*generated.RefundByIDsInput,
) ([]*generated.Refund, error) {
	wanted := ids(reps, func(rep *generated.RefundByIDsInput) string { return rep.ID })
	visible, err := r.payments.VisibleRefunds(ctx, viewer(ctx), wanted)
	if err != nil {
		return nil, err
	}
	refunds := make([]*generated.Refund, len(reps))
	for i, rep := range reps {
		refunds[i] = refund(visible[rep.ID])
	}
	return refunds, nil
}

// FindManyOrderByIDs resolves the fields that this subgraph adds to orders; their resolvers check the viewer.
func (r entityResolver) FindManyOrderByIDs(
	_ context.Context, reps []*generated.OrderByIDsInput,
) ([]*generated.Order, error) {
	orders := make([]*generated.Order, len(reps))
	for i, rep := range reps {
		orders[i] = &generated.Order{ID: rep.ID}
	}
	return orders, nil
}
