package e2e

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/tools/internal/stack"
)

// wantMoneyExact fails the test unless the processor has captured the price of every complete order, once, and nothing
// else, and has no hold left.
func wantMoneyExact(t *testing.T, s *System) {
	t.Helper()
	rows, err := s.DB(t, "orders").Query(t.Context(), `SELECT id, CASE status WHEN 'complete' THEN price_minor_units ELSE 0 END FROM orders`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	var orderID string
	var price int
	if _, err := pgx.ForEachRow(rows, []any{&orderID, &price}, func() error { want[orderID] = price; return nil }); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "no hold is left", func() bool {
		return s.Count(t, "stripesim", `SELECT count(*) FROM balances WHERE authorized <> captured + voided`) == 0
	})
	rows, err = s.DB(t, "stripesim").Query(t.Context(), `
		SELECT metadata->>'order_id' AS order_id, sum(captured - refunded)::int, count(*) FILTER (WHERE captured > 0)
		FROM balances JOIN intents ON intents.id = intent_id GROUP BY order_id`)
	if err != nil {
		t.Fatal(err)
	}
	var kept, captures int
	_, err = pgx.ForEachRow(rows, []any{&orderID, &kept, &captures}, func() error {
		if kept != want[orderID] || captures > 1 {
			t.Errorf("order %s: balance %d after %d captures, want %d", orderID, kept, captures, want[orderID])
		}
		delete(want, orderID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for orderID, price := range want {
		if price != 0 {
			t.Errorf("order %s is complete, but nothing was captured", orderID)
		}
	}
}

// A failed payment leaves the order unpaid, and every webhook arrives twice.
func TestRetryAfterFailedPayment(t *testing.T) {
	t.Parallel()
	s := Private(t, "orders.PAYMENT_FAILURE=retry", "stripesim.SIMULATOR_WEBHOOKS=twice",
		"payments.FAILED_PAYMENTS_PER_HOUR=4", "payments.PAYMENT_GIVE_UP=1s")
	seller, buyer := s.SignUp(t), s.SignUp(t)

	t.Run("P6 retry", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		for _, token := range []string{"pm_card_visa_chargeDeclined", "pm_sim_capture_fails"} {
			e := wantPaymentError(t, pay(t, buyer, o.ID, token), "PaymentDeclinedError")
			if !e.Retryable {
				t.Errorf("%s: got %+v, want it retryable", token, e)
			}
			Eventually(t, "the order can be paid again", func() bool { return read(t, buyer, o.ID).ViewerCanPay })
		}
		paid(t, buyer, o.ID, visa)
		wantBalance(t, s, o.ID, balance{holds: 2, captured: 1999})
		if attempts := Must[struct {
			Order struct {
				Payments struct{ Nodes []struct{ Status string } }
			}
		}](t, buyer,
			`query($id: ID!) { order(id: $id) { payments { nodes { status } } } }`, Vars{"id": o.ID}).Order.Payments.Nodes; len(attempts) != 3 || attempts[0].Status != "SUCCEEDED" {
			t.Errorf("got %+v", attempts)
		}
	})
	t.Run("P6 the processor has no record of the payment", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		if e := wantPaymentError(t, pay(t, buyer, o.ID, "pm_sim_error"), "PaymentDeclinedError"); e.Reason != "PROCESSING_ERROR" {
			t.Errorf("got %+v", e)
		}
		paid(t, buyer, o.ID, visa)
	})
	t.Run("too many failed payments", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		wantPaymentError(t, pay(t, buyer, o.ID, "pm_card_visa_chargeDeclined"), "PaymentDeclinedError")
		if e := wantPaymentError(t, pay(t, buyer, o.ID, visa), "RateLimitedError"); e.RetryAfterSeconds < 1 || e.RetryAfterSeconds > 3601 {
			t.Errorf("got %+v", e)
		}
		other := s.SignUp(t)
		paid(t, other, ordered(t, other, sell(t, s, seller)).ID, visa)
	})
	t.Run("P12 forged webhooks", func(t *testing.T) {
		for name, signature := range map[string]string{"none": "", "wrong": "t=1,v1=00", "malformed": "nonsense"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Service("payments").Addr+"/webhooks/stripe",
				strings.NewReader(`{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent"}}}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Stripe-Signature", signature)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("signature %s: got %s, want 400", name, resp.Status)
			}
		}
	})
	wantMoneyExact(t, s)
}

// The order expires while the buyer pays: with the request, once the payment is stored, or once the money is on hold.
func TestExpiryAgainstPayment(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	const tries, width = 1000, 20
	moments := []string{"", "status IS NOT NULL", "status <> 'processing'"}
	seller, buyers, expire := s.SignUp(t), signUpMany(t, s, width), expirer(t, s)
	var mu sync.Mutex
	count := map[string]int{}
	try := func(i int) {
		buyer, moment := buyers[i%width], moments[i%len(moments)]
		o := ordered(t, buyer, sell(t, s, seller))
		atVersion(t, buyer, o.ID, 2)
		var result payPayload
		atOnce(2, 2, func(side int) {
			if side == 0 {
				result = pay(t, buyer, o.ID, visa)
				return
			}
			if moment != "" {
				Eventually(t, "a payment with "+moment, func() bool {
					return s.Count(t, "payments", `SELECT count(*) FROM payments WHERE order_id = $1 AND `+moment, o.ID) == 1
				})
			}
			expire(o)
		})
		ended := atVersion(t, buyer, o.ID, 3)
		outcome := "wrong"
		switch {
		case ended.Status == "COMPLETE" && result.Payment != nil && result.Payment.Status == "SUCCEEDED":
			outcome = "paid"
		case ended.Status == "CANCELLED" && ended.Cancellation.Reason == "EXPIRED" && len(result.Errors) == 1 && result.Errors[0].Typename == "OrderNotPayableError":
			outcome = "expired"
		default:
			t.Errorf("S4: order %s %+v, payment %+v %+v", ended.Status, ended.Cancellation, result.Payment, result.Errors)
		}
		if b := balanceOf(t, s, o.ID); b.captured != map[string]int{"paid": 1999}[outcome] || b.refunded != 0 || b.held != 0 {
			t.Errorf("S4: %s, but the balance is %+v", outcome, b)
		}
		mu.Lock()
		defer mu.Unlock()
		count[outcome]++
	}
	t.Run("S4 O10 P10 expiry and payment in the same instant", func(t *testing.T) {
		atOnce(tries, width, try)
		t.Logf("of %d tries %d were paid and %d expired", tries, count["paid"], count["expired"])
		if count["paid"]+count["expired"] != tries || count["paid"] == 0 || count["expired"] == 0 {
			t.Errorf("got %v, want some of each and nothing else", count)
		}
	})
}

// killer stops services at chosen points between the card and the ticket: a lock in a database holds a service up where
// it is to be killed.
type killer struct {
	*System
	buyer *Client
}

// Locks that hold up the relay of a service's events, the simulated card processor, and a payment.
const (
	lockRelay     = `SELECT pg_advisory_xact_lock(hashtext('outbox relay'))`
	lockProcessor = `LOCK TABLE intents IN EXCLUSIVE MODE`
	lockPayment   = `SELECT FROM payments WHERE order_id = $1 FOR UPDATE`
)

// lock takes a lock in a service's database until release is called.
func (k killer) lock(t *testing.T, service, sql string, args ...any) (release func()) {
	t.Helper()
	conn, err := k.DB(t, service).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `BEGIN`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), `ROLLBACK`); err != nil {
			t.Error(err)
		}
		conn.Release()
	}
}

// startPayment pays without waiting for the response.
func (k killer) startPayment(orderID string) {
	input := Vars{"orderId": orderID, "paymentMethodToken": visa, "idempotencyKey": id.New("key")}
	go func() { _, _ = k.buyer.Client.Do(context.Background(), payOrder, Vars{"input": input}) }()
}

// await waits until a row of a service's table satisfies the condition.
func (k killer) await(t *testing.T, service, table, condition string, args ...any) {
	t.Helper()
	Eventually(t, "a row of "+table+" with "+condition, func() bool {
		return k.Count(t, service, `SELECT count(*) FROM `+table+` WHERE `+condition, args...) == 1
	})
}

func (k killer) awaitPayment(t *testing.T, orderID, condition string) {
	t.Helper()
	k.await(t, "payments", "payments", "order_id = $1 AND "+condition, orderID)
}

// awaitLedger waits until the processor has moved money of the order.
func (k killer) awaitLedger(t *testing.T, orderID, movement string) {
	t.Helper()
	k.await(t, "stripesim", "ledger JOIN intents ON intents.id = intent_id", `metadata->>'order_id' = $1 AND movement = $2`, orderID, movement)
}

// points pay for an order up to the point where the services are to be killed, and return the function that releases
// the lock afterwards.
func (k killer) points() map[string]func(t *testing.T, orderID string) (release func()) {
	return map[string]func(t *testing.T, orderID string) func(){
		"after the processor authorizes, before payments stores it": func(t *testing.T, orderID string) func() {
			t.Helper()
			releaseProcessor := k.lock(t, "stripesim", lockProcessor)
			k.startPayment(orderID)
			k.awaitPayment(t, orderID, "step = 'authorize' AND tries > 0")
			release := k.lock(t, "payments", lockPayment, orderID)
			releaseProcessor()
			k.awaitLedger(t, orderID, "authorized")
			return release
		},
		"after payments stores the authorization, before it is published": func(t *testing.T, orderID string) func() {
			t.Helper()
			release := k.lock(t, "payments", lockRelay)
			k.startPayment(orderID)
			k.awaitPayment(t, orderID, "status = 'authorized'")
			return release
		},
		"before orders stores its decision": func(t *testing.T, orderID string) func() {
			t.Helper()
			release := k.lock(t, "orders", `SELECT FROM orders WHERE id = $1 FOR UPDATE`, orderID)
			k.startPayment(orderID)
			k.awaitPayment(t, orderID, "status = 'authorized'")
			return release
		},
		"after orders stores its decision, before it is published": func(t *testing.T, orderID string) func() {
			t.Helper()
			release := k.lock(t, "orders", lockRelay)
			k.startPayment(orderID)
			k.await(t, "orders", "orders", "id = $1 AND frozen_at IS NOT NULL", orderID)
			return release
		},
		"after the processor captures, before payments stores it": func(t *testing.T, orderID string) func() {
			t.Helper()
			releaseDecision := k.lock(t, "orders", lockRelay)
			k.startPayment(orderID)
			k.awaitPayment(t, orderID, "status = 'authorized'")
			releaseProcessor := k.lock(t, "stripesim", lockProcessor)
			releaseDecision()
			k.awaitPayment(t, orderID, "step = 'capture' AND tries > 0")
			release := k.lock(t, "payments", lockPayment, orderID)
			releaseProcessor()
			k.awaitLedger(t, orderID, "captured")
			return release
		},
		"after payments stores the capture, before it is published": func(t *testing.T, orderID string) func() {
			t.Helper()
			releaseDecision := k.lock(t, "orders", lockRelay)
			k.startPayment(orderID)
			k.awaitPayment(t, orderID, "status = 'authorized'")
			release := k.lock(t, "payments", lockRelay)
			releaseDecision()
			k.awaitPayment(t, orderID, "status = 'succeeded'")
			return release
		},
		"after the order is complete, before it is published": func(t *testing.T, orderID string) func() {
			t.Helper()
			releaseAuthorization := k.lock(t, "payments", lockRelay)
			k.startPayment(orderID)
			k.awaitPayment(t, orderID, "status = 'authorized'")
			releaseAuthorization()
			k.awaitPayment(t, orderID, "status = 'succeeded'")
			release := k.lock(t, "orders", lockRelay)
			k.await(t, "orders", "orders", "id = $1 AND status = 'complete'", orderID)
			return release
		},
	}
}

// TestCrashPoints kills every process at each point between the card and the ticket.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	s := Private(t)
	seller, buyer := s.SignUp(t), s.SignUp(t)
	k := killer{s, buyer}
	points := k.points()
	for _, point := range slices.Sorted(maps.Keys(points)) {
		t.Run("S3 killed "+point, func(t *testing.T) {
			ticketID := sell(t, s, seller)
			o := ordered(t, buyer, ticketID)
			awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
			release := points[point](t, o.ID)
			for _, spec := range stack.Specs() {
				if err := s.Service(spec.Name).Kill(); err != nil {
					t.Fatal(err)
				}
			}
			release()
			// Another worker takes over the payments of a killed process once they are due again.
			if _, err := s.DB(t, "payments").Exec(t.Context(), `UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL`); err != nil {
				t.Fatal(err)
			}
			for _, spec := range stack.Specs() {
				if err := s.Service(spec.Name).Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			awaitStatus(t, buyer, o.ID, "COMPLETE")
			Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
			wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
		})
	}
	t.Run("S3 killed after the processor refunds, before payments stores it", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		p := paid(t, buyer, o.ID, visa)
		Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
		releaseProcessor := k.lock(t, "stripesim", `LOCK TABLE refunds IN EXCLUSIVE MODE`)
		go func() {
			input := Vars{"paymentId": p.Payment.ID, "idempotencyKey": "k"}
			_, _ = seller.Client.Do(context.WithoutCancel(t.Context()), refundPayment, Vars{"input": input})
		}()
		k.await(t, "payments", "refunds", "payment_id = $1 AND tries > 0", p.Payment.ID)
		release := k.lock(t, "payments", lockPayment, o.ID)
		releaseProcessor()
		k.awaitLedger(t, o.ID, "refunded")
		if err := s.Service("payments").Kill(); err != nil {
			t.Fatal(err)
		}
		release()
		if _, err := s.DB(t, "payments").Exec(t.Context(), `UPDATE refunds SET due_at = now() WHERE due_at IS NOT NULL`); err != nil {
			t.Fatal(err)
		}
		if err := s.Service("payments").Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ended := awaitStatus(t, buyer, o.ID, "CANCELLED"); ended.Cancellation.Reason != "REFUNDED" {
			t.Errorf("got %+v", ended.Cancellation)
		}
		wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999, refunded: 1999})
	})
	t.Run("S3 the money is exact afterwards", func(t *testing.T) { wantMoneyExact(t, s) })
	t.Run("no event was dead-lettered", func(t *testing.T) { wantNoDeadLetters(t, s) })
}
