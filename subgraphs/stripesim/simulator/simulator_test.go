package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice.dev/pkg/postgres/pgtest"
)

const key = "sk_test_simulator"

// world is a simulator with a clock that the test sets.
type world struct {
	*Simulator
	server *httptest.Server

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, config Config) *world {
	t.Helper()
	w := &world{now: time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)}
	config.SecretKey = key
	config.Now = func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	}
	w.Simulator = New(config, pgtest.New(t, Migrations()))
	w.server = httptest.NewServer(w.Handler())
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// reply is a response of the simulator.
type reply struct {
	status   int
	replayed bool
	body     string
}

// call sends a request with headers, given as names and values.
func (w *world) call(t *testing.T, method, path string, form url.Values, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header.Get("Idempotent-Replayed") == "true", string(body)}
}

// want fails the test unless the reply has the status and contains the text.
func (r reply) want(t *testing.T, call string, status int, replayed bool, text string) reply {
	t.Helper()
	if r.status != status || r.replayed != replayed || !strings.Contains(r.body, text) {
		t.Errorf("%s: got %d, replayed %v: %s; want %d, %v, %s", call, r.status, r.replayed, r.body, status, replayed, text)
	}
	return r
}

func (r reply) id(t *testing.T) string {
	t.Helper()
	var object struct{ ID string }
	if err := json.Unmarshal([]byte(r.body), &object); err != nil || object.ID == "" {
		t.Fatalf("no id in %s", r.body)
	}
	return object.ID
}

func pay(token string, more ...string) url.Values {
	form := url.Values{
		"amount": {"1999"}, "currency": {"usd"}, "confirm": {"true"}, "capture_method": {"manual"}, "payment_method": {token},
		"metadata[payment_id]": {"pay_1"},
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func (w *world) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := w.pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The guarantees of https://docs.stripe.com/api/idempotent_requests.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	const intents, header = "/v1/payment_intents", "Idempotency-Key"
	t.Run("the first response is repeated", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		first := w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "first", 200, false, `"requires_capture"`)
		w.call(t, "POST", intents+"/"+first.id(t)+"/cancel", nil, header, "l").want(t, "cancel", 200, false, `"canceled"`)
		again := w.call(t, "POST", intents, pay("pm_card_visa"), header, "k")
		if again.want(t, "again", 200, true, ""); again.body != first.body {
			t.Errorf("got %s, want %s", again.body, first.body)
		}
	})
	t.Run("also if it was an error", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		for _, replayed := range []bool{false, true} {
			w.call(t, "POST", intents, pay("pm_card_chargeDeclined"), header, "declined").want(t, "declined", 402, replayed, `"card_declined"`)
			w.call(t, "POST", intents, pay("pm_sim_error"), header, "not carried out").want(t, "not carried out", 500, replayed, `"api_error"`)
			w.call(t, "POST", intents, pay("pm_sim_error_after_success"), header, "carried out").want(t, "carried out", 500, replayed, `"api_error"`)
		}
		if got := w.count(t, "intents"); got != 2 {
			t.Errorf("got %d intents, want the declined one and the one that was carried out", got)
		}
	})
	t.Run("only for the same parameters", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		first := w.call(t, "POST", intents, pay("pm_card_visa"), header, "k")
		w.call(t, "POST", intents, pay("pm_card_visa", "amount", "2000"), header, "k").want(t, "another amount", 400, false, `"idempotency_error"`)
		w.call(t, "POST", intents+"/"+first.id(t)+"/capture", pay("pm_card_visa"), header, "k").want(t, "another path", 400, false, `"idempotency_error"`)
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "the same", 200, true, first.id(t))
	})
	t.Run("not if the request was invalid", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		w.call(t, "POST", intents, pay("pm_card_visa", "amount", "0"), header, "k").want(t, "invalid", 400, false, `"amount"`)
		w.call(t, "POST", intents, pay("pm_unknown"), header, "k").want(t, "unknown token", 400, false, `"resource_missing"`)
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "valid", 200, false, `"requires_capture"`)
	})
}

