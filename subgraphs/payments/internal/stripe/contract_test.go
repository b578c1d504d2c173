package stripe_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
	"boxoffice.dev/subgraphs/stripesim/simulator"
)

func TestCapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := authorization("pm_card_visa")
	held, err := w.Authorize(t.Context(), a)
	want(t, "authorize", held, err, payment.IntentAuthorized)
	expected := payment.Intent{
		Reference: held.Reference, PaymentID: a.PaymentID, Status: payment.IntentAuthorized, Amount: usd(1999), CreatedAt: held.CreatedAt,
		Card: &payment.Card{Brand: "visa", Last4: "4242", ExpiryMonth: 12, ExpiryYear: held.CreatedAt.Year() + 1},
	}
	if held.Reference == "" || held.CreatedAt.IsZero() || held.CreatedAt.Location() != time.UTC || !reflect.DeepEqual(held, expected) {
		t.Errorf("got %+v, want %+v", held, expected)
	}
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999})

	expected.Status, expected.CapturedMinorUnits = payment.IntentCaptured, 1999
	for _, call := range []string{"capture", "repeated capture"} {
		got, err := w.Capture(t.Context(), a.PaymentID, held.Reference)
		if err != nil || !reflect.DeepEqual(got, expected) {
			t.Errorf("%s: got %+v, %v; want %+v", call, got, err, expected)
		}
	}
	found, err := w.Find(t.Context(), held.Reference)
	if err != nil || !reflect.DeepEqual(found, expected) {
		t.Errorf("find: got %+v, %v; want %+v", found, err, expected)
	}
	if all := w.ledger(t, a.PaymentID); len(all) != 1 || !reflect.DeepEqual(all[0], expected) {
		t.Errorf("ledger: got %+v, want only %+v", all, expected)
	}
	voided, err := w.Void(t.Context(), a.PaymentID, held.Reference)
	want(t, "void a captured intent", voided, err, payment.IntentCaptured)
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999})
}

func TestVoid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, held := w.authorized(t, "pm_card_mastercard")
	for _, call := range []string{"void", "repeated void"} {
		got, err := w.Void(t.Context(), a.PaymentID, held.Reference)
		want(t, call, got, err, payment.IntentVoided)
	}
	got, err := w.Capture(t.Context(), a.PaymentID, held.Reference)
	want(t, "capture a voided intent", got, err, payment.IntentVoided)
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Voided: 1999})
}

