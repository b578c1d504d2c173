// Package stripe implements payment.Processor with Stripe's PaymentIntents. It never retries: after a 5xx, a timeout or
// a lost connection the outcome is unknown, and the caller repeats the call or searches the Ledger, because Stripe
// answers a repeated request with the same 500 for a day. Errors contain ids and codes only, never a key, a card or a
// token, and the package logs nothing of a request.
package stripe

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	stripego "github.com/stripe/stripe-go/v84"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// Config selects an account at Stripe or a server with the same API.
type Config struct {
	SecretKey string
	APIBase   string           // without a path; empty for Stripe itself
	ReturnURL string           // where the bank sends the buyer's browser after 3-D Secure; may be empty
	Timeout   time.Duration    // of one call, or of one page of the Ledger; 20 seconds if 0
	Now       func() time.Time // time.Now if nil
}

// Metadata keys of our objects at Stripe.
const (
	paymentIDKey = "payment_id"
	orderIDKey   = "order_id"
	refundIDKey  = "refund_id"
)

// keyLifetime is how long an idempotency key protects a request. Stripe forgets it after 24 hours and would then carry
// out the request again, so an older request is preceded by a search for its object.
const keyLifetime = 23 * time.Hour

// Processor implements payment.Processor.
type Processor struct {
	client    *stripego.Client
	returnURL string
	timeout   time.Duration
	now       func() time.Time
}

var _ payment.Processor = (*Processor)(nil)

