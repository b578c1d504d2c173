package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

// connect returns a Processor that sends its requests to the handler.
func connect(t *testing.T, timeout time.Duration, handler http.HandlerFunc) *stripe.Processor {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return stripe.New(stripe.Config{SecretKey: "sk_test_very_secret", APIBase: server.URL, Timeout: timeout})
}

// calls calls every method and returns its error.
func calls(ctx context.Context, p payment.Processor) map[string]error {
	var err error
	errs := map[string]error{}
	_, errs["authorize"] = p.Authorize(ctx, authorization("pm_very_secret"))
	_, errs["capture"] = p.Capture(ctx, id.New(id.Payment), "pi_1")
	_, errs["void"] = p.Void(ctx, id.New(id.Payment), "pi_1")
	_, errs["find"] = p.Find(ctx, "pi_1")
	_, errs["refund"] = p.Refund(ctx, payment.RefundRequest{RefundID: id.New(id.Refund), Reference: "pi_1", Amount: usd(1)})
	_, errs["find refund"] = p.FindRefund(ctx, "re_1")
	for _, err = range p.Ledger(ctx, time.Now()) {
	}
	errs["ledger"] = err
	return errs
}

const (
	unknown = "unknown" // payment.ErrOutcomeUnknown
	missing = "missing" // payment.ErrNoSuchIntent
	refused = "refused" // neither
)

func wantErrors(t *testing.T, errs map[string]error, want string) {
	t.Helper()
	for call, err := range errs {
		got := refused
		switch {
		case err == nil:
			got = "no error"
		case errors.Is(err, payment.ErrOutcomeUnknown):
			got = unknown
		case errors.Is(err, payment.ErrNoSuchIntent):
			got = missing
		}
		if got != want {
			t.Errorf("%s: got %s (%v), want %s", call, got, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(fmt.Sprintf("%+v", err), "secret")) {
			t.Errorf("%s: the error contains a secret: %v", call, err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	stripeError := func(kind, code string) string {
		return fmt.Sprintf(`{"error": {"type": %q, "code": %q, "message": "No such thing: pm_very_secret",
			"payment_intent": {"id": "pi_1", "client_secret": "pi_1_secret_2"}}}`, kind, code)
	}
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"invalid key":        {401, stripeError("invalid_request_error", ""), refused},
		"forbidden":          {403, stripeError("invalid_request_error", "platform_api_key_expired"), refused},
		"bad parameter":      {400, stripeError("invalid_request_error", "parameter_unknown"), refused},
		"not found":          {404, stripeError("invalid_request_error", "resource_missing"), missing},
		"not found with 400": {400, stripeError("invalid_request_error", "resource_missing"), missing},
		"key in use":         {409, stripeError("idempotency_error", "idempotency_key_in_use"), unknown},
		"another conflict":   {409, stripeError("invalid_request_error", "lock_timeout"), unknown},
		"key reused":         {400, stripeError("idempotency_error", ""), unknown},
		"too many requests":  {429, stripeError("invalid_request_error", "rate_limit"), unknown},
		"server error":       {500, stripeError("api_error", ""), unknown},
		"bad gateway":        {502, "<html>very secret</html>", unknown},
		"unavailable":        {503, "", unknown},
		"HTML":               {200, "<html>very secret</html>", unknown},
		"cut JSON":           {200, `{"id": "pi_1", "client_secret": "pi_1_secret_2`, unknown},
		"no error object":    {400, `{"client_secret": "pi_1_secret_2"}`, unknown},
		"teapot":             {418, `very secret`, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := connect(t, 0, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			wantErrors(t, calls(t.Context(), p), tt.want)
		})
	}
}

func TestConnectionErrors(t *testing.T) {
	t.Parallel()
	t.Run("redirect", func(t *testing.T) { // it would pass on the key
		t.Parallel()
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed a redirect") }))
		t.Cleanup(other.Close)
		p := connect(t, 0, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		})
		wantErrors(t, calls(t.Context(), p), unknown)
	})
	t.Run("cut connection", func(t *testing.T) {
		t.Parallel()
		p := connect(t, 0, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		wantErrors(t, calls(t.Context(), p), unknown)
	})
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		p := connect(t, time.Millisecond, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server detects a disconnect only after the body
			<-r.Context().Done()
		})
		errs := calls(t.Context(), p)
		wantErrors(t, errs, unknown)
		for call, err := range errs {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want a deadline", call, err)
			}
		}
	})
	t.Run("connection refused", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		p := stripe.New(stripe.Config{SecretKey: "sk_test_very_secret", APIBase: server.URL})
		wantErrors(t, calls(t.Context(), p), unknown)
	})
	t.Run("cancelled by the caller", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := connect(t, 0, func(http.ResponseWriter, *http.Request) {})
		wantErrors(t, calls(ctx, p), unknown)
	})
}

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	t.Run("invalid key at the simulator", func(t *testing.T) {
		t.Parallel()
		wantErrors(t, calls(t.Context(), newWorld(t).adapter("sk_test_very_secret")), refused)
	})
	t.Run("invalid ids", func(t *testing.T) {
		t.Parallel()
		p := connect(t, 0, func(http.ResponseWriter, *http.Request) { t.Error("sent a request") })
		a := authorization("pm_card_visa")
		a.PaymentID = "rfd_1"
		_, err := p.Authorize(t.Context(), a)
		_, refundErr := p.Refund(t.Context(), payment.RefundRequest{RefundID: "pay_1", Reference: "pi_1", Amount: usd(1)})
		wantErrors(t, map[string]error{"authorize": err, "refund": refundErr}, refused)
	})
}

// No request is sent twice. By default net/http repeats one with an Idempotency-Key if a reused connection breaks.
func TestNoRetries(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	p := connect(t, 0, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"id": "pi_1", "object": "payment_intent", "status": "requires_capture"}`)
	})
	if _, err := p.Find(t.Context(), "pi_1"); err != nil { // leaves an idle connection
		t.Fatal(err)
	}
	_, err := p.Authorize(t.Context(), authorization("pm_card_visa"))
	wantErr(t, "authorize", err, payment.ErrOutcomeUnknown)
	if got := posts.Load(); got != 1 {
		t.Errorf("sent %d times, want once", got)
	}
}

// A bank may decline the capture and still hold the amount.
func TestDeclinedCaptureReleasesTheHold(t *testing.T) {
	t.Parallel()
	status := "requires_capture"
	p := connect(t, 0, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/capture"):
			w.WriteHeader(http.StatusPaymentRequired)
			_, _ = io.WriteString(w, `{"error": {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "Your card has insufficient funds."}}`)
			return
		case strings.HasSuffix(r.URL.Path, "/cancel"):
			status = "canceled"
		}
		fmt.Fprintf(w, `{"id": "pi_1", "object": "payment_intent", "currency": "usd", "amount": 1999, "status": %q}`, status)
	})
	i, err := p.Capture(t.Context(), id.New(id.Payment), "pi_1")
	want(t, "capture", i, err, payment.IntentDeclined)
	if i.Decline.Reason != events.InsufficientFunds || status != "canceled" {
		t.Errorf("got %+v, intent is %s; want it canceled", i.Decline, status)
	}
}
