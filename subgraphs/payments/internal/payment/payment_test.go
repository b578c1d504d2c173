package payment_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/payments/internal/payment"
)

var price = money.Money{MinorUnits: 1999, Currency: "USD"}

// processor is a card processor in memory. It moves no money twice, as the interface wants, and
// does with a call what the test says.
type processor struct {
	mu      sync.Mutex
	intents map[string]payment.Intent // by reference
	refunds map[string]payment.RefundResult
	calls   []string // "authorize pay_…"
	fate    map[string]fate
}

// fate is what becomes of every call of one kind.
type fate string

const (
	works     fate = ""
	lost      fate = "done, but the answer is lost"
	unheard   fate = "never arrives"
	declined  fate = "declined"
	needsBank fate = "the bank asks the buyer"
	wrong     fate = "holds another amount"
)

func (p *processor) begin(kind, paymentID string) (fate, error) {
	p.calls = append(p.calls, kind+" "+paymentID)
	f := p.fate[kind]
	if f == unheard {
		return f, fmt.Errorf("%s: %w", kind, payment.ErrOutcomeUnknown)
	}
	return f, nil
}

func (p *processor) end(f fate, i payment.Intent) (payment.Intent, error) {
	p.intents[i.Reference] = i
	if f == lost {
		return payment.Intent{}, payment.ErrOutcomeUnknown
	}
	return i, nil
}

func (p *processor) Authorize(_ context.Context, a payment.Authorization) (payment.Intent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := p.begin("authorize", a.PaymentID)
	if err != nil {
		return payment.Intent{}, err
	}
	i, ok := p.intents["pi_"+a.PaymentID]
	if ok {
		return p.end(f, i)
	}
	i = payment.Intent{Reference: "pi_" + a.PaymentID, PaymentID: a.PaymentID, Status: payment.IntentAuthorized, Amount: a.Amount}
	switch f {
	case declined:
		i.Status, i.Decline = payment.IntentDeclined, &payment.Decline{Reason: payment.CardDeclined, Message: "No."}
	case needsBank:
		i.Status, i.Action = payment.IntentRequiresAction, &payment.Action{RedirectURL: "https://bank.example/"}
	case wrong:
		i.Amount.MinorUnits++
	}
	return p.end(f, i)
}

// finish ends an authorized or waiting intent as the status, unless it has ended otherwise.
func (p *processor) finish(kind, paymentID, reference string, status payment.IntentStatus) (payment.Intent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := p.begin(kind, paymentID)
	if err != nil {
		return payment.Intent{}, err
	}
	i, ok := p.intents[reference]
	if !ok {
		return payment.Intent{}, payment.ErrNoSuchIntent
	}
	if f == declined {
		i.Status, i.Decline = payment.IntentDeclined, &payment.Decline{Reason: payment.ProcessingError, Message: "No."}
		return p.end(f, i)
	}
	if i.Status == payment.IntentAuthorized || i.Status == payment.IntentRequiresAction {
		i.Status = status
		if status == payment.IntentCaptured {
			i.CapturedMinorUnits = i.Amount.MinorUnits
		}
	}
	return p.end(f, i)
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
	f, err := p.begin("refund", r.RefundID)
	if err != nil {
		return payment.RefundResult{}, err
	}
	if _, ok := p.refunds[r.RefundID]; !ok {
		i := p.intents[r.Reference]
		i.RefundedMinorUnits += r.Amount.MinorUnits
		p.intents[r.Reference] = i
		p.refunds[r.RefundID] = payment.RefundResult{Reference: r.RefundID, Status: payment.RefundSucceeded}
	}
	if f == lost {
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

func (p *processor) set(kind string, f fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fate[kind] = f
}

func (p *processor) intent(paymentID string) payment.Intent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.intents["pi_"+paymentID]
}

// approve is what the buyer does at the bank.
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

// world is a service with a processor, on a database of its own. Orders answers an authorized
// payment as decide says, and completes the order of one that has succeeded.
type world struct {
	*payment.Service
	t    *testing.T
	pool *pgxpool.Pool
	proc *processor

	mu   sync.Mutex
	late time.Duration // that the clock is ahead
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.late)
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late += d
}

// newWorld drives payments until the test ends.
func newWorld(t *testing.T, change ...func(*payment.Config)) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, pool: pgtest.New(t, outbox.Migrations(), payment.Migrations())}
	w.proc = &processor{intents: map[string]payment.Intent{}, refunds: map[string]payment.RefundResult{}, fate: map[string]fate{}}
	cfg := payment.Config{PaymentFailure: "cancel", Patience: time.Minute, GiveUp: time.Minute, FailuresPerHour: 3}
	for _, c := range change {
		c(&cfg)
	}
	w.Service = payment.NewService(cfg, w.pool, outbox.New(w.pool), w.proc, w.now)
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