// The outcome of an authorization with each of the simulator's tokens.
func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	declined := func(reason events.DeclineReason, message string) payment.Intent {
		return payment.Intent{Status: payment.IntentDeclined, Decline: &payment.Decline{Reason: reason, Message: message}}
	}
	unknown, held := payment.Intent{}, payment.Intent{Status: payment.IntentAuthorized}
	cases := map[string]payment.Intent{
		"pm_card_visa":                                 held,
		"pm_card_mastercard":                           held,
		"pm_card_amex":                                 held,
		"pm_card_pendingRefund":                        held,
		"pm_card_visa_chargeDeclined":                  declined(events.CardDeclined, "Your card was declined."),
		"pm_card_chargeDeclined":                       declined(events.CardDeclined, "Your card was declined."),
		"pm_card_visa_chargeDeclinedLostCard":          declined(events.CardDeclined, "Your card was declined."),
		"pm_card_visa_chargeDeclinedInsufficientFunds": declined(events.InsufficientFunds, "Your card has insufficient funds."),
		"pm_card_chargeDeclinedInsufficientFunds":      declined(events.InsufficientFunds, "Your card has insufficient funds."),
		"pm_card_chargeDeclinedExpiredCard":            declined(events.ExpiredCard, "Your card has expired."),
		"pm_card_chargeDeclinedIncorrectCvc":           declined(events.CardDeclined, "Your card's security code is incorrect."),
		"pm_card_chargeDeclinedProcessingError":        declined(events.ProcessingError, "An error occurred while processing your card. Try again in a little bit."),
		"pm_card_threeDSecure2Required":                {Status: payment.IntentRequiresAction},
		"pm_card_authenticationRequired":               {Status: payment.IntentRequiresAction},
		"pm_card_threeDSecureRequiredChargeDeclined":   {Status: payment.IntentRequiresAction},
		"pm_sim_slow":                                  held,
		"pm_sim_timeout_after_success":                 unknown,
		"pm_sim_error_after_success":                   unknown,
		"pm_sim_error":                                 unknown,
		"pm_sim_capture_fails":                         held,
		"pm_sim_capture_timeout_after_success":         held,
		"pm_sim_capture_error_after_success":           held,
		"pm_sim_refund_fails":                          held,
		"pm_sim_refund_timeout_after_success":          held,
		"pm_sim_refund_error_after_success":            held,
		"pm_unknown":                                   declined(events.ProcessingError, "The card's details are no longer valid. Enter the card again."),
		"":                                             declined(events.ProcessingError, "The card's details are no longer valid. Enter the card again."),
		"4242424242424242":                             declined(events.ProcessingError, "The card's details are no longer valid. Enter the card again."),
	}
	for _, token := range simulator.Tokens() {
		if _, ok := cases[token.Name]; !ok {
			t.Errorf("no case for %s", token.Name)
		}
		if token.Meaning == "" || strings.Contains(token.Meaning, "\n") {
			t.Errorf("%s: meaning %q", token.Name, token.Meaning)
		}
	}
	for token, want := range cases {
		t.Run("token "+token, func(t *testing.T) {
			t.Parallel()
			a := authorization(token)
			got, err := w.Authorize(t.Context(), a)
			if want.Status == "" {
				wantErr(t, "authorize", err, payment.ErrOutcomeUnknown)
				return
			}
			if err != nil || got.Status != want.Status || !reflect.DeepEqual(got.Decline, want.Decline) {
				t.Errorf("got %+v %+v, %v; want %+v %+v", got, got.Decline, err, want, want.Decline)
			}
			if got.PaymentID != a.PaymentID || got.Amount != a.Amount {
				t.Errorf("got payment %s of %v, want %s of %v", got.PaymentID, got.Amount, a.PaymentID, a.Amount)
			}
			known := strings.HasPrefix(token, "pm_") && token != "pm_unknown"
			if known != (got.Reference != "") || known != (got.Card != nil) {
				t.Errorf("got reference %q, card %+v", got.Reference, got.Card)
			}
			if got.Status != payment.IntentDeclined || !known {
				return
			}
			found, err := w.Find(t.Context(), got.Reference)
			if err != nil || !reflect.DeepEqual(found, got) {
				t.Errorf("find: got %+v, %v; want %+v", found, err, got)
			}
			again, err := w.Authorize(t.Context(), a)
			if err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("repeated: got %+v, %v; want %+v", again, err, got)
			}
		})
	}
}

