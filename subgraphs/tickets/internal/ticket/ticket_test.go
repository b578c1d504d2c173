package ticket_test

import (
	"context"
	"fmt"
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
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

var price = money.Money{MinorUnits: 1999, Currency: "USD"}

// world is a service on a database of its own, with a clock that stands still.
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

// want compares a ticket with what is stored: its version, its availability and who holds it.
func (w *world) want(ticketID string, version int, a ticket.Availability, orderID string) {
	w.t.Helper()
	got := w.get(ticketID)
	if got.Version != version || got.Availability != a || got.OrderID != orderID {
		w.t.Errorf("got version %d %s order %q, want version %d %s order %q", got.Version, got.Availability, got.OrderID, version, a, orderID)
	}
}

// told returns the events about a ticket, oldest first.
func (w *world) told(ticketID string) []told {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT type, version, data FROM outbox WHERE subject = $1 ORDER BY seq`, ticketID)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[told])
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

type told struct {
	Type    events.Type
	Version int
	Data    string
}

// wantTold checks the types of all events about a ticket, and that each version was told once (T8).
func (w *world) wantTold(ticketID string, want ...events.Type) {
	w.t.Helper()
	var types []events.Type
	version := 0
	for _, e := range w.told(ticketID) {
		types = append(types, e.Type)
		if e.Type != events.TicketReservationRefused {
			version++
		}
		if e.Version != version {
			w.t.Errorf("%s tells version %d, want %d", e.Type, e.Version, version)
		}
	}
	if !slices.Equal(types, want) {
		w.t.Errorf("events about %s: got %v, want %v", ticketID, types, want)
	}
}

func wantCode(t *testing.T, err error, want apperr.Code) {
	t.Helper()
	if !apperr.Has(err, want) {
		t.Fatalf("got error %v, want %s", err, want)
	}
}

// wantDetail checks the code of an error and the ticket that it carries.
func wantDetail(t *testing.T, err error, code apperr.Code, want ticket.Ticket) {
	t.Helper()
	wantCode(t, err, code)
	if e := apperr.All(err)[0]; e.Detail != want {
		t.Errorf("%s carries %+v, want %+v", code, e.Detail, want)
	}
}

// faults returns "path rule" of each ValidationFailed error, and fails for any other.
func faults(t *testing.T, err error) []string {
	t.Helper()
	found := []string{}
	for _, e := range apperr.All(err) {
		if e.Code != apperr.ValidationFailed {
			t.Errorf("got %v, want only validation errors", e)
		}
		found = append(found, strings.Join(e.Path, ".")+" "+e.Rule)
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
			Availability: ticket.Available, CreatedAt: w.now, UpdatedAt: w.now,
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
		w.wantTold(got.ID, events.TicketCreated)
		wantData := fmt.Sprintf(`{"id":%q,"version":1,"title":"Ümläut 🎸 (front)","price":{"minorUnits":1999,"currency":"USD"},"sellerId":%q,"availability":"available"}`, got.ID, seller)
		if data := w.told(got.ID)[0].Data; data != wantData {
			t.Errorf("told %s\nwant %s", data, wantData)
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
			{"", price, nil, []string{"input.title blank"}},
			{" \t\u00a0\u3000 ", price, nil, []string{"input.title blank"}},
			{"\u200b\u200d", price, nil, []string{"input.title blank"}},
			{"a\x00b", price, nil, []string{"input.title text"}},
			{"a\nb", price, nil, []string{"input.title text"}},
			{"a\u0085b", price, nil, []string{"input.title text"}},
			{"a\xffb", price, nil, []string{"input.title text"}},
			{"a\u202eb", price, nil, []string{"input.title text"}},
			{"a\u2066b", price, nil, []string{"input.title text"}},
			{strings.Repeat("ü", 201), price, nil, []string{"input.title maxLength"}},
			{"x", money.Money{MinorUnits: 0, Currency: "USD"}, nil, []string{"input.price.minorUnits min"}},
			{"x", money.Money{MinorUnits: -1, Currency: "USD"}, nil, []string{"input.price.minorUnits min"}},
			{"x", money.Money{MinorUnits: 100_000_000, Currency: "USD"}, nil, []string{"input.price.minorUnits max"}},
			{"x", money.Money{MinorUnits: 1, Currency: "usd"}, nil, []string{"input.price.currency currency"}},
			{" ", money.Money{MinorUnits: 0, Currency: "?"}, ptr(""), []string{
				"input.title blank", "input.price.minorUnits min", "input.price.currency currency", "input.idempotencyKey idempotencyKey",
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
		w.wantTold(first.ID, events.TicketCreated, events.TicketUpdated)
		for _, other := range []ticket.CreateInput{
			{Title: "Back row", Price: price, IdempotencyKey: ptr("k")},
			{Title: "Front row", Price: money.Money{MinorUnits: 1999, Currency: "EUR"}, IdempotencyKey: ptr("k")},
		} {
			_, err := w.Create(t.Context(), seller, other)
			wantCode(t, err, apperr.IdempotencyKeyReused)
		}
		if mine, err := w.Create(t.Context(), user(), in); err != nil || mine.ID == first.ID {
			t.Errorf("another seller's same key: got %+v, error %v", mine, err)
		}
	})
	t.Run("one key many times at once makes one ticket", func(t *testing.T) {
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
		w.wantTold(old.ID, events.TicketCreated, events.TicketUpdated)
	})
	t.Run("T6 one field leaves the other", func(t *testing.T) {
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
			wantCode(t, err, apperr.TicketNotFound)
			_, err = w.Withdraw(t.Context(), ticket.Viewer{UserID: user()}, ticketID, nil)
			wantCode(t, err, apperr.TicketNotFound)
		}
	})
	t.Run("T6 invalid", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		for _, c := range []struct {
			in   ticket.UpdateInput
			want []string
		}{
			{ticket.UpdateInput{}, []string{"input required"}},
			{ticket.UpdateInput{Title: ptr(" ")}, []string{"input.title blank"}},
			{ticket.UpdateInput{Title: ptr(""), Price: &money.Money{}, ExpectedVersion: ptr(7)}, []string{
				"input.title blank", "input.price.minorUnits min", "input.price.currency currency",
			}},
		} {
			c.in.TicketID = old.ID
			_, err := w.Update(t.Context(), old.SellerID, c.in)
			if got := faults(t, err); !slices.Equal(got, c.want) {
				t.Errorf("%+v: got %q, want %q", c.in, got, c.want)
			}
		}
		w.wantTold(old.ID, events.TicketCreated)
	})
	t.Run("T7 stale version", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		current, err := w.Update(t.Context(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr("Back row"), ExpectedVersion: ptr(1)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Update(t.Context(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr("Lost"), ExpectedVersion: ptr(1)})
		wantDetail(t, err, apperr.StaleVersion, current)
		_, err = w.Withdraw(t.Context(), ticket.Viewer{UserID: old.SellerID}, old.ID, ptr(1))
		wantCode(t, err, apperr.StaleVersion)
		w.wantTold(old.ID, events.TicketCreated, events.TicketUpdated)
	})
	t.Run("T7 one of many with one expected version wins", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		results, errs := make([]ticket.Ticket, 20), make([]error, 20)
		atOnce(20, func(i int) {
			results[i], errs[i] = w.Update(context.Background(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Title: ptr(fmt.Sprint("Row ", i)), ExpectedVersion: ptr(1)})
		})
		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatal("nobody won")
		}
		for i, err := range errs {
			if i == winner {
				continue
			}
			wantDetail(t, err, apperr.StaleVersion, results[winner])
		}
		w.wantTold(old.ID, events.TicketCreated, events.TicketUpdated)
	})
	t.Run("T8 updates without expected version all count", func(t *testing.T) {
		w := newWorld(t)
		old := w.create()
		atOnce(20, func(i int) {
			if _, err := w.Update(context.Background(), old.SellerID, ticket.UpdateInput{TicketID: old.ID, Price: &money.Money{MinorUnits: 1 + i, Currency: "USD"}}); err != nil {
				t.Error(err)
			}
		})
		w.want(old.ID, 21, ticket.Available, "")
		w.wantTold(old.ID, append([]events.Type{events.TicketCreated}, slices.Repeat([]events.Type{events.TicketUpdated}, 20)...)...)
	})
}

// TestViewerCanUpdate compares what CannotUpdateReasons says with what Update then answers, for
// every viewer in every state, and with the table that the schema promises.
func TestViewerCanUpdate(t *testing.T) {
	w := newWorld(t)
	const owner, stranger, nobody = "owner", "stranger", ""
	for _, c := range []struct {
		availability ticket.Availability
		viewer       string
		reasons      []ticket.Reason
		code         apperr.Code // of Update's error, "" when it succeeds
	}{
		{ticket.Available, owner, nil, ""},
		{ticket.Reserved, owner, []ticket.Reason{"reserved"}, apperr.TicketReserved},
		{ticket.Sold, owner, []ticket.Reason{"sold"}, apperr.TicketSold},
		{ticket.Withdrawn, owner, []ticket.Reason{"withdrawn"}, apperr.TicketWithdrawn},
		{ticket.Available, stranger, []ticket.Reason{"not_owner"}, apperr.NotAuthorized},
		{ticket.Reserved, stranger, []ticket.Reason{"not_owner", "reserved"}, apperr.NotAuthorized},
		{ticket.Sold, stranger, []ticket.Reason{"not_owner", "sold"}, apperr.NotAuthorized},
		{ticket.Withdrawn, stranger, []ticket.Reason{"not_owner", "withdrawn"}, apperr.NotAuthorized},
		{ticket.Available, nobody, []ticket.Reason{"signed_out"}, apperr.Unauthenticated},
		{ticket.Reserved, nobody, []ticket.Reason{"signed_out", "reserved"}, apperr.Unauthenticated},
		{ticket.Sold, nobody, []ticket.Reason{"signed_out", "sold"}, apperr.Unauthenticated},
		{ticket.Withdrawn, nobody, []ticket.Reason{"signed_out", "withdrawn"}, apperr.Unauthenticated},
	} {
		t.Run(fmt.Sprintf("T11 %s for %q", c.availability, c.viewer), func(t *testing.T) {
			old := w.in(c.availability)
			viewer := map[string]string{owner: old.SellerID, stranger: user(), nobody: ""}[c.viewer]
			reasons := old.CannotUpdateReasons(viewer)
			if !slices.Equal(reasons, c.reasons) {
				t.Errorf("got reasons %q, want %q", reasons, c.reasons)
			}
			got, err := w.Update(t.Context(), viewer, ticket.UpdateInput{TicketID: old.ID, Title: ptr("New")})
			if (err == nil) != (len(reasons) == 0) {
				t.Errorf("reasons %q, but Update's error is %v", reasons, err)
			}
			if c.code == "" {
				if err != nil || got.Version != old.Version+1 {
					t.Errorf("got %+v, error %v", got, err)
				}
				return
			}
			wantCode(t, err, c.code)
			if c.viewer == owner {
				wantDetail(t, err, c.code, old)
			}
			if got != (ticket.Ticket{}) || w.get(old.ID) != old {
				t.Errorf("a refused update returned %+v and left %+v", got, w.get(old.ID))
			}
			// T6: what is wrong with the input comes after whose ticket it is and before who holds it.
			_, err = w.Update(t.Context(), viewer, ticket.UpdateInput{TicketID: old.ID, Title: ptr(" ")})
			wantInvalid := c.code
			if c.viewer == owner {
				wantInvalid = apperr.ValidationFailed
			}
			wantCode(t, err, wantInvalid)
		})
	}
}

// in makes a ticket with the availability.
func (w *world) in(a ticket.Availability) ticket.Ticket {
	w.t.Helper()
	t := w.create()
	switch a {
	case ticket.Available:
	case ticket.Reserved:
		w.tell(events.OrderCreated, orderFor(t))
	case ticket.Sold:
		o := orderFor(t)
		w.tell(events.OrderCreated, o)
		w.tell(events.OrderCompleted, completed(o))
	case ticket.Withdrawn:
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
			if err != nil || got.Availability != ticket.Withdrawn || got.Version != 2 {
				t.Errorf("got %+v, error %v", got, err)
			}
		}
		w.wantTold(old.ID, events.TicketCreated, events.TicketWithdrawn)
	})
	for a, code := range map[ticket.Availability]apperr.Code{ticket.Reserved: apperr.TicketReserved, ticket.Sold: apperr.TicketSold} {
		t.Run("T12 "+string(a), func(t *testing.T) {
			w := newWorld(t)
			old := w.in(a)
			_, err := w.Withdraw(t.Context(), ticket.Viewer{UserID: old.SellerID}, old.ID, nil)
			wantDetail(t, err, code, old)
			_, err = w.Withdraw(t.Context(), ticket.Viewer{UserID: user(), Operator: true}, old.ID, nil)
			wantDetail(t, err, code, old)
			if got := w.get(old.ID); got != old {
				t.Errorf("left %+v, want %+v", got, old)
			}
		})
	}
	t.Run("T12 not the owner", func(t *testing.T) {
		w := newWorld(t)
		for _, a := range []ticket.Availability{ticket.Available, ticket.Reserved, ticket.Sold, ticket.Withdrawn} {
			_, err := w.Withdraw(t.Context(), ticket.Viewer{UserID: user()}, w.in(a).ID, nil)
			wantCode(t, err, apperr.NotAuthorized)
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

// atOnce calls fn n times at the same time and waits for all.
func atOnce(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}
