package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v84/webhook"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
	"boxoffice.dev/subgraphs/stripesim/simulator"
)

const webhookSecret = "whsec_test"

func sign(body string, at time.Time, secret string) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: at}).Header
}

func eventOf(kind, object string) string {
	return fmt.Sprintf(`{"id": "evt_1", "object": "event", "api_version": "2020-08-27", "type": %q, "data": {"object": %s}}`, kind, object)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	intent := eventOf("payment_intent.succeeded", `{"id": "pi_1", "object": "payment_intent", "metadata": {"payment_id": "pay_1"}}`)
	good := sign(intent, now, webhookSecret)
	failing := errors.New("database is down")
	for name, tt := range map[string]struct {
		method    string // POST when empty
		body      string // intent when empty
		signature string // good for the body when empty, none when "none"
		err       error  // of look
		want      int
		looked    string // the arguments of look
	}{
		"intent":                            {want: 200, looked: "pay_1 pi_1"},
		"intent, five minutes old":          {signature: sign(intent, now.Add(-5*time.Minute), webhookSecret), want: 200, looked: "pay_1 pi_1"},
		"intent, five minutes early":        {signature: sign(intent, now.Add(5*time.Minute), webhookSecret), want: 200, looked: "pay_1 pi_1"},
		"intent, too old":                   {signature: sign(intent, now.Add(-5*time.Minute-time.Second), webhookSecret), want: 400},
		"intent, too early":                 {signature: sign(intent, now.Add(5*time.Minute+time.Second), webhookSecret), want: 400},
		"intent, far away in time":          {signature: sign(intent, time.Unix(1<<60, 0), webhookSecret), want: 400},
		"two times, signed with the second": {signature: "t=1," + good, want: 200, looked: "pay_1 pi_1"},
		"two times, signed with the first":  {signature: good + ",t=1", want: 400},
		"signed with another secret":        {signature: sign(intent, now, "whsec_other"), want: 400},
		"signed with an empty secret":       {signature: sign(intent, now, ""), want: 400},
		"two signatures":                    {signature: good + ",v1=" + strings.Repeat("ab", 32), want: 200, looked: "pay_1 pi_1"},
		"signed for another body":           {signature: sign(intent+" ", now, webhookSecret), want: 400},
		"signed with an old scheme":         {signature: strings.Replace(good, "v1=", "v0=", 1), want: 400},
		"not signed":                        {signature: "none", want: 400},
		"malformed signature":               {signature: "t=now,v1=zz", want: 400},
		"GET":                               {method: http.MethodGet, want: 405},
		"PUT":                               {method: http.MethodPut, want: 405},
		"256 KiB":                           {body: eventOf("x", `"`+strings.Repeat("x", 256<<10)+`"`), want: 413},
		"not JSON":                          {body: "payment_intent.succeeded", want: 400},
		"not an event":                      {body: `{"object": "v2.core.event"}`, want: 400},
		"no data":                           {body: `{"id": "evt_1", "object": "event", "type": "ping"}`, want: 200},
		"another type":                      {body: eventOf("customer.created", `{"id": "cus_1", "object": "customer"}`), want: 200},
		"malformed object":                  {body: eventOf("payment_intent.succeeded", `{"id": 7, "object": "payment_intent"}`), want: 200},
		"charge":                            {body: eventOf("charge.refunded", `{"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"payment_id": "pay_1"}}`), want: 200, looked: "pay_1 pi_1"},
		"charge without an intent":          {body: eventOf("charge.refunded", `{"id": "ch_1", "object": "charge", "payment_intent": null}`), want: 200},
		"refund":                            {body: eventOf("refund.failed", `{"id": "re_1", "object": "refund", "payment_intent": "pi_1", "metadata": {"payment_id": "pay_1", "refund_id": "rfd_1"}}`), want: 200, looked: "pay_1 pi_1"},
		"refund with an expanded intent":    {body: eventOf("charge.refund.updated", `{"id": "re_1", "object": "refund", "payment_intent": {"id": "pi_1"}, "metadata": {"payment_id": "pay_1"}}`), want: 200, looked: "pay_1 pi_1"},
		"unknown payment":                   {err: fmt.Errorf("pay_1: %w", payment.ErrNoSuchIntent), want: 503, looked: "pay_1 pi_1"},
		"intent of another system":          {body: eventOf("payment_intent.succeeded", `{"id": "pi_2", "object": "payment_intent", "metadata": {}}`), err: payment.ErrNoSuchIntent, want: 200, looked: " pi_2"},
		"failure":                           {err: failing, want: 503, looked: "pay_1 pi_1"},
		"failure without a payment id":      {body: eventOf("payment_intent.succeeded", `{"id": "pi_2", "object": "payment_intent"}`), err: failing, want: 503, looked: " pi_2"},
		"another API version":               {body: strings.Replace(intent, "2020-08-27", "2099-01-01.zinnia", 1), want: 200, looked: "pay_1 pi_1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, signature, method := tt.body, tt.signature, tt.method
			if body == "" {
				body = intent
			}
			if signature == "" {
				signature = sign(body, now, webhookSecret)
			}
			if method == "" {
				method = http.MethodPost
			}
			looked := ""
			handler := stripe.WebhooksAt(webhookSecret, func(_ context.Context, paymentID, reference string) error {
				looked += paymentID + " " + reference
				return tt.err
			}, func() time.Time { return now })
			r := httptest.NewRequestWithContext(t.Context(), method, "/webhooks/stripe", strings.NewReader(body))
			if signature != "none" {
				r.Header.Set("Stripe-Signature", signature)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tt.want || looked != tt.looked {
				t.Errorf("got %d %q and looked at %q, want %d and %q", w.Code, w.Body, looked, tt.want, tt.looked)
			}
			if tt.want >= 500 && strings.Contains(w.Body.String(), "database") {
				t.Errorf("the response contains the error: %q", w.Body)
			}
		})
	}
}

