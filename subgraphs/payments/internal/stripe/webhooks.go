package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v84/webhook"

	"boxoffice.dev/subgraphs/payments/internal/payment"
)

const (
	maxWebhook = 256 << 10
	tolerance  = 5 * time.Minute // of the signature's time, in either direction
)

// Webhooks handles Stripe's POST /webhooks/stripe, signed with the endpoint's secret. For an event about an intent, a
// charge or a refund it calls look with the id of our payment, empty if the event has none, and the intent. It uses
// nothing else of an event, so events may arrive late, twice and in any order.
//
// It responds with 200 if look succeeds or the event is about another system's intent, with 400 for an invalid
// signature or one that is more than five minutes off, and with 503 if look fails, so that Stripe retries. It panics if
// the secret is empty, because then anyone could sign.
func Webhooks(secret string, look func(ctx context.Context, paymentID, reference string) error) http.Handler {
	return webhooks(secret, look, time.Now)
}

func webhooks(
	secret string, look func(ctx context.Context, paymentID, reference string) error, now func() time.Time,
) http.Handler {
	if secret == "" {
		panic("stripe: webhooks without a secret")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
		if err != nil {
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				return
			}
			http.Error(w, "unreadable body", http.StatusBadRequest)
			return
		}
		signature := r.Header.Get("Stripe-Signature")
		event, err := webhook.ConstructEventWithOptions(body, signature, secret, webhook.ConstructEventOptions{
			IgnoreTolerance:          true, // stripe-go accepts future times and has no clock to set
			IgnoreAPIVersionMismatch: true, // only ids are read
		})
		if err != nil || now().Sub(signedAt(signature)).Abs() > tolerance {
			slog.WarnContext(r.Context(), "webhook rejected", "remote", r.RemoteAddr)
			http.Error(w, "invalid signature", http.StatusBadRequest)
			return
		}
		paymentID, reference := "", ""
		if event.Data != nil {
			paymentID, reference = subject(event.Data.Raw)
		}
		if reference == "" {
			w.WriteHeader(http.StatusOK)
			return
		}
		err = look(r.Context(), paymentID, reference)
		if paymentID == "" && errors.Is(err, payment.ErrNoSuchIntent) {
			err = nil // of another system with the same account
		}
		if err != nil {
			slog.WarnContext(r.Context(), "webhook failed, Stripe retries",
				"event", event.ID, "type", string(event.Type), "payment", paymentID, "intent", reference, "error", err)
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

// signedAt returns the time in the signature, the zero time if there is none.
// The header reads t=1495999758,v1=…: https://docs.stripe.com/webhooks#verify-manually.
func signedAt(signature string) time.Time {
	var at time.Time
	for part := range strings.SplitSeq(signature, ",") { // the last one counts, as for stripe-go
		if t, ok := strings.CutPrefix(part, "t="); ok {
			seconds, err := strconv.ParseInt(t, 10, 64)
			if err != nil {
				return time.Time{}
			}
			at = time.Unix(seconds, 0)
		}
	}
	return at
}

// subject returns the payment and the intent of an event's object, empty if there is none.
func subject(object json.RawMessage) (paymentID, reference string) {
	var o struct {
		ID            string            `json:"id"`
		Object        string            `json:"object"`
		PaymentIntent json.RawMessage   `json:"payment_intent"` // of a charge or refund: id, object or null
		Metadata      map[string]string `json:"metadata"`
	}
	if json.Unmarshal(object, &o) != nil {
		return "", ""
	}
	switch o.Object {
	case "payment_intent":
		reference = o.ID
	case "charge", "refund":
		var expanded struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(o.PaymentIntent, &reference) != nil && json.Unmarshal(o.PaymentIntent, &expanded) == nil {
			reference = expanded.ID
		}
	}
	return o.Metadata[paymentIDKey], reference
}
