package payment_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

var price = money.Money{MinorUnits: 1999, Currency: "USD"}

// processor is a card processor in memory. Like every Processor it moves money at most once. Tests choose the outcomes
// of its requests.
type processor struct {
	mu      sync.Mutex
	intents map[string]payment.Intent // by reference
	refunds map[string]payment.RefundResult
	calls   []string           // "authorize pay_…"
	outcome map[string]outcome // by kind
}

// outcome is the outcome of all requests of one kind.
type outcome string

const (
	succeeds      outcome = ""
	responseLost  outcome = "carried out, but the response is lost"
	requestLost   outcome = "not carried out, and no response"
	declined      outcome = "declined"
	authenticates outcome = "the buyer has to authenticate"
	wrongAmount   outcome = "another amount is held"
)

func (p *processor) begin(kind, paymentID string) (outcome, error) {
	p.calls = append(p.calls, kind+" "+paymentID)
	o := p.outcome[kind]
	if o == requestLost {
		return o, fmt.Errorf("%s: %w", kind, payment.ErrOutcomeUnknown)
	}
	return o, nil
}

func (p *processor) end(o outcome, i payment.Intent) (payment.Intent, error) {
	p.intents[i.Reference] = i
	if o == responseLost {
		return payment.Intent{}, payment.ErrOutcomeUnknown
	}
	return i, nil
}

func (p *processor) Authorize(_ context.Context, a payment.Authorization) (payment.Intent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, err := p.begin("authorize", a.PaymentID)
	if err != nil {
		return payment.Intent{}, err
	}
	i, ok := p.intents["pi_"+a.PaymentID]
	if ok {
		return p.end(o, i)
	}
	i = payment.Intent{Reference: "pi_" + a.PaymentID, PaymentID: a.PaymentID, Status: payment.IntentAuthorized, Amount: a.Amount}
	switch o {
	case declined:
		i.Status, i.Decline = payment.IntentDeclined, &payment.Decline{Reason: events.CardDeclined, Message: "No."}
	case authenticates:
		i.Status, i.Action = payment.IntentRequiresAction, &payment.Action{RedirectURL: "https://bank.example/"}
	case wrongAmount:
		i.Amount.MinorUnits++
	}
	return p.end(o, i)
}

// finish ends an intent with the status, unless it has already ended.
func (p *processor) finish(kind, paymentID, reference string, status payment.IntentStatus) (payment.Intent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, err := p.begin(kind, paymentID)
	if err != nil {
		return payment.Intent{}, err
	}
	i, ok := p.intents[reference]
	if !ok {
		return payment.Intent{}, payment.ErrNoSuchIntent
	}
	if o == declined {
		i.Status, i.Decline = payment.IntentDeclined, &payment.Decline{Reason: events.ProcessingError, Message: "No."}
		return p.end(o, i)
	}
	if i.Status == payment.IntentAuthorized || i.Status == payment.IntentRequiresAction {
		i.Status = status
		if status == payment.IntentCaptured {
			i.CapturedMinorUnits = i.Amount.MinorUnits
		}
	}
	return p.end(o, i)
}

func (p *processor) Capture(_ context.Context, paymentID, reference string) (payment.Intent, error) {
	return p.finish("capture", paymentID, reference, payment.IntentCaptured)
}

func (p *processor) Void(_ context.Context, paymentID, reference string) (payment.Intent, error) {
	return p.finish("void", paymentID, reference, payment.IntentVoided)
}

func (p *processor) Find(_ context.Context, reference string) (payment.Intent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, ok := p.intents[reference]; ok {
		return i, nil
	}
	return payment.Intent{}, payment.ErrNoSuchIntent
}

func (p *processor) Refund(_ context.Context, r payment.RefundRequest) (payment.RefundResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, err := p.begin("refund", r.RefundID)
	if err != nil {
		return payment.RefundResult{}, err
	}
	if _, ok := p.refunds[r.RefundID]; !ok {
		i := p.intents[r.Reference]
		i.RefundedMinorUnits += r.Amount.MinorUnits
		p.intents[r.Reference] = i
		p.refunds[r.RefundID] = payment.RefundResult{Reference: r.RefundID, Status: payment.RefundSucceeded}
	}
	if o == responseLost {
		return payment.RefundResult{}, payment.ErrOutcomeUnknown
	}
	return p.refunds[r.RefundID], nil
}

func (p *processor) FindRefund(_ context.Context, reference string) (payment.RefundResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refunds[reference], nil
}

