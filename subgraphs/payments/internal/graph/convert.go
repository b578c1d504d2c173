package graph

import (
	"strings"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/payments/internal/graph/generated"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// payment returns the schema's Payment with the fields that are visible to the viewer; nil for the zero Payment.
func (r *Resolver) payment(v payment.Viewer, p payment.Payment) *generated.Payment {
	if p.ID == "" {
		return nil
	}
	out := &generated.Payment{
		ID: p.ID, Version: p.Version, Status: status(p.Status),
		Amount: &p.Amount, RefundedAmount: &money.Money{MinorUnits: p.RefundedMinorUnits, Currency: p.Amount.Currency},
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, ViewerCanRefund: v.CanRefund(p),
	}
	if d := p.Decline; d != nil {
		out.Failure = &generated.PaymentFailure{
			Reason: reason(d.Reason), Message: d.Message, Retryable: r.payments.Retryable(p),
		}
	}
	if v.UserID == p.BuyerID || v.Operator {
		out.Order = &generated.Order{ID: p.OrderID}
	}
	if v.UserID == p.BuyerID {
		if c := p.Card; c != nil {
			out.Card = &generated.PaymentCard{
				Brand: c.Brand, Last4: c.Last4, ExpiryMonth: c.ExpiryMonth, ExpiryYear: c.ExpiryYear,
			}
		}
		if a := p.Action; a != nil {
			out.NextAction = &generated.PaymentNextAction{
				RedirectURL: orNil(a.RedirectURL), ClientSecret: orNil(a.ClientSecret),
			}
		}
	}
	if v.Operator {
		out.ProviderReference = orNil(p.Reference)
	}
	return out
}

func (r *Resolver) paymentConnection(v payment.Viewer, p page.Page[payment.Payment]) *generated.PaymentConnection {
	c := &generated.PaymentConnection{Edges: []*generated.PaymentEdge{}, Nodes: []*generated.Payment{}}
	var cursors []string
	for _, item := range p.Items {
		edge := &generated.PaymentEdge{Cursor: payment.Newest.Cursor(item.ID, item.ID), Node: r.payment(v, item)}
		c.Edges, c.Nodes, cursors = append(c.Edges, edge), append(c.Nodes, edge.Node), append(cursors, edge.Cursor)
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}

// refund returns the schema's Refund; nil for the zero Refund.
func refund(r payment.Refund) *generated.Refund {
	if r.ID == "" {
		return nil
	}
	return &generated.Refund{
		ID: r.ID, PaymentID: r.PaymentID, Amount: &r.Amount,
		Status: generated.RefundStatus(strings.ToUpper(string(r.Status))), CreatedAt: r.CreatedAt,
	}
}

func refundConnection(p page.Page[payment.Refund]) *generated.RefundConnection {
	c := &generated.RefundConnection{Edges: []*generated.RefundEdge{}, Nodes: []*generated.Refund{}}
	var cursors []string
	for _, item := range p.Items {
		edge := &generated.RefundEdge{Cursor: payment.Newest.Cursor(item.ID, item.ID), Node: refund(item)}
		c.Edges, c.Nodes, cursors = append(c.Edges, edge), append(c.Nodes, edge.Node), append(cursors, edge.Cursor)
	}
	c.PageInfo = page.InfoOf(p, cursors)
	return c
}

// orNil returns nil for an empty text.
func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// The schema's enums are those of events in upper case.

func status(s events.PaymentStatus) generated.PaymentStatus {
	return generated.PaymentStatus(strings.ToUpper(string(s)))
}

func reason(r events.DeclineReason) generated.PaymentFailureReason {
	return generated.PaymentFailureReason(strings.ToUpper(string(r)))
}
