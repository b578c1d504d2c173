package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Statuses of an intent: https://docs.stripe.com/payments/paymentintents/lifecycle.
const (
	requiresPaymentMethod = "requires_payment_method"
	requiresAction        = "requires_action"
	requiresCapture       = "requires_capture"
	canceled              = "canceled"
	succeeded             = "succeeded"
)

// Movements of money in the ledger.
const (
	moneyAuthorized = "authorized"
	moneyCaptured   = "captured"
	moneyVoided     = "voided"
	moneyRefunded   = "refunded"
)

const maxAmount = 99_999_999 // eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts

// intent is a row of intents, with its refunds.
type intent struct {
	Seq            int64
	ID             string
	CreatedAt      time.Time
	Amount         int64
	Currency       string
	Description    string
	Metadata       map[string]string
	ReturnURL      string
	Token          string
	Status         string
	ErrorCode      string
	DeclineCode    string
	AmountReceived int64
	Charged        bool
	CanceledAt     *time.Time
	ClientSecret   string
	PageSecret     string
	Refunded       int64 // including pending refunds
}

func (i intent) token() Token {
	t, _ := findToken(i.Token) // createIntent has checked the name
	return t
}

// createIntent creates and confirms an intent. It supports confirm=true with capture_method=manual only.
func (s *Simulator) createIntent(ctx context.Context, tx pgx.Tx, _ string, f *form) (answer, error) {
	amount, err := positive(f, "amount", maxAmount)
	if err != nil {
		return answer{}, err
	}
	currency := f.value("currency")
	if len(currency) != 3 || strings.ToLower(currency) != currency {
		return answer{}, invalid("currency", "Invalid currency: "+currency)
	}
	if f.value("confirm") != "true" || f.value("capture_method") != "manual" {
		return answer{}, invalid("confirm", "The simulator supports confirm=true with capture_method=manual only.")
	}
	if types := f.list("payment_method_types"); len(types) > 0 && !slices.Equal(types, []string{"card"}) {
		return answer{}, invalid("payment_method_types", "The simulator supports cards only.")
	}
	expand, err := expansions(f, "")
	if err != nil {
		return answer{}, err
	}
	token, known := findToken(f.value("payment_method"))
	if !known {
		return answer{}, missing("PaymentMethod", f.value("payment_method"), "payment_method", http.StatusBadRequest)
	}
	name := rand.Text()
	i := intent{
		ID: "pi_" + name, CreatedAt: s.now(), Amount: amount, Currency: currency, Description: f.value("description"),
		Metadata: f.hash("metadata"), ReturnURL: f.value("return_url"), Token: token.Name, Status: requiresAction,
		ClientSecret: "pi_" + name + "_secret_" + rand.Text(), PageSecret: rand.Text(),
	}
	f.value("use_stripe_sdk") // ignored: the bank's page works without an SDK
	if err := f.rejectUnread(); err != nil {
		return answer{}, err
	}
	if token.faultyPath == onAuthorize && token.fault == failBefore {
		return withFault(answer{}, token, onAuthorize), nil
	}
	if err := insertIntent(ctx, tx, i); err != nil {
		return answer{}, err
	}
	if token.bank {
		if err := s.queueEvent(ctx, tx, "payment_intent.requires_action", s.show(i, nil)); err != nil {
			return answer{}, err
		}
		return ok(s.show(i, expand)), nil
	}
	i, err = s.authorize(ctx, tx, i)
	if err != nil {
		return answer{}, err
	}
	if i.Status == requiresPaymentMethod {
		return s.declined(i).answer(), nil
	}
	return withFault(ok(s.show(i, expand)), token, onAuthorize), nil
}

// authorize requests the bank's authorization.
func (s *Simulator) authorize(ctx context.Context, tx pgx.Tx, i intent) (intent, error) {
	i.Charged = true
	if d := i.token().decline; d != (decline{}) {
		return s.decline(ctx, tx, i, d)
	}
	i.Status = requiresCapture
	return i, s.update(ctx, tx, i, moneyAuthorized, "payment_intent.amount_capturable_updated")
}

// decline ends an attempt to pay and releases its hold.
func (s *Simulator) decline(ctx context.Context, tx pgx.Tx, i intent, d decline) (intent, error) {
	released := ""
	if i.Status == requiresCapture {
		released = moneyVoided
	}
	i.Status, i.ErrorCode, i.DeclineCode = requiresPaymentMethod, d.code, d.declineCode
	return i, s.update(ctx, tx, i, released, "payment_intent.payment_failed")
}

// update stores the intent with the movement of its whole amount, if any, and queues the event.
func (s *Simulator) update(ctx context.Context, tx pgx.Tx, i intent, movement, event string) error {
	if err := updateIntent(ctx, tx, i); err != nil {
		return err
	}
	if movement != "" {
		if err := insertMovement(ctx, tx, s.now(), i, movement, i.Amount); err != nil {
			return err
		}
	}
	return s.queueEvent(ctx, tx, event, s.show(i, nil))
}

// declined returns the error for a declined intent.
func (s *Simulator) declined(i intent) apiError {
	e := *s.show(i, nil).LastPaymentError
	e.PaymentIntent, e.status = s.show(i, nil), http.StatusPaymentRequired
	return e
}

