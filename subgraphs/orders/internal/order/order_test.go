package order_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

const (
	hold      = 15 * time.Minute
	grace     = time.Minute
	maxUnpaid = 5
)

// world is a service on a database of its own, with a clock that stands still.
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

// begin returns a world for a story of its own, but with the same database: making one takes longer
// than most stories.
func (w *world) begin(t *testing.T) *world {
	t.Helper()
	anew := &world{t: t, pool: w.pool, now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	anew.configure(func(c *order.Config) {
		*c = order.Config{Hold: hold, MaxUnpaid: maxUnpaid, PaymentFailure: events.CancelOnFailure, PaymentGrace: grace, Wait: time.Hour}
	})
	return anew
}

// configure changes the service's configuration.
func (w *world) configure(change func(*order.Config)) {
	change(&w.config)
	w.Service = order.NewService(w.config, w.pool, outbox.New(w.pool), func() time.Time { return w.now })
}

// tell delivers an event as the broker would.
func (w *world) tell(typ events.Type, p events.Payload) {
	w.t.Helper()
	if err := w.Reactions().Deliver(w.t.Context(), events.New(typ, p)); err != nil {
		w.t.Fatal(err)
	}
}

// ticket makes a ticket known at version 1 and returns it.
func (w *world) ticket() events.Ticket {
	w.t.Helper()
	t := events.Ticket{
		ID: id.New(id.Ticket), Version: 1, Title: "Front row", Price: money.Money{MinorUnits: 1999, Currency: "USD"},
		SellerID: id.New(id.User), Availability: events.Available,
	}
	w.tell(events.TicketCreated, t)
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
	w.tell(events.TicketReserved, events.Ticket{
		ID: o.TicketID, Version: o.TicketVersion + 1, Title: o.Title, Price: o.Price, SellerID: o.SellerID,
		Availability: events.Reserved, OrderID: o.ID,
	})
}

// attempt returns an attempt to pay for the order that has just begun; nobody was told of it.
func (w *world) attempt(o order.Order) events.Payment {
	return events.Payment{ID: id.New(id.Payment), OrderID: o.ID, Amount: o.Price, StartedAt: w.now}
}

// steps are the states of a payment, with the type of the event that tells each.
var steps = map[events.Type]events.PaymentStatus{
	events.PaymentStarted: events.Processing, events.PaymentAuthorized: events.Authorized, events.PaymentSucceeded: events.Succeeded,
	events.PaymentFailed: events.Failed, events.PaymentVoided: events.Voided, events.PaymentRefunded: events.Refunded,
}

// pays delivers the next states of the payment.
func (w *world) pays(p *events.Payment, types ...events.Type) {
	w.t.Helper()
	for _, typ := range types {
		p.Version, p.Status = p.Version+1, steps[typ]
		w.tell(typ, *p)
	}
}

// complete makes an order paid.
func (w *world) complete(o order.Order) events.Payment {
	w.t.Helper()
	p := w.attempt(o)
	w.reserve(o)
	w.pays(&p, events.PaymentStarted, events.PaymentAuthorized, events.PaymentSucceeded)
	return p
}

// told returns the types of the events about an order or ticket, oldest first.
func (w *world) told(subject string) []events.Type {
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

func (w *world) wantTold(subject string, want ...events.Type) {
	w.t.Helper()
	if got := w.told(subject); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("events about %s: got %v, want %v", subject, got, want)
	}
}

func (w *world) get(o order.Order) order.Order {
	w.t.Helper()
	got, err := w.Get(w.t.Context(), o.BuyerID, o.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// wantError fails the test unless err is an E, and returns it.
func wantError[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got error %v, want a %T", err, e)
	}
	return e
}

// wantCode fails the test unless err has the code of the top level.
func wantCode(t *testing.T, err error, want apperr.Code) {
	t.Helper()
	if !apperr.Has(err, want) {
		t.Fatalf("got error %v, want %s", err, want)
	}
}

func user() string { return id.New(id.User) }

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
		w.wantTold(got.ID, events.OrderCreated)
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
				} else if got := wantError[order.TicketReservedError](t, err); got.TicketID != ticket.ID {
					t.Errorf("got %+v, want ticket %s", got, ticket.ID)
				}
			})
		}
	})
	t.Run("O3 a cancelled order does not block", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		first := w.create(user(), ticket.ID)
		if _, err := w.Cancel(t.Context(), first.BuyerID, first.ID); err != nil {
			t.Fatal(err)
		}
		w.create(user(), ticket.ID)
	})
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
			got := wantError[order.PriceChangedError](t, err)
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
		w.tell(events.TicketWithdrawn, ticket)
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
		if got := wantError[order.TooManyActiveOrdersError](t, err); got.Limit != maxUnpaid {
			t.Errorf("got limit %d, want %d", got.Limit, maxUnpaid)
		}
		w.complete(last) // a paid order does not count
		w.create(buyer, w.ticket().ID)
	})
	t.Run("O11 too many unpaid orders at the same instant", func(t *testing.T) {
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
	t.Run("O11 repeated idempotency key", func(t *testing.T) {
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
		w.wantTold(first.ID, events.OrderCreated)

		in.TicketID = w.ticket().ID
		_, err = w.Create(t.Context(), buyer, in)
		wantError[apperr.IdempotencyKeyReusedError](t, err)

		if _, err := w.Create(t.Context(), user(), in); err != nil {
			t.Errorf("the same key of somebody else: %v", err)
		}
	})
	t.Run("O11 one idempotency key at the same instant", func(t *testing.T) {
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
			t.Errorf("got %v and %d different orders, want 20 answers with the same order", codes, len(ids))
		}
	})
	t.Run("O11 bad idempotency key", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		for _, key := range []string{"", " ", "a b", "\x00", "é", string(make([]byte, 256))} {
			_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID, IdempotencyKey: &key})
			wantError[apperr.ValidationError](t, err)
		}
	})
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
		first, err := w.Cancel(t.Context(), o.BuyerID, o.ID)
		if err != nil || first.Status != events.Cancelled || first.Reason != events.ReasonBuyerCancelled || first.Version != 2 {
			t.Fatalf("got %+v, %v", first, err)
		}
		again, err := w.Cancel(t.Context(), o.BuyerID, o.ID)
		if err != nil || again != first {
			t.Errorf("again: got %+v, %v, want the same order", again, err)
		}
		w.wantTold(o.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O7 twenty times at once", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		codes := race(make([]string, 20), func(string) error {
			_, err := w.Cancel(t.Context(), o.BuyerID, o.ID)
			return err
		})
		if codes[""] != 20 {
			t.Errorf("got %v, want 20 successes", codes)
		}
		w.wantTold(o.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O7 refusals", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		_, err := w.Cancel(t.Context(), user(), o.ID)
		wantError[order.NotAuthorizedError](t, err)
		for _, orderID := range []string{"", "nonsense", id.New(id.Order)} {
			_, err = w.Cancel(t.Context(), o.BuyerID, orderID)
			wantError[order.NotFoundError](t, err)
		}
		w.complete(o)
		_, err = w.Cancel(t.Context(), o.BuyerID, o.ID)
		wantError[order.NotCancellableError](t, err)
		w.wantTold(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCompleted)
	})
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

