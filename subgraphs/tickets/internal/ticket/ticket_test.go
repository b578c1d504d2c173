package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/logging/logtest"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

var price = money.Money{MinorUnits: 1999, Currency: "USD"}

// logged is the log of all tests of this package.
var logged logtest.Buffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	os.Exit(m.Run())
}

// world is a service with its own database and a clock that stands still.
type world struct {
	*ticket.Service
	t    *testing.T
	pool *pgxpool.Pool
	now  time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{
		t: t, pool: pgtest.New(t, outbox.Migrations(), inbox.Migrations(), ticket.Migrations()),
		now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	w.Service = ticket.NewService(w.pool, outbox.New(w.pool), func() time.Time { return w.now })
	return w
}

func (w *world) create() ticket.Ticket {
	w.t.Helper()
	t, err := w.Create(w.t.Context(), user(), ticket.CreateInput{Title: "Front row", Price: price})
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w *world) get(ticketID string) ticket.Ticket {
	w.t.Helper()
	found, err := w.ByID(w.t.Context(), []string{ticketID})
	if err != nil {
		w.t.Fatal(err)
	}
	return found[ticketID]
}

// want compares a stored ticket: its version, its availability and the order that holds it.
func (w *world) want(ticketID string, version int, a events.Availability, orderID string) {
	w.t.Helper()
	got := w.get(ticketID)
	if got.Version != version || got.Availability != a || got.OrderID != orderID {
		w.t.Errorf("got version %d %s order %q, want version %d %s order %q", got.Version, got.Availability, got.OrderID, version, a, orderID)
	}
}

// events returns the events about a ticket, oldest first.
func (w *world) events(ticketID string) []storedEvent {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT type, version, data FROM outbox WHERE subject = $1 ORDER BY seq`, ticketID)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedEvent])
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

type storedEvent struct {
	Type    events.Type
	Version int
	Data    string
}

// wantEvents compares the types of all events about a ticket, and checks that there is one for each version (T8).
func (w *world) wantEvents(ticketID string, want ...events.Type) {
	w.t.Helper()
	var types []events.Type
	version := 0
	for _, e := range w.events(ticketID) {
		types = append(types, e.Type)
		if e.Type != events.TicketReservationRefused {
			version++
		}
		if e.Version != version {
			w.t.Errorf("%s has version %d, want %d", e.Type, e.Version, version)
		}
	}
	if !slices.Equal(types, want) {
		w.t.Errorf("events about %s: got %v, want %v", ticketID, types, want)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %#v, want %#v", err, want)
	}
}

// faults returns "field rule" for each ValidationError, and fails for any other error.
func faults(t *testing.T, err error) []string {
	t.Helper()
	found := []string{}
	for _, e := range apperr.Split(err) {
		invalid, ok := e.(apperr.ValidationError)
		if !ok {
			t.Errorf("got %v, want only validation errors", e)
		}
		found = append(found, invalid.Field+" "+invalid.Rule)
	}
	return found
}

func user() string { return id.New(id.User) }

func ptr[T any](v T) *T { return &v }

func TestCreate(t *testing.T) {
	t.Run("T3 valid", func(t *testing.T) {
		w := newWorld(t)
		seller := user()
		got, err := w.Create(t.Context(), seller, ticket.CreateInput{Title: "  Ümläut 🎸 (front) ", Price: price})
		if err != nil {
			t.Fatal(err)
		}
		want := ticket.Ticket{
			ID: got.ID, Version: 1, Title: "Ümläut 🎸 (front)", Price: price, SellerID: seller,
			Availability: events.Available, CreatedAt: w.now, UpdatedAt: w.now,
		}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if !id.Valid(id.Ticket, got.ID) {
			t.Errorf("got id %q", got.ID)
		}
		if stored := w.get(got.ID); stored != want {
			t.Errorf("stored %+v\nwant   %+v", stored, want)
		}
		w.wantEvents(got.ID, events.TicketCreated)
		wantData := fmt.Sprintf(`{"id":%q,"version":1,"title":"Ümläut 🎸 (front)","price":{"minorUnits":1999,"currency":"USD"},"sellerId":%q,"availability":"available"}`, got.ID, seller)
		if data := w.events(got.ID)[0].Data; data != wantData {
			t.Errorf("payload %s\nwant    %s", data, wantData)
		}
	})
	t.Run("T2 invalid", func(t *testing.T) {
		w := newWorld(t)
		for _, c := range []struct {
			title string
			price money.Money
			key   *string
			want  []string
		}{
			{"", price, nil, []string{"title blank"}},
			{" \t\u00a0\u3000 ", price, nil, []string{"title blank"}},
			{"\u200b\u200d", price, nil, []string{"title blank"}},
			{"a\x00b", price, nil, []string{"title text"}},
			{"a\nb", price, nil, []string{"title text"}},
			{"a\u0085b", price, nil, []string{"title text"}},
			{"a\xffb", price, nil, []string{"title text"}},
			{"a\u202eb", price, nil, []string{"title text"}},
			{"a\u2066b", price, nil, []string{"title text"}},
			{strings.Repeat("ü", 201), price, nil, []string{"title maxLength"}},
			{"x", money.Money{MinorUnits: 0, Currency: "USD"}, nil, []string{"price.minorUnits min"}},
			{"x", money.Money{MinorUnits: -1, Currency: "USD"}, nil, []string{"price.minorUnits min"}},
			{"x", money.Money{MinorUnits: 100_000_000, Currency: "USD"}, nil, []string{"price.minorUnits max"}},
			{"x", money.Money{MinorUnits: 1, Currency: "usd"}, nil, []string{"price.currency currency"}},
			{" ", money.Money{MinorUnits: 0, Currency: "?"}, ptr(""), []string{
				"title blank", "price.minorUnits min", "price.currency currency", "idempotencyKey idempotencyKey",
			}},
		} {
			_, err := w.Create(t.Context(), user(), ticket.CreateInput{Title: c.title, Price: c.price, IdempotencyKey: c.key})
			if got := faults(t, err); !slices.Equal(got, c.want) {
				t.Errorf("title %q price %v: got %q, want %q", c.title, c.price, got, c.want)
			}
		}
		w.wantRows("tickets", 0)
		w.wantRows("outbox", 0)
	})
	t.Run("T3 longest title and highest price", func(t *testing.T) {
		w := newWorld(t)
		title := strings.Repeat("🎫", 200)
		got, err := w.Create(t.Context(), user(), ticket.CreateInput{Title: title, Price: money.Money{MinorUnits: money.MaxMinorUnits, Currency: "JPY"}})
		if err != nil || got.Title != title {
			t.Errorf("got %+v, error %v", got, err)
		}
	})
	t.Run("a repeated key returns the first ticket as it is now", func(t *testing.T) {
		w := newWorld(t)
		seller, in := user(), ticket.CreateInput{Title: "Front row", Price: price, IdempotencyKey: ptr("k")}
		first, err := w.Create(t.Context(), seller, in)
		if err != nil {
			t.Fatal(err)
		}
		edited, err := w.Update(t.Context(), seller, ticket.UpdateInput{TicketID: first.ID, Title: ptr("Back row")})
		if err != nil {
			t.Fatal(err)
		}
		in.Title = " Front row"
		if again, err := w.Create(t.Context(), seller, in); err != nil || again != edited {
			t.Errorf("got %+v, error %v, want %+v", again, err, edited)
		}
		w.wantEvents(first.ID, events.TicketCreated, events.TicketUpdated)
		for _, other := range []ticket.CreateInput{
			{Title: "Back row", Price: price, IdempotencyKey: ptr("k")},
			{Title: "Front row", Price: money.Money{MinorUnits: 1999, Currency: "EUR"}, IdempotencyKey: ptr("k")},
		} {
			_, err := w.Create(t.Context(), seller, other)
			wantError(t, err, apperr.IdempotencyKeyReusedError{})
		}
		if mine, err := w.Create(t.Context(), user(), in); err != nil || mine.ID == first.ID {
			t.Errorf("another seller's same key: got %+v, error %v", mine, err)
		}
	})
	t.Run("one key many times at once creates one ticket", func(t *testing.T) {
		w := newWorld(t)
		seller, in := user(), ticket.CreateInput{Title: "Front row", Price: price, IdempotencyKey: ptr("k")}
		ids := make([]string, 20)
		atOnce(len(ids), func(i int) {
			got, err := w.Create(context.Background(), seller, in)
			if err != nil {
				t.Error(err)
			}
			ids[i] = got.ID
		})
		if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
			t.Errorf("got tickets %q, want one", ids)
		}
		w.wantRows("tickets", 1)
		w.wantRows("outbox", 1)
	})
}

func TestUpdate(t *testing.T) {
	t.Run("T6 valid", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		w.now = w.now.Add(time.Hour)
		got, err := w.Update(t.Context(), old.SellerID, ticket.UpdateInput{
			TicketID: old.ID, Title: ptr(" Back row "), Price: &money.Money{MinorUnits: 5, Currency: "EUR"}, ExpectedVersion: ptr(1),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := old
		want.Version, want.Title, want.Price, want.UpdatedAt = 2, "Back row", money.Money{MinorUnits: 5, Currency: "EUR"}, w.now
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if stored := w.get(old.ID); stored != want {
			t.Errorf("stored %+v\nwant   %+v", stored, want)
		}
		w.wantEvents(old.ID, events.TicketCreated, events.TicketUpdated)
	})
	t.Run("T6 one field without the other", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		got, err := w.Update(t.Context(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr("Back row")})
		if err != nil || got.Title != "Back row" || got.Price != price {
			t.Errorf("title only: got %+v, error %v", got, err)
		}
		got, err = w.Update(t.Context(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Price: &money.Money{MinorUnits: 7, Currency: "USD"}})
		if err != nil || got.Title != "Back row" || got.Price.MinorUnits != 7 || got.Version != 3 {
			t.Errorf("price only: got %+v, error %v", got, err)
		}
	})
	t.Run("T6 unknown", func(t *testing.T) {
		w := newWorld(t)
		for _, ticketID := range []string{"", "x", id.New(id.Order), id.New(id.Ticket), "tkt_\x00"} {
			_, err := w.Update(t.Context(), user(), ticket.UpdateInput{TicketID: ticketID, Title: ptr("x")})
			wantError(t, err, ticket.NotFoundError{})
			_, err = w.Withdraw(t.Context(), ticket.Viewer{UserID: user()}, ticketID, nil)
			wantError(t, err, ticket.NotFoundError{})
		}
	})
	t.Run("T6 invalid", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		for _, c := range []struct {
			in   ticket.UpdateInput
			want []string
		}{
			{ticket.UpdateInput{}, []string{" required"}},
			{ticket.UpdateInput{Title: ptr(" ")}, []string{"title blank"}},
			{ticket.UpdateInput{Title: ptr(""), Price: &money.Money{}, ExpectedVersion: ptr(7)}, []string{
				"title blank", "price.minorUnits min", "price.currency currency",
			}},
		} {
			c.in.TicketID = old.ID
			_, err := w.Update(t.Context(), old.SellerID, c.in)
			if got := faults(t, err); !slices.Equal(got, c.want) {
				t.Errorf("%+v: got %q, want %q", c.in, got, c.want)
			}
		}
		w.wantEvents(old.ID, events.TicketCreated)
	})
	t.Run("T7 stale version", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		current, err := w.Update(t.Context(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr("Back row"), ExpectedVersion: ptr(1)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Update(t.Context(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr("Lost"), ExpectedVersion: ptr(1)})
		wantError(t, err, ticket.StaleVersionError{Ticket: current})
		_, err = w.Withdraw(t.Context(), ticket.Viewer{UserID: old.SellerID}, old.ID, ptr(1))
		wantError(t, err, ticket.StaleVersionError{Ticket: current})
		w.wantEvents(old.ID, events.TicketCreated, events.TicketUpdated)
	})
	t.Run("T7 one of many updates with one expected version succeeds", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		results, errs := make([]ticket.Ticket, 20), make([]error, 20)
		atOnce(20, func(i int) {
			results[i], errs[i] = w.Update(context.Background(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr(fmt.Sprint("Row ", i)), ExpectedVersion: ptr(1)})
		})
		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatal("no update succeeded")
		}
		for i, err := range errs {
			if i == winner {
				continue
			}
			wantError(t, err, ticket.StaleVersionError{Ticket: results[winner]})
		}
		w.wantEvents(old.ID, events.TicketCreated, events.TicketUpdated)
	})
	t.Run("T8 concurrent updates without an expected version all succeed", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		atOnce(20, func(i int) {
			if _, err := w.Update(context.Background(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Price: &money.Money{MinorUnits: 1 + i, Currency: "USD"}}); err != nil {
				t.Error(err)
			}
		})
		w.want(old.ID, 21, events.Available, "")
		w.wantEvents(old.ID, append([]events.Type{events.TicketCreated}, slices.Repeat([]events.Type{events.TicketUpdated}, 20)...)...)
	})
}

// For every viewer and availability, the reasons are those of the table, and Update returns the error of the first one.
func TestViewerCanUpdate(t *testing.T) {
	w := newWorld(t)
	const owner, stranger, signedOut = "owner", "stranger", ""
	accepted := func(ticket.Ticket) error { return nil }
	reserved := func(t ticket.Ticket) error { return ticket.ReservedError{Ticket: t} }
	sold := func(t ticket.Ticket) error { return ticket.SoldError{Ticket: t} }
	withdrawn := func(t ticket.Ticket) error { return ticket.WithdrawnError{Ticket: t} }
	notOwner := func(ticket.Ticket) error { return ticket.NotAuthorizedError{} }
	unauthenticated := func(ticket.Ticket) error { return apperr.New(apperr.Unauthenticated, "") }
	for _, c := range []struct {
		availability events.Availability
		viewer       string
		reasons      []ticket.Reason
		refusal      func(ticket.Ticket) error // by Update
	}{
		{events.Available, owner, nil, accepted},
		{events.Reserved, owner, []ticket.Reason{"reserved"}, reserved},
		{events.Sold, owner, []ticket.Reason{"sold"}, sold},
		{events.Withdrawn, owner, []ticket.Reason{"withdrawn"}, withdrawn},
		{events.Available, stranger, []ticket.Reason{"not_owner"}, notOwner},
		{events.Reserved, stranger, []ticket.Reason{"not_owner", "reserved"}, notOwner},
		{events.Sold, stranger, []ticket.Reason{"not_owner", "sold"}, notOwner},
		{events.Withdrawn, stranger, []ticket.Reason{"not_owner", "withdrawn"}, notOwner},
		{events.Available, signedOut, []ticket.Reason{"signed_out"}, unauthenticated},
		{events.Reserved, signedOut, []ticket.Reason{"signed_out", "reserved"}, unauthenticated},
		{events.Sold, signedOut, []ticket.Reason{"signed_out", "sold"}, unauthenticated},
		{events.Withdrawn, signedOut, []ticket.Reason{"signed_out", "withdrawn"}, unauthenticated},
	} {
		t.Run(fmt.Sprintf("T11 %s for %q", c.availability, c.viewer), func(t *testing.T) {
			old := w.in(c.availability)
			viewer := map[string]string{owner: old.SellerID, stranger: user(), signedOut: ""}[c.viewer]
			reasons := old.CannotUpdateReasons(viewer)
			if !slices.Equal(reasons, c.reasons) {
				t.Errorf("got reasons %q, want %q", reasons, c.reasons)
			}
			got, err := w.Update(t.Context(), viewer, ticket.UpdateInput{TicketID: old.ID, Title: ptr("New")})
			if (err == nil) != (len(reasons) == 0) {
				t.Errorf("reasons %q, but Update's error is %v", reasons, err)
			}
			refusal := c.refusal(old)
			if refusal == nil {
				if err != nil || got.Version != old.Version+1 {
					t.Errorf("got %+v, error %v", got, err)
				}
				return
			}
			wantError(t, err, refusal)
			if got != (ticket.Ticket{}) || w.get(old.ID) != old {
				t.Errorf("a refused update returned %+v and left %+v", got, w.get(old.ID))
			}
			// T6: an invalid input is reported after a foreign ticket and before a held one.
			_, err = w.Update(t.Context(), viewer, ticket.UpdateInput{TicketID: old.ID, Title: ptr(" ")})
			if c.viewer != owner {
				wantError(t, err, refusal)
			} else if got, want := faults(t, err), []string{"title blank"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// in returns a ticket with the availability.
func (w *world) in(a events.Availability) ticket.Ticket {
	w.t.Helper()
	t := w.create()
	switch a {
	case events.Available:
	case events.Reserved:
		w.deliver(events.OrderCreated, orderFor(t))
	case events.Sold:
		o := orderFor(t)
		w.deliver(events.OrderCreated, o)
		w.deliver(events.OrderCompleted, completed(o))
	case events.Withdrawn:
		if _, err := w.Withdraw(w.t.Context(), ticket.Viewer{UserID: t.SellerID}, t.ID, nil); err != nil {
			w.t.Fatal(err)
		}
	}
	t = w.get(t.ID)
	if t.Availability != a {
		w.t.Fatalf("got %s, want %s", t.Availability, a)
	}
	return t
}

func TestWithdraw(t *testing.T) {
	t.Run("T12 available, and again", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		for range 2 {
			got, err := w.Withdraw(t.Context(), ticket.Viewer{UserID: old.SellerID}, old.ID, ptr(1))
			if err != nil || got.Availability != events.Withdrawn || got.Version != 2 {
				t.Errorf("got %+v, error %v", got, err)
			}
		}
		w.wantEvents(old.ID, events.TicketCreated, events.TicketWithdrawn)
	})
	for a, refusal := range map[events.Availability]func(ticket.Ticket) error{
		events.Reserved: func(t ticket.Ticket) error { return ticket.ReservedError{Ticket: t} },
		events.Sold:     func(t ticket.Ticket) error { return ticket.SoldError{Ticket: t} },
	} {
		t.Run("T12 "+string(a), func(t *testing.T) {
			w := newWorld(t)
			old := w.in(a)
			_, err := w.Withdraw(t.Context(), ticket.Viewer{UserID: old.SellerID}, old.ID, nil)
			wantError(t, err, refusal(old))
			_, err = w.Withdraw(t.Context(), ticket.Viewer{UserID: user(), Operator: true}, old.ID, nil)
			wantError(t, err, refusal(old))
			if got := w.get(old.ID); got != old {
				t.Errorf("left %+v, want %+v", got, old)
			}
		})
	}
	t.Run("T12 by an operator, which is logged", func(t *testing.T) {
		w := newWorld(t)
		operator := ticket.Viewer{UserID: user(), Operator: true}
		got, err := w.Withdraw(t.Context(), operator, w.create().ID, ptr(1))
		if err != nil || got.Availability != events.Withdrawn || got.Version != 2 {
			t.Errorf("got %+v, error %v", got, err)
		}
		w.wantEvents(got.ID, events.TicketCreated, events.TicketWithdrawn)
		want := fmt.Sprintf(`level=INFO msg="ticket withdrawn by an operator" operator=%s ticket=%s`, operator.UserID, got.ID)
		if !strings.Contains(logged.String(), want) {
			t.Errorf("not logged: %s", want)
		}
	})
	t.Run("T12 not the owner", func(t *testing.T) {
		w := newWorld(t)
		for _, a := range []events.Availability{events.Available, events.Reserved, events.Sold, events.Withdrawn} {
			_, err := w.Withdraw(t.Context(), ticket.Viewer{UserID: user()}, w.in(a).ID, nil)
			wantError(t, err, ticket.NotAuthorizedError{})
		}
	})
}

func (w *world) wantRows(table string, want int) {
	w.t.Helper()
	var got int
	if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()).Scan(&got); err != nil {
		w.t.Fatal(err)
	}
	if got != want {
		w.t.Errorf("got %d rows in %s, want %d", got, table, want)
	}
}

// atOnce calls fn n times concurrently and waits for all calls.
func atOnce(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}
