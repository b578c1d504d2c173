package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"boxoffice.dev/tools/internal/stack"
)

// Broker, database and services stop and start again, and no event is lost.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := Private(t, "orders.HOLD=4s")
	seller, buyer, other := s.SignUp(t), s.SignUp(t), s.SignUp(t)

	// wantExpired fails the test unless the order expires at its deadline and its ticket is on sale again.
	wantExpired := func(t *testing.T, o orderData, ticketID string) {
		t.Helper()
		if ended := awaitStatus(t, buyer, o.ID, "CANCELLED"); ended.Cancellation.Reason != "EXPIRED" || ended.SecondsUntilExpiry != 0 || ended.ViewerCanCancel || ended.ViewerCanPay {
			t.Errorf("got %+v", ended)
		}
		Eventually(t, "the ticket is back on sale", func() bool { return availability(t, s, ticketID) == "AVAILABLE" })
	}

	t.Run("O9 E1 T5 an order expires", func(t *testing.T) {
		tap := s.Tap(t, "orders")
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		wantExpired(t, o, ticketID)
		again := ordered(t, other, ticketID)
		tap.Wait(t, "order.created.v1", again.ID)
		if n := len(tap.Of(o.ID)); n != 3 {
			t.Errorf("%d events about the expired order, want created, awaiting payment and cancelled: %v", n, tap.Types(o.ID))
		}
	})
	t.Run("S2 the broker is down during createOrder", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		if err := s.RabbitMQ.Stop(); err != nil {
			t.Fatal(err)
		}
		o := ordered(t, buyer, ticketID)
		if n := s.Count(t, "orders", `SELECT count(*) FROM outbox WHERE subject = $1`, o.ID); n != 1 {
			t.Errorf("%d unpublished events of the order, want 1", n)
		}
		if err := s.RabbitMQ.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		Eventually(t, "tickets handles order.created", func() bool {
			return s.Count(t, "tickets", `SELECT count(*) FROM inbox WHERE subject = $1`, o.ID) == 1
		})
		wantExpired(t, o, ticketID)
	})
	t.Run("S2 the broker is killed", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		if err := s.RabbitMQ.Kill(); err != nil {
			t.Fatal(err)
		}
		o := ordered(t, buyer, ticketID)
		if err := s.RabbitMQ.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantExpired(t, o, ticketID)
	})
	t.Run("E3 every process is killed", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		for _, spec := range stack.Specs() {
			if err := s.Service(spec.Name).Kill(); err != nil {
				t.Fatal(err)
			}
		}
		for _, spec := range stack.Specs() {
			if err := s.Service(spec.Name).Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantExpired(t, o, ticketID)
	})
	t.Run("E3 the database is killed", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		if err := s.Postgres.Kill(); err != nil {
			t.Fatal(err)
		}
		if r := buyer.Do(t, readOrder, Vars{"id": o.ID}); len(r.Errors) == 0 {
			t.Errorf("no error without the database: %s", r.Content)
		}
		if err := s.Postgres.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		Eventually(t, "orders reconnects to its database", func() bool { return len(buyer.Do(t, readOrder, Vars{"id": o.ID}).Errors) == 0 })
		wantExpired(t, o, ticketID)
	})
	t.Run("a subgraph is killed during queries", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		const both = `query($order: ID!, $ticket: ID!) { order(id: $order) { id } ticket(id: $ticket) { id } }`
		vars := Vars{"order": o.ID, "ticket": ticketID}
		if err := s.Service("orders").Kill(); err != nil {
			t.Fatal(err)
		}
		Eventually(t, "the circuit breaker of orders opens", func() bool {
			r := buyer.Do(t, both, vars)
			WantCode(t, r, "SUBGRAPH_UNAVAILABLE")
			if want := `"ticket":{"id":"` + ticketID + `"}`; !strings.Contains(string(r.Content), want) {
				t.Fatalf("got %s, want %s", r.Content, want)
			}
			return strings.Contains(s.Service("router").LogTail(), "from=closed to=open")
		})
		if status, body := readiness(t, s); status != http.StatusOK || !strings.Contains(body, `"failing":{"orders":`) {
			t.Errorf("router: /readyz is %d %s", status, body)
		}
		if err := s.Service("orders").Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		Eventually(t, "the circuit breaker of orders closes", func() bool { return len(buyer.Do(t, both, vars).Errors) == 0 })
		if status, body := readiness(t, s); status != http.StatusOK || strings.Contains(body, "failing") {
			t.Errorf("router: /readyz is %d %s", status, body)
		}
		wantExpired(t, o, ticketID)
	})
	t.Run("no event was dead-lettered", func(t *testing.T) { wantNoDeadLetters(t, s) })
}

// readiness returns the router's /readyz.
func readiness(t *testing.T, s *System) (status int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + s.Service("router").AdminAddr + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
