package order_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

// The world's service waits for an hour, so whatever comes back does for another reason.
func TestAwait(t *testing.T) {
	shared := newWorld(t)
	version := func(n int) *int { return &n }
	type result struct {
		order order.Order
		err   error
	}
	// await asks for a version of the orders, each for its buyer, all at once.
	await := func(ctx context.Context, w *world, version int, orders ...order.Order) <-chan result {
		results := make(chan result, len(orders))
		for _, o := range orders {
			go func() {
				got, err := w.Await(ctx, o.BuyerID, o.ID, &version)
				results <- result{got, err}
			}()
		}
		return results
	}
	t.Run("P5 a version that is there, or none", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		for _, v := range []*int{nil, version(-1), version(0), version(1), version(2)} {
			if got, err := w.Await(t.Context(), o.BuyerID, o.ID, v); err != nil || got != o {
				t.Errorf("got %+v, %v, want %+v", got, err, o)
			}
		}
	})
	t.Run("P5 a version that comes by this process", func(t *testing.T) {
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
	t.Run("P5 a version that comes by another process", func(t *testing.T) {
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
	t.Run("an order that ends while somebody waits for more, and before", func(t *testing.T) {
		w := shared.begin(t)
		o := w.create(user(), w.ticket().ID)
		results := await(t.Context(), w, 9, o)
		if _, err := w.Cancel(t.Context(), o.BuyerID, o.ID); err != nil {
			t.Fatal(err)
		}
		if got := <-results; got.err != nil || got.order.Status != events.Cancelled {
			t.Errorf("got %+v", got)
		}
		if got := <-await(t.Context(), w, 9, o); got.err != nil || got.order.Status != events.Cancelled {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a version that does not come", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.Wait = time.Millisecond })
		o := w.reserved()
		if got, err := w.Await(t.Context(), o.BuyerID, o.ID, version(3)); err != nil || got != o {
			t.Errorf("got %+v, %v, want the order as it is, %+v", got, err, o)
		}
	})
	t.Run("O6 somebody else's and unknown orders", func(t *testing.T) {
		w := shared.begin(t)
		o := w.reserved()
		_, err := w.Await(t.Context(), user(), o.ID, version(3))
		wantCode(t, err, apperr.Forbidden)
		_, err = w.Await(t.Context(), o.BuyerID, id.New(id.Order), version(3))
		wantCode(t, err, apperr.NotFound)
	})
	t.Run("a crowd, of one person and of many", func(t *testing.T) {
		w := shared.begin(t)
		w.configure(func(c *order.Config) { c.MaxUnpaid = 100 })
		one := user()
		var his, theirs []order.Order
		for range 6 {
			his = append(his, w.create(one, w.ticket().ID))
		}
		for range 40 {
			theirs = append(theirs, w.create(user(), w.ticket().ID))
		}
		for _, tt := range []struct {
			orders []order.Order
			places int
		}{{his, 4}, {theirs, 32}, {append(his, theirs...), 32}} {
			ctx, leave := context.WithCancel(t.Context())
			results := await(ctx, w, 2, tt.orders...)
			for range len(tt.orders) - tt.places {
				if got := <-results; got.err != nil || got.order.Version != 1 {
					t.Errorf("no place: got %+v, want the order as it is", got)
				}
			}
			leave()
			for range tt.places {
				if got := <-results; !errors.Is(got.err, context.Canceled) {
					t.Errorf("waiting: got %+v, want %v", got, context.Canceled)
				}
			}
		}
	})
}
