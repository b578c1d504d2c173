package order_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

const (
	started    = events.PaymentStarted
	authorized = events.PaymentAuthorized
	succeeded  = events.PaymentSucceeded
	failed     = events.PaymentFailed
	voided     = events.PaymentVoided
	refunded   = events.PaymentRefunded

	confirmation = events.OrderPaymentConfirmed
	refusal      = events.OrderPaymentRefused
)

// reserved returns a new order whose ticket is locked.
func (w *world) reserved() order.Order {
	w.t.Helper()
	o := w.create(user(), w.ticket().ID)
	w.reserve(o)
	return w.get(o)
}

// expire delivers that the order's deadline has passed, or one so long after it.
func (w *world) expire(o order.Order, after time.Duration) {
	w.t.Helper()
	w.deliver(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt.Add(after)})
}

// payloads returns the payloads of the events of a type about a subject, oldest first.
func payloads[P events.Payload](w *world, subject string, typ events.Type) []P {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT data FROM outbox WHERE subject = $1 AND type = $2 ORDER BY seq`, subject, typ)
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p P, err error) {
		var data []byte
		if err := row.Scan(&data); err != nil {
			return p, err
		}
		return p, json.Unmarshal(data, &p)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// wantRefused fails the test unless the payment was refused once, for the reason.
func (w *world) wantRefused(p events.Payment, reason events.PaymentRefusal) {
	w.t.Helper()
	w.wantPublished(p.ID, refusal)
	want := events.PaymentDecision{PaymentID: p.ID, OrderID: p.OrderID, Reason: reason}
	if got := payloads[events.PaymentDecision](w, p.ID, refusal); len(got) != 1 || got[0] != want {
		w.t.Errorf("got %+v, want %+v", got, want)
	}
}

// wantCancelled fails the test unless the order was cancelled for the reason.
func (w *world) wantCancelled(o order.Order, reason events.CancelReason) {
	w.t.Helper()
	if got := w.get(o); got.Status != events.Cancelled || got.Reason != reason || got.Frozen() {
		w.t.Errorf("got %s %s, frozen %v, want cancelled %s", got.Status, got.Reason, got.Frozen(), reason)
	}
}

func TestPay(t *testing.T) {
	shared := newWorld(t)
	t.Run("P5 P10 authorized, confirmed, captured, complete", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started)
		if got := w.get(o); !got.Paying || !got.Cancellable() {
			t.Errorf("O13 while a payment is in progress: got %+v, want it paying and cancellable", got)
		}
		w.now = w.now.Add(time.Second)
		w.pays(&p, authorized)
		w.deliver(authorized, p)
		frozen := w.get(o)
		if frozen.PaymentID != p.ID || !frozen.FrozenAt.Equal(w.now) || frozen.Cancellable() {
			t.Errorf("O13 frozen: got %+v, want it frozen for %s since %s and not cancellable", frozen, p.ID, w.now)
		}
		if frozen.Version != o.Version || frozen.Status != o.Status || frozen.UpdatedAt != o.UpdatedAt {
			t.Errorf("freezing changed the order: got %+v, want %+v", frozen, o)
		}
		w.now = w.now.Add(time.Second)
		w.pays(&p, succeeded)
		w.deliver(succeeded, p)
		if got := w.get(o); got.Status != events.Complete || got.Version != o.Version+1 || got.PaymentID != p.ID || got.Frozen() || got.Cancellable() {
			t.Errorf("got %+v, want it complete by %s", got, p.ID)
		}
		w.wantPublished(p.ID, confirmation)
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCompleted)

		h := w.history(o)
		if len(h) != 3 || h[0].Actor != events.Buyer || *h[0].From != events.AwaitingPayment || h[0].To != events.Complete || !h[0].At.Equal(w.now) {
			t.Errorf("O13 history: got %+v", h)
		}
	})
	t.Run("P10 authorized before tickets has confirmed its lock", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		p := w.attempt(o)
		w.pays(&p, started, authorized)
		if got := w.get(o); got.Frozen() || got.Status != events.Created {
			t.Errorf("got %+v, want it as it was", got)
		}
		w.wantPublished(p.ID)
		w.reserve(o)
		if got := w.get(o); got.PaymentID != p.ID || !got.Frozen() || got.Status != events.AwaitingPayment {
			t.Errorf("got %+v, want it frozen for %s", got, p.ID)
		}
		w.wantPublished(p.ID, confirmation)
	})
	t.Run("P10 until the last moment of the grace", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		p.StartedAt = o.ExpiresAt.Add(-time.Microsecond)
		w.now = o.ExpiresAt.Add(grace - time.Millisecond)
		w.pays(&p, started, authorized)
		w.wantPublished(p.ID, confirmation)
	})
	t.Run("O7 a frozen order cannot be cancelled", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started, authorized)
		_, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID)
		if got := as[order.NotCancellableError](t, err); got.Order.ID != o.ID {
			t.Errorf("got %+v, want the order", got)
		}
		w.deliver(events.TicketReservationRefused, events.ReservationRefused{OrderID: o.ID, Reason: events.RefusedTicketChanged, Ticket: events.Ticket{ID: o.TicketID, Version: 3}})
		if got := w.get(o); !got.Frozen() {
			t.Errorf("got %+v, want it still frozen", got)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment)
	})
	t.Run("O12 the lock is refused while a payment waits for it", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		p := w.attempt(o)
		w.pays(&p, started, authorized)
		r := events.ReservationRefused{OrderID: o.ID, Reason: events.RefusedTicketChanged, Ticket: events.Ticket{ID: o.TicketID, Version: 2}}
		w.deliver(events.TicketReservationRefused, r)
		w.deliver(events.TicketReservationRefused, r)
		w.wantCancelled(o, events.ReasonReservationRefused)
		w.wantRefused(p, events.RefusedOrderCancelled)
	})
	t.Run("O10 money for a cancelled order", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		if _, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID); err != nil {
			t.Fatal(err)
		}
		w.pays(&p, started, succeeded)
		w.deliver(succeeded, p)
		w.wantCancelled(o, events.ReasonBuyerCancelled)
		w.wantRefused(p, events.RefusedUnconfirmed)
		p.RefundedMinorUnits, p.RefundedBy, p.ReleaseTicket = p.Amount.MinorUnits, events.System, true
		w.pays(&p, refunded)
		w.wantCancelled(o, events.ReasonBuyerCancelled)
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCancelled)
	})
	t.Run("a payment for an unknown order is a fault", func(t *testing.T) {
		w := shared.begin(t)
		p := w.attempt(order.Order{ID: id.New(id.Order)})
		p.Version, p.Status = 1, events.Processing
		if err := w.Reactions().Deliver(t.Context(), events.New(started, p)); err == nil || apperr.Split(err) != nil {
			t.Errorf("got %v, want a fault", err)
		}
	})
}

func TestRefusePayment(t *testing.T) {
	w := newWorld(t)
	start := w.now
	for _, tt := range []struct {
		name    string
		reason  events.PaymentRefusal
		arrange func(*world, order.Order, *events.Payment)
	}{
		{"the buyer cancelled", events.RefusedOrderCancelled, func(w *world, o order.Order, p *events.Payment) {
			w.pays(p, started)
			if _, err := w.Cancel(w.t.Context(), viewer(o.BuyerID), o.ID); err != nil {
				w.t.Fatal(err)
			}
			w.pays(p, authorized)
		}},
		{"the order has expired", events.RefusedOrderExpired, func(w *world, o order.Order, p *events.Payment) {
			w.now = o.ExpiresAt
			w.expire(o, 0) // before the event that the payment began
			w.pays(p, started, authorized)
		}},
		{"the attempt began too late", events.RefusedOrderExpired, func(w *world, o order.Order, p *events.Payment) {
			w.now, p.StartedAt = o.ExpiresAt, o.ExpiresAt
			w.pays(p, started, authorized)
		}},
		{"the grace has passed", events.RefusedOrderExpired, func(w *world, o order.Order, p *events.Payment) {
			w.now = o.ExpiresAt.Add(grace)
			w.pays(p, started, authorized)
		}},
		{"another payment has the order frozen", events.RefusedOrderPaid, func(w *world, o order.Order, p *events.Payment) {
			first := w.attempt(o)
			w.pays(&first, started, authorized)
			w.pays(p, started, authorized)
		}},
		{"another payment has paid", events.RefusedOrderPaid, func(w *world, o order.Order, p *events.Payment) {
			first := w.attempt(o)
			w.pays(&first, started, authorized, succeeded)
			w.pays(p, started, authorized)
		}},
		{"another amount", events.RefusedAmount, func(w *world, _ order.Order, p *events.Payment) {
			p.Amount.MinorUnits++
			w.pays(p, started, authorized)
		}},
		{"another currency", events.RefusedAmount, func(w *world, _ order.Order, p *events.Payment) {
			p.Amount.Currency = "EUR"
			w.pays(p, started, authorized)
		}},
		{"captured without a confirmation", events.RefusedUnconfirmed, func(w *world, _ order.Order, p *events.Payment) {
			w.pays(p, started, succeeded)
		}},
	} {
		t.Run("P10 "+tt.name, func(t *testing.T) {
			w.t, w.now = t, start
			o := w.reserved()
			p := w.attempt(o)
			tt.arrange(w, o, &p)
			before := w.get(o)
			again := map[events.PaymentStatus]events.Type{events.Authorized: authorized, events.Succeeded: succeeded}
			w.deliver(again[p.Status], p)
			w.wantRefused(p, tt.reason)
			w.pays(&p, voided)
			if got := w.get(o); got.Status != before.Status || got.PaymentID == p.ID || got.Paying && got.PaymentID == "" {
				t.Errorf("got %+v, want it unchanged by the payment, %+v", got, before)
			}
		})
	}
}

func TestPaymentFails(t *testing.T) {
	shared := newWorld(t)
	t.Run("P6 cancels the order", func(t *testing.T) {
		w := shared.begin(t)
		for name, before := range map[string][]events.Type{"declined": {started}, "could not be captured": {started, authorized}} {
			t.Run(name, func(t *testing.T) {
				w.t = t
				o := w.reserved()
				p := w.attempt(o)
				w.pays(&p, before...)
				w.pays(&p, failed)
				w.deliver(failed, p)
				w.wantCancelled(o, events.ReasonPaymentFailed)
				w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCancelled)
			})
		}
	})
	t.Run("P6 the hold is voided although the payment was confirmed", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started, authorized, voided)
		w.wantCancelled(o, events.ReasonPaymentFailed)
	})
	t.Run("P6 arrives after the next payment was confirmed", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		first, second := w.attempt(o), w.attempt(o)
		w.pays(&first, started)
		w.pays(&second, started, authorized)
		w.pays(&first, failed)
		if got := w.get(o); got.PaymentID != second.ID || !got.Frozen() {
			t.Errorf("got %+v, want it still frozen for %s", got, second.ID)
		}
	})
	t.Run("P6 of a complete or cancelled order", func(t *testing.T) {
		w := shared.begin(t)
		paid := w.reserved()
		late := w.attempt(paid)
		w.complete(paid)
		w.pays(&late, started, failed)
		if got := w.get(paid); got.Status != events.Complete {
			t.Errorf("got %s, want complete", got.Status)
		}
		cancelled := w.reserved()
		late = w.attempt(cancelled)
		if _, err := w.Cancel(t.Context(), viewer(cancelled.BuyerID), cancelled.ID); err != nil {
			t.Fatal(err)
		}
		w.pays(&late, started, failed)
		w.wantCancelled(cancelled, events.ReasonBuyerCancelled)
	})
	t.Run("P6 retry: the buyer may try again", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.PaymentFailure = events.RetryOnFailure })
		for name, before := range map[string][]events.Type{"declined": {started}, "could not be captured": {started, authorized}} {
			t.Run(name, func(t *testing.T) {
				w.t = t
				o := w.reserved()
				first, second := w.attempt(o), w.attempt(o)
				w.pays(&first, before...)
				w.pays(&first, failed)
				if got := w.get(o); got != o || len(got.CannotPayReasons(viewer(o.BuyerID), w.now)) > 0 || !got.Cancellable() {
					t.Errorf("got %+v, want it unchanged and payable", got)
				}
				w.pays(&second, started, authorized, succeeded)
				if got := w.get(o); got.Status != events.Complete || got.PaymentID != second.ID {
					t.Errorf("got %+v, want it complete by %s", got, second.ID)
				}
			})
		}
	})
	t.Run("P6 retry: an order that was frozen gets its deadline again", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.PaymentFailure = events.RetryOnFailure })
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started, authorized)
		w.expire(o, 0) // by a clock that runs ahead
		w.pays(&p, failed)
		w.wantMoved(o, 0)
		w.expire(o, 0)
		w.wantCancelled(o, events.ReasonExpired)
	})
	t.Run("P6 retry: after the deadline", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.PaymentFailure = events.RetryOnFailure })
		for _, before := range [][]events.Type{{started}, {started, authorized}} {
			o := w.reserved()
			p := w.attempt(o)
			w.pays(&p, before...)
			w.now = o.ExpiresAt
			w.expire(o, 0)
			w.pays(&p, failed)
			w.wantCancelled(o, events.ReasonExpired)
		}
	})
	t.Run("an unknown policy is an invalid setting", func(t *testing.T) {
		t.Parallel()
		for policy, valid := range map[events.FailurePolicy]bool{events.CancelOnFailure: true, events.RetryOnFailure: true, "Retry": false, "": false} {
			if err := (order.Config{PaymentFailure: policy}).Check(); (err == nil) != valid {
				t.Errorf("%q: got %v", policy, err)
			}
		}
	})
}

// wantMoved fails the test unless orders moved the deadline once, to so long after the original.
func (w *world) wantMoved(o order.Order, after time.Duration) {
	w.t.Helper()
	got := payloads[events.OrderDeadline](w, o.ID, events.OrderDeadlineMoved)
	if want := (events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt.Add(after)}); len(got) != 1 || got[0] != want {
		w.t.Errorf("deadlines: got %+v, want %+v", got, want)
	}
}

func TestExpiryMeetsPayment(t *testing.T) {
	shared := newWorld(t)
	t.Run("O9 a payment in progress gets the grace, once", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started)
		w.now = o.ExpiresAt
		w.expire(o, 0)
		if got := w.get(o); got.Status != events.AwaitingPayment || got.Version != o.Version {
			t.Errorf("got %+v, want it as it was", got)
		}
		w.wantMoved(o, grace)
		w.expire(o, grace) // also if the clock here runs behind
		w.wantCancelled(o, events.ReasonExpired)
		w.pays(&p, authorized)
		w.wantRefused(p, events.RefusedOrderExpired)
		w.wantMoved(o, grace)
	})
	t.Run("O9 a payment that waits for the ticket's lock is refused at the end", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		p := w.attempt(o)
		w.pays(&p, started, authorized)
		w.now = o.ExpiresAt
		w.expire(o, 0)
		w.wantPublished(p.ID)
		w.now = o.ExpiresAt.Add(grace)
		w.expire(o, grace)
		w.wantCancelled(o, events.ReasonExpired)
		w.wantRefused(p, events.RefusedOrderExpired)
	})
	t.Run("O9 the deadline arrives after the grace", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started)
		w.now = o.ExpiresAt.Add(grace)
		w.expire(o, 0)
		w.wantCancelled(o, events.ReasonExpired)
	})
	t.Run("O9 payments that have ended or began too late", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		ended, late := w.attempt(o), w.attempt(o)
		late.StartedAt = o.ExpiresAt
		w.pays(&ended, started, voided)
		w.pays(&late, started)
		w.now = o.ExpiresAt
		w.expire(o, 0)
		w.wantCancelled(o, events.ReasonExpired)
	})
	t.Run("O9 a frozen order does not expire", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		p := w.attempt(o)
		w.pays(&p, started, authorized)
		w.now = o.ExpiresAt.Add(time.Hour)
		w.expire(o, 0)
		w.expire(o, grace)
		w.pays(&p, succeeded)
		if got := w.get(o); got.Status != events.Complete {
			t.Errorf("got %s, want complete", got.Status)
		}
		w.wantPublished(o.ID, events.OrderCreated, events.OrderAwaitingPayment, events.OrderCompleted)
	})
	t.Run("S4 cancellation, deadline and payment at the same moment", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.MaxUnpaid = 1000 })
		w.now = w.now.Add(hold)
		ends := map[string]int{}
		for i := range 60 {
			w.now = w.now.Add(-hold)
			o := w.reserved()
			p := w.attempt(o)
			p.Version, p.Status = 2, events.Authorized
			w.now = w.now.Add(hold)
			var wg sync.WaitGroup
			for _, deliver := range []func() error{
				func() error { return w.Reactions().Deliver(context.Background(), events.New(authorized, p)) },
				func() error {
					return w.Reactions().Deliver(context.Background(), events.New(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt}))
				},
				func() error {
					if i%2 == 0 {
						return nil
					}
					_, err := w.Cancel(context.Background(), viewer(o.BuyerID), o.ID)
					return unlessNotCancellable(err)
				},
			} {
				wg.Go(func() {
					if err := deliver(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			got, published := w.get(o), fmt.Sprint(w.published(p.ID))
			ends[fmt.Sprintf("%s %s", got.Status, got.Reason)]++
			if got.Frozen() != (published == fmt.Sprint([]events.Type{confirmation})) || got.Status.Live() != got.Frozen() ||
				!got.Status.Live() && published != fmt.Sprint([]events.Type{refusal}) {
				t.Errorf("try %d: order %+v, decisions %s", i, got, published)
			}
		}
		t.Logf("ends: %v", ends)
	})
}

func TestRefund(t *testing.T) {
	shared := newWorld(t)
	t.Run("P11 a full refund ends the order", func(t *testing.T) {
		w := shared.begin(t)
		for by, actor := range map[events.Actor]events.Actor{events.Seller: events.Seller, events.Operator: events.Operator, events.System: events.System, "": events.System} {
			for _, release := range []bool{true, false} {
				o := w.create(user(), w.ticket().ID)
				p := w.complete(o)
				p.RefundedMinorUnits, p.RefundedBy, p.ReleaseTicket = p.Amount.MinorUnits, by, release
				w.pays(&p, refunded)
				w.deliver(refunded, p)
				w.wantCancelled(o, events.ReasonRefunded)
				if got := w.get(o).PaymentID; got != p.ID {
					t.Errorf("got payment %q, want %q", got, p.ID)
				}
				cancelled := payloads[events.Order](w, o.ID, events.OrderCancelled)
				if len(cancelled) != 1 || cancelled[0].Reason != events.ReasonRefunded || cancelled[0].KeepOffSale != !release {
					t.Errorf("by %q, release %v: got %+v", by, release, cancelled)
				}
				if h := w.history(o); len(h) != 4 || h[0].Actor != actor || *h[0].From != events.Complete || *h[0].Reason != events.ReasonRefunded {
					t.Errorf("O13 by %q: got history %+v", by, h)
				}
			}
		}
	})
	t.Run("P11 a partial refund does not", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		p := w.complete(o)
		p.Version, p.Status, p.RefundedMinorUnits, p.RefundedBy = p.Version+1, events.PartiallyRefunded, 1, events.Seller
		w.deliver(refunded, p)
		if got := w.get(o); got.Status != events.Complete {
			t.Errorf("got %s, want complete", got.Status)
		}
		w.wantPublished(p.ID, confirmation)
	})
	t.Run("P11 the refund arrives before the payment's success", func(t *testing.T) {
		w := shared.begin(t)
		for status, want := range map[events.PaymentStatus]events.OrderStatus{events.PartiallyRefunded: events.Complete, events.Refunded: events.Cancelled} {
			o := w.reserved()
			p := w.attempt(o)
			w.pays(&p, started, authorized)
			later := p
			later.Version, later.Status, later.RefundedBy = p.Version+2, status, events.Seller
			w.deliver(refunded, later)
			w.pays(&p, succeeded)
			if got := w.get(o); got.Status != want {
				t.Errorf("%s: got %s, want %s", status, got.Status, want)
			}
			w.wantPublished(p.ID, confirmation)
		}
	})
	t.Run("P11 the ticket can be ordered again once it is released", func(t *testing.T) {
		w := shared.begin(t)
		ticket := w.ticket()
		o := w.create(user(), ticket.ID)
		p := w.complete(o)
		ticket.Version, ticket.Availability, ticket.OrderID = 3, events.Sold, o.ID
		w.deliver(events.TicketSold, ticket)
		p.ReleaseTicket = true
		w.pays(&p, refunded)
		_, err := w.Create(t.Context(), user(), order.CreateInput{TicketID: ticket.ID})
		wantError[order.TicketSoldError](t, err)
		ticket.Version, ticket.Availability, ticket.OrderID = 4, events.Available, ""
		w.deliver(events.TicketReleased, ticket)
		w.create(user(), ticket.ID)
	})
}

// unlessNotCancellable returns err, nil for a NotCancellableError.
func unlessNotCancellable(err error) error {
	if _, ok := errors.AsType[order.NotCancellableError](err); ok {
		return nil
	}
	return err
}

// Operators find orders that stay frozen by this query.
func TestFrozenForLong(t *testing.T) {
	w := newWorld(t)
	stuck, fresh, done := w.reserved(), w.reserved(), w.reserved()
	p := w.attempt(stuck)
	w.pays(&p, started, authorized)
	w.complete(done)
	w.now = w.now.Add(10 * time.Minute)
	p = w.attempt(fresh)
	w.pays(&p, started, authorized)
	rows, err := w.pool.Query(t.Context(), `SELECT id FROM orders WHERE frozen_at <= $1::timestamptz - interval '10 minutes' ORDER BY frozen_at, id`, w.now)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || fmt.Sprint(ids) != fmt.Sprint([]string{stuck.ID}) {
		t.Errorf("got %v, %v, want %s", ids, err, stuck.ID)
	}
}

// Events about an order and its payment arrive in a random order, some twice, while the buyer cancels.
// TestEveryOrderOfArrival visits every order, but without a database.
func TestShuffledPayments(t *testing.T) {
	w := newWorld(t)
	w.configure(func(c *order.Config) { c.MaxUnpaid = 1000 })
	ends := map[string]int{}
	for range 100 {
		o := w.create(user(), w.ticket().ID)
		p := w.attempt(o)
		end := []events.Type{succeeded, failed, voided}[rand.IntN(3)]
		path := w.shuffle(o, p, end)
		w.expire(o, grace)
		got, published, decisions := w.get(o), w.published(o.ID), w.published(p.ID)
		ends[fmt.Sprintf("%s: %s %s", end, got.Status, got.Reason)]++
		published = slices.DeleteFunc(published, func(typ events.Type) bool { return typ == events.OrderDeadlineMoved })
		var final int
		for _, typ := range published {
			if typ == events.OrderCancelled || typ == events.OrderCompleted {
				final++
			}
		}
		paid := end == succeeded && slices.Equal(decisions, []events.Type{confirmation})
		switch {
		case got.Status.Unpaid(), (got.Status == events.Complete) != paid:
			t.Errorf("the order is %+v, but its payment %s, decisions %v, after %q", got, end, decisions, path)
		case end == succeeded && len(decisions) != 1, len(decisions) > 1:
			t.Errorf("the payment got the decisions %v after %q", decisions, path)
		case len(published) != got.Version, final != 1:
			t.Errorf("published %v of version %d after %q", published, got.Version, path)
		}
	}
	t.Logf("ends: %v", ends)
}

// shuffle delivers all that can happen to the order and a payment that ends so, in a random order with two repetitions.
// It returns the order.
func (w *world) shuffle(o order.Order, p events.Payment, end events.Type) (path []string) {
	w.t.Helper()
	ticket := events.Ticket{
		ID: o.TicketID, Version: 2, Title: o.Title, Price: o.Price, SellerID: o.SellerID, Availability: events.Reserved, OrderID: o.ID,
	}
	payment := func(typ events.Type, version int) events.Event {
		v := p
		v.Version, v.Status = version, statuses[typ]
		return events.New(typ, v)
	}
	const cancel events.Type = "" // the buyer cancels
	arriving := []events.Event{
		payment(started, 1), payment(authorized, 2), payment(end, 3),
		events.New(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: o.ExpiresAt}),
		events.New(events.TicketReserved, ticket),
		{Type: cancel},
	}
	if rand.IntN(4) == 0 {
		refused := events.ReservationRefused{OrderID: o.ID, Reason: events.RefusedTicketChanged, Ticket: ticket}
		arriving = append(arriving, events.New(events.TicketReservationRefused, refused))
	}
	arriving = append(arriving, arriving[rand.IntN(len(arriving))], arriving[rand.IntN(len(arriving))])
	rand.Shuffle(len(arriving), func(i, j int) { arriving[i], arriving[j] = arriving[j], arriving[i] })
	for _, e := range arriving {
		path = append(path, string(e.Type))
		var err error
		if e.Type == cancel {
			_, err = w.Cancel(w.t.Context(), viewer(o.BuyerID), o.ID)
			err = unlessNotCancellable(err)
		} else {
			err = w.Reactions().Deliver(w.t.Context(), e)
		}
		if err != nil {
			w.t.Fatalf("%v after %q", err, path)
		}
	}
	return path
}
