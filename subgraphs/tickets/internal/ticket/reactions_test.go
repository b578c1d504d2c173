package ticket_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

// deliver handles an event about an order and fails the test if that fails.
func (w *world) deliver(typ events.Type, o events.Order) {
	w.t.Helper()
	if err := w.handle(events.New(typ, o)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) handle(e events.Event) error {
	return w.Reactions().Deliver(context.Background(), e)
}

// orderFor returns a new order for the ticket as its buyer saw it.
func orderFor(seen ticket.Ticket) events.Order {
	return events.Order{
		ID: id.New(id.Order), Version: 1, Status: "created", BuyerID: user(), SellerID: seen.SellerID,
		TicketID: seen.ID, TicketVersion: seen.Version, Title: seen.Title, Price: seen.Price,
	}
}

// ordersFor returns n new orders for the ticket as their buyers saw it, oldest first.
func ordersFor(seen ticket.Ticket, n int) []events.Order {
	orders := make([]events.Order, n)
	for i := range orders {
		orders[i] = orderFor(seen)
	}
	return orders
}

func cancelled(o events.Order) events.Order {
	o.Version, o.Status, o.Reason = o.Version+1, "cancelled", "buyer_cancelled"
	return o
}

func completed(o events.Order) events.Order {
	o.Version, o.Status = o.Version+1, "complete"
	return o
}

// refusals returns the payloads of all refusals to lock the ticket.
func (w *world) refusals(ticketID string) []events.ReservationRefused {
	w.t.Helper()
	var all []events.ReservationRefused
	for _, e := range w.events(ticketID) {
		if e.Type != events.TicketReservationRefused {
			continue
		}
		var r events.ReservationRefused
		if err := json.Unmarshal([]byte(e.Data), &r); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestOrderCreated(t *testing.T) {
	t.Run("T9 locks once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		e := events.New(events.OrderCreated, orderFor(free))
		for range 2 {
			if err := w.handle(e); err != nil {
				t.Fatal(err)
			}
		}
		w.want(free.ID, 2, events.Reserved, e.Subject)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved)
	})
	t.Run("T9 a newer version with the title and price that the buyer saw", func(t *testing.T) {
		w := newWorld(t)
		seen := w.create()
		first := orderFor(seen)
		w.deliver(events.OrderCreated, first)
		w.deliver(events.OrderCancelled, cancelled(first))
		second := orderFor(seen) // saw version 1, the ticket is at 3
		w.deliver(events.OrderCreated, second)
		w.want(seen.ID, 4, events.Reserved, second.ID)
		w.wantEvents(seen.ID, events.TicketCreated, events.TicketReserved, events.TicketReleased, events.TicketReserved)
	})
	t.Run("O12 refused", func(t *testing.T) {
		for _, c := range []struct {
			reason events.LockRefusal
			before func(*world, ticket.Ticket) error
		}{
			{events.RefusedTicketChanged, func(w *world, s ticket.Ticket) error {
				_, err := w.Update(w.t.Context(), s.SellerID, ticket.UpdateInput{TicketID: s.ID, Title: ptr("Back row")})
				return err
			}},
			{events.RefusedTicketChanged, func(w *world, s ticket.Ticket) error {
				_, err := w.Update(w.t.Context(), s.SellerID, ticket.UpdateInput{TicketID: s.ID, Price: &money.Money{MinorUnits: 2000, Currency: "USD"}})
				return err
			}},
			{events.RefusedTicketChanged, func(w *world, s ticket.Ticket) error {
				_, err := w.Update(w.t.Context(), s.SellerID, ticket.UpdateInput{TicketID: s.ID, Price: &money.Money{MinorUnits: 1999, Currency: "EUR"}})
				return err
			}},
			{events.RefusedTicketWithdrawn, func(w *world, s ticket.Ticket) error {
				_, err := w.Withdraw(w.t.Context(), ticket.Viewer{UserID: s.SellerID}, s.ID, nil)
				return err
			}},
			{events.RefusedTicketSold, func(w *world, s ticket.Ticket) error {
				return w.handle(events.New(events.OrderCompleted, orderFor(s)))
			}},
		} {
			t.Run(string(c.reason), func(t *testing.T) {
				w := newWorld(t)
				seen := w.create()
				if err := c.before(w, seen); err != nil {
					t.Fatal(err)
				}
				now := w.get(seen.ID)
				o := orderFor(seen)
				w.deliver(events.OrderCreated, o)
				w.deliver(events.OrderCreated, o)
				if got := w.get(seen.ID); got != now {
					t.Errorf("ticket became %+v, want it as it was, %+v", got, now)
				}
				want := events.ReservationRefused{OrderID: o.ID, Reason: c.reason, Ticket: events.Ticket{
					ID: now.ID, Version: now.Version, Title: now.Title, Price: now.Price, SellerID: now.SellerID,
					Availability: now.Availability, OrderID: now.OrderID,
				}}
				if got := w.refusals(seen.ID); !slices.Equal(got, []events.ReservationRefused{want}) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			})
		}
	})
	t.Run("unknown ticket", func(t *testing.T) {
		w := newWorld(t)
		o := orderFor(ticket.Ticket{ID: id.New(id.Ticket), Version: 1, Title: "Front row", Price: price, SellerID: user()})
		w.deliver(events.OrderCreated, o)
		want := events.ReservationRefused{OrderID: o.ID, Reason: events.RefusedTicketUnknown, Ticket: events.Ticket{ID: o.TicketID}}
		if got := w.refusals(o.TicketID); !slices.Equal(got, []events.ReservationRefused{want}) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		w.deliver(events.OrderCancelled, cancelled(o))
		w.wantRows("outbox", 1)
	})
	t.Run("a newer order takes the lock over from one whose cancellation was overtaken", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		orders := ordersFor(free, 2)
		first, second := orders[0], orders[1]
		w.deliver(events.OrderCreated, first)
		w.deliver(events.OrderCreated, second)
		w.deliver(events.OrderCancelled, cancelled(first))
		w.want(free.ID, 3, events.Reserved, second.ID)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved, events.TicketReserved)
	})
	t.Run("an older order has ended", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		orders := ordersFor(free, 2)
		first, second := orders[0], orders[1]
		w.deliver(events.OrderCreated, second)
		w.deliver(events.OrderCreated, first)
		w.want(free.ID, 2, events.Reserved, second.ID)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved)
	})
}

