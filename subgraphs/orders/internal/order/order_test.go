package order_test

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
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
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

const (
	hold      = 15 * time.Minute
	grace     = time.Minute
	maxUnpaid = 5
)

// world is a service on a database of its own, with a fixed clock.
type world struct {
	*order.Service
	t      *testing.T
	pool   *pgxpool.Pool
	config order.Config
	now    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return (&world{pool: pgtest.New(t, outbox.Migrations(), order.Migrations())}).begin(t)
}

// begin returns a world for another test on the same database, because creating one takes longer than most tests.
func (w *world) begin(t *testing.T) *world {
	t.Helper()
	fresh := &world{t: t, pool: w.pool, now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	fresh.configure(func(c *order.Config) {
		*c = order.Config{Hold: hold, MaxUnpaid: maxUnpaid, PaymentFailure: events.CancelOnFailure, PaymentGrace: grace, Wait: time.Hour}
	})
	return fresh
}

// configure changes the service's configuration.
func (w *world) configure(change func(*order.Config)) {
	change(&w.config)
	w.Service = order.NewService(w.config, w.pool, outbox.New(w.pool), func() time.Time { return w.now })
}

// deliver delivers an event as the broker would.
func (w *world) deliver(typ events.Type, p events.Payload) {
	w.t.Helper()
	if err := w.Reactions().Deliver(w.t.Context(), events.New(typ, p)); err != nil {
		w.t.Fatal(err)
	}
}

// ticket delivers that a ticket was created and returns it.
func (w *world) ticket() events.Ticket {
	w.t.Helper()
	t := events.Ticket{
		ID: id.New(id.Ticket), Version: 1, Title: "Front row", Price: money.Money{MinorUnits: 1999, Currency: "USD"},
		SellerID: id.New(id.User), Availability: events.Available,
	}
	w.deliver(events.TicketCreated, t)
	return t
}

func (w *world) create(buyer, ticketID string) order.Order {
	w.t.Helper()
	o, err := w.Create(w.t.Context(), buyer, order.CreateInput{TicketID: ticketID})
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// reserve delivers that tickets has locked the order's ticket.
func (w *world) reserve(o order.Order) {
	w.t.Helper()
	w.deliver(events.TicketReserved, events.Ticket{
		ID: o.TicketID, Version: o.TicketVersion + 1, Title: o.Title, Price: o.Price, SellerID: o.SellerID,
		Availability: events.Reserved, OrderID: o.ID,
	})
}

// attempt returns an attempt to pay for the order that begins now, without an event.
func (w *world) attempt(o order.Order) events.Payment {
	return events.Payment{ID: id.New(id.Payment), OrderID: o.ID, Amount: o.Price, StartedAt: w.now}
}

// statuses has the status that each type of event publishes.
var statuses = map[events.Type]events.PaymentStatus{
	events.PaymentStarted: events.Processing, events.PaymentAuthorized: events.Authorized, events.PaymentSucceeded: events.Succeeded,
	events.PaymentFailed: events.Failed, events.PaymentVoided: events.Voided, events.PaymentRefunded: events.Refunded,
}

// pays delivers the next events of the payment.
func (w *world) pays(p *events.Payment, types ...events.Type) {
	w.t.Helper()
	for _, typ := range types {
		p.Version, p.Status = p.Version+1, statuses[typ]
		w.deliver(typ, *p)
	}
}

// complete delivers that the order is locked and paid, and returns the payment.
func (w *world) complete(o order.Order) events.Payment {
	w.t.Helper()
	p := w.attempt(o)
	w.reserve(o)
	w.pays(&p, events.PaymentStarted, events.PaymentAuthorized, events.PaymentSucceeded)
	return p
}

// published returns the types of the events about a subject, oldest first.
func (w *world) published(subject string) []events.Type {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT type FROM outbox WHERE subject = $1 ORDER BY seq`, subject)
	if err != nil {
		w.t.Fatal(err)
	}
	types, err := pgx.CollectRows(rows, pgx.RowTo[events.Type])
	if err != nil {
		w.t.Fatal(err)
	}
	return types
}

func (w *world) wantPublished(subject string, want ...events.Type) {
	w.t.Helper()
	if got := w.published(subject); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("events about %s: got %v, want %v", subject, got, want)
	}
}

func (w *world) get(o order.Order) order.Order {
	w.t.Helper()
	got, err := w.Get(w.t.Context(), viewer(o.BuyerID), o.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// as returns err as an E, and fails the test if it is none.
func as[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got error %v, want a %T", err, e)
	}
	return e
}

// wantError fails the test unless err is an E.
func wantError[E error](t *testing.T, err error) {
	t.Helper()
	_ = as[E](t, err)
}

func user() string { return id.New(id.User) }

func viewer(userID string) order.Viewer { return order.Viewer{UserID: userID} }

func operator() order.Viewer { return order.Viewer{UserID: user(), Operator: true} }

func TestCreate(t *testing.T) {
	t.Run("O2 malformed or unknown ticket", func(t *testing.T) {
		w := newWorld(t)
		for _, ticketID := range []string{"", "x", "ord_01h455vb4pex5vsknk084sn02q", id.New(id.Ticket), "tkt_\x00"} {
			_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticketID})
			wantError[order.TicketNotFoundError](t, err)
		}
	})
	t.Run("O4 success", func(t *testing.T) {
		w := newWorld(t)
		ticket, buyer := w.ticket(), user()
		got := w.create(buyer, ticket.ID)
		want := order.Order{
			ID: got.ID, Version: 1, Status: events.Created, BuyerID: buyer, SellerID: ticket.SellerID, TicketID: ticket.ID,
			TicketVersion: 1, Title: ticket.Title, Price: ticket.Price, CreatedAt: w.now, UpdatedAt: w.now, ExpiresAt: w.now.Add(hold),
		}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if stored := w.get(got); stored != want {
			t.Errorf("stored %+v\nwant   %+v", stored, want)
		}
		w.wantPublished(got.ID, events.OrderCreated)
	})
	t.Run("O3 held by another buyer", func(t *testing.T) {
		for _, status := range []events.OrderStatus{events.Created, events.AwaitingPayment, events.Complete} {
			t.Run(string(status), func(t *testing.T) {
				w := newWorld(t)
				ticket := w.ticket()
				o := w.create(user(), ticket.ID)
				switch status {
				case events.AwaitingPayment:
					w.reserve(o)
				case events.Complete:
					w.complete(o)
				}
				if got := w.get(o).Status; got != status {
					t.Fatalf("got %s, want %s", got, status)
				}
				_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID})
				if status == events.Complete {
					wantError[order.TicketSoldError](t, err)
				} else if got := as[order.TicketReservedError](t, err); got.TicketID != ticket.ID {
					t.Errorf("got %+v, want ticket %s", got, ticket.ID)
				}
			})
		}
	})
	t.Run("O3 a cancelled order does not block", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		first := w.create(user(), ticket.ID)
		if _, err := w.Cancel(t.Context(), viewer(first.BuyerID), first.ID); err != nil {
			t.Fatal(err)
		}
		w.create(user(), ticket.ID)
	})
}

func TestCreateRefused(t *testing.T) {
	t.Run("O11 own ticket", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		_, err := w.Create(t.Context(), ticket.SellerID, order.CreateInput{TicketID: ticket.ID})
		wantError[order.OwnTicketError](t, err)
	})
	t.Run("O11 expected price differs", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		for _, expected := range []money.Money{{MinorUnits: 1998, Currency: "USD"}, {MinorUnits: 1999, Currency: "EUR"}} {
			_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID, ExpectedPrice: &expected})
			got := as[order.PriceChangedError](t, err)
			if want := (order.PriceChangedError{TicketID: ticket.ID, CurrentPrice: ticket.Price}); got != want {
				t.Errorf("expected %v: got %+v, want %+v", expected, got, want)
			}
		}
		if _, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID, ExpectedPrice: &ticket.Price}); err != nil {
			t.Errorf("expected the right price: %v", err)
		}
	})
	t.Run("O11 withdrawn ticket", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		ticket.Version, ticket.Availability = 2, events.Withdrawn
		w.deliver(events.TicketWithdrawn, ticket)
		_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID})
		wantError[order.TicketNotForSaleError](t, err)
	})
	t.Run("O11 too many unpaid orders", func(t *testing.T) {
		w := newWorld(t)
		buyer := user()
		var last order.Order
		for range maxUnpaid {
			last = w.create(buyer, w.ticket().ID)
		}
		_, err := w.Create(t.Context(), buyer, order.CreateInput{TicketID: w.ticket().ID})
		if got := as[order.TooManyActiveOrdersError](t, err); got.Limit != maxUnpaid {
			t.Errorf("got limit %d, want %d", got.Limit, maxUnpaid)
		}
		w.complete(last) // a complete order does not count
		w.create(buyer, w.ticket().ID)
	})
	t.Run("O11 too many unpaid orders at the same moment", func(t *testing.T) {
		w := newWorld(t)
		buyer := user()
		tickets := make([]string, 3*maxUnpaid)
		for i := range tickets {
			tickets[i] = w.ticket().ID
		}
		codes := race(tickets, func(ticketID string) error {
			_, err := w.Create(t.Context(), buyer, order.CreateInput{TicketID: ticketID})
			return err
		})
		if codes[""] != maxUnpaid || codes["TOO_MANY_ACTIVE_ORDERS"] != len(tickets)-maxUnpaid {
			t.Errorf("got %v, want %d orders and the others refused", codes, maxUnpaid)
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	t.Run("O11 repeated", func(t *testing.T) {
		w := newWorld(t)
		ticket, buyer, key := w.ticket(), user(), "k-1"
		in := order.CreateInput{TicketID: ticket.ID, IdempotencyKey: &key}
		first, err := w.Create(t.Context(), buyer, in)
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Create(t.Context(), buyer, in)
		if err != nil || again != first {
			t.Errorf("got %+v, %v, want the first order %+v", again, err, first)
		}
		w.wantPublished(first.ID, events.OrderCreated)

		in.TicketID = w.ticket().ID
		_, err = w.Create(t.Context(), buyer, in)
		wantError[apperr.IdempotencyKeyReusedError](t, err)

		if _, err := w.Create(t.Context(), user(), in); err != nil {
			t.Errorf("the same key of another buyer: %v", err)
		}
	})
	t.Run("O11 at the same moment", func(t *testing.T) {
		w := newWorld(t)
		ticket, buyer, key := w.ticket(), user(), "k-1"
		var mu sync.Mutex
		ids := map[string]bool{}
		codes := race(make([]string, 20), func(string) error {
			o, err := w.Create(t.Context(), buyer, order.CreateInput{TicketID: ticket.ID, IdempotencyKey: &key})
			mu.Lock()
			defer mu.Unlock()
			ids[o.ID] = true
			return err
		})
		if codes[""] != 20 || len(ids) != 1 {
			t.Errorf("got %v and %d different orders, want the same order 20 times", codes, len(ids))
		}
	})
	t.Run("O11 invalid", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		for _, key := range []string{"", " ", "a b", "\x00", "é", string(make([]byte, 256))} {
			_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID, IdempotencyKey: &key})
			wantError[apperr.ValidationError](t, err)
		}
	})
}

func TestRace(t *testing.T) {
	t.Run("S1 500 buyers for one ticket", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		codes := race(make([]string, 500), func(string) error {
			_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID})
			return err
		})
		if codes[""] != 1 || codes["TICKET_RESERVED"] != 499 {
			t.Errorf("got %v, want one order and 499 TICKET_RESERVED", codes)
		}
	})
}

// race calls fn for every argument at once and counts the codes of the errors, "" for success.
func race(args []string, fn func(string) error) map[apperr.Code]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	codes := map[apperr.Code]int{}
	start := make(chan struct{})
	for _, arg := range args {
		wg.Go(func() {
			<-start
			err := fn(arg)
			mu.Lock()
			defer mu.Unlock()
			switch userErr, ok := errors.AsType[apperr.UserError](err); {
			case err == nil:
				codes[""]++
			case ok:
				codes[userErr.Code()]++
			default:
				codes[apperr.Code(err.Error())]++
			}
		})
	}
	close(start)
	wg.Wait()
	return codes
}

func TestCancel(t *testing.T) {
	t.Run("O7 own live order, twice", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		first, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
		if err != nil || first.Status != events.Cancelled || first.Reason != events.ReasonBuyerCancelled || first.Version != 2 {
			t.Fatalf("got %+v, %v", first, err)
		}
		again, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
		if err != nil || again != first {
			t.Errorf("again: got %+v, %v, want the same order", again, err)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O7 twenty times at once", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		codes := race(make([]string, 20), func(string) error {
			_, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
			return err
		})
		if codes[""] != 20 {
			t.Errorf("got %v, want 20 successes", codes)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O7 refusals", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		_, err := w.Cancel(t.Context(), viewer(user()), o.ID)
		wantError[order.NotAuthorizedError](t, err)
		for _, orderID := range []string{"", "nonsense", id.New(id.Order)} {
			_, err = w.Cancel(t.Context(), viewer(o.BuyerID), orderID)
			wantError[order.NotFoundError](t, err)
		}
		w.complete(o)
		_, err = w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
		wantError[order.NotCancellableError](t, err)
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCompleted)
	})
}

// history returns the order's history, newest first.
func (w *world) history(o order.Order) []order.HistoryEntry {
	w.t.Helper()
	histories, err := w.Histories(w.t.Context(), []string{o.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return histories[o.ID]
}

// The reasons agree with Cancel, and are empty for an order that can be paid.
func TestReasons(t *testing.T) {
	shared := newWorld(t)
	type obstacles = []order.Obstacle
	complete, cancelled := order.Obstacle(events.Complete), order.Obstacle(events.Cancelled)
	for _, tt := range []struct {
		name        string
		arrange     func(w *world, o order.Order)
		cancel, pay obstacles // of the buyer
	}{
		{"O13 created", func(*world, order.Order) {}, nil, nil},
		{"O13 awaiting payment", func(w *world, o order.Order) { w.reserve(o) }, nil, nil},
		{"O13 payment in progress", func(w *world, o order.Order) {
			p := w.attempt(o)
			w.pays(&p, started)
		}, nil, obstacles{order.PaymentInProgress}},
		{"O13 frozen", func(w *world, o order.Order) {
			p := w.attempt(o)
			w.reserve(o)
			w.pays(&p, started, authorized)
		}, obstacles{order.PaymentConfirmed}, obstacles{order.PaymentInProgress}},
		{"O13 complete", func(w *world, o order.Order) { w.complete(o) }, obstacles{complete}, obstacles{complete}},
		{"O13 cancelled", func(w *world, o order.Order) {
			if _, err := w.Cancel(w.t.Context(), viewer(o.BuyerID), o.ID); err != nil {
				w.t.Fatal(err)
			}
		}, obstacles{cancelled}, obstacles{cancelled}},
		{"O13 past the deadline", func(w *world, o order.Order) { w.now = o.ExpiresAt }, nil, obstacles{order.DeadlinePassed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := shared.begin(t)
			o := w.create(user(), w.ticket().ID)
			tt.arrange(w, o)
			before := w.get(o)
			if got := before.CannotPayReasons(viewer(o.BuyerID), w.now); !slices.Equal(got, tt.pay) {
				t.Errorf("pay: got %v, want %v", got, tt.pay)
			}
			if got := before.CannotPayReasons(operator(), w.now); !slices.Equal(got, append(obstacles{order.NotBuyer}, tt.pay...)) {
				t.Errorf("pay, by an operator: got %v, want %s and %v", got, order.NotBuyer, tt.pay)
			}
			if got := before.CannotCancelReasons(); !slices.Equal(got, tt.cancel) {
				t.Errorf("cancel: got %v, want %v", got, tt.cancel)
			}
			after, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
			if changed := err == nil && after.Version > before.Version; changed != (len(tt.cancel) == 0) {
				t.Errorf("cancelOrder: got %+v, %v, which contradicts %v", after, err, tt.cancel)
			}
		})
	}
}

// Queries repeat the conditions of these partial indexes: see postgres.In.
func TestPartialIndexes(t *testing.T) {
	w := newWorld(t)
	for index, statuses := range map[string][]events.OrderStatus{
		"orders_one_live_per_ticket": events.OrderStatuses(events.OrderStatus.Live),
		"orders_one_per_slot":        events.OrderStatuses(events.OrderStatus.Unpaid),
	} {
		var condition string
		err := w.pool.QueryRow(t.Context(), `SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = $1::regclass`, index).Scan(&condition)
		if err != nil {
			t.Fatal(err)
		}
		var got []events.OrderStatus
		for _, literal := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(condition, -1) {
			got = append(got, events.OrderStatus(literal[1]))
		}
		if !slices.Equal(got, statuses) {
			t.Errorf("%s: got %v, want %v", index, got, statuses)
		}
	}
}

// Payments relies on both fields of an unpaid order's events.
func TestEventsOfUnpaidOrders(t *testing.T) {
	w := newWorld(t)
	w.configure(func(c *order.Config) { c.PaymentFailure = events.RetryOnFailure })
	o := w.create(user(), w.ticket().ID)
	w.complete(o)
	type promise struct {
		version int
		policy  events.FailurePolicy
	}
	for typ, want := range map[events.Type]promise{
		events.OrderCreated:         {3, events.RetryOnFailure},
		events.OrderAwaitingPayment: {3, events.RetryOnFailure},
		events.OrderCompleted:       {},
	} {
		for _, p := range payloads[events.Order](w, o.ID, typ) {
			if got := (promise{p.PaidVersion, p.PaymentFailure}); got != want {
				t.Errorf("%s: got %+v, want %+v", typ, got, want)
			}
		}
	}
	if got := w.get(o).Version; got != 3 {
		t.Errorf("the complete order has version %d, want 3", got)
	}
}

func TestCancelByOperator(t *testing.T) {
	w := newWorld(t)
	logs := captureLogs(t)
	v := operator()
	o := w.create(user(), w.ticket().ID)
	for range 2 {
		got, err := w.Cancel(t.Context(), v, o.ID)
		if err != nil || got.Status != events.Cancelled || got.Reason != events.ReasonOperator {
			t.Fatalf("O7 got %+v, %v", got, err)
		}
	}
	w.wantPublished(o.ID, events.OrderCreated, events.OrderCancelled)
	if h := w.history(o); h[0].Actor != events.Operator || *h[0].Reason != events.ReasonOperator {
		t.Errorf("O13 got %+v, want actor and reason operator", h[0])
	}
	if n := logs.count(v.UserID); n != 1 {
		t.Errorf("the operator is in %d lines of the log, want 1", n)
	}
	own := w.create(v.UserID, w.ticket().ID)
	if got, err := w.Cancel(t.Context(), v, own.ID); err != nil || got.Reason != events.ReasonBuyerCancelled {
		t.Errorf("an operator's own order: got %+v, %v", got, err)
	}
	paid := w.create(user(), w.ticket().ID)
	w.complete(paid)
	_, err := w.Cancel(t.Context(), v, paid.ID)
	wantError[order.NotCancellableError](t, err)
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// count returns how often the text was logged.
func (b *logBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), text)
}

// captureLogs returns the buffer of everything that this process logs until the end of the test.
func captureLogs(t *testing.T) *logBuffer {
	t.Helper()
	b := &logBuffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return b
}

func TestReplica(t *testing.T) {
	t.Run("O8 duplicates, older versions and gaps", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		at := func(version, price int) events.Ticket {
			v := ticket
			v.Version, v.Price.MinorUnits = version, price
			return v
		}
		w.deliver(events.TicketCreated, ticket)
		w.deliver(events.TicketUpdated, at(4, 4000)) // without 2 and 3
		w.deliver(events.TicketUpdated, at(4, 4000))
		w.deliver(events.TicketUpdated, at(3, 3000))
		o := w.create(user(), ticket.ID)
		if o.Price.MinorUnits != 4000 || o.TicketVersion != 4 {
			t.Errorf("got price %d at version %d, want 4000 at 4", o.Price.MinorUnits, o.TicketVersion)
		}
	})
}

func TestReactions(t *testing.T) {
	t.Run("O4 reserved moves the order to AWAITING_PAYMENT once", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.reserve(o)
		w.reserve(o)
		if got := w.get(o); got.Status != events.AwaitingPayment || got.Version != 2 {
			t.Errorf("got %s at version %d", got.Status, got.Version)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment)
	})
	t.Run("O12 refused cancels the order once", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		o := w.create(user(), ticket.ID)
		ticket.Version = 2
		refused := events.ReservationRefused{OrderID: o.ID, Reason: events.RefusedTicketChanged, Ticket: ticket}
		w.deliver(events.TicketReservationRefused, refused)
		w.deliver(events.TicketReservationRefused, refused)
		if got := w.get(o); got.Status != events.Cancelled || got.Reason != events.ReasonReservationRefused {
			t.Errorf("got %s %s", got.Status, got.Reason)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O9 expiry of an unpaid order, delivered twice", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.reserve(o)
		for range 2 {
			w.deliver(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt})
		}
		if got := w.get(o); got.Status != events.Cancelled || got.Reason != events.ReasonExpired {
			t.Errorf("got %s %s", got.Status, got.Reason)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCancelled)
	})
	t.Run("O9 expiry of a complete and of a cancelled order", func(t *testing.T) {
		w := newWorld(t)
		paid, cancelled := w.create(user(), w.ticket().ID), w.create(user(), w.ticket().ID)
		w.complete(paid)
		if _, err := w.Cancel(t.Context(), viewer(cancelled.BuyerID), cancelled.ID); err != nil {
			t.Fatal(err)
		}
		for _, o := range []order.Order{paid, cancelled} {
			w.deliver(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt})
		}
		if got := w.get(paid); got.Status != events.Complete {
			t.Errorf("the complete order became %s", got.Status)
		}
		if got := w.get(cancelled); got.Reason != events.ReasonBuyerCancelled {
			t.Errorf("the cancelled order's reason became %s", got.Reason)
		}
		w.wantPublished(paid.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCompleted)
		w.wantPublished(cancelled.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O9 a deadline before the order's", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.deliver(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt.Add(-time.Minute)})
		if got := w.get(o); got.Status != events.Created {
			t.Errorf("got %s", got.Status)
		}
	})
	t.Run("S5 the first order's expiry leaves the second alone", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		first := w.create(user(), ticket.ID)
		if _, err := w.Cancel(t.Context(), viewer(first.BuyerID), first.ID); err != nil {
			t.Fatal(err)
		}
		second := w.create(user(), ticket.ID)
		w.deliver(events.OrderExpired, events.OrderDeadline{OrderID: first.ID, Deadline: first.ExpiresAt})
		if got := w.get(second); got.Status != events.Created {
			t.Errorf("got %s", got.Status)
		}
	})
	t.Run("an unknown order is a fault", func(t *testing.T) {
		w := newWorld(t)
		e := events.New(events.OrderExpired, events.OrderDeadline{OrderID: id.New(id.Order), Deadline: w.now})
		if err := w.Reactions().Deliver(t.Context(), e); err == nil || apperr.Split(err) != nil {
			t.Errorf("got %v, want a fault", err)
		}
	})
}

func TestList(t *testing.T) {
	w := newWorld(t)
	buyer := user()
	w.create(user(), w.ticket().ID)
	var newest []string
	for range maxUnpaid {
		w.now = w.now.Add(time.Second)
		newest = append([]string{w.create(buyer, w.ticket().ID).ID}, newest...)
	}
	two := 2
	byCreation, byExpiry := order.ByCreation, order.ByExpiry
	byCreation.Desc = true
	after := byCreation.Cursor(order.CursorValue(byCreation, w.get(order.Order{ID: newest[1], BuyerID: buyer})), newest[1])
	for _, tt := range []struct {
		name           string
		args           page.Args
		key            page.Key
		want           []string
		next, previous bool
	}{
		{"O5 first page", page.Args{First: &two}, byCreation, newest[:2], true, false},
		{"O5 second page", page.Args{First: &two, After: &after}, byCreation, newest[2:4], true, true},
		{"O5 last page", page.Args{Last: &two}, byCreation, newest[3:], false, true},
		{"O5 by expiry, earliest first", page.Args{First: &two}, byExpiry, []string{newest[4], newest[3]}, true, false},
	} {
		window, err := page.Parse(tt.args, tt.key)
		if err != nil {
			t.Fatal(err)
		}
		p, err := w.List(t.Context(), buyer, order.Filter{}, window)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range p.Items {
			got = append(got, o.ID)
		}
		if !slices.Equal(got, tt.want) || p.HasNextPage != tt.next || p.HasPrevious != tt.previous {
			t.Errorf("%s: got %v, next %v, previous %v, want %v", tt.name, got, p.HasNextPage, p.HasPrevious, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	t.Run("O6 another buyer's and unknown orders, signed out, and an operator", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		for _, tt := range []struct {
			v       order.Viewer
			orderID string
			want    order.Order
		}{
			{viewer(o.BuyerID), o.ID, o}, {operator(), o.ID, o},
			{viewer(user()), o.ID, order.Order{}}, {order.Viewer{}, o.ID, order.Order{}},
			{viewer(o.BuyerID), "x", order.Order{}}, {operator(), id.New(id.Order), order.Order{}},
		} {
			if got, err := w.Get(t.Context(), tt.v, tt.orderID); err != nil || got != tt.want {
				t.Errorf("%+v, order %q: got %+v, %v, want %+v", tt.v, tt.orderID, got, err, tt.want)
			}
		}
	})
	t.Run("O13 history has actor, time, statuses and reason, newest first", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.now = w.now.Add(time.Minute)
		if _, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID); err != nil {
			t.Fatal(err)
		}
		h := w.history(o)
		if len(h) != 2 {
			t.Fatalf("got %d entries, want 2", len(h))
		}
		if h[1].Actor != events.Buyer || h[1].From != nil || h[1].To != events.Created || !h[1].At.Equal(o.CreatedAt) {
			t.Errorf("first entry: %+v", h[1])
		}
		if h[0].Actor != events.Buyer || *h[0].From != events.Created || h[0].To != events.Cancelled ||
			*h[0].Reason != events.ReasonBuyerCancelled || !h[0].At.Equal(w.now) {
			t.Errorf("second entry: %+v", h[0])
		}
	})
	t.Run("O13 seconds until expiry", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		for elapsed, want := range map[time.Duration]int{
			0: 900, time.Second: 899, 1500 * time.Millisecond: 899, hold - time.Millisecond: 1, hold: 0, 2 * hold: 0,
		} {
			if got := o.SecondsUntilExpiry(w.now.Add(elapsed)); got != want {
				t.Errorf("after %s: got %d, want %d", elapsed, got, want)
			}
		}
		cancelled, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := cancelled.SecondsUntilExpiry(w.now); got != 0 {
			t.Errorf("cancelled: got %d, want 0", got)
		}
	})
}