// Stripe's unit of some currencies differs from the minor unit of ISO 4217.
func TestCurrencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		currency string
		amount   int
		stripe   int64 // amount at Stripe; 0: refused
	}{
		{"USD", 1, 1},
		{"USD", 1999, 1999},
		{"EUR", 5, 5},
		{"JPY", 1999, 1999}, // no decimals at Stripe either
		{"KRW", 10000, 10000},
		{"MGA", 7, 7},
		{"ISK", 1999, 199900}, // no decimals, two at Stripe
		{"UGX", 5, 500},
		{"RSD", 1999, 199900}, // no decimals in CLDR, two at Stripe
		{"KWD", 1990, 1990},   // three decimals, the last one 0
		{"BHD", 10, 10},
		{"KWD", 1999, 0},
		{"TND", 1, 0},
		{"CLF", 100, 1}, // four decimals, two at Stripe
		{"CLF", 101, 0},
		{"USD", 0, 0},
		{"USD", -5, 0},
	} {
		a := authorization("pm_card_visa")
		a.Amount = money.Money{MinorUnits: tt.amount, Currency: tt.currency}
		i, err := w.Authorize(t.Context(), a)
		if tt.stripe == 0 {
			if want(t, a.Amount.Decimal(), i, err, payment.IntentDeclined); i.Reference != "" || !strings.Contains(i.Decline.Message, tt.currency) {
				t.Errorf("%v: got %+v %+v, want a decline that names the currency", a.Amount, i, i.Decline)
			}
			continue
		}
		if want(t, a.Amount.Decimal(), i, err, payment.IntentAuthorized); i.Amount != a.Amount {
			t.Errorf("got %v, want %v", i.Amount, a.Amount)
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: int(tt.stripe)})
		i, err = w.Capture(t.Context(), a.PaymentID, i.Reference)
		if err != nil || i.CapturedMinorUnits != tt.amount {
			t.Errorf("capture %v: got %+v, %v", a.Amount, i, err)
		}
		r, err := w.Refund(t.Context(), payment.RefundRequest{RefundID: id.New(id.Refund), PaymentID: a.PaymentID, Reference: i.Reference, Amount: a.Amount})
		if err != nil || r.Status != payment.RefundSucceeded {
			t.Errorf("refund %v: got %+v, %v", a.Amount, r, err)
		}
		if i, err = w.Find(t.Context(), i.Reference); err != nil || i.RefundedMinorUnits != tt.amount {
			t.Errorf("find %v: got %+v, %v", a.Amount, i, err)
		}
	}
	a := authorization("pm_card_visa")
	a.Amount = money.Money{MinorUnits: money.MaxMinorUnits, Currency: "ISK"} // too many digits for Stripe
	i, err := w.Authorize(t.Context(), a)
	if want(t, "too much", i, err, payment.IntentDeclined); i.Reference != "" {
		t.Errorf("got %+v, want a decline", i)
	}
}

func TestRepeatedAuthorize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, first := w.captured(t, "pm_card_visa")
	again, err := w.Authorize(t.Context(), a)
	if want(t, "after the capture", again, err, payment.IntentCaptured); again.Reference != first.Reference {
		t.Errorf("got %s, want %s", again.Reference, first.Reference)
	}

	t.Run("with other parameters", func(t *testing.T) {
		other := a
		other.Amount = usd(2000)
		_, err := w.Authorize(t.Context(), other)
		wantErr(t, "authorize", err, payment.ErrOutcomeUnknown)
	})
	t.Run("after the key has expired", func(t *testing.T) {
		for _, d := range []time.Duration{23*time.Hour + time.Minute, 2 * time.Hour, 30 * 24 * time.Hour} {
			w.clock.advance(d)
			again, err := w.Authorize(t.Context(), a)
			if want(t, "authorize", again, err, payment.IntentCaptured); again.Reference != first.Reference {
				t.Errorf("got %s, want %s", again.Reference, first.Reference)
			}
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999})
	})
	t.Run("first request long after the payment began", func(t *testing.T) {
		late := authorization("pm_card_visa")
		w.clock.advance(48 * time.Hour)
		i, err := w.Authorize(t.Context(), late)
		want(t, "authorize", i, err, payment.IntentAuthorized)
	})
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := authorization("pm_card_visa")
	const callers = 20
	references := make([]string, callers)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			for range 10_000 {
				var i payment.Intent
				i, errs[n] = w.Authorize(t.Context(), a)
				references[n] = i.Reference
				if !errors.Is(errs[n], payment.ErrOutcomeUnknown) { // the key is in use by another caller
					return
				}
			}
		})
	}
	group.Wait()
	for n := range callers {
		if errs[n] != nil || references[n] != references[0] {
			t.Errorf("caller %d: got %s, %v; want %s", n, references[n], errs[n], references[0])
		}
	}
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999})

	for n := range callers {
		group.Go(func() {
			i, err := w.Capture(t.Context(), a.PaymentID, references[n])
			if err != nil || i.Status != payment.IntentCaptured {
				t.Errorf("capture: got %+v, %v", i, err)
			}
		})
	}
	group.Wait()
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999})
}

