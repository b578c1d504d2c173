package simulator

import (
	"slices"
	"strings"
)

// Stripe's objects, with the fields that the simulator sets:
// https://docs.stripe.com/api/payment_intents/object and its neighbours.

type paymentIntent struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	Amount             int64             `json:"amount"`
	AmountCapturable   int64             `json:"amount_capturable"`
	AmountReceived     int64             `json:"amount_received"`
	CanceledAt         *int64            `json:"canceled_at"`
	CancellationReason *string           `json:"cancellation_reason"`
	CaptureMethod      string            `json:"capture_method"`
	ClientSecret       string            `json:"client_secret"`
	ConfirmationMethod string            `json:"confirmation_method"`
	Created            int64             `json:"created"`
	Currency           string            `json:"currency"`
	Description        *string           `json:"description"`
	LastPaymentError   *apiError         `json:"last_payment_error"`
	LatestCharge       any               `json:"latest_charge"`
	Livemode           bool              `json:"livemode"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         *nextAction       `json:"next_action"`
	PaymentMethod      any               `json:"payment_method"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	Status             string            `json:"status"`
}

type nextAction struct {
	Type          string        `json:"type"`
	RedirectToURL redirectToURL `json:"redirect_to_url"`
}

type redirectToURL struct {
	ReturnURL *string `json:"return_url"`
	URL       string  `json:"url"`
}

type charge struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	Amount         int64             `json:"amount"`
	AmountCaptured int64             `json:"amount_captured"`
	AmountRefunded int64             `json:"amount_refunded"`
	Captured       bool              `json:"captured"`
	Created        int64             `json:"created"`
	Currency       string            `json:"currency"`
	Livemode       bool              `json:"livemode"`
	Metadata       map[string]string `json:"metadata"`
	Paid           bool              `json:"paid"`
	PaymentIntent  string            `json:"payment_intent"`
	PaymentMethod  string            `json:"payment_method"`
	Refunded       bool              `json:"refunded"`
	Status         string            `json:"status"`
}

type paymentMethod struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Card     card              `json:"card"`
	Created  int64             `json:"created"`
	Livemode bool              `json:"livemode"`
	Metadata map[string]string `json:"metadata"`
	Type     string            `json:"type"`
}

type card struct {
	Brand    string `json:"brand"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
	Funding  string `json:"funding"`
	Last4    string `json:"last4"`
}

type refundObject struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Amount        int64             `json:"amount"`
	Charge        string            `json:"charge"`
	Created       int64             `json:"created"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	PaymentIntent string            `json:"payment_intent"`
	Reason        *string           `json:"reason"`
	Status        string            `json:"status"`
}

type list struct {
	Object  string `json:"object"`
	Data    any    `json:"data"`
	HasMore bool   `json:"has_more"`
	URL     string `json:"url"`
}

// show returns Stripe's object for an intent, with the expanded objects instead of their ids.
func (s *Simulator) show(i intent, expand []string) paymentIntent {
	p := paymentIntent{
		ID: i.ID, Object: "payment_intent", Amount: i.Amount, AmountReceived: i.AmountReceived,
		CaptureMethod: "manual", ClientSecret: i.ClientSecret, ConfirmationMethod: "automatic",
		Created: i.CreatedAt.Unix(), Currency: i.Currency, Description: optional(i.Description),
		Metadata: i.Metadata, PaymentMethodTypes: []string{"card"}, Status: i.Status,
	}
	if i.Status == requiresCapture {
		p.AmountCapturable = i.Amount
	}
	if i.CanceledAt != nil {
		at := i.CanceledAt.Unix()
		p.CanceledAt = &at
	}
	if i.Status == requiresAction {
		p.NextAction = &nextAction{Type: "redirect_to_url", RedirectToURL: redirectToURL{
			ReturnURL: optional(i.ReturnURL), URL: s.pageURL(i),
		}}
	}
	if i.ErrorCode != "" {
		d := decline{i.ErrorCode, i.DeclineCode}
		p.LastPaymentError = &apiError{
			Type: cardError, Code: d.code, DeclineCode: d.declineCode, Message: d.message(),
			PaymentMethod: i.paymentMethod(),
		}
		if d.code == authenticationFailure {
			p.LastPaymentError.Type = invalidRequest
		} else {
			p.LastPaymentError.Charge = i.chargeID()
		}
	}
	if i.Charged {
		p.LatestCharge = i.chargeID()
		if slices.Contains(expand, "latest_charge") {
			p.LatestCharge = i.charge()
		}
	}
	if i.Status != requiresPaymentMethod { // a declined method is detached
		p.PaymentMethod = i.paymentMethodID()
		if slices.Contains(expand, "payment_method") {
			p.PaymentMethod = i.paymentMethod()
		}
	}
	return p
}

func (i intent) chargeID() string        { return "ch_" + strings.TrimPrefix(i.ID, "pi_") }
func (i intent) paymentMethodID() string { return "pm_" + strings.TrimPrefix(i.ID, "pi_") }

func (i intent) charge() charge {
	c := charge{
		ID: i.chargeID(), Object: "charge",
		Amount: i.Amount, AmountCaptured: i.AmountReceived, AmountRefunded: i.Refunded,
		Captured: i.AmountReceived > 0, Created: i.CreatedAt.Unix(), Currency: i.Currency, Metadata: i.Metadata,
		Paid: i.ErrorCode == "", PaymentIntent: i.ID, PaymentMethod: i.paymentMethodID(),
		Refunded: i.AmountReceived > 0 && i.Refunded == i.AmountReceived, Status: "succeeded",
	}
	if i.ErrorCode != "" {
		c.Status = "failed"
	}
	return c
}

func (i intent) paymentMethod() paymentMethod {
	t := i.token()
	return paymentMethod{
		ID: i.paymentMethodID(), Object: "payment_method", Type: "card",
		Created: i.CreatedAt.Unix(), Metadata: map[string]string{},
		Card: card{Brand: t.brand, ExpMonth: 12, ExpYear: i.CreatedAt.Year() + 1, Funding: "credit", Last4: t.last4},
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
