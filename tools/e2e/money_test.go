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

// wantMoneyExact fails the test unless, for every order there is, the processor kept the price if
// and only if the order is complete, and holds nothing.
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
	Eventually(t, "nothing is held", func() bool {
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
			t.Errorf("order %s: %d kept in %d captures, want %d", orderID, kept, captures, want[orderID])
		}
		delete(want, orderID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for orderID, price := range want {
		if price != 0 {
			t.Errorf("order %s is complete, and the processor has no money for it", orderID)
		}
	}
}

// One system where a failed payment leaves the order alive, and webhooks come twice.
func TestAnotherCardMayBeTried(t *testing.T) {
	t.Parallel()
	s := Private(t, "orders.PAYMENT_FAILURE=retry", "payments.PAYMENT_FAILURE=retry", "stripesim.SIMULATOR_WEBHOOKS=twice",
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
			Order struct{ Payments []struct{ Status string } }
		}](t, buyer,
			`query($id: ID!) { order(id: $id) { payments { status } } }`, Vars{"id": o.ID}).Order.Payments; len(attempts) != 3 || attempts[2].Status != "SUCCEEDED" {
			t.Errorf("got %+v", attempts)
		}
	})
	t.Run("P6 the processor never hears of the attempt", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		if e := wantPaymentError(t, pay(t, buyer, o.ID, "pm_sim_error"), "PaymentDeclinedError"); e.Reason != "PROCESSING_ERROR" {
			t.Errorf("got %+v", e)
		}
		paid(t, buyer, o.ID, visa)
	})
	t.Run("many failures are too many", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		wantPaymentError(t, pay(t, buyer, o.ID, "pm_card_visa_chargeDeclined"), "PaymentDeclinedError")
		if e := wantPaymentError(t, pay(t, buyer, o.ID, visa), "RateLimitedError"); e.RetryAfterSeconds < 1 || e.RetryAfterSeconds > 3601 {
			t.Errorf("got %+v", e)
		}
		other := s.SignUp(t)
		paid(t, other, ordered(t, other, sell(t, s, seller)).ID, visa)
	})
	t.Run("P12 forged webhooks", func(t *testing.T) {
		for name, signature := range map[string]string{"none": "", "wrong": "t=1,v1=00", "strange": "nonsense"} {
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

// The deadline passes while the buyer pays: as the request leaves, as soon as the attempt is
// stored, or as soon as the money is held.
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
				Eventually(t, "an attempt with "+moment, func() bool {
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
			t.Errorf("S4: %s, but the money is %+v", outcome, b)
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

// S3: processes are killed at every point between the card and the ticket. A lock that the test
// holds stops a service exactly where it is to die.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	s := Private(t)
	seller, buyer := s.SignUp(t), s.SignUp(t)
	payments := s.DB(t, "payments")

	everything := func() []string {
		var names []string
		for _, spec := range stack.Specs() {
			names = append(names, spec.Name)
		}
		return names
	}()

	// hold takes a lock in a service's database, and returns what lets go of it.
	hold := func(t *testing.T, service, sql string, args ...any) (release func()) {
		t.Helper()
		conn, err := s.DB(t, service).Acquire(t.Context())
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
	const relay = `SELECT pg_advisory_xact_lock(hashtext('outbox relay'))`
	const intents = `LOCK TABLE intents IN EXCLUSIVE MODE`
	const row = `SELECT FROM payments WHERE order_id = $1 FOR UPDATE`

	state := func(t *testing.T, orderID, condition string) {
		t.Helper()
		Eventually(t, "a payment with "+condition, func() bool {
			return s.Count(t, "payments", `SELECT count(*) FROM payments WHERE order_id = $1 AND `+condition, orderID) == 1
		})
	}
	ledger := func(t *testing.T, orderID, movement string) {
		t.Helper()
		Eventually(t, "money "+movement, func() bool {
			return s.Count(t, "stripesim", `SELECT count(*) FROM ledger JOIN intents ON intents.id = intent_id
				WHERE metadata->>'order_id' = $1 AND movement = $2`, orderID, movement) == 1
		})
	}

	points := map[string]func(t *testing.T, orderID string) (release []func()){
		"after the processor holds the money, before payments stores that": func(t *testing.T, orderID string) []func() {
			t.Helper()
			sim := hold(t, "stripesim", intents)
			go payAndForget(buyer, orderID)
			state(t, orderID, "step = 'authorize' AND tries > 0")
			locked := hold(t, "payments", row, orderID)
			sim()
			ledger(t, orderID, "authorized")
			return []func(){locked}
		},
		"after payments stores the hold, before it tells": func(t *testing.T, orderID string) []func() {
			t.Helper()
			locked := hold(t, "payments", relay)
			go payAndForget(buyer, orderID)
			state(t, orderID, "status = 'authorized'")
			return []func(){locked}
		},
		"before orders stores its answer": func(t *testing.T, orderID string) []func() {
			t.Helper()
			locked := hold(t, "orders", `SELECT FROM orders WHERE id = $1 FOR UPDATE`, orderID)
			go payAndForget(buyer, orderID)
			state(t, orderID, "status = 'authorized'")
			return []func(){locked}
		},
		"after orders stores its answer, before it tells": func(t *testing.T, orderID string) []func() {
			t.Helper()
			locked := hold(t, "orders", relay)
			go payAndForget(buyer, orderID)
			Eventually(t, "the order is frozen", func() bool {
				return s.Count(t, "orders", `SELECT count(*) FROM orders WHERE id = $1 AND frozen_at IS NOT NULL`, orderID) == 1
			})
			return []func(){locked}
		},
		"after the processor took the money, before payments stores that": func(t *testing.T, orderID string) []func() {
			t.Helper()
			told := hold(t, "orders", relay)
			go payAndForget(buyer, orderID)
			state(t, orderID, "status = 'authorized'")
			sim := hold(t, "stripesim", intents)
			told()
			state(t, orderID, "step = 'capture' AND tries > 0")
			locked := hold(t, "payments", row, orderID)
			sim()
			ledger(t, orderID, "captured")
			return []func(){locked}
		},
		"after payments stores that the money is taken, before it tells": func(t *testing.T, orderID string) []func() {
			t.Helper()
			told := hold(t, "orders", relay)
			go payAndForget(buyer, orderID)
			state(t, orderID, "status = 'authorized'")
			mute := hold(t, "payments", relay)
			told()
			state(t, orderID, "status = 'succeeded'")
			return []func(){mute}
		},
		"after the order is complete, before orders tells": func(t *testing.T, orderID string) []func() {
			t.Helper()
			mute := hold(t, "payments", relay)
			go payAndForget(buyer, orderID)
			state(t, orderID, "status = 'authorized'")
			mute()
			state(t, orderID, "status = 'succeeded'")
			locked := hold(t, "orders", relay)
			Eventually(t, "the order is complete", func() bool {
				return s.Count(t, "orders", `SELECT count(*) FROM orders WHERE id = $1 AND status = 'complete'`, orderID) == 1
			})
			return []func(){locked}
		},
	}
	for _, point := range slices.Sorted(maps.Keys(points)) {
		t.Run("S3 killed "+point, func(t *testing.T) {
			ticketID := sell(t, s, seller)
			o := ordered(t, buyer, ticketID)
			awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
			release := points[point](t, o.ID)
			for _, name := range everything {
				if err := s.Service(name).Kill(); err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range release {
				r()
			}
			// What the dead have taken on is free again after a while; that while is over.
			if _, err := payments.Exec(t.Context(), `UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL`); err != nil {
				t.Fatal(err)
			}
			for _, name := range everything {
				if err := s.Service(name).Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			awaitStatus(t, buyer, o.ID, "COMPLETE")
			Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
			wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
		})
	}
	t.Run("S3 killed after the processor gave the money back, before payments stores that", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		p := paid(t, buyer, o.ID, visa)
		Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
		sim := hold(t, "stripesim", `LOCK TABLE refunds IN EXCLUSIVE MODE`)
		go func() {
			//nolint:errcheck // the answer is lost with the process
			seller.Client.Do(context.WithoutCancel(t.Context()), refundPayment, Vars{"input": Vars{"paymentId": p.Payment.ID, "idempotencyKey": "k"}})
		}()
		Eventually(t, "the refund is on its way", func() bool {
			return s.Count(t, "payments", `SELECT count(*) FROM refunds WHERE payment_id = $1 AND tries > 0`, p.Payment.ID) == 1
		})
		locked := hold(t, "payments", row, o.ID)
		sim()
		ledger(t, o.ID, "refunded")
		if err := s.Service("payments").Kill(); err != nil {
			t.Fatal(err)
		}
		locked()
		if _, err := payments.Exec(t.Context(), `UPDATE refunds SET due_at = now() WHERE due_at IS NOT NULL`); err != nil {
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
	t.Run("nothing was parked", func(t *testing.T) {
		for queue, n := range depths(t, s) {
			if n > 0 && strings.HasSuffix(queue, ".dlq") {
				t.Errorf("%d messages in %s", n, queue)
			}
		}
	})
}

// payAndForget pays without waiting for an answer that may never come.
func payAndForget(c *Client, orderID string) {
	input := Vars{"orderId": orderID, "paymentMethodToken": visa, "idempotencyKey": id.New("key")}
	c.Client.Do(context.Background(), payOrder, Vars{"input": input}) //nolint:errcheck // see above
}