// After an unknown outcome the caller repeats the call or searches the ledger.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("authorized, response lost", func(t *testing.T) {
		t.Parallel()
		a := authorization("pm_sim_timeout_after_success")
		_, err := w.Authorize(t.Context(), a)
		wantErr(t, "first", err, payment.ErrOutcomeUnknown)
		i, err := w.Authorize(t.Context(), a)
		want(t, "repeated", i, err, payment.IntentAuthorized)
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999})
	})
	t.Run("authorized, response 500", func(t *testing.T) {
		t.Parallel()
		a := authorization("pm_sim_error_after_success")
		for _, call := range []string{"first", "repeated: Stripe repeats the 500"} {
			_, err := w.Authorize(t.Context(), a)
			wantErr(t, call, err, payment.ErrOutcomeUnknown)
		}
		found := w.ledger(t, a.PaymentID)
		if len(found) != 1 || found[0].Status != payment.IntentAuthorized {
			t.Fatalf("ledger: got %+v, want one that is authorized", found)
		}
		i, err := w.Capture(t.Context(), a.PaymentID, found[0].Reference)
		want(t, "capture", i, err, payment.IntentCaptured)
	})
	t.Run("not carried out, response 500", func(t *testing.T) {
		t.Parallel()
		a := authorization("pm_sim_error")
		_, err := w.Authorize(t.Context(), a)
		wantErr(t, "authorize", err, payment.ErrOutcomeUnknown)
		if found := w.ledger(t, a.PaymentID); len(found) != 0 {
			t.Errorf("ledger: got %+v, want nothing", found)
		}
	})
	t.Run("captured, response lost", func(t *testing.T) {
		t.Parallel()
		a, held := w.authorized(t, "pm_sim_capture_timeout_after_success")
		_, err := w.Capture(t.Context(), a.PaymentID, held.Reference)
		wantErr(t, "first", err, payment.ErrOutcomeUnknown)
		i, err := w.Capture(t.Context(), a.PaymentID, held.Reference)
		want(t, "repeated", i, err, payment.IntentCaptured)
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999})
	})
	t.Run("captured, response 500", func(t *testing.T) {
		t.Parallel()
		a, held := w.authorized(t, "pm_sim_capture_error_after_success")
		i, err := w.Capture(t.Context(), a.PaymentID, held.Reference)
		want(t, "capture", i, err, payment.IntentCaptured)
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999})
	})
	t.Run("refunded, response lost", func(t *testing.T) {
		t.Parallel()
		a, paid := w.captured(t, "pm_sim_refund_timeout_after_success")
		r := payment.RefundRequest{RefundID: id.New(id.Refund), PaymentID: a.PaymentID, Reference: paid.Reference, Amount: usd(500)}
		_, err := w.Refund(t.Context(), r)
		wantErr(t, "first", err, payment.ErrOutcomeUnknown)
		if got, err := w.Refund(t.Context(), r); err != nil || got.Status != payment.RefundSucceeded {
			t.Errorf("repeated: got %+v, %v", got, err)
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999, Refunded: 500})
	})
	t.Run("refunded, response 500", func(t *testing.T) {
		t.Parallel()
		a, paid := w.captured(t, "pm_sim_refund_error_after_success")
		r := payment.RefundRequest{RefundID: id.New(id.Refund), PaymentID: a.PaymentID, Reference: paid.Reference, Amount: usd(500)}
		for _, call := range []string{"first", "repeated"} { // finds the refund in the list of the intent's refunds
			if got, err := w.Refund(t.Context(), r); err != nil || got.Status != payment.RefundSucceeded || got.Reference == "" {
				t.Errorf("%s: got %+v, %v", call, got, err)
			}
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999, Refunded: 500})
	})
}

func TestDeclinedCapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, held := w.authorized(t, "pm_sim_capture_fails")
	for _, call := range []string{"capture", "repeated capture"} {
		i, err := w.Capture(t.Context(), a.PaymentID, held.Reference)
		if want(t, call, i, err, payment.IntentDeclined); i.Decline == nil || i.Decline.Reason != events.CardDeclined {
			t.Errorf("%s: got %+v", call, i.Decline)
		}
	}
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Voided: 1999})
	i, err := w.Void(t.Context(), a.PaymentID, held.Reference)
	want(t, "void a declined intent", i, err, payment.IntentVoided)
	w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Voided: 1999})
}

func TestUnknownReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, reference := range []string{"", "pi_unknown", "../refunds", "pi_1?expand[]=x"} {
		_, err := w.Find(t.Context(), reference)
		wantErr(t, "find "+reference, err, payment.ErrNoSuchIntent)
		_, err = w.Capture(t.Context(), id.New(id.Payment), reference)
		wantErr(t, "capture "+reference, err, payment.ErrNoSuchIntent)
		_, err = w.Void(t.Context(), id.New(id.Payment), reference)
		wantErr(t, "void "+reference, err, payment.ErrNoSuchIntent)
		_, err = w.FindRefund(t.Context(), reference)
		wantErr(t, "find refund "+reference, err, payment.ErrNoSuchIntent)
		_, err = w.Refund(t.Context(), payment.RefundRequest{RefundID: id.New(id.Refund), Reference: reference, Amount: usd(1)})
		wantErr(t, "refund "+reference, err, payment.ErrNoSuchIntent)
	}
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refund := func(reference, refundID string, minorUnits int) (payment.RefundResult, error) {
		return w.Refund(t.Context(), payment.RefundRequest{RefundID: refundID, Reference: reference, Amount: usd(minorUnits)})
	}
	t.Run("in parts", func(t *testing.T) {
		a, paid := w.captured(t, "pm_card_visa")
		first := id.New(id.Refund)
		part, err := refund(paid.Reference, first, 500)
		if err != nil || part.Status != payment.RefundSucceeded || part.Reference == "" {
			t.Fatalf("part: got %+v, %v", part, err)
		}
		if again, err := refund(paid.Reference, first, 500); err != nil || again != part {
			t.Errorf("repeated: got %+v, %v; want %+v", again, err, part)
		}
		if found, err := w.FindRefund(t.Context(), part.Reference); err != nil || found != part {
			t.Errorf("find: got %+v, %v; want %+v", found, err, part)
		}
		if i, err := w.Find(t.Context(), paid.Reference); err != nil || i.Status != payment.IntentCaptured || i.RefundedMinorUnits != 500 {
			t.Errorf("intent: got %+v, %v", i, err)
		}
		if more, err := refund(paid.Reference, id.New(id.Refund), 1500); err != nil || more != (payment.RefundResult{Status: payment.RefundFailed}) {
			t.Errorf("more than is left: got %+v, %v", more, err)
		}
		if rest, err := refund(paid.Reference, id.New(id.Refund), 1499); err != nil || rest.Status != payment.RefundSucceeded {
			t.Errorf("the rest: got %+v, %v", rest, err)
		}
		if more, err := refund(paid.Reference, id.New(id.Refund), 1); err != nil || more != (payment.RefundResult{Status: payment.RefundFailed}) {
			t.Errorf("after a full refund: got %+v, %v", more, err)
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999, Refunded: 1999})
	})
	t.Run("concurrent", func(t *testing.T) {
		a, paid := w.captured(t, "pm_card_visa")
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := refund(paid.Reference, id.New(id.Refund), 500); err != nil {
					t.Errorf("refund: %v", err)
				}
			})
		}
		group.Wait()
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999, Refunded: 1500})
	})
	t.Run("after the key has expired", func(t *testing.T) {
		a, paid := w.captured(t, "pm_card_visa")
		refundID := id.New(id.Refund)
		first, err := refund(paid.Reference, refundID, 500)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.advance(25 * time.Hour)
		if again, err := refund(paid.Reference, refundID, 500); err != nil || again != first {
			t.Errorf("got %+v, %v; want %+v", again, err, first)
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999, Refunded: 500})
	})
	t.Run("failed", func(t *testing.T) {
		a, paid := w.captured(t, "pm_sim_refund_fails")
		got, err := refund(paid.Reference, id.New(id.Refund), 500)
		if err != nil || got.Status != payment.RefundFailed {
			t.Errorf("got %+v, %v", got, err)
		}
		w.wantBalance(t, a.PaymentID, balance{Intents: 1, Authorized: 1999, Captured: 1999})
	})
	t.Run("of an intent that is not captured", func(t *testing.T) {
		_, held := w.authorized(t, "pm_card_visa")
		if got, err := refund(held.Reference, id.New(id.Refund), 500); err == nil {
			t.Errorf("got %+v, want an error", got)
		}
	})
}