func TestOrderCancelled(t *testing.T) {
	t.Run("T10 releases once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.deliver(events.OrderCreated, o)
		w.deliver(events.OrderCancelled, cancelled(o))
		w.deliver(events.OrderCancelled, cancelled(o))
		w.want(free.ID, 3, events.Available, "")
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved, events.TicketReleased)
	})
	t.Run("T10 another order holds the ticket", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		orders := ordersFor(free, 2)
		first, second := orders[0], orders[1]
		w.deliver(events.OrderCreated, second)
		w.deliver(events.OrderCancelled, cancelled(first))
		w.want(free.ID, 2, events.Reserved, second.ID)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved)
	})
	t.Run("T10 before the creation of its order", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.deliver(events.OrderCancelled, cancelled(o))
		w.deliver(events.OrderCreated, o)
		w.want(free.ID, 1, events.Available, "")
		w.wantEvents(free.ID, events.TicketCreated)
	})
	t.Run("T10 puts a sold ticket back on sale once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		paid := completed(o)
		w.deliver(events.OrderCreated, o)
		w.deliver(events.OrderCompleted, paid)
		w.deliver(events.OrderCancelled, cancelled(paid))
		w.deliver(events.OrderCancelled, cancelled(paid))
		w.deliver(events.OrderCompleted, paid)
		w.want(free.ID, 4, events.Available, "")
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved, events.TicketSold, events.TicketReleased)
		again := orderFor(free)
		w.deliver(events.OrderCreated, again)
		w.want(free.ID, 5, events.Reserved, again.ID)
	})
	t.Run("T10 keeps the ticket off sale once", func(t *testing.T) {
		w := newWorld(t)
		for _, paid := range []bool{true, false} { // false: the completion was overtaken
			free := w.create()
			o := orderFor(free)
			w.deliver(events.OrderCreated, o)
			over, version := cancelled(completed(o)), 3
			over.KeepOffSale = true
			if paid {
				w.deliver(events.OrderCompleted, completed(o))
				version = 4
			}
			w.deliver(events.OrderCancelled, over)
			w.deliver(events.OrderCancelled, over)
			w.deliver(events.OrderCompleted, completed(o))
			w.want(free.ID, version, events.Withdrawn, "")
		}
	})
	t.Run("T10 a ticket that is sold to another order", func(t *testing.T) {
		w := newWorld(t)
		sold := w.in(events.Sold)
		over := cancelled(orderFor(sold))
		w.deliver(events.OrderCancelled, over)
		over.ID, over.KeepOffSale = id.New(id.Order), true
		w.deliver(events.OrderCancelled, over)
		if got := w.get(sold.ID); got != sold {
			t.Errorf("got %+v, want it as it was, %+v", got, sold)
		}
	})
	t.Run("a withdrawn ticket stays withdrawn", func(t *testing.T) {
		w := newWorld(t)
		gone := w.in(events.Withdrawn)
		o := orderFor(gone)
		w.deliver(events.OrderCreated, o)
		w.deliver(events.OrderCancelled, cancelled(o))
		w.want(gone.ID, 2, events.Withdrawn, "")
	})
}

