package stripe_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
	"boxoffice.dev/subgraphs/stripesim/simulator"
)

const secretKey = "sk_test_world"

// world is a Processor with a simulator of its own, which it reaches over HTTP.
type world struct {
	payment.Processor
	pool  *pgxpool.Pool
	sim   *simulator.Simulator
	url   string
	clock *clock
}

// clock is the system's clock plus an offset.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

func newWorld(t *testing.T, change ...func(*simulator.Config)) *world {
	t.Helper()
	w := &world{pool: pgtest.New(t, simulator.Migrations()), clock: &clock{}}
	server := httptest.NewUnstartedServer(nil)
	w.url = "http://" + server.Listener.Addr().String()
	config := simulator.Config{SecretKey: secretKey, URL: w.url, Slow: time.Nanosecond, Settle: time.Nanosecond, Now: w.clock.now}
	for _, c := range change {
		c(&config)
	}
	w.sim = simulator.New(config, w.pool)
	server.Config.Handler = w.sim.Handler()
	server.Start()
	t.Cleanup(server.Close)
	w.Processor = w.adapter(secretKey)
	return w
}

func (w *world) adapter(key string) *stripe.Processor {
	return stripe.New(stripe.Config{SecretKey: key, APIBase: w.url, Now: w.clock.now})
}

func usd(minorUnits int) money.Money { return money.Money{MinorUnits: minorUnits, Currency: "USD"} }

// authorization requests 19.99 USD with the token.
func authorization(token string) payment.Authorization {
	return payment.Authorization{
		PaymentID: id.New(id.Payment), OrderID: id.New(id.Order), Amount: usd(1999), Token: token, Description: "Ticket: Concert",
	}
}

// want fails the test unless the call succeeded and returned an intent with the status.
func want(t *testing.T, call string, i payment.Intent, err error, status payment.IntentStatus) payment.Intent {
	t.Helper()
	if err != nil || i.Status != status {
		t.Fatalf("%s: got %+v, %v; want status %s", call, i, err, status)
	}
	return i
}

func wantErr(t *testing.T, call string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: got %v, want %v", call, got, want)
	}
}

// authorized returns an authorized intent.
func (w *world) authorized(t *testing.T, token string) (payment.Authorization, payment.Intent) {
	t.Helper()
	a := authorization(token)
	i, err := w.Authorize(t.Context(), a)
	return a, want(t, "authorize", i, err, payment.IntentAuthorized)
}

func (w *world) captured(t *testing.T, token string) (payment.Authorization, payment.Intent) {
	t.Helper()
	a, i := w.authorized(t, token)
	i, err := w.Capture(t.Context(), a.PaymentID, i.Reference)
	return a, want(t, "capture", i, err, payment.IntentCaptured)
}

// balance sums up the simulator's ledger of a payment.
type balance struct{ Intents, Authorized, Captured, Voided, Refunded int }

func (w *world) balance(t *testing.T, paymentID string) balance {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `
		SELECT count(*)::int AS intents, coalesce(sum(authorized), 0)::int AS authorized, coalesce(sum(captured), 0)::int AS captured,
		       coalesce(sum(voided), 0)::int AS voided, coalesce(sum(refunded), 0)::int AS refunded
		  FROM balances WHERE payment_id = $1`, paymentID)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[balance])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *world) wantBalance(t *testing.T, paymentID string, want balance) {
	t.Helper()
	if got := w.balance(t, paymentID); got != want {
		t.Errorf("ledger of %s: got %+v, want %+v", paymentID, got, want)
	}
}

// ledger returns the intents of the payment.
func (w *world) ledger(t *testing.T, paymentID string) []payment.Intent {
	t.Helper()
	var found []payment.Intent
	for i, err := range w.Ledger(t.Context(), w.clock.now().Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		if i.PaymentID == paymentID {
			found = append(found, i)
		}
	}
	return found
}

// run runs the simulator's background tasks until the test ends.
func (w *world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("simulator: %v", err)
		}
	})
}