func (p *processor) Ledger(context.Context, time.Time) iter.Seq2[payment.Intent, error] {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]payment.Intent, 0, len(p.intents))
	for _, i := range p.intents {
		all = append(all, i)
	}
	return func(yield func(payment.Intent, error) bool) {
		for _, i := range all {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (p *processor) set(kind string, o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcome[kind] = o
}

func (p *processor) intent(paymentID string) payment.Intent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.intents["pi_"+paymentID]
}

// approve authenticates the buyer at the bank.
func (p *processor) approve(paymentID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.intents["pi_"+paymentID]
	if i.Status == payment.IntentRequiresAction {
		i.Status, i.Action = payment.IntentAuthorized, nil
	}
	p.intents[i.Reference] = i
}

func (p *processor) count(call string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if c == call {
			n++
		}
	}
	return n
}

// world is a service with a processor and a database of its own. The test acts as orders.
type world struct {
	*payment.Service
	t    *testing.T
	pool *pgxpool.Pool
	proc *processor

	mu    sync.Mutex
	ahead time.Duration // of the clock
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

var config = payment.Config{Wait: time.Minute, GiveUpAfter: time.Minute, FailuresPerHour: 3}

// newWorld runs the service's driver until the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, pool: pgtest.New(t, outbox.Migrations(), payment.Migrations())}
	w.proc = &processor{intents: map[string]payment.Intent{}, refunds: map[string]payment.RefundResult{}, outcome: map[string]outcome{}}
	w.Service = payment.NewService(config, w.pool, outbox.New(w.pool), w.proc, w.now)
	w.drive(w.Service)
	return w
}

// drive runs a service's driver until the test ends.
func (w *world) drive(s *payment.Service) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Drive(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

func (w *world) deliver(typ events.Type, p events.Payload) {
	w.t.Helper()
	if err := w.Reactions().Deliver(w.t.Context(), events.New(typ, p)); err != nil {
		w.t.Fatal(err)
	}
}

// order stores the replica of an unpaid order.
func (w *world) order(change ...func(*events.Order)) events.Order {
	w.t.Helper()
	o := events.Order{
		ID: id.New(id.Order), Version: 2, Status: events.AwaitingPayment, BuyerID: id.New(id.User), SellerID: id.New(id.User),
		TicketID: id.New(id.Ticket), TicketVersion: 1, Title: "Front row", Price: price, ExpiresAt: w.now().Add(15 * time.Minute),
		PaidVersion: 3, PaymentFailure: events.CancelOnFailure,
	}
	for _, c := range change {
		c(&o)
	}
	w.deliver(events.OrderAwaitingPayment, o)
	return o
}

func retry(o *events.Order) { o.PaymentFailure = events.RetryOnFailure }

// end updates the replica of an order that has ended.
func (w *world) end(o events.Order, status events.OrderStatus) {
	w.t.Helper()
	o.Version, o.Status, o.PaidVersion, o.PaymentFailure = o.Version+1, status, 0, ""
	typ := events.OrderCompleted
	if status == events.Cancelled {
		typ, o.Reason = events.OrderCancelled, events.ReasonExpired
	}
	w.deliver(typ, o)
}

func input(o events.Order) payment.PayInput {
	return payment.PayInput{OrderID: o.ID, Token: "pm_card", IdempotencyKey: id.New("key")}
}

// begin pays in the background and returns the payment's id.
func (w *world) begin(o events.Order) string {
	w.t.Helper()
	go w.Pay(context.WithoutCancel(w.t.Context()), o.BuyerID, input(o)) //nolint:errcheck // the test reads the payment
	var paymentID string
	w.eventually("the payment is stored", func() bool {
		err := w.pool.QueryRow(w.t.Context(), `SELECT id FROM payments WHERE order_id = $1 ORDER BY id DESC LIMIT 1`, o.ID).Scan(&paymentID)
		return err == nil
	})
	return paymentID
}

func (w *world) await(paymentID string, status events.PaymentStatus) payment.Payment {
	w.t.Helper()
	var p payment.Payment
	w.eventually(fmt.Sprintf("%s becomes %s", paymentID, status), func() bool {
		visible, err := w.Visible(w.t.Context(), payment.Viewer{UserID: "usr_operator", Operator: true}, []string{paymentID})
		p = visible[paymentID]
		return err == nil && p.Status == status
	})
	return p
}

// eventually polls until ready returns true.
func (w *world) eventually(what string, ready func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("timed out: %s", what)
		}
	}
}