func (w *world) tell(typ events.Type, p events.Payload) {
	w.t.Helper()
	if err := w.Reactions().Deliver(w.t.Context(), events.New(typ, p)); err != nil {
		w.t.Fatal(err)
	}
}

// order makes an order known and returns it.
func (w *world) order() events.Order {
	w.t.Helper()
	o := events.Order{
		ID: id.New(id.Order), Version: 2, Status: "awaiting_payment", BuyerID: id.New(id.User), SellerID: id.New(id.User),
		TicketID: id.New(id.Ticket), TicketVersion: 1, Title: "Front row", Price: price, ExpiresAt: w.now().Add(15 * time.Minute),
	}
	w.tell(events.OrderAwaitingPayment, o)
	return o
}

func (w *world) end(o events.Order, status events.OrderStatus) {
	w.t.Helper()
	o.Version, o.Status = o.Version+1, status
	typ := events.OrderCompleted
	if status == "cancelled" {
		typ, o.Reason = events.OrderCancelled, "expired"
	}
	w.tell(typ, o)
}

func input(o events.Order) payment.PayInput {
	return payment.PayInput{OrderID: o.ID, Token: "pm_card", IdempotencyKey: id.New("key")}
}

// begin pays without waiting for the end, and returns the payment's id.
func (w *world) begin(o events.Order) string {
	w.t.Helper()
	go w.Pay(context.WithoutCancel(w.t.Context()), o.BuyerID, input(o)) //nolint:errcheck // the test looks at the payment itself
	var paymentID string
	w.eventually("the attempt is stored", func() bool {
		err := w.pool.QueryRow(w.t.Context(), `SELECT id FROM payments WHERE order_id = $1 ORDER BY id DESC LIMIT 1`, o.ID).Scan(&paymentID)
		return err == nil
	})
	return paymentID
}

func (w *world) await(paymentID string, status payment.Status) payment.Payment {
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
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// told returns the types of the events about a payment, oldest first.
func (w *world) told(paymentID string) []events.Type {
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

func (w *world) wantTold(paymentID string, want ...events.Type) {
	w.t.Helper()
	if got := w.told(paymentID); !slices.Equal(got, want) {
		w.t.Errorf("told %v, want %v", got, want)
	}
}

func wantCode(t *testing.T, err error, want apperr.Code) any {
	t.Helper()
	var e *apperr.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("got error %v, want %s", err, want)
	}
	return e.Detail
}

func confirm(p payment.Payment) events.PaymentDecision {
	return events.PaymentDecision{PaymentID: p.ID, OrderID: p.OrderID}
}

func TestTheWayToMoney(t *testing.T) {
	t.Run("P5 held, asked, taken", func(t *testing.T) {
		w := newWorld(t)
		o := w.order()
		p := w.await(w.begin(o), payment.Authorized)
		if i := w.proc.intent(p.ID); i.Status != payment.IntentAuthorized || i.Amount != price {
			t.Errorf("got %+v", i)
		}
		w.tell(events.OrderPaymentConfirmed, confirm(p))
		w.tell(events.OrderPaymentConfirmed, confirm(p)) // twice
		p = w.await(p.ID, payment.Succeeded)
		w.end(o, "complete")
		w.tell(events.OrderPaymentConfirmed, confirm(p)) // late
		if i := w.proc.intent(p.ID); i.CapturedMinorUnits != 1999 || p.Version != 3 || p.Token != "" {
			t.Errorf("got %+v of %+v", i, p)
		}
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentSucceeded)
	})
	t.Run("P10 held, asked, refused", func(t *testing.T) {
		w := newWorld(t)
		p := w.await(w.begin(w.order()), payment.Authorized)
		refused := confirm(p)
		refused.Reason = "expired"
		w.tell(events.OrderPaymentRefused, refused)
		w.tell(events.OrderPaymentRefused, refused)
		w.await(p.ID, payment.Voided)
		if i := w.proc.intent(p.ID); i.Status != payment.IntentVoided || i.CapturedMinorUnits != 0 {
			t.Errorf("got %+v", i)
		}
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentVoided)
	})
	t.Run("P6 declined", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", declined)
		p := w.await(w.begin(w.order()), payment.Failed)
		if p.Decline.Reason != payment.CardDeclined || w.Retryable(p) {
			t.Errorf("got %+v", p.Decline)
		}
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentFailed)
	})
	t.Run("P6 could not be taken", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("capture", declined)
		p := w.await(w.begin(w.order()), payment.Authorized)
		w.tell(events.OrderPaymentConfirmed, confirm(p))
		if p := w.await(p.ID, payment.Failed); p.Decline.Reason != payment.ProcessingError {
			t.Errorf("got %+v", p.Decline)
		}
		w.eventually("what may still be held is released", func() bool { return w.proc.count("void "+p.ID) > 0 })
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentFailed)
	})
	t.Run("another amount at the processor is never taken", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", wrong)
		p := w.await(w.begin(w.order()), payment.Processing)
		w.eventually("it is tried again", func() bool { return w.proc.count("authorize "+p.ID) > 1 })
		w.wantTold(p.ID, events.PaymentStarted)
	})
}