// https://docs.stripe.com/api/idempotent_requests
func TestIdempotencyKeyLifetime(t *testing.T) {
	t.Parallel()
	const intents, header = "/v1/payment_intents", "Idempotency-Key"
	t.Run("for 24 hours", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "first", 200, false, "")
		w.advance(24*time.Hour - time.Second)
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "a day later", 200, true, "")
		w.advance(time.Second)
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "after a day", 200, false, "")
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "again", 200, true, "")
		w.advance(24 * time.Hour)
		if err := w.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.count(t, "requests"); got != 0 {
			t.Errorf("got %d keys, want expired ones deleted", got)
		}
	})
	t.Run("not during the first request", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		tx, err := w.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if locked, err := lockKey(t.Context(), tx, "k"); !locked || err != nil {
			t.Fatalf("lock: got %v, %v", locked, err)
		}
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "meanwhile", 409, false, `"idempotency_key_in_use"`)
		if err := tx.Rollback(t.Context()); err != nil { // as if the process had ended
			t.Fatal(err)
		}
		w.call(t, "POST", intents, pay("pm_card_visa"), header, "k").want(t, "afterwards", 200, false, "")
	})
	t.Run("not without a key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, Config{})
		for range 2 {
			w.call(t, "POST", intents, pay("pm_card_visa")).want(t, "pay", 200, false, "")
		}
		if got := w.count(t, "intents"); got != 2 {
			t.Errorf("got %d intents, want 2", got)
		}
	})
}

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	intents, refunds := "/v1/payment_intents", "/v1/refunds"
	held := w.call(t, "POST", intents, pay("pm_card_visa")).id(t)
	for name, tt := range map[string]struct {
		method, path string
		form         url.Values
		status       int
		text         string
	}{
		"no amount":                      {"POST", intents, pay("pm_card_visa", "amount", ""), 400, "parameter_invalid_integer"},
		"amount with decimals":           {"POST", intents, pay("pm_card_visa", "amount", "19.99"), 400, "parameter_invalid_integer"},
		"amount too large":               {"POST", intents, pay("pm_card_visa", "amount", "100000000"), 400, "amount_too_large"},
		"upper-case currency":            {"POST", intents, pay("pm_card_visa", "currency", "USD"), 400, `"currency"`},
		"automatic capture":              {"POST", intents, pay("pm_card_visa", "capture_method", "automatic"), 400, "capture_method=manual"},
		"another type":                   {"POST", intents, pay("pm_card_visa", "payment_method_types[0]", "ideal"), 400, "payment_method_types"},
		"unknown parameter":              {"POST", intents, pay("pm_card_visa", "colour", "red"), 400, "parameter_unknown"},
		"unknown expansion":              {"POST", intents, pay("pm_card_visa", "expand[0]", "customer"), 400, "cannot be expanded"},
		"malformed form":                 {"POST", intents, url.Values{"a[b][c]": {"1"}}, 400, "Invalid parameter name"},
		"64 KiB":                         {"POST", intents, pay("pm_card_visa", "description", strings.Repeat("x", 64<<10)), 400, "body"},
		"capture of an unknown intent":   {"POST", intents + "/pi_unknown/capture", nil, 404, "resource_missing"},
		"cancel of an unknown intent":    {"POST", intents + "/pi_unknown/cancel", nil, 404, "resource_missing"},
		"capture with parameters":        {"POST", intents + "/" + held + "/capture", url.Values{"amount_to_capture": {"1"}}, 400, "parameter_unknown"},
		"list with parameters":           {"GET", intents + "?customer=cus_1", nil, 400, "parameter_unknown"},
		"limit out of bounds":            {"GET", intents + "?limit=101", nil, 400, "limit"},
		"cursor of an unknown intent":    {"GET", intents + "?starting_after=pi_unknown", nil, 400, "resource_missing"},
		"unsupported filter":             {"GET", intents + "?created[lt]=1", nil, 400, "created[lt]"},
		"refund of an unknown intent":    {"POST", refunds, url.Values{"payment_intent": {"pi_unknown"}, "amount": {"1"}}, 404, "resource_missing"},
		"refund of an authorized intent": {"POST", refunds, url.Values{"payment_intent": {held}, "amount": {"1"}}, 400, "successful charge"},
		"unknown refund":                 {"GET", refunds + "/re_unknown", nil, 404, "resource_missing"},
		"cursor of an unknown refund":    {"GET", refunds + "?starting_after=re_unknown", nil, 400, "resource_missing"},
		"unknown path":                   {"GET", "/v1/customers", nil, 404, "Unrecognized request URL"},
		"another method":                 {"DELETE", intents + "/" + held, nil, 404, "Unrecognized request URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.call(t, tt.method, tt.path, tt.form).want(t, name, tt.status, false, tt.text)
		})
	}
	for _, authorization := range []string{"", "Bearer ", "Bearer sk_other", "Basic " + key, "Bearer " + key + "x"} {
		for _, method := range []string{"GET", "POST"} {
			w.call(t, method, intents, nil, "Authorization", authorization).want(t, "with "+authorization, 401, false, "Invalid API Key")
		}
	}
}

