package ticket_test

import (
	"context"
	"encoding/json"
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

// tell delivers an event as the broker would.
func (w *world) tell(typ events.Type, o events.Order) {
	w.t.Helper()
	if err := w.deliver(events.New(typ, o)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deliver(e events.Event) error {
	return w.Reactions().Deliver(context.Background(), e)
}

// orderFor makes an order that has just been created for what its buyer saw.
func orderFor(seen ticket.Ticket) events.Order {
	return events.Order{
		ID: id.New(id.Order), Version: 1, Status: "created", BuyerID: user(), SellerID: seen.SellerID,
		TicketID: seen.ID, TicketVersion: seen.Version, Title: seen.Title, Price: seen.Price,
	}
}

// ordersFor makes n orders for what their buyers saw, each newer than the one before.
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

// refusals returns what was told to orders that could not have the ticket.
func (w *world) refusals(ticketID string) []events.ReservationRefused {
	w.t.Helper()
	var all []events.ReservationRefused
	for _, e := range w.told(ticketID) {
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
	t.Run("T9 locks, once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		e := events.New(events.OrderCreated, orderFor(free))
		for range 2 {
			if err := w.deliver(e); err != nil {
				t.Fatal(err)
			}
		}
		w.want(free.ID, 2, ticket.Reserved, e.Subject)
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved)
	})
	t.Run("T9 whatever the version, as long as the buyer saw the same", func(t *testing.T) {
		w := newWorld(t)
		seen := w.create()
		first := orderFor(seen)
		w.tell(events.OrderCreated, first)
		w.tell(events.OrderCancelled, cancelled(first))
		second := orderFor(seen) // saw version 1, the ticket is at 3
		w.tell(events.OrderCreated, second)
		w.want(seen.ID, 4, ticket.Reserved, second.ID)
		w.wantTold(seen.ID, events.TicketCreated, events.TicketReserved, events.TicketReleased, events.TicketReserved)
	})
	t.Run("O12 refused", func(t *testing.T) {
		for _, c := range []struct {
			reason events.LockRefusal
			before func(*world, ticket.Ticket) error
		}{
			{"changed", func(w *world, s ticket.Ticket) error {
				_, err := w.Update(w.t.Context(), s.SellerID, ticket.UpdateInput{TicketID: s.ID, Title: ptr("Back row")})
				return err
			}},
			{"changed", func(w *world, s ticket.Ticket) error {
				_, err := w.Update(w.t.Context(), s.SellerID, ticket.UpdateInput{TicketID: s.ID, Price: &money.Money{MinorUnits: 2000, Currency: "USD"}})
				return err
			}},
			{"changed", func(w *world, s ticket.Ticket) error {
				_, err := w.Update(w.t.Context(), s.SellerID, ticket.UpdateInput{TicketID: s.ID, Price: &money.Money{MinorUnits: 1999, Currency: "EUR"}})
				return err
			}},
			{"withdrawn", func(w *world, s ticket.Ticket) error {
				_, err := w.Withdraw(w.t.Context(), ticket.Viewer{UserID: s.SellerID}, s.ID, nil)
				return err
			}},
			{"sold", func(w *world, s ticket.Ticket) error {
				return w.deliver(events.New(events.OrderCompleted, orderFor(s)))
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
				w.tell(events.OrderCreated, o)
				w.tell(events.OrderCreated, o)
				if got := w.get(seen.ID); got != now {
					t.Errorf("ticket became %+v, want it as it was, %+v", got, now)
				}
				want := events.ReservationRefused{OrderID: o.ID, Reason: c.reason, Ticket: events.Ticket{
					ID: now.ID, Version: now.Version, Title: now.Title, Price: now.Price, SellerID: now.SellerID,
					Availability: events.Availability(now.Availability), OrderID: now.OrderID,
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
		w.tell(events.OrderCreated, o)
		want := events.ReservationRefused{OrderID: o.ID, Reason: "unknown", Ticket: events.Ticket{ID: o.TicketID}}
		if got := w.refusals(o.TicketID); !slices.Equal(got, []events.ReservationRefused{want}) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		w.tell(events.OrderCancelled, cancelled(o))
		w.wantRows("outbox", 1)
	})
	t.Run("a newer order takes over from one whose end was overtaken", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		orders := ordersFor(free, 2)
		first, second := orders[0], orders[1]
		w.tell(events.OrderCreated, first)
		w.tell(events.OrderCreated, second)
		w.tell(events.OrderCancelled, cancelled(first))
		w.want(free.ID, 3, ticket.Reserved, second.ID)
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved, events.TicketReserved)
	})
	t.Run("an older order is over already", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		orders := ordersFor(free, 2)
		first, second := orders[0], orders[1]
		w.tell(events.OrderCreated, second)
		w.tell(events.OrderCreated, first)
		w.want(free.ID, 2, ticket.Reserved, second.ID)
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved)
	})
}

func TestOrderCancelled(t *testing.T) {
	t.Run("T10 releases, once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.tell(events.OrderCreated, o)
		w.tell(events.OrderCancelled, cancelled(o))
		w.tell(events.OrderCancelled, cancelled(o))
		w.want(free.ID, 3, ticket.Available, "")
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved, events.TicketReleased)
	})
	t.Run("T10 only if that order holds it", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		orders := ordersFor(free, 2)
		first, second := orders[0], orders[1]
		w.tell(events.OrderCreated, second)
		w.tell(events.OrderCancelled, cancelled(first))
		w.want(free.ID, 2, ticket.Reserved, second.ID)
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved)
	})
	t.Run("T10 overtakes the creation of its order", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.tell(events.OrderCancelled, cancelled(o))
		w.tell(events.OrderCreated, o)
		w.want(free.ID, 1, ticket.Available, "")
		w.wantTold(free.ID, events.TicketCreated)
	})
	t.Run("T10 puts a sold ticket back on sale, once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		paid := completed(o)
		w.tell(events.OrderCreated, o)
		w.tell(events.OrderCompleted, paid)
		w.tell(events.OrderCancelled, cancelled(paid))
		w.tell(events.OrderCancelled, cancelled(paid))
		w.tell(events.OrderCompleted, paid)
		w.want(free.ID, 4, ticket.Available, "")
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved, events.TicketSold, events.TicketReleased)
		again := orderFor(free)
		w.tell(events.OrderCreated, again)
		w.want(free.ID, 5, ticket.Reserved, again.ID)
	})
	t.Run("T10 keeps the ticket off sale, once", func(t *testing.T) {
		w := newWorld(t)
		for _, paid := range []bool{true, false} { // false: that it was paid was overtaken
			free := w.create()
			o := orderFor(free)
			w.tell(events.OrderCreated, o)
			over, version := cancelled(completed(o)), 3
			over.KeepOffSale = true
			if paid {
				w.tell(events.OrderCompleted, completed(o))
				version = 4
			}
			w.tell(events.OrderCancelled, over)
			w.tell(events.OrderCancelled, over)
			w.tell(events.OrderCompleted, completed(o))
			w.want(free.ID, version, ticket.Withdrawn, "")
		}
	})
	t.Run("T10 leaves a ticket alone that was sold to another order", func(t *testing.T) {
		w := newWorld(t)
		sold := w.in(ticket.Sold)
		over := cancelled(orderFor(sold))
		w.tell(events.OrderCancelled, over)
		over.ID, over.KeepOffSale = id.New(id.Order), true
		w.tell(events.OrderCancelled, over)
		if got := w.get(sold.ID); got != sold {
			t.Errorf("got %+v, want it as it was, %+v", got, sold)
		}
	})
	t.Run("a refused order leaves a withdrawn ticket alone", func(t *testing.T) {
		w := newWorld(t)
		gone := w.in(ticket.Withdrawn)
		o := orderFor(gone)
		w.tell(events.OrderCreated, o)
		w.tell(events.OrderCancelled, cancelled(o))
		w.want(gone.ID, 2, ticket.Withdrawn, "")
	})
}

