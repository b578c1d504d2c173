package graph

import (
	"context"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

func (r mutationResolver) PayOrder(
	ctx context.Context, input generated.PayOrderInput,
) (*generated.PayOrderPayload, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	p, o, err := r.payments.Pay(ctx, caller.UserID, payment.PayInput{
		OrderID: input.OrderID, Token: input.PaymentMethodToken,
		ExpectedAmount: input.ExpectedAmount, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.TypedErrors(err, r.payOrderError(asViewer(caller)))
	payload := &generated.PayOrderPayload{Payment: r.payment(asViewer(caller), p), Errors: errs}
	if o.ID != "" {
		version := o.ExpectedVersion()
		payload.Order, payload.ExpectedOrderVersion = &generated.Order{ID: o.ID}, &version
	}
	return payload, fault
}

func (r mutationResolver) RefundPayment(
	ctx context.Context, input generated.RefundPaymentInput,
) (*generated.RefundPaymentPayload, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	rf, p, err := r.payments.Refund(ctx, asViewer(caller), payment.RefundInput{
		PaymentID: input.PaymentID, Amount: input.Amount,
		ReleaseTicket: input.ReleaseTicket, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.TypedErrors(err, r.refundPaymentError(asViewer(caller)))
	payload := &generated.RefundPaymentPayload{
		Refund: refund(rf), Payment: r.payment(asViewer(caller), p), Errors: errs,
	}
	return payload, fault
}

func (r queryResolver) Payment(ctx context.Context, id string) (*generated.Payment, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	visible, err := r.payments.Visible(ctx, asViewer(caller), []string{id})
	return r.payment(asViewer(caller), visible[id]), err
}

func (r queryResolver) Refund(ctx context.Context, id string) (*generated.Refund, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	visible, err := r.payments.VisibleRefunds(ctx, asViewer(caller), []string{id})
	return refund(visible[id]), err
}

func (r queryResolver) CardProcessor(context.Context) (*generated.CardProcessor, error) {
	return &generated.CardProcessor{Kind: r.processor.Kind, PublishableKey: orNil(r.processor.PublishableKey)}, nil
}

func (r subscriptionResolver) PaymentUpdated(ctx context.Context, orderID string) (<-chan *generated.Payment, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	followed := r.payments.Follow(ctx, asViewer(caller), orderID)
	return gqlserver.Stream(ctx, followed, func(p payment.Payment) *generated.Payment {
		return r.payment(asViewer(caller), p)
	})
}

func (r orderResolver) Payments(
	ctx context.Context, orders []*generated.Order, first *int, after *string,
) ([]*generated.PaymentConnection, error) {
	window, err := page.Parse(page.Args{First: first, After: after}, payment.Newest)
	if err != nil {
		return nil, err
	}
	pages, err := r.payments.PagesOfOrders(ctx, viewer(ctx), ids(orders, orderID), window)
	if err != nil {
		return nil, err
	}
	connections := make([]*generated.PaymentConnection, len(orders))
	for i, o := range orders {
		connections[i] = r.paymentConnection(viewer(ctx), pages[orderID(o)])
	}
	return connections, nil
}

func (r orderResolver) Payment(ctx context.Context, orders []*generated.Order) ([]*generated.Payment, error) {
	paid, err := r.payments.PaidBy(ctx, viewer(ctx), ids(orders, orderID))
	if err != nil {
		return nil, err
	}
	payments := make([]*generated.Payment, len(orders))
	for i, o := range orders {
		payments[i] = r.payment(viewer(ctx), paid[orderID(o)])
	}
	return payments, nil
}

func (r paymentResolver) Refunds(
	ctx context.Context, payments []*generated.Payment, first *int, after *string,
) ([]*generated.RefundConnection, error) {
	window, err := page.Parse(page.Args{First: first, After: after}, payment.Newest)
	if err != nil {
		return nil, err
	}
	pages, err := r.payments.PagesOfRefunds(ctx, ids(payments, paymentID), window)
	if err != nil {
		return nil, err
	}
	connections := make([]*generated.RefundConnection, len(payments))
	for i, p := range payments {
		connections[i] = refundConnection(pages[paymentID(p)])
	}
	return connections, nil
}

func (r refundResolver) Payment(ctx context.Context, refunds []*generated.Refund) ([]*generated.Payment, error) {
	visible, err := r.payments.Visible(ctx, viewer(ctx), ids(refunds, paymentOfRefund))
	if err != nil {
		return nil, err
	}
	payments := make([]*generated.Payment, len(refunds))
	for i, rf := range refunds {
		payments[i] = r.payment(viewer(ctx), visible[paymentOfRefund(rf)])
	}
	return payments, nil
}

// A batch has nil for each object that is not visible to the viewer.

func orderID(o *generated.Order) string {
	if o == nil {
		return ""
	}
	return o.ID
}

func paymentID(p *generated.Payment) string {
	if p == nil {
		return ""
	}
	return p.ID
}

func paymentOfRefund(r *generated.Refund) string {
	if r == nil {
		return ""
	}
	return r.PaymentID
}

func ids[T any](objects []T, id func(T) string) []string {
	all := make([]string, len(objects))
	for i, o := range objects {
		all[i] = id(o)
	}
	return all
}