func TestOrderCompleted(t *testing.T) {
	t.Run("sells once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.deliver(events.OrderCreated, o)
		w.deliver(events.OrderCompleted, completed(o))
		w.deliver(events.OrderCompleted, completed(o))
		w.want(free.ID, 3, events.Sold, o.ID)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved, events.TicketSold)
	})
	t.Run("before the creation of its order", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.deliver(events.OrderCompleted, completed(o))
		w.deliver(events.OrderCreated, o)
		w.want(free.ID, 2, events.Sold, o.ID)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketSold)
	})
	t.Run("a newer order keeps the lock when the completion and refund of the older one were overtaken", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		older, newer := orderFor(free), orderFor(free)
		refunded := completed(older)
		refunded.Version, refunded.Status, refunded.KeepOffSale = refunded.Version+1, events.Cancelled, true
		w.deliver(events.OrderCreated, older)
		w.deliver(events.OrderCreated, newer)
		w.deliver(events.OrderCompleted, completed(older))
		w.deliver(events.OrderCancelled, refunded)
		w.want(free.ID, 3, events.Reserved, newer.ID)
		w.deliver(events.OrderCompleted, completed(newer))
		w.want(free.ID, 4, events.Sold, newer.ID)
		w.wantEvents(free.ID, events.TicketCreated, events.TicketReserved, events.TicketReserved, events.TicketSold)
	})
	t.Run("a ticket that is sold to another order or unknown is a fault", func(t *testing.T) {
		w := newWorld(t)
		sold := w.in(events.Sold)
		for _, o := range []events.Order{completed(orderFor(sold)), completed(orderFor(ticket.Ticket{ID: id.New(id.Ticket)}))} {
			if err := w.handle(events.New(events.OrderCompleted, o)); err == nil || apperr.Split(err) != nil {
				t.Errorf("got %v, want a fault", err)
			}
		}
		if got := w.get(sold.ID); got != sold {
			t.Errorf("left %+v, want %+v", got, sold)
		}
	})
}

