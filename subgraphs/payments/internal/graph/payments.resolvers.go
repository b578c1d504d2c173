package graph

import (
	"context"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

func (r mutationResolver) PayOrder(ctx context.Context, input generated.PayOrderInput) (*generated.PayOrderPayload, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	p, o, err := r.payments.Pay(ctx, caller.UserID, payment.PayInput{
		OrderID: input.OrderID, Token: input.PaymentMethodToken, ExpectedAmount: input.ExpectedAmount, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.UserErrors[generated.PayOrderError](err, r.typed(asViewer(caller)))
	payload := &generated.PayOrderPayload{Payment: r.show(asViewer(caller), p), Errors: errs}
	if o.ID != "" {
		version := o.VersionWhenPaid()
		payload.Order, payload.ExpectedOrderVersion = &generated.Order{ID: o.ID}, &version
	}
	return payload, fault
}

func (r mutationResolver) RefundPayment(ctx context.Context, input generated.RefundPaymentInput) (*generated.RefundPaymentPayload, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	refund, p, err := r.payments.Refund(ctx, asViewer(caller), payment.RefundInput{
		PaymentID: input.PaymentID, Amount: input.Amount, ReleaseTicket: input.ReleaseTicket, IdempotencyKey: input.IdempotencyKey,
	})
	errs, fault := gqlserver.UserErrors[generated.RefundPaymentError](err, r.typed(asViewer(caller)))
	return &generated.RefundPaymentPayload{Refund: showRefund(refund), Payment: r.show(asViewer(caller), p), Errors: errs}, fault
}

func (r queryResolver) Payment(ctx context.Context, id string) (*generated.Payment, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	p, _, err := r.payments.Get(ctx, asViewer(caller), id)
	return r.show(asViewer(caller), p), err
}

func (r queryResolver) CardProcessor(context.Context) (*generated.CardProcessor, error) {
	shown := &generated.CardProcessor{Kind: r.processor.Kind}
	if r.processor.PublishableKey != "" {
		shown.PublishableKey = &r.processor.PublishableKey
	}
	return shown, nil
}

func (r orderResolver) Payments(ctx context.Context, orders []*generated.Order) ([][]*generated.Payment, error) {
	found, err := r.payments.OfOrders(ctx, viewer(ctx), ids(orders, orderID))
	if err != nil {
		return nil, err
	}
	shown := make([][]*generated.Payment, len(orders))
	for i, o := range orders {
		shown[i] = []*generated.Payment{}
		for _, p := range found[orderID(o)] {
			shown[i] = append(shown[i], r.show(viewer(ctx), p))
		}
	}
	return shown, nil
}

// Payment shows the attempt that has taken money for the order.
func (r orderResolver) Payment(ctx context.Context, orders []*generated.Order) ([]*generated.Payment, error) {
	found, err := r.payments.OfOrders(ctx, viewer(ctx), ids(orders, orderID))
	if err != nil {
		return nil, err
	}
	shown := make([]*generated.Payment, len(orders))
	for i, o := range orders {
		for _, p := range found[orderID(o)] {
			if p.Paid() || p.Status == payment.Refunded {
				shown[i] = r.show(viewer(ctx), p)
			}
		}
	}
	return shown, nil
}

func (r paymentResolver) Refunds(ctx context.Context, payments []*generated.Payment) ([][]*generated.Refund, error) {
	found, err := r.payments.RefundsOf(ctx, ids(payments, paymentID))
	if err != nil {
		return nil, err
	}
	shown := make([][]*generated.Refund, len(payments))
	for i, p := range payments {
		shown[i] = []*generated.Refund{}
		for _, refund := range found[paymentID(p)] {
			shown[i] = append(shown[i], showRefund(refund))
		}
	}
	return shown, nil
}

func (r refundResolver) Payment(ctx context.Context, refunds []*generated.Refund) ([]*generated.Payment, error) {
	found, err := r.payments.Visible(ctx, viewer(ctx), ids(refunds, func(refund *generated.Refund) string {
		if refund == nil {
			return ""
		}
		return refund.PaymentID
	}))
	if err != nil {
		return nil, err
	}
	shown := make([]*generated.Payment, len(refunds))
	for i, refund := range refunds {
		if refund != nil {
			shown[i] = r.show(viewer(ctx), found[refund.PaymentID])
		}
	}
	return shown, nil
}

// In a batch, what the viewer may not see is nil.

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

func ids[T any](things []T, id func(T) string) []string {
	all := make([]string, len(things))
	for i, thing := range things {
		all[i] = id(thing)
	}
	return all
}

func (r subscriptionResolver) PaymentUpdated(ctx context.Context, orderID string) (<-chan *generated.Payment, error) {
	caller, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	return gqlserver.Stream(ctx, r.payments.Follow(ctx, asViewer(caller), orderID), func(p payment.Payment) *generated.Payment {
		return r.show(asViewer(caller), p)
	})
}