// page is a response to a browser.
type page struct {
	status       int
	header       http.Header
	body, target string // target is where a redirect leads; it is not followed
}

func browse(t *testing.T, method, address string, form url.Values) page {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header, string(body), resp.Header.Get("Location")}
}

// bank submits the decision on the bank's page.
func bank(t *testing.T, i payment.Intent, decision string) page {
	t.Helper()
	if i.Status != payment.IntentRequiresAction || i.Action == nil || i.Action.RedirectURL == "" || i.Action.ClientSecret == "" {
		t.Fatalf("got %+v %+v, want an action", i, i.Action)
	}
	return browse(t, http.MethodPost, i.Action.RedirectURL, url.Values{"decision": {decision}})
}

func TestThreeDSecure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	requireAction := func(t *testing.T, token string) (payment.Authorization, payment.Intent) {
		t.Helper()
		a := authorization(token)
		i, err := w.Authorize(t.Context(), a)
		return a, want(t, "authorize", i, err, payment.IntentRequiresAction)
	}
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		a, i := requireAction(t, "pm_card_threeDSecure2Required")
		got, err := w.Capture(t.Context(), a.PaymentID, i.Reference)
		want(t, "capture before the decision", got, err, payment.IntentRequiresAction)
		w.wantBalance(t, a.PaymentID, balance{})
		if got := bank(t, i, "approve"); got.status != http.StatusOK {
			t.Errorf("got %+v", got)
		}
		got, err = w.Find(t.Context(), i.Reference)
		if want(t, "find", got, err, payment.IntentAuthorized); got.Action != nil {
			t.Errorf("got %+v, want no action", got.Action)
		}
		got, err = w.Authorize(t.Context(), a)
		want(t, "repeated authorize", got, err, payment.IntentAuthorized)
		bank(t, i, "decline") // too late
		got, err = w.Capture(t.Context(), a.PaymentID, i.Reference)
		want(t, "capture", got, err, payment.IntentCaptured)
	})
	t.Run("declined", func(t *testing.T) {
		t.Parallel()
		a, i := requireAction(t, "pm_card_authenticationRequired")
		bank(t, i, "decline")
		bank(t, i, "approve") // too late
		got, err := w.Find(t.Context(), i.Reference)
		want(t, "find", got, err, payment.IntentDeclined)
		if wantDecline := (payment.Decline{Reason: events.AuthenticationFailed, Message: "Your bank could not verify your identity."}); *got.Decline != wantDecline {
			t.Errorf("got %+v, want %+v", *got.Decline, wantDecline)
		}
		w.wantBalance(t, a.PaymentID, balance{})
	})
	t.Run("approved, then declined by the card", func(t *testing.T) {
		t.Parallel()
		_, i := requireAction(t, "pm_card_threeDSecureRequiredChargeDeclined")
		bank(t, i, "approve")
		got, err := w.Find(t.Context(), i.Reference)
		if want(t, "find", got, err, payment.IntentDeclined); got.Decline.Reason != events.CardDeclined {
			t.Errorf("got %+v", got.Decline)
		}
	})
	t.Run("voided before the decision", func(t *testing.T) {
		t.Parallel()
		a, i := requireAction(t, "pm_card_threeDSecure2Required")
		got, err := w.Void(t.Context(), a.PaymentID, i.Reference)
		want(t, "void", got, err, payment.IntentVoided)
		bank(t, i, "approve") // too late
		got, err = w.Find(t.Context(), i.Reference)
		want(t, "find", got, err, payment.IntentVoided)
		w.wantBalance(t, a.PaymentID, balance{})
	})
	t.Run("redirect to the return URL", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Processor = stripe.New(stripe.Config{SecretKey: secretKey, APIBase: w.url, ReturnURL: "http://shop.example/orders?a=b", Now: w.clock.now})
		for decision, status := range map[string]string{"approve": "succeeded", "decline": "failed"} {
			i, err := w.Authorize(t.Context(), authorization("pm_card_threeDSecure2Required"))
			want(t, "authorize", i, err, payment.IntentRequiresAction)
			got := bank(t, i, decision)
			wantURL := "http://shop.example/orders?a=b&payment_intent=" + i.Reference + "&payment_intent_client_secret=" + i.Action.ClientSecret + "&redirect_status=" + status
			if got.status != http.StatusSeeOther || got.target != wantURL {
				t.Errorf("%s: got %d to %s, want %s", decision, got.status, got.target, wantURL)
			}
		}
	})
}

func TestBankPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := authorization("pm_card_threeDSecure2Required")
	a.Description = "<script>alert(1)</script>"
	i, err := w.Authorize(t.Context(), a)
	want(t, "authorize", i, err, payment.IntentRequiresAction)
	shown := browse(t, http.MethodGet, i.Action.RedirectURL, nil)
	if !strings.Contains(shown.body, "3220") || !strings.Contains(shown.body, "Approve") || strings.Contains(shown.body, "<script") {
		t.Errorf("got %s", shown.body)
	}
	policy := shown.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
	if got := shown.header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("referrer policy: %s", got)
	}
	if got := bank(t, i, "perhaps"); got.status != http.StatusBadRequest {
		t.Errorf("invalid decision: got %+v", got)
	}
	bank(t, i, "approve")
	if got := browse(t, http.MethodGet, i.Action.RedirectURL, nil); strings.Contains(got.body, "<form") || !strings.Contains(got.body, "You can close this page.") {
		t.Errorf("after the decision: got %+v", got)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if got := browse(t, method, w.url+"/bank?secret=unknown", url.Values{"decision": {"approve"}}); got.status != http.StatusNotFound {
			t.Errorf("unknown secret: got %+v", got)
		}
	}
}

func TestLedgerPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, _ := w.authorized(t, "pm_card_visa")
	w.clock.advance(time.Hour + time.Second) // Stripe compares whole seconds
	since := w.clock.now()
	const count = 203 // three pages
	wanted := make([]string, count)
	for n := range count {
		a, _ := w.authorized(t, "pm_card_visa")
		wanted[count-1-n] = a.PaymentID
	}
	var got []string
	for i, err := range w.Ledger(t.Context(), since) {
		if err != nil {
			t.Fatal(err)
		}
		if i.Card == nil || i.Status != payment.IntentAuthorized {
			t.Fatalf("got %+v", i)
		}
		got = append(got, i.PaymentID)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("got %d intents, want %d, newest first", len(got), count)
	}
	if all := w.ledger(t, old.PaymentID); len(all) != 0 { // older than an hour
		t.Errorf("got %+v, want only intents since then", all)
	}
	w.Processor = w.adapter("sk_wrong")
	for _, err := range w.Ledger(t.Context(), since) {
		if err == nil {
			t.Error("got an intent with an invalid key")
		}
	}
}
