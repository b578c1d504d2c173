package order_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

// The world's service waits for an hour, so a result always has another cause.
func TestAwait(t *testing.T) {
	shared := newWorld(t)
	version := func(n int) *int { return &n }
	type result struct {
		order order.Order
		err   error
	}
	// await requests a version of each order for its buyer, all at once.
	await := func(ctx context.Context, w *world, version int, orders ...order.Order) <-chan result {
		results := make(chan result, len(orders))
		for _, o := range orders {
			go func() {
				got, err := w.Await(ctx, viewer(o.BuyerID), o.ID, &version)
				results <- result{got, err}
			}()
		}
		return results
	}
	t.Run("P5 the current version, an older one, or none", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		for _, v := range []*int{nil, version(-1), version(0), version(1), version(2)} {
			if got, err := w.Await(t.Context(), viewer(o.BuyerID), o.ID, v); err != nil || got != o {
				t.Errorf("got %+v, %v, want %+v", got, err, o)
			}
		}
	})
	t.Run("P5 this process stores the version", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		results := await(t.Context(), w, 3, o, o)
		w.complete(o)
		for range 2 {
			if got := <-results; got.err != nil || got.order.Version != 3 || got.order.Status != events.Complete {
				t.Errorf("got %+v", got)
			}
		}
	})
	t.Run("P5 another process stores the version", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		results := await(t.Context(), w, 2, o)
		another := *w
		another.Service = order.NewService(w.config, w.pool, outbox.New(w.pool), func() time.Time { return w.now })
		another.reserve(o)
		if got := <-results; got.err != nil || got.order.Version != 2 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an order that ends while a request waits, and before", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		results := await(t.Context(), w, 9, o)
		if _, err := w.Cancel(t.Context(), viewer(o.BuyerID), o.ID); err != nil {
			t.Fatal(err)
		}
		if got := <-results; got.err != nil || got.order.Status != events.Cancelled {
			t.Errorf("got %+v", got)
		}
		if got := <-await(t.Context(), w, 9, o); got.err != nil || got.order.Status != events.Cancelled {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("the version is not stored in time", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.Wait = time.Millisecond })
		o := w.reserved()
		if got, err := w.Await(t.Context(), viewer(o.BuyerID), o.ID, version(3)); err != nil || got != o {
			t.Errorf("got %+v, %v, want the current order, %+v", got, err, o)
		}
	})
	t.Run("O6 another buyer's and unknown orders", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		for v, orderID := range map[order.Viewer]string{viewer(user()): o.ID, viewer(o.BuyerID): id.New(id.Order)} {
			if got, err := w.Await(t.Context(), v, orderID, version(3)); err != nil || got != (order.Order{}) {
				t.Errorf("got %+v, %v, want no order and no error", got, err)
			}
		}
	})
	t.Run("more requests than may wait, of one viewer and of many", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.MaxUnpaid = 100 })
		buyer := user()
		var ofOne, ofMany []order.Order
		for range 6 {
			ofOne = append(ofOne, w.create(buyer, w.ticket().ID))
		}
		for range 40 {
			ofMany = append(ofMany, w.create(user(), w.ticket().ID))
		}
		for _, tt := range []struct {
			orders []order.Order
			places int
		}{{ofOne, 4}, {ofMany, 32}, {append(ofOne, ofMany...), 32}} {
			ctx, cancel := context.WithCancel(t.Context())
			results := await(ctx, w, 2, tt.orders...)
			for range len(tt.orders) - tt.places {
				if got := <-results; got.err != nil || got.order.Version != 1 {
					t.Errorf("beyond the limit: got %+v, want the current order", got)
				}
			}
			cancel()
			for range tt.places {
				if got := <-results; !errors.Is(got.err, context.Canceled) {
					t.Errorf("waiting: got %+v, want %v", got, context.Canceled)
				}
			}
		}
	})
}

// A payment that starts or is confirmed changes what the viewer can do, without a new version of the order.
func TestFollowOfAPayment(t *testing.T) {
	w := newWorld(t).begin(t)
	o := w.reserved()
	next, stop := iter.Pull2(w.Follow(t.Context(), viewer(o.BuyerID), o.ID))
	defer stop()
	want := func(paying, cancellable bool) {
		t.Helper()
		got, err, _ := next()
		if err != nil || got.Version != o.Version || got.Paying != paying || got.Cancellable() != cancellable {
			t.Errorf("O13 got %+v, %v, want paying %t, cancellable %t", got, err, paying, cancellable)
		}
	}
	want(false, true)
	p := w.attempt(o)
	w.pays(&p, started)
	want(true, true)
	another := *w
	another.Service = order.NewService(w.config, w.pool, outbox.New(w.pool), func() time.Time { return w.now })
	another.pays(&p, authorized)
	w.OnEvent(events.New(confirmation, events.PaymentDecision{PaymentID: p.ID, OrderID: o.ID}))
	want(true, false)
}