func (s *Simulator) captureIntent(ctx context.Context, tx pgx.Tx, id string, f *form) (answer, error) {
	expand, err := onlyExpansions(f)
	if err != nil {
		return answer{}, err
	}
	i, err := lockIntent(ctx, tx, id)
	if err != nil {
		return answer{}, noIntent(err, id, "intent", http.StatusNotFound)
	}
	if i.Status != requiresCapture {
		return s.unexpected(i, "captured", "requires_capture").answer(), nil
	}
	if i.token().captureFails {
		if i, err = s.decline(ctx, tx, i, decline{"card_declined", "generic_decline"}); err != nil {
			return answer{}, err
		}
		return s.declined(i).answer(), nil
	}
	i.Status, i.AmountReceived = succeeded, i.Amount
	captured := withFault(ok(s.show(i, expand)), i.token(), onCapture)
	return captured, s.update(ctx, tx, i, moneyCaptured, "payment_intent.succeeded")
}

func (s *Simulator) cancelIntent(ctx context.Context, tx pgx.Tx, id string, f *form) (answer, error) {
	expand, err := onlyExpansions(f)
	if err != nil {
		return answer{}, err
	}
	i, err := lockIntent(ctx, tx, id)
	if err != nil {
		return answer{}, noIntent(err, id, "intent", http.StatusNotFound)
	}
	if i.Status == canceled || i.Status == succeeded {
		return s.unexpected(i, "canceled", "requires_payment_method, requires_capture, requires_action").answer(), nil
	}
	released := ""
	if i.Status == requiresCapture {
		released = moneyVoided
	}
	now := s.now()
	i.Status, i.CanceledAt = canceled, &now
	return ok(s.show(i, expand)), s.update(ctx, tx, i, released, "payment_intent.canceled")
}

func (s *Simulator) unexpected(i intent, done, want string) apiError {
	return apiError{
		Type: invalidRequest, Code: unexpectedState, PaymentIntent: s.show(i, nil),
		Message: "This PaymentIntent could not be " + done + " because it has a status of " + i.Status +
			". Only a PaymentIntent with one of the following statuses may be " + done + ": " + want + ".",
	}
}

func (s *Simulator) readIntent(ctx context.Context, id string, f *form) (any, error) {
	expand, err := onlyExpansions(f)
	if err != nil {
		return nil, err
	}
	i, err := findIntent(ctx, s.pool, id)
	if err != nil {
		return nil, noIntent(err, id, "intent", http.StatusNotFound)
	}
	return s.show(i, expand), nil
}

func (s *Simulator) listIntents(ctx context.Context, _ string, f *form) (any, error) {
	since, err := createdSince(f)
	if err != nil {
		return nil, err
	}
	expand, err := expansions(f, "data.")
	if err != nil {
		return nil, err
	}
	p, err := pageOf(f)
	if err != nil {
		return nil, err
	}
	before := int64(0)
	if p.startingAfter != "" {
		last, err := findIntent(ctx, s.pool, p.startingAfter)
		if err != nil {
			return nil, noIntent(err, p.startingAfter, "starting_after", http.StatusBadRequest)
		}
		before = last.Seq
	}
	intents, err := selectIntents(ctx, s.pool, since, before, p.limit+1)
	if err != nil {
		return nil, err
	}
	shown := make([]paymentIntent, 0, len(intents))
	for _, i := range intents[:min(len(intents), p.limit)] {
		shown = append(shown, s.show(i, expand))
	}
	return list{Object: "list", URL: "/v1/payment_intents", HasMore: len(intents) > p.limit, Data: shown}, nil
}

// noIntent returns the client's error for pgx.ErrNoRows, and any other error as it is.
func noIntent(err error, id, param string, status int) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return missing("payment_intent", id, param, status)
	}
	return err
}

// positive returns a number from 1 to most.
func positive(f *form, name string, most int64) (int64, error) {
	refuse := func(code, message string) (int64, error) {
		return 0, apiError{Type: invalidRequest, Code: code, Param: name, Message: message}
	}
	n, err := strconv.ParseInt(f.value(name), 10, 64)
	switch {
	case err != nil:
		return refuse("parameter_invalid_integer", "Invalid integer: "+f.value(name))
	case n < 1:
		return refuse("amount_too_small", "Amount must be at least 1.")
	case n > most:
		return refuse("amount_too_large", "Amount must be no more than "+strconv.FormatInt(most, 10)+".")
	}
	return n, nil
}

// createdSince returns the parameter created[gte]; the zero time if there is none.
func createdSince(f *form) (time.Time, error) {
	created := f.hash("created")
	for name := range created {
		if name != "gte" {
			return time.Time{}, invalid("created["+name+"]", "The simulator supports created[gte] only.")
		}
	}
	if created["gte"] == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(created["gte"], 10, 64)
	if err != nil {
		return time.Time{}, invalid("created[gte]", "Invalid timestamp: must be an integer Unix timestamp")
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// page is the requested part of a list.
type page struct {
	limit         int
	startingAfter string
}

// pageOf returns the requested page. It must be the last to read the form.
func pageOf(f *form) (page, error) {
	p := page{limit: 10, startingAfter: f.value("starting_after")}
	if given := f.value("limit"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > 100 {
			return page{}, invalid("limit", "This value must be between 1 and 100.")
		}
		p.limit = n
	}
	return p, f.rejectUnread()
}

// expansions returns the ids to replace by their objects.
func expansions(f *form, prefix string) ([]string, error) {
	var names []string
	for _, e := range f.list("expand") {
		name, ok := strings.CutPrefix(e, prefix)
		if !ok || name != "latest_charge" && name != "payment_method" {
			return nil, invalid("expand", "This property cannot be expanded ("+e+").")
		}
		names = append(names, name)
	}
	return names, nil
}

// onlyExpansions returns the expansions of a request that supports no other parameters.
func onlyExpansions(f *form) ([]string, error) {
	expand, err := expansions(f, "")
	if err != nil {
		return nil, err
	}
	return expand, f.rejectUnread()
}