func TestWebhooksNeedASecret(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("accepted an empty secret")
		}
	}()
	stripe.Webhooks("", nil)
}

// A repeated event calls look again.
func TestReplayedWebhook(t *testing.T) {
	t.Parallel()
	body := eventOf("payment_intent.succeeded", `{"id": "pi_1", "object": "payment_intent", "metadata": {"payment_id": "pay_1"}}`)
	signature, looked := sign(body, time.Now(), webhookSecret), 0
	handler := stripe.Webhooks(webhookSecret, func(context.Context, string, string) error { looked++; return nil })
	for range 3 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
		r.Header.Set("Stripe-Signature", signature)
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("got %d", w.Code)
		}
	}
	if looked != 3 {
		t.Errorf("looked %d times, want 3", looked)
	}
}

// The simulator's webhooks name the payment, and the Processor then returns the change.
func TestSimulatorWebhooks(t *testing.T) {
	t.Parallel()
	type look struct{ paymentID, reference string }
	looks := make(chan look, 100)
	fail := make(chan struct{}, 1)
	fail <- struct{}{} // the first delivery
	receiver := httptest.NewServer(stripe.Webhooks(webhookSecret, func(_ context.Context, paymentID, reference string) error {
		select {
		case <-fail:
			return payment.ErrNoSuchIntent // retried
		default:
			looks <- look{paymentID, reference}
			return nil
		}
	}))
	t.Cleanup(receiver.Close)
	w := newWorld(t, func(c *simulator.Config) { c.WebhookURL, c.WebhookSecret = receiver.URL, webhookSecret })
	w.run(t)
	// await waits for a webhook after which the condition holds.
	await := func(change string, a payment.Authorization, reference string, holds func() bool) {
		t.Helper()
		for !holds() {
			select {
			case got := <-looks:
				if got != (look{a.PaymentID, reference}) {
					t.Fatalf("%s: got %+v, want %s %s", change, got, a.PaymentID, reference)
				}
			case <-t.Context().Done():
				t.Fatalf("%s: no webhook", change)
			}
		}
	}
	status := func(reference string, statuses ...payment.IntentStatus) func() bool {
		return func() bool {
			i, err := w.Find(t.Context(), reference)
			if err != nil {
				t.Fatal(err)
			}
			return slices.Contains(statuses, i.Status)
		}
	}
	a := authorization("pm_card_threeDSecure2Required")
	i, err := w.Authorize(t.Context(), a)
	want(t, "authorize", i, err, payment.IntentRequiresAction)
	<-looks // requires_action, the second delivery
	bank(t, i, "approve")
	<-looks
	await("approve", a, i.Reference, status(i.Reference, payment.IntentAuthorized))
	_, err = w.Capture(t.Context(), a.PaymentID, i.Reference)
	if err != nil {
		t.Fatal(err)
	}
	<-looks
	await("capture", a, i.Reference, status(i.Reference, payment.IntentCaptured))

	a, i = w.captured(t, "pm_card_pendingRefund")
	r, err := w.Refund(t.Context(), payment.RefundRequest{RefundID: id.New(id.Refund), PaymentID: a.PaymentID, Reference: i.Reference, Amount: usd(500)})
	if err != nil || r.Status != payment.RefundPending {
		t.Fatalf("refund: got %+v, %v; want it pending", r, err)
	}
	await("refund", a, i.Reference, func() bool {
		found, err := w.FindRefund(t.Context(), r.Reference)
		if err != nil {
			t.Fatal(err)
		}
		return found.Status == payment.RefundSucceeded
	})
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999, Refunded: 500})
}