// New returns a Processor. It does not check the key.
func New(config Config) *Processor {
	if config.APIBase == "" {
		config.APIBase = stripego.APIURL
	}
	if config.Timeout == 0 {
		config.Timeout = 20 * time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	backends := stripego.NewBackendsWithConfig(&stripego.BackendConfig{
		URL:               &config.APIBase,
		MaxNetworkRetries: stripego.Int64(0), // the caller repeats
		EnableTelemetry:   stripego.Bool(false),
		LeveledLogger:     &stripego.LeveledLogger{Level: stripego.LevelNull}, // it would log bodies
		HTTPClient: &http.Client{
			Timeout:       config.Timeout,
			Transport:     roundTripper(roundTripOnce),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	return &Processor{
		client:    stripego.NewClient(config.SecretKey, stripego.WithBackends(backends)),
		returnURL: config.ReturnURL,
		timeout:   config.Timeout,
		now:       config.Now,
	}
}

// roundTripOnce sends a request without its GetBody: with it, net/http repeats a request that has an
// Idempotency-Key by itself when the connection breaks.
func roundTripOnce(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.GetBody = nil
	return http.DefaultTransport.RoundTrip(r)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Authorize implements payment.Processor. A card or an amount that Stripe rejects results in a declined Intent
// without a Reference. After ErrOutcomeUnknown the Ledger has the intent if there is one.
func (p *Processor) Authorize(ctx context.Context, a payment.Authorization) (payment.Intent, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	operation := "authorize " + a.PaymentID
	if !id.Valid(id.Payment, a.PaymentID) {
		return payment.Intent{}, fmt.Errorf("%s: not a payment id", operation)
	}
	amount, currency, err := toStripe(a.Amount)
	if err != nil {
		return p.refused(a, err.Error()+"."), nil
	}
	if p.now().Sub(id.Time(a.PaymentID)) > keyLifetime {
		found, err := payment.Search(ctx, p, a.PaymentID)
		if !errors.Is(err, payment.ErrNoSuchIntent) {
			return found, err
		}
	}
	params := &stripego.PaymentIntentCreateParams{
		Amount:             &amount,
		Currency:           &currency,
		CaptureMethod:      stripego.String(stripego.PaymentIntentCaptureMethodManual),
		Confirm:            stripego.Bool(true),
		PaymentMethod:      &a.Token,
		PaymentMethodTypes: stripego.StringSlice([]string{string(stripego.PaymentMethodTypeCard)}),
		Metadata:           map[string]string{paymentIDKey: a.PaymentID, orderIDKey: a.OrderID},
		Expand:             stripego.StringSlice(expanded("")),
	}
	if a.Description != "" {
		params.Description = &a.Description
	}
	// stripe.handleNextAction(clientSecret) works in a browser in both cases. With a return URL there is also a page
	// for browsers without Stripe.js.
	if p.returnURL != "" {
		params.ReturnURL = &p.returnURL
	} else {
		params.UseStripeSDK = stripego.Bool(true)
	}
	params.SetIdempotencyKey("authorize/" + a.PaymentID)
	created, err := p.client.V1PaymentIntents.Create(ctx, params)
	switch {
	case err == nil && replayed(created.LastResponse): // the intent may have changed since
		return p.Find(ctx, created.ID)
	case err == nil:
		return intentOf(created), nil
	case refusal(err) != "":
		return p.refused(a, refusal(err)), nil
	}
	if e := apiError(err); e != nil && e.Type == stripego.ErrorTypeCard {
		declined := payment.Intent{PaymentID: a.PaymentID, Amount: a.Amount, CreatedAt: p.now().UTC()}
		if e.PaymentIntent != nil {
			declined = intentOf(e.PaymentIntent)
		}
		declined.Status, declined.Decline = payment.IntentDeclined, declineOf(e)
		return declined, nil
	}
	return payment.Intent{}, failure(operation, err)
}

// Capture implements payment.Processor. It needs no idempotency key because an intent can be captured only once. A key
// would make Stripe repeat a 500 for a day.
func (p *Processor) Capture(ctx context.Context, paymentID, reference string) (payment.Intent, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	operation := fmt.Sprintf("capture %s (%s)", paymentID, reference)
	if reference == "" {
		return payment.Intent{}, fmt.Errorf("%s: %w", operation, payment.ErrNoSuchIntent)
	}
	captured, err := p.client.V1PaymentIntents.Capture(ctx, reference, &stripego.PaymentIntentCaptureParams{
		Expand: stripego.StringSlice(expanded("")),
	})
	if err == nil {
		return intentOf(captured), nil
	}
	intent, found := p.after(ctx, reference, err)
	if e := apiError(err); found && e.Type == stripego.ErrorTypeCard && intent.Status == payment.IntentAuthorized {
		// The bank refused the capture but may still hold the amount.
		if intent, err := p.Void(ctx, paymentID, reference); err != nil || intent.Status != payment.IntentVoided {
			return intent, err
		}
		intent.Status, intent.Decline = payment.IntentDeclined, declineOf(e)
	}
	if found {
		return intent, nil
	}
	return payment.Intent{}, failure(operation, err)
}

// Void implements payment.Processor. Like Capture it needs no idempotency key.
func (p *Processor) Void(ctx context.Context, paymentID, reference string) (payment.Intent, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	operation := fmt.Sprintf("void %s (%s)", paymentID, reference)
	if reference == "" {
		return payment.Intent{}, fmt.Errorf("%s: %w", operation, payment.ErrNoSuchIntent)
	}
	cancelled, err := p.client.V1PaymentIntents.Cancel(ctx, reference, &stripego.PaymentIntentCancelParams{
		Expand: stripego.StringSlice(expanded("")),
	})
	if err == nil {
		return intentOf(cancelled), nil
	}
	if intent, found := p.after(ctx, reference, err); found {
		return intent, nil
	}
	return payment.Intent{}, failure(operation, err)
}

// after reads the intent after a request to change it failed with err, and reports whether the intent answers the
// request: it does if Stripe refused the change because of the intent's state, or failed but the intent has ended.
func (p *Processor) after(ctx context.Context, reference string, err error) (payment.Intent, bool) {
	e := apiError(err)
	refused := e != nil &&
		(e.Type == stripego.ErrorTypeCard || e.Code == stripego.ErrorCodePaymentIntentUnexpectedState)
	failed := e != nil && e.HTTPStatusCode >= http.StatusInternalServerError
	if !refused && !failed {
		return payment.Intent{}, false
	}
	intent, err := p.Find(ctx, reference)
	if err != nil {
		return payment.Intent{}, false
	}
	ended := intent.Status == payment.IntentCaptured ||
		intent.Status == payment.IntentVoided || intent.Status == payment.IntentDeclined
	return intent, refused || ended
}

// Find implements payment.Processor.
func (p *Processor) Find(ctx context.Context, reference string) (payment.Intent, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if reference == "" {
		return payment.Intent{}, fmt.Errorf("find an intent: %w", payment.ErrNoSuchIntent)
	}
	found, err := p.client.V1PaymentIntents.Retrieve(ctx, reference, &stripego.PaymentIntentRetrieveParams{
		Expand: stripego.StringSlice(expanded("")),
	})
	if err != nil {
		return payment.Intent{}, failure("find "+reference, err)
	}
	return intentOf(found), nil
}

// Ledger implements payment.Processor with a hundred intents per request.
func (p *Processor) Ledger(ctx context.Context, since time.Time) iter.Seq2[payment.Intent, error] {
	params := &stripego.PaymentIntentListParams{
		CreatedRange: &stripego.RangeQueryParams{GreaterThanOrEqual: since.Unix()},
		Expand:       stripego.StringSlice(expanded("data.")),
	}
	params.Limit = stripego.Int64(100)
	return func(yield func(payment.Intent, error) bool) {
		p.client.V1PaymentIntents.List(ctx, params)(func(pi *stripego.PaymentIntent, err error) bool {
			if err != nil {
				yield(payment.Intent{}, failure("read the ledger", err))
				return false
			}
			return yield(intentOf(pi), nil)
		})
	}
}

// expanded returns the objects to include in an intent: the charge for its refunds, the payment method for its card.
func expanded(prefix string) []string {
	return []string{prefix + "latest_charge", prefix + "payment_method"}
}

// replayed reports whether Stripe repeated the response that it had stored under the idempotency key.
func replayed(r *stripego.APIResponse) bool {
	return r != nil && r.Header.Get("Idempotent-Replayed") == "true"
}