// Indexes of the ledger reject movements that no intent can have.
func TestLedgerConstraints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	i := w.call(t, "POST", "/v1/payment_intents", pay("pm_card_visa")).id(t)
	insert := func(movement string) error {
		_, err := w.pool.Exec(t.Context(), `
			INSERT INTO ledger (at, intent_id, payment_id, movement, amount, currency) VALUES (now(), $1, 'pay_1', $2, 1999, 'usd')`, i, movement)
		return err
	}
	if err := insert(moneyAuthorized); err == nil {
		t.Error("authorized twice")
	}
	if err := insert(moneyCaptured); err != nil {
		t.Errorf("capture: %v", err)
	}
	if err := insert(moneyVoided); err == nil {
		t.Error("captured and voided")
	}
}

// receiver receives webhooks. The test sets the status of its responses.
type receiver struct {
	server *httptest.Server

	mu     sync.Mutex
	status int
	got    []string // types and ids of events
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var e struct{ ID, Type string }
		if err := json.NewDecoder(req.Body).Decode(&e); err != nil {
			t.Errorf("webhook: %v", err)
		}
		r.got = append(r.got, e.Type+" "+e.ID)
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) respond(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// take returns the deliveries since the last call.
func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func (w *world) mustWork(t *testing.T) {
	t.Helper()
	if err := w.work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// deliveries creates n intents, each with one event, and returns the events in the order of their delivery.
func (w *world) deliveries(t *testing.T, r *receiver, n int) []string {
	t.Helper()
	for range n {
		w.call(t, "POST", "/v1/payment_intents", pay("pm_card_visa")).want(t, "pay", 200, false, "")
	}
	w.mustWork(t)
	return r.take()
}

func TestWebhookModes(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, mode Mode, seed uint64) (*world, *receiver) {
		t.Helper()
		r := newReceiver(t)
		return newWorld(t, Config{WebhookURL: r.server.URL, WebhookSecret: "whsec", Webhooks: mode, Late: time.Minute, Seed: seed}), r
	}
	t.Run("prompt", func(t *testing.T) {
		t.Parallel()
		w, r := start(t, "", 0)
		if got := w.deliveries(t, r, 3); len(got) != 3 || !strings.HasPrefix(got[0], "payment_intent.amount_capturable_updated evt_") {
			t.Errorf("got %q, want three events", got)
		}
		if w.mustWork(t); len(r.take()) != 0 || w.count(t, "webhooks") != 0 {
			t.Error("delivered again")
		}
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		w, r := start(t, Late, 0)
		if got := w.deliveries(t, r, 1); len(got) != 0 {
			t.Errorf("immediately: got %q", got)
		}
		w.advance(time.Minute)
		if w.mustWork(t); len(r.take()) != 1 {
			t.Error("nothing after a minute")
		}
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		w, r := start(t, Twice, 0)
		first := w.deliveries(t, r, 1)
		w.advance(time.Minute)
		w.mustWork(t)
		if second := r.take(); len(first) != 1 || !slices.Equal(first, second) {
			t.Errorf("got %q and then %q, want the same event twice", first, second)
		}
	})
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		w, r := start(t, Never, 0)
		if got := w.deliveries(t, r, 1); len(got) != 0 || w.count(t, "webhooks") != 0 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("shuffled", func(t *testing.T) {
		t.Parallel()
		// order returns the order in which six events arrive, by number.
		order := func(seed uint64) []int {
			w, r := start(t, Shuffled, seed)
			w.deliveries(t, r, 6)
			rows, err := w.pool.Query(t.Context(), `SELECT event_id FROM webhooks ORDER BY seq`)
			if err != nil {
				t.Fatal(err)
			}
			var created []string
			for rows.Next() {
				var id string
				if err := rows.Scan(&id); err != nil {
					t.Fatal(err)
				}
				created = append(created, id)
			}
			w.advance(time.Minute)
			w.mustWork(t)
			var order []int
			for _, got := range r.take() {
				order = append(order, slices.Index(created, strings.Fields(got)[1]))
			}
			return order
		}
		first, again, other := order(1), order(1), order(2)
		sorted := slices.Sorted(slices.Values(first))
		if !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5}) || slices.Equal(first, sorted) || !slices.Equal(first, again) || slices.Equal(first, other) {
			t.Errorf("got %v, %v with the same seed and %v with another", first, again, other)
		}
	})
}