func TestUnknownOutcomes(t *testing.T) {
	for _, kind := range []string{"authorize", "capture"} {
		t.Run("S3 the answer to "+kind+" is lost", func(t *testing.T) {
			w := newWorld(t)
			w.proc.set(kind, lost)
			p := w.await(w.begin(w.order()), payment.Authorized)
			w.tell(events.OrderPaymentConfirmed, confirm(p))
			w.await(p.ID, payment.Succeeded)
			if i := w.proc.intent(p.ID); i.CapturedMinorUnits != 1999 {
				t.Errorf("got %+v", i)
			}
		})
	}
	t.Run("S3 the answer to void is lost", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("void", lost)
		p := w.await(w.begin(w.order()), payment.Authorized)
		w.tell(events.OrderPaymentRefused, confirm(p))
		w.await(p.ID, payment.Voided)
	})
	t.Run("an attempt that nobody heard of fails, and is released when it turns up later", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", unheard)
		o := w.order()
		paymentID := w.begin(o)
		w.eventually("it is tried again", func() bool { return w.proc.count("authorize "+paymentID) > 1 })
		w.wantTold(paymentID, events.PaymentStarted) // it is neither paid nor failed
		w.advance(2 * time.Minute)
		p := w.await(paymentID, payment.Failed)
		if p.Decline.Reason != payment.ProcessingError {
			t.Errorf("got %+v", p.Decline)
		}
		w.proc.set("authorize", works)
		if _, err := w.proc.Authorize(t.Context(), payment.Authorization{PaymentID: paymentID, Amount: price}); err != nil {
			t.Fatal(err)
		}
		if err := w.Look(t.Context(), paymentID, "pi_"+paymentID); err != nil {
			t.Fatal(err)
		}
		w.eventually("the hold is released", func() bool { return w.proc.intent(paymentID).Status == payment.IntentVoided })
		w.wantTold(paymentID, events.PaymentStarted, events.PaymentFailed)
	})
	t.Run("two drivers take each step once", func(t *testing.T) {
		w := newWorld(t)
		w.drive(payment.NewService(payment.Config{PaymentFailure: "cancel", Patience: time.Minute, GiveUp: time.Minute, FailuresPerHour: 3},
			w.pool, outbox.New(w.pool), w.proc, w.now))
		for range 30 {
			p := w.await(w.begin(w.order()), payment.Authorized)
			if n := w.proc.count("authorize " + p.ID); n != 1 {
				t.Errorf("authorized %d times", n)
			}
		}
	})
}

func TestTheBuyerIsAsked(t *testing.T) {
	t.Run("P12 a webhook tells that the buyer agreed", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", needsBank)
		p := w.await(w.begin(w.order()), payment.RequiresAction)
		if p.Action == nil || p.Action.RedirectURL == "" {
			t.Errorf("got %+v", p)
		}
		w.proc.approve(p.ID)
		for range 3 {
			if err := w.Look(t.Context(), p.ID, p.Reference); err != nil {
				t.Fatal(err)
			}
		}
		w.await(p.ID, payment.Authorized)
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentAuthorized)
	})
	t.Run("P12 no webhook comes", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", needsBank)
		p := w.await(w.begin(w.order()), payment.RequiresAction)
		w.proc.approve(p.ID)
		w.await(p.ID, payment.Authorized)
	})
	t.Run("P10 the order ends while the buyer is asked", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", needsBank)
		o := w.order()
		p := w.await(w.begin(o), payment.RequiresAction)
		w.end(o, "cancelled")
		w.await(p.ID, payment.Voided)
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentVoided)
	})
	t.Run("P10 the order ends before the processor says that the buyer has to be asked", func(t *testing.T) {
		w := newWorld(t)
		w.proc.set("authorize", unheard)
		o := w.order()
		paymentID := w.begin(o)
		w.eventually("it is tried", func() bool { return w.proc.count("authorize "+paymentID) > 0 })
		w.end(o, "cancelled")
		w.proc.set("authorize", needsBank)
		w.await(paymentID, payment.Voided)
		w.wantTold(paymentID, events.PaymentStarted, events.PaymentVoided)
	})
	t.Run("P12 about a payment that is unknown", func(t *testing.T) {
		w := newWorld(t)
		for _, unknown := range []string{id.New(id.Payment), "", "nonsense"} {
			if err := w.Look(t.Context(), unknown, "pi_1"); !errors.Is(err, payment.ErrNoSuchIntent) {
				t.Errorf("%q: got %v", unknown, err)
			}
		}
	})
}