func TestReplica(t *testing.T) {
	t.Run("O8 duplicates, older versions and gaps", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		at := func(version, price int) events.Ticket {
			v := ticket
			v.Version, v.Price.MinorUnits = version, price
			return v
		}
		w.tell(events.TicketCreated, ticket)
		w.tell(events.TicketUpdated, at(4, 4000)) // 2 and 3 never came
		w.tell(events.TicketUpdated, at(4, 4000))
		w.tell(events.TicketUpdated, at(3, 3000))
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
		w.wantTold(o.ID, events.OrderCreated, events.OrderAwaitingPayment)
	})
	t.Run("O12 refused cancels the order once", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		o := w.create(user(), ticket.ID)
		ticket.Version = 2
		refused := events.ReservationRefused{OrderID: o.ID, Reason: events.RefusedTicketChanged, Ticket: ticket}
		w.tell(events.TicketReservationRefused, refused)
		w.tell(events.TicketReservationRefused, refused)
		if got := w.get(o); got.Status != events.Cancelled || got.Reason != events.ReasonReservationRefused {
			t.Errorf("got %s %s", got.Status, got.Reason)
		}
		w.wantTold(o.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O9 expiry of an unpaid order, delivered twice", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.reserve(o)
		for range 2 {
			w.tell(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt})
		}
		if got := w.get(o); got.Status != events.Cancelled || got.Reason != events.ReasonExpired {
			t.Errorf("got %s %s", got.Status, got.Reason)
		}
		w.wantTold(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCancelled)
	})
	t.Run("O9 expiry of a complete and of a cancelled order", func(t *testing.T) {
		w := newWorld(t)
		paid, given := w.create(user(), w.ticket().ID), w.create(user(), w.ticket().ID)
		w.complete(paid)
		if _, err := w.Cancel(t.Context(), given.BuyerID, given.ID); err != nil {
			t.Fatal(err)
		}
		for _, o := range []order.Order{paid, given} {
			w.tell(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt})
		}
		if got := w.get(paid); got.Status != events.Complete {
			t.Errorf("the paid order became %s", got.Status)
		}
		if got := w.get(given); got.Reason != events.ReasonBuyerCancelled {
			t.Errorf("the cancelled order's reason became %s", got.Reason)
		}
		w.wantTold(paid.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCompleted)
		w.wantTold(given.ID, events.OrderCreated, events.OrderCancelled)
	})
	t.Run("O9 a deadline that was moved since", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.tell(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt.Add(-time.Minute)})
		if got := w.get(o); got.Status != events.Created {
			t.Errorf("got %s", got.Status)
		}
	})
	t.Run("S5 the first order's expiry leaves the second alone", func(t *testing.T) {
		w := newWorld(t)
		ticket := w.ticket()
		first := w.create(user(), ticket.ID)
		if _, err := w.Cancel(t.Context(), first.BuyerID, first.ID); err != nil {
			t.Fatal(err)
		}
		second := w.create(user(), ticket.ID)
		w.tell(events.OrderExpired, events.OrderDeadline{OrderID: first.ID, Deadline: first.ExpiresAt})
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

func TestRead(t *testing.T) {
	t.Run("O5 the viewer's orders, oldest first, in pages both ways", func(t *testing.T) {
		w := newWorld(t)
		buyer := user()
		w.create(user(), w.ticket().ID)
		var want []string
		for range maxUnpaid {
			w.now = w.now.Add(time.Second)
			want = append(want, w.create(buyer, w.ticket().ID).ID)
		}
		list := func(a page.Args, key page.Key) ([]string, page.Page[order.Order]) {
			t.Helper()
			window, err := page.Parse(a, key)
			if err != nil {
				t.Fatal(err)
			}
			p, err := w.List(t.Context(), buyer, order.Filter{}, window)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, o := range p.Items {
				ids = append(ids, o.ID)
			}
			return ids, p
		}
		wantIDs := func(got, want []string) {
			t.Helper()
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		two := 2
		ids, first := list(page.Args{First: &two}, order.ByCreation)
		wantIDs(ids, want[:2])
		if !first.HasNextPage || first.HasPrevious {
			t.Errorf("first page: got next %v, previous %v", first.HasNextPage, first.HasPrevious)
		}
		after := order.ByCreation.Cursor(order.CursorValue(order.ByCreation, first.Items[1]), first.Items[1].ID)
		ids, _ = list(page.Args{First: &two, After: &after}, order.ByCreation)
		wantIDs(ids, want[2:4])
		ids, last := list(page.Args{Last: &two}, order.ByCreation)
		wantIDs(ids, want[3:])
		if last.HasNextPage || !last.HasPrevious {
			t.Errorf("last page: got next %v, previous %v", last.HasNextPage, last.HasPrevious)
		}
		newestFirst := order.ByExpiry
		newestFirst.Desc = true
		ids, _ = list(page.Args{First: &two}, newestFirst)
		wantIDs(ids, []string{want[4], want[3]})
	})
	t.Run("O6 somebody else's and unknown orders", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		_, err := w.Get(t.Context(), user(), o.ID)
		wantCode(t, err, apperr.Forbidden)
		for _, orderID := range []string{"x", id.New(id.Order)} {
			_, err = w.Get(t.Context(), o.BuyerID, orderID)
			wantCode(t, err, apperr.NotFound)
		}
	})
	t.Run("O13 history says who, when, from, to and why", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		w.now = w.now.Add(time.Minute)
		if _, err := w.Cancel(t.Context(), o.BuyerID, o.ID); err != nil {
			t.Fatal(err)
		}
		histories, err := w.Histories(t.Context(), []string{o.ID})
		if err != nil {
			t.Fatal(err)
		}
		h := histories[o.ID]
		if len(h) != 2 {
			t.Fatalf("got %d lines, want 2", len(h))
		}
		if h[0].Actor != events.Buyer || h[0].From != nil || h[0].To != events.Created || !h[0].At.Equal(o.CreatedAt) {
			t.Errorf("first line: %+v", h[0])
		}
		if h[1].Actor != events.Buyer || *h[1].From != events.Created || h[1].To != events.Cancelled || *h[1].Reason != events.ReasonBuyerCancelled || !h[1].At.Equal(w.now) {
			t.Errorf("second line: %+v", h[1])
		}
	})
	t.Run("O13 seconds until expiry", func(t *testing.T) {
		w := newWorld(t)
		o := w.create(user(), w.ticket().ID)
		for elapsed, want := range map[time.Duration]int{0: 900, time.Second: 899, 1500 * time.Millisecond: 899, hold - time.Millisecond: 1, hold: 0, 2 * hold: 0} {
			if got := o.SecondsUntilExpiry(w.now.Add(elapsed)); got != want {
				t.Errorf("after %s: got %d, want %d", elapsed, got, want)
			}
		}
		cancelled, err := w.Cancel(context.WithoutCancel(t.Context()), o.BuyerID, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := cancelled.SecondsUntilExpiry(w.now); got != 0 {
			t.Errorf("cancelled: got %d, want 0", got)
		}
	})
}