func TestOrderCompleted(t *testing.T) {
	t.Run("sells, once", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.tell(events.OrderCreated, o)
		w.tell(events.OrderCompleted, completed(o))
		w.tell(events.OrderCompleted, completed(o))
		w.want(free.ID, 3, ticket.Sold, o.ID)
		w.wantTold(free.ID, events.TicketCreated, events.TicketReserved, events.TicketSold)
	})
	t.Run("overtakes the creation of its order", func(t *testing.T) {
		w := newWorld(t)
		free := w.create()
		o := orderFor(free)
		w.tell(events.OrderCompleted, completed(o))
		w.tell(events.OrderCreated, o)
		w.want(free.ID, 2, ticket.Sold, o.ID)
		w.wantTold(free.ID, events.TicketCreated, events.TicketSold)
	})
	t.Run("is a fault for a ticket that is sold to another order or unknown", func(t *testing.T) {
		w := newWorld(t)
		sold := w.in(ticket.Sold)
		for _, o := range []events.Order{completed(orderFor(sold)), completed(orderFor(ticket.Ticket{ID: id.New(id.Ticket)}))} {
			if err := w.deliver(events.New(events.OrderCompleted, o)); err == nil || apperr.All(err) != nil {
				t.Errorf("got %v, want a fault", err)
			}
		}
		if got := w.get(sold.ID); got != sold {
			t.Errorf("left %+v, want %+v", got, sold)
		}
	})
}

