package service_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
)

// running is a service with a database of its own, whose server runs.
type running struct {
	*service.Service

	adminAddr string
	ended     chan struct{}
}

func start(t *testing.T, name string, setUp func(s *service.Service)) running {
	t.Helper()
	cfg := service.Config{Config: server.Config{AdminAddr: freeAddr(t)}, AMQPURL: os.Getenv("AMQP_URL")}
	cfg.Database.URL = pgtest.NewURL(t)
	srv := server.New(cfg.Config)
	s, err := service.Open(t.Context(), cfg, srv, name)
	if err != nil {
		t.Fatal(err)
	}
	setUp(s)
	r := running{s, cfg.AdminAddr, make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(r.ended)
		if err := srv.Run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-r.ended
		s.Close()
	})
	return r
}

// receive returns the next value of the channel, unless the service ends before.
func receive[T any](t *testing.T, r running, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-r.ended:
		t.Fatal("the service has ended")
		panic("unreachable")
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestEventsOfOneServiceReachAnother(t *testing.T) {
	consumed, watched, resynced := make(chan events.Event, 10), make(chan events.Event, 10), make(chan struct{}, 10)
	orders := start(t, events.Orders, func(s *service.Service) {
		handlers := events.Handlers{}
		for _, route := range events.Catalogue() {
			if slices.Contains(route.Consumers, events.Orders) {
				handlers[route.Type] = func(_ context.Context, e events.Event) error { consumed <- e; return nil }
			}
		}
		s.Consume(handlers)
	})
	expiration := start(t, events.Expiration, func(s *service.Service) {
		s.Watch(func(e events.Event) { watched <- e }, func() { resynced <- struct{}{} })
	})
	receive(t, expiration, resynced) // from now on, Watch receives events

	e := events.New(events.OrderExpired, events.OrderDeadline{OrderID: id.New(id.Order), Deadline: time.Now().UTC()})
	if err := expiration.Outbox.Tx(t.Context(), func(tx pgx.Tx) error { return outbox.Append(t.Context(), tx, e) }); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, orders, consumed); got.ID != e.ID {
		t.Errorf("consumed event %s, want %s", got.ID, e.ID)
	}
	if got := receive(t, expiration, watched); got.ID != e.ID {
		t.Errorf("watched event %s, want %s", got.ID, e.ID)
	}
	for _, s := range []running{orders, expiration} {
		resp, err := http.Get("http://" + s.adminAddr + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("/readyz: got %s", resp.Status)
		}
	}
}