func TestWhoMayPay(t *testing.T) {
	w := newWorld(t)
	o := w.order()
	stranger := id.New(id.User)
	t.Run("P2 an order that is too young to be known", func(t *testing.T) {
		young := o
		young.ID = id.New(id.Order)
		in := input(young)
		done := make(chan error, 1)
		go func() {
			_, _, err := w.Pay(context.WithoutCancel(w.t.Context()), o.BuyerID, in)
			done <- err
		}()
		w.tell(events.OrderAwaitingPayment, young)
		var p string
		w.eventually("the attempt is stored", func() bool {
			return w.pool.QueryRow(t.Context(), `SELECT id FROM payments WHERE order_id = $1`, young.ID).Scan(&p) == nil
		})
		w.tell(events.OrderPaymentConfirmed, confirm(w.await(p, payment.Authorized)))
		w.await(p, payment.Succeeded)
		w.end(young, "complete")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("P3 strangers, also to a payment", func(t *testing.T) {
		_, _, err := w.Pay(t.Context(), stranger, input(o))
		wantCode(t, err, apperr.NotAuthorized)
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
		if got := wantCode(t, err, apperr.OrderNotPayable); got != o.ID {
			t.Errorf("got %v", got)
		}
	})
	t.Run("many failures, until an hour is over", func(t *testing.T) {
		w := newWorld(t, func(c *payment.Config) { c.PaymentFailure = "retry" })
		w.proc.set("authorize", declined)
		o := w.order()
		for range 3 {
			_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
			wantCode(t, err, apperr.PaymentDeclined)
		}
		_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
		if seconds, _ := wantCode(t, err, apperr.RateLimited).(int); seconds < 3500 || seconds > 3601 {
			t.Errorf("wait %d seconds, want about an hour", seconds)
		}
		w.advance(time.Hour + time.Second)
		later := w.order()
		later.BuyerID = o.BuyerID
		later.ID = id.New(id.Order)
		w.tell(events.OrderAwaitingPayment, later)
		_, _, err = w.Pay(t.Context(), o.BuyerID, input(later))
		wantCode(t, err, apperr.PaymentDeclined)
	})
}

func TestReplica(t *testing.T) {
	w := newWorld(t)
	o := w.order()
	w.end(o, "cancelled")
	w.tell(events.OrderAwaitingPayment, o) // overtaken
	_, _, err := w.Pay(t.Context(), o.BuyerID, input(o))
	wantCode(t, err, apperr.OrderNotPayable)
}

func TestRefund(t *testing.T) {
	// bought is a payment that has succeeded.
	bought := func(t *testing.T, w *world) (events.Order, payment.Payment) {
		t.Helper()
		o := w.order()
		p := w.await(w.begin(o), payment.Authorized)
		w.tell(events.OrderPaymentConfirmed, confirm(p))
		p = w.await(p.ID, payment.Succeeded)
		w.end(o, "complete")
		return o, p
	}
	t.Run("P11 the answer is lost", func(t *testing.T) {
		w := newWorld(t)
		o, p := bought(t, w)
		w.proc.set("refund", lost)
		done := make(chan error, 1)
		go func() {
			_, _, err := w.Refund(context.WithoutCancel(t.Context()), payment.Viewer{UserID: o.SellerID}, payment.RefundInput{PaymentID: p.ID, IdempotencyKey: "k"})
			done <- err
		}()
		w.eventually("the money is back", func() bool { return w.proc.intent(p.ID).RefundedMinorUnits == 1999 })
		w.proc.set("refund", works)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.await(p.ID, payment.Refunded)
		if i := w.proc.intent(p.ID); i.RefundedMinorUnits != 1999 {
			t.Errorf("got %+v, want it given back once", i)
		}
		w.wantTold(p.ID, events.PaymentStarted, events.PaymentAuthorized, events.PaymentSucceeded, events.PaymentRefunded)
	})
	t.Run("O10 money that no order confirmed is given back, once", func(t *testing.T) {
		w := newWorld(t)
		_, p := bought(t, w)
		for range 3 {
			w.tell(events.OrderPaymentRefused, confirm(p))
		}
		w.await(p.ID, payment.Refunded)
		if i := w.proc.intent(p.ID); i.RefundedMinorUnits != 1999 {
			t.Errorf("got %+v", i)
		}
	})
}