// published returns the types of the events about a payment, oldest first.
func (w *world) published(paymentID string) []events.Type {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT type FROM outbox WHERE subject = $1 ORDER BY seq`, paymentID)
	if err != nil {
		w.t.Fatal(err)
	}
	types, err := pgx.CollectRows(rows, pgx.RowTo[events.Type])
	if err != nil {
		w.t.Fatal(err)
	}
	return types
}

func (w *world) wantPublished(paymentID string, want ...events.Type) {
	w.t.Helper()
	if got := w.published(paymentID); !slices.Equal(got, want) {
		w.t.Errorf("published %v, want %v", got, want)
	}
}

// wantError fails the test unless err is an error of the type that satisfies the condition, which may be nil.
func wantError[E error](t *testing.T, err error, condition func(E) bool) {
	t.Helper()
	if e, ok := errors.AsType[E](err); !ok || condition != nil && !condition(e) {
		t.Fatalf("got error %+v, want %T", err, e)
	}
}

func confirm(p payment.Payment) events.PaymentDecision {
	return events.PaymentDecision{PaymentID: p.ID, OrderID: p.OrderID}
}

func TestPayment(t *testing.T) {
	t.Run("P5 authorized, confirmed, captured", func(t *testing.T) {
		w := newWorld(t)
		o := w.order()
		p := w.await(w.begin(o), events.Authorized)
		if i := w.proc.intent(p.ID); i.Status != payment.IntentAuthorized || i.Amount != price {
			t.Errorf("got %+v", i)
		}
		w.deliver(events.OrderPaymentConfirmed, confirm(p))
		w.deliver(events.OrderPaymentConfirmed, confirm(p)) // repeated
		p = w.await(p.ID, events.Succeeded)
		w.end(o, events.Complete)
		w.deliver(events.OrderPaymentConfirmed, confirm(p)) // late
		if i := w.proc.intent(p.ID); i.CapturedMinorUnits != 1999 || p.Version != 3 || p.Token != "" {
			t.Errorf("got %+v of %+v", i, p)
		}
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentSucceeded)
	})
	t.Run("P10 authorized, refused, voided", func(t *testing.T) {
		w := newWorld(t)
		p := w.await(w.begin(w.order()), events.Authorized)
		refused := confirm(p)
		refused.Reason = events.RefusedOrderExpired
		w.deliver(events.OrderPaymentRefused, refused)
		w.deliver(events.OrderPaymentRefused, refused)
		w.await(p.ID, events.Voided)
		if i := w.proc.intent(p.ID); i.Status != payment.IntentVoided || i.CapturedMinorUnits != 0 {
			t.Errorf("got %+v", i)
		}
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentVoided)
	})
	t.Run("P6 declined", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", declined)
		p := w.await(w.begin(w.order()), events.Failed)
		if p.Decline.Reason != events.CardDeclined || w.Retryable(p) {
			t.Errorf("got %+v", p.Decline)
		}
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentFailed)
	})
	t.Run("P6 declined, and the order may be paid again", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", declined)
		o := w.order(retry)
		p := w.await(w.begin(o), events.Failed)
		if !w.Retryable(p) {
			t.Error("not retryable while the order is unpaid")
		}
		w.end(o, events.Cancelled)
		if p := w.await(p.ID, events.Failed); w.Retryable(p) {
			t.Error("retryable although the order has ended")
		}
	})
	t.Run("P6 capture declined", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("capture", declined)
		p := w.await(w.begin(w.order()), events.Authorized)
		w.deliver(events.OrderPaymentConfirmed, confirm(p))
		if p := w.await(p.ID, events.Failed); p.Decline.Reason != events.ProcessingError {
			t.Errorf("got %+v", p.Decline)
		}
		w.eventually("the hold is released", func() bool { return w.proc.count("void "+p.ID) > 0 })
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentFailed)
	})
	t.Run("another amount at the processor is never captured", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", wrongAmount)
		p := w.await(w.begin(w.order()), events.Processing)
		w.eventually("the request is retried", func() bool { return w.proc.count("authorize "+p.ID) > 1 })
		w.wantPublished(p.ID, events.PaymentStarted)
	})
}

func TestUnknownOutcomes(t *testing.T) {
	for _, kind := range []string{"authorize", "capture"} {
		t.Run("S3 the response to "+kind+" is lost", func(t *testing.T) {
			w := newWorld(t)
			w.proc.set(kind, responseLost)
			p := w.await(w.begin(w.order()), events.Authorized)
			w.deliver(events.OrderPaymentConfirmed, confirm(p))
			w.await(p.ID, events.Succeeded)
			if i := w.proc.intent(p.ID); i.CapturedMinorUnits != 1999 {
				t.Errorf("got %+v", i)
			}
		})
	}
	t.Run("S3 the response to void is lost", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("void", responseLost)
		p := w.await(w.begin(w.order()), events.Authorized)
		w.deliver(events.OrderPaymentRefused, confirm(p))
		w.await(p.ID, events.Voided)
	})
	t.Run("a payment without a record at the processor fails, and is voided when it appears later", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", requestLost)
		o := w.order()
		paymentID := w.begin(o)
		w.eventually("the request is retried", func() bool { return w.proc.count("authorize "+paymentID) > 1 })
		w.wantPublished(paymentID, events.PaymentStarted) // neither succeeded nor failed
		w.advance(2 * time.Minute)
		p := w.await(paymentID, events.Failed)
		if p.Decline.Reason != events.ProcessingError {
			t.Errorf("got %+v", p.Decline)
		}
		w.proc.set("authorize", succeeds)
		if _, err := w.proc.Authorize(t.Context(), payment.Authorization{PaymentID: paymentID, Amount: price}); err != nil {
			t.Fatal(err)
		}
		if err := w.Look(t.Context(), paymentID, "pi_"+paymentID); err != nil {
			t.Fatal(err)
		}
		w.eventually("the hold is released", func() bool { return w.proc.intent(paymentID).Status == payment.IntentVoided })
		w.wantPublished(paymentID, events.PaymentStarted, events.PaymentFailed)
	})
	t.Run("two drivers take each step once", func(t *testing.T) {
		w := newWorld(t)
		w.drive(payment.NewService(config, w.pool, outbox.New(w.pool), w.proc, w.now))
		for range 30 {
			p := w.await(w.begin(w.order()), events.Authorized)
			if n := w.proc.count("authorize " + p.ID); n != 1 {
				t.Errorf("authorized %d times", n)
			}
		}
	})
}

func TestAuthentication(t *testing.T) {
	t.Run("P12 a webhook arrives after the buyer approved", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", authenticates)
		p := w.await(w.begin(w.order()), events.RequiresAction)
		if p.Action == nil || p.Action.RedirectURL == "" {
			t.Errorf("got %+v", p)
		}
		w.proc.approve(p.ID)
		for range 3 {
			if err := w.Look(t.Context(), p.ID, p.Reference); err != nil {
				t.Fatal(err)
			}
		}
		w.await(p.ID, events.Authorized)
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentAuthorized)
	})
	t.Run("P12 no webhook arrives", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", authenticates)
		p := w.await(w.begin(w.order()), events.RequiresAction)
		w.proc.approve(p.ID)
		w.await(p.ID, events.Authorized)
	})
	t.Run("P10 the order ends while the payment requires action", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", authenticates)
		o := w.order()
		p := w.await(w.begin(o), events.RequiresAction)
		w.end(o, events.Cancelled)
		w.await(p.ID, events.Voided)
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentVoided)
	})
	t.Run("P10 the order ends before the payment requires action", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", requestLost)
		o := w.order()
		paymentID := w.begin(o)
		w.eventually("the request is sent", func() bool { return w.proc.count("authorize "+paymentID) > 0 })
		w.end(o, events.Cancelled)
		w.proc.set("authorize", authenticates)
		w.await(paymentID, events.Voided)
		w.wantPublished(paymentID, events.PaymentStarted, events.PaymentVoided)
	})
	t.Run("P12 a webhook for an unknown payment", func(t *testing.T) {
		w := newWorld(t)
		for _, unknown := range []string{id.New(id.Payment), "", "nonsense"} {
			if err := w.Look(t.Context(), unknown, "pi_1"); !errors.Is(err, payment.ErrNoSuchIntent) {
				t.Errorf("%q: got %v", unknown, err)
			}
		}
	})
}

func TestPayErrors(t *testing.T) {
	w := newWorld(t)
	o := w.order()
	stranger := id.New(id.User)
	t.Run("P2 an order that the replica does not have yet", func(t *testing.T) {
		young := o
		young.ID = id.New(id.Order)
		in := input(young)
		done := make(chan error, 1)
		go func() {
			_, _, err := w.Pay(context.WithoutCancel(w.t.Context()), o.BuyerID, in)
			done <- err
		}()
		w.deliver(events.OrderAwaitingPayment, young)
		var p string
		w.eventually("the payment is stored", func() bool {
			return w.pool.QueryRow(t.Context(), `SELECT id FROM payments WHERE order_id = $1`, young.ID).Scan(&p) == nil
		})
		w.deliver(events.OrderPaymentConfirmed, confirm(w.await(p, events.Authorized)))
		w.await(p, events.Succeeded)
		w.end(young, events.Complete)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("P3 an order of another buyer", func(t *testing.T) {
		_, _, err := w.Pay(t.Context(), stranger, input(o))
		wantError[payment.OrderNotOwnedError](t, err, nil)
		p := w.begin(o)
		for viewer, want := range map[string]bool{o.BuyerID: true, o.SellerID: true, stranger: false, "": false} {
			visible, err := w.Visible(t.Context(), payment.Viewer{UserID: viewer}, []string{p})
			if _, ok := visible[p]; ok != want || err != nil {
				t.Errorf("visible to %q: %v, %v, want %v", viewer, ok, err, want)
			}
		}
	})
	t.Run("P4 an order past its deadline", func(t *testing.T) {
		w := newWorld(t)
		o := w.order()
		w.advance(15*time.Minute + time.Second)
		_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
		wantError(t, err, func(e payment.OrderNotPayableError) bool { return e.OrderID == o.ID })
	})
	t.Run("too many failures within an hour", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", declined)
		o := w.order(retry)
		for range 3 {
			_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
			wantError[payment.DeclinedError](t, err, nil)
		}
		_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
		wantError(t, err, func(e payment.RateLimitedError) bool {
			return e.RetryAfterSeconds >= 3500 && e.RetryAfterSeconds <= 3601
		})
		w.advance(time.Hour + time.Second)
		later := w.order(retry, func(later *events.Order) { later.BuyerID = o.BuyerID })
		_, _, err = w.Pay(t.Context(), o.BuyerID, input(later))
		wantError[payment.DeclinedError](t, err, nil)
	})
}

// The conditions in SQL have to match those of the partial indexes.
func TestPartialIndexes(t *testing.T) {
	w := newWorld(t)
	var condition string
	err := w.pool.QueryRow(t.Context(), `SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = 'payments_one_live_per_order'::regclass`).
		Scan(&condition)
	if err != nil {
		t.Fatal(err)
	}
	var got []events.PaymentStatus
	for _, literal := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(condition, -1) {
		got = append(got, events.PaymentStatus(literal[1]))
	}
	if want := events.PaymentStatuses(events.PaymentStatus.Standing); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReplica(t *testing.T) {
	w := newWorld(t)
	o := w.order()
	w.end(o, events.Cancelled)
	w.deliver(events.OrderAwaitingPayment, o) // outdated
	_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
	wantError[payment.OrderNotPayableError](t, err, nil)
}

func TestRefund(t *testing.T) {
	// paid returns an order and its payment, which has succeeded.
	paid := func(t *testing.T, w *world) (events.Order, payment.Payment) {
		t.Helper()
		o := w.order()
		p := w.await(w.begin(o), events.Authorized)
		w.deliver(events.OrderPaymentConfirmed, confirm(p))
		p = w.await(p.ID, events.Succeeded)
		w.end(o, events.Complete)
		return o, p
	}
	t.Run("P11 the response is lost", func(t *testing.T) {
		w := newWorld(t)
		o, p := paid(t, w)
		w.proc.set("refund", responseLost)
		done := make(chan error, 1)
		go func() {
			_, _, err := w.Refund(context.WithoutCancel(t.Context()), payment.Viewer{UserID: o.SellerID}, payment.RefundInput{PaymentID: p.ID, IdempotencyKey: "k"})
			done <- err
		}()
		w.eventually("the processor has refunded the payment", func() bool { return w.proc.intent(p.ID).RefundedMinorUnits == 1999 })
		w.proc.set("refund", succeeds)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.await(p.ID, events.Refunded)
		if i := w.proc.intent(p.ID); i.RefundedMinorUnits != 1999 {
			t.Errorf("got %+v, want it refunded once", i)
		}
		w.wantPublished(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentSucceeded, events.PaymentRefunded)
	})
	t.Run("O10 a captured payment that orders refused is refunded once", func(t *testing.T) {
		w := newWorld(t)
		_, p := paid(t, w)
		for range 3 {
			w.deliver(events.OrderPaymentRefused, confirm(p))
		}
		w.await(p.ID, events.Refunded)
		if i := w.proc.intent(p.ID); i.RefundedMinorUnits != 1999 {
			t.Errorf("got %+v", i)
		}
	})
}