// The events of consecutive orders for one ticket arrive in every permutation, some of them twice. The ticket ends in
// the same state as if they had arrived in order.
func TestShuffled(t *testing.T) {
	const created, over, paid = events.OrderCreated, events.OrderCancelled, events.OrderCompleted
	for _, c := range []struct {
		name         string
		orders       [][]events.Type // the events of each order
		availability events.Availability
	}{
		{"the last order is live", [][]events.Type{{created, over}, {created, over}, {created}}, events.Reserved},
		{"the last order is paid", [][]events.Type{{created, over}, {created, paid}}, events.Sold},
		{"the last order is cancelled", [][]events.Type{{created, over}, {created, over}}, events.Available},
		{"the last order is refunded", [][]events.Type{{created, over}, {created, paid, over}}, events.Available},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			count := len(slices.Concat(c.orders...))
			for arrival := range permutations(count) {
				free := w.create()
				orders := ordersFor(free, len(c.orders))
				var arriving []events.Event
				for i, o := range orders {
					for _, typ := range c.orders[i] {
						arriving = append(arriving, events.New(typ, o))
						o.Version++
					}
				}
				for i, next := range arrival {
					w.mustHandle(arriving[next], arrival)
					if rand.IntN(3) == 0 {
						w.mustHandle(arriving[arrival[rand.IntN(i+1)]], arrival)
					}
				}
				holder := orders[len(orders)-1].ID
				if c.availability == events.Available {
					holder = ""
				}
				got := w.get(free.ID)
				if got.Availability != c.availability || got.OrderID != holder {
					t.Errorf("arrival %v: got %s order %q, want %s order %q", arrival, got.Availability, got.OrderID, c.availability, holder)
				}
				if changes := len(w.events(free.ID)) - len(w.refusals(free.ID)); changes != got.Version {
					t.Errorf("arrival %v: %d events for version %d", arrival, changes, got.Version)
				}
			}
		})
	}
}

func (w *world) mustHandle(e events.Event, arrival []int) {
	w.t.Helper()
	if err := w.handle(e); err != nil {
		w.t.Fatalf("arrival %v: %v", arrival, err)
	}
}

// permutations yields every order of 0 to n-1.
func permutations(n int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		var extend func(head, rest []int) bool
		extend = func(head, rest []int) bool {
			if len(rest) == 0 {
				return yield(head)
			}
			for i := range rest {
				if !extend(append(slices.Clone(head), rest[i]), slices.Delete(slices.Clone(rest), i, i+1)) {
					return false
				}
			}
			return true
		}
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		extend(nil, all)
	}
}

// The seller updates or withdraws the ticket while an order is created: either the order gets exactly what its buyer
// saw and the seller is refused, or the order is refused.
func TestEditAgainstLock(t *testing.T) {
	w := newWorld(t)
	locked, refused := 0, 0
	for i := range 200 {
		seen := w.create()
		o := orderFor(seen)
		var sellerErr, lockErr error
		atOnce(2, func(side int) {
			switch {
			case side == 0:
				lockErr = w.handle(events.New(events.OrderCreated, o))
			case i%4 == 0:
				_, sellerErr = w.Withdraw(context.Background(), ticket.Viewer{UserID: seen.SellerID}, seen.ID, nil)
			default:
				_, sellerErr = w.Update(context.Background(), seen.SellerID, ticket.UpdateInput{TicketID: seen.ID, Price: &money.Money{MinorUnits: 99_999, Currency: "USD"}})
			}
		})
		if lockErr != nil {
			t.Fatal(lockErr)
		}
		got := w.get(seen.ID)
		outcome := fmt.Sprintf("try %d: ticket %+v, seller %v, refusals %v", i, got, sellerErr, w.refusals(seen.ID))
		switch {
		case sellerErr == nil:
			refused++
			if got.OrderID != "" || len(w.refusals(seen.ID)) != 1 {
				t.Errorf("O12 the seller was first: %s", outcome)
			}
		case errors.Is(sellerErr, ticket.ReservedError{Ticket: got}):
			locked++
			if got.OrderID != o.ID || got.Title != seen.Title || got.Price != seen.Price || len(w.refusals(seen.ID)) != 0 {
				t.Errorf("O12 the order was first: %s", outcome)
			}
		default:
			t.Errorf("O12 %s", outcome)
		}
		if got.Version != 2 {
			t.Errorf("T8 %s", outcome)
		}
	}
	t.Logf("the order was first %d times, the seller %d times", locked, refused)
}