// Events of orders for one ticket, one after the other, arrive in every order, some twice: the
// ticket always ends as if they had come one by one.
func TestShuffled(t *testing.T) {
	const created, over, paid = events.OrderCreated, events.OrderCancelled, events.OrderCompleted
	for _, c := range []struct {
		name         string
		orders       [][]events.Type // what happens to each
		availability ticket.Availability
	}{
		{"the last order is live", [][]events.Type{{created, over}, {created, over}, {created}}, ticket.Reserved},
		{"the last order is paid", [][]events.Type{{created, over}, {created, paid}}, ticket.Sold},
		{"the last order is over", [][]events.Type{{created, over}, {created, over}}, ticket.Available},
		{"the last order was paid, and the money given back", [][]events.Type{{created, over}, {created, paid, over}}, ticket.Available},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			count := len(slices.Concat(c.orders...))
			for arrival := range permutations(count) {
				free := w.create()
				orders := ordersFor(free, len(c.orders))
				var told []events.Event
				for i, o := range orders {
					for _, typ := range c.orders[i] {
						told = append(told, events.New(typ, o))
						o.Version++
					}
				}
				for i, next := range arrival {
					w.mustDeliver(told[next], arrival)
					if rand.IntN(3) == 0 {
						w.mustDeliver(told[arrival[rand.IntN(i+1)]], arrival)
					}
				}
				holder := orders[len(orders)-1].ID
				if c.availability == ticket.Available {
					holder = ""
				}
				got := w.get(free.ID)
				if got.Availability != c.availability || got.OrderID != holder {
					t.Errorf("arrival %v: got %s order %q, want %s order %q", arrival, got.Availability, got.OrderID, c.availability, holder)
				}
				if changes := len(w.told(free.ID)) - len(w.refusals(free.ID)); changes != got.Version {
					t.Errorf("arrival %v: %d changes told, but version is %d", arrival, changes, got.Version)
				}
			}
		})
	}
}

func (w *world) mustDeliver(e events.Event, arrival []int) {
	w.t.Helper()
	if err := w.deliver(e); err != nil {
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

// The seller edits, or withdraws, in the same instant in which an order comes in: either the order
// has exactly what its buyer saw, and the seller is refused, or it is refused.
func TestEditAgainstLock(t *testing.T) {
	w := newWorld(t)
	locked, refused := 0, 0
	for i := range 200 {
		seen := w.create()
		o := orderFor(seen)
		var sellerErr, lockErr error
		atOnce(2, func(who int) {
			switch {
			case who == 0:
				lockErr = w.deliver(events.New(events.OrderCreated, o))
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
				t.Errorf("O12 the seller won: %s", outcome)
			}
		case apperr.Has(sellerErr, apperr.TicketReserved):
			locked++
			if got.OrderID != o.ID || got.Title != seen.Title || got.Price != seen.Price || len(w.refusals(seen.ID)) != 0 {
				t.Errorf("O12 the order won: %s", outcome)
			}
		default:
			t.Errorf("O12 %s", outcome)
		}
		if got.Version != 2 {
			t.Errorf("T8 %s", outcome)
		}
	}
	t.Logf("the order won %d times, the seller %d times", locked, refused)
}