func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	w := newWorld(t, Config{WebhookURL: r.server.URL})
	r.respond(http.StatusServiceUnavailable)
	first := w.deliveries(t, r, 1)
	pause := firstRetry
	for range 12 {
		w.advance(pause - time.Microsecond) // the resolution of timestamptz
		if w.mustWork(t); len(r.take()) != 0 {
			t.Errorf("retried before a pause of %s", pause)
		}
		w.advance(time.Microsecond)
		w.mustWork(t)
		if got := r.take(); !slices.Equal(got, first) {
			t.Fatalf("after a pause of %s: got %q, want %q", pause, got, first)
		}
		pause = min(2*pause, lastRetry)
	}
	r.server.Close()
	w.advance(lastRetry + time.Second)
	w.mustWork(t)
	if got := w.count(t, "webhooks"); got != 1 {
		t.Errorf("got %d left to deliver, want 1", got)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{"prompt": true, "late": true, "twice": true, "shuffled": true, "never": true, "": false, "sometimes": false} {
		var m Mode
		if err := m.UnmarshalText([]byte(text)); (err == nil) != good || good && string(m) != text {
			t.Errorf("%q: got %q, %v", text, m, err)
		}
	}
}

// Each change of an intent has its event.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	w := newWorld(t, Config{WebhookURL: r.server.URL, Settle: time.Hour})
	const intents = "/v1/payment_intents"
	wantEvents := func(change string, want ...string) {
		t.Helper()
		w.mustWork(t)
		var got []string
		for _, e := range r.take() {
			got = append(got, strings.Fields(e)[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", change, got, want)
		}
	}
	id := w.call(t, "POST", intents, pay("pm_card_pendingRefund")).id(t)
	wantEvents("authorize", "payment_intent.amount_capturable_updated")
	w.call(t, "POST", intents+"/"+id+"/capture", nil)
	wantEvents("capture", "payment_intent.succeeded")
	w.call(t, "POST", intents+"/"+id+"/capture", nil).want(t, "capture again", 400, false, unexpectedState)
	w.call(t, "POST", intents+"/"+id+"/cancel", nil).want(t, "cancel", 400, false, unexpectedState)
	wantEvents("rejected capture and cancel")
	refund := w.call(t, "POST", "/v1/refunds", url.Values{"payment_intent": {id}, "amount": {"500"}}).want(t, "refund", 200, false, `"pending"`).id(t)
	wantEvents("refund", "refund.created")
	w.advance(time.Hour)
	wantEvents("an hour later", "refund.updated", "charge.refunded")
	w.call(t, "GET", "/v1/refunds/"+refund, nil).want(t, "refund", 200, false, `"succeeded"`)

	id = w.call(t, "POST", intents, pay("pm_card_visa")).id(t)
	w.call(t, "POST", intents+"/"+id+"/cancel", nil)
	wantEvents("authorize and cancel", "payment_intent.amount_capturable_updated", "payment_intent.canceled")
	w.call(t, "POST", intents, pay("pm_card_chargeDeclined"))
	wantEvents("decline", "payment_intent.payment_failed")
	w.call(t, "POST", intents, pay("pm_card_threeDSecure2Required"))
	wantEvents("3-D Secure", "payment_intent.requires_action")
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	var created []string
	for range 5 {
		id := w.call(t, "POST", "/v1/payment_intents", pay("pm_card_visa")).id(t)
		w.call(t, "POST", "/v1/payment_intents/"+id+"/capture", nil)
		created = append(created, id)
		w.advance(time.Second)
	}
	slices.Reverse(created)
	var refunds []string
	for range 5 {
		refunds = append(refunds, w.call(t, "POST", "/v1/refunds", url.Values{"payment_intent": {created[0]}, "amount": {"1"}}).id(t))
	}
	slices.Reverse(refunds)
	// walk returns the list, read in pages of two.
	walk := func(path, query string) (got []string) {
		last, more := "", true
		for more {
			r := w.call(t, "GET", path+"?limit=2&"+query+last, nil)
			var page struct {
				Data    []struct{ ID string }
				HasMore bool `json:"has_more"`
			}
			if err := json.Unmarshal([]byte(r.body), &page); err != nil || r.status != 200 {
				t.Fatalf("got %d %s", r.status, r.body)
			}
			for _, o := range page.Data {
				got = append(got, o.ID)
				last = "&starting_after=" + o.ID
			}
			more = page.HasMore
		}
		return got
	}
	if got := walk("/v1/payment_intents", ""); !slices.Equal(got, created) {
		t.Errorf("got %q, want %q", got, created)
	}
	since := fmt.Sprintf("created[gte]=%d", w.config.Now().Add(-3*time.Second).Unix())
	if got := walk("/v1/payment_intents", since); !slices.Equal(got, created[:3]) {
		t.Errorf("since: got %q, want %q", got, created[:3])
	}
	if got := walk("/v1/refunds", "payment_intent="+created[0]); !slices.Equal(got, refunds) {
		t.Errorf("refunds: got %q, want %q", got, refunds)
	}
	if got := walk("/v1/refunds", "payment_intent="+created[1]); len(got) != 0 {
		t.Errorf("refunds of another intent: got %q", got)
	}
}

// A request is carried out even if its client disconnects.
func TestClientDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/payment_intents", strings.NewReader(pay("pm_card_visa").Encode()))
	r.Header.Set("Authorization", "Bearer "+key)
	resp := httptest.NewRecorder()
	if w.Handler().ServeHTTP(resp, r); resp.Code != http.StatusOK || w.count(t, "intents") != 1 {
		t.Errorf("got %d %s, want an intent", resp.Code, resp.Body)
	}
}

// Two processes do not deliver the same webhook at the same time.
func TestProcesses(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, Config{WebhookURL: server.URL})
	w.call(t, "POST", "/v1/payment_intents", pay("pm_card_visa"))
	var first sync.WaitGroup
	first.Go(func() {
		if err := w.work(t.Context()); err != nil {
			t.Errorf("first process: %v", err)
		}
	})
	<-arrived
	second, done := New(w.config, w.pool), make(chan error, 1)
	go func() { done <- second.work(t.Context()) }()
	select {
	case <-arrived:
		close(release)
		t.Errorf("delivered by both, the second: %v", <-done)
	case err := <-done:
		if err != nil {
			t.Errorf("second process: %v", err)
		}
		close(release)
	}
	first.Wait()
	if got := w.count(t, "webhooks"); got != 0 {
		t.Errorf("got %d left, want none", got)
	}
}
