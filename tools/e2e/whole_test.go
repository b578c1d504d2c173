package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

const updateTicket = `mutation($input: UpdateTicketInput!) { updateTicket(input: $input) {
	ticket { id version } errors { __typename } } }`

// atOnce calls do with 0 to n-1, at most width at a time, and waits for all.
func atOnce(n, width int, do func(i int)) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, width)
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			do(i)
		})
	}
	wg.Wait()
}

// signUpMany creates n accounts.
func signUpMany(t *testing.T, s *System, n int) []*Client {
	t.Helper()
	people := make([]*Client, n)
	atOnce(n, 4, func(i int) { people[i] = s.SignUp(t) })
	if t.Failed() {
		t.FailNow()
	}
	return people
}

func TestManyBuyersForOneTicket(t *testing.T) {
	t.Parallel()
	const buyers = 1000
	s := Shared(t)
	people := signUpMany(t, s, buyers)
	wide := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: buyers}}
	for _, p := range people {
		p.HTTP = wide
	}
	ticketID := sell(t, s, s.SignUp(t))

	t.Run("S1 1,000 buyers for one ticket", func(t *testing.T) {
		var mu sync.Mutex
		outcomes := map[string]int{}
		start := make(chan struct{})
		var wg sync.WaitGroup
		for _, buyer := range people {
			wg.Go(func() {
				<-start
				p := order(t, buyer, Vars{"ticketId": ticketID})
				outcome := fmt.Sprint(p.Errors)
				switch {
				case p.Order != nil && len(p.Errors) == 0:
					outcome = "order"
				case len(p.Errors) == 1:
					outcome = p.Errors[0].Typename
				}
				mu.Lock()
				defer mu.Unlock()
				outcomes[outcome]++
			})
		}
		close(start)
		wg.Wait()
		t.Logf("%d buyers: %v", buyers, outcomes)
		if len(outcomes) != 2 || outcomes["order"] != 1 || outcomes["TicketReservedError"] != buyers-1 {
			t.Errorf("got %v, want 1 order and %d TicketReservedError", outcomes, buyers-1)
		}
		if n := s.Count(t, "orders", `SELECT count(*) FROM orders WHERE ticket_id = $1`, ticketID); n != 1 {
			t.Errorf("%d orders are stored, want 1", n)
		}
	})
}

func TestSellerEditsWhileBuyersOrder(t *testing.T) {
	t.Parallel()
	const tries, pairs = 1000, 20
	s := Shared(t)
	seller := s.SignUp(t)
	buyers := signUpMany(t, s, pairs)

	t.Run("S6 O12 a seller edits while buyers order", func(t *testing.T) {
		var mu sync.Mutex
		ends := map[string]int{}
		atOnce(pairs, pairs, func(p int) {
			for range tries / pairs {
				end := editAgainstOrder(t, s, seller, buyers[p])
				mu.Lock()
				ends[end]++
				mu.Unlock()
			}
		})
		t.Logf("of %d tries: %v", tries, ends)
		for _, want := range []string{"bought at the old price", "bought at the new price"} {
			if ends[want] == 0 {
				t.Errorf("never %s: the requests did not overlap", want)
			}
		}
	})
}

// editAgainstOrder raises a ticket's price while a buyer orders it, checks that the buyer gets the price that was shown
// or no ticket, and returns the outcome.
func editAgainstOrder(t *testing.T, s *System, seller, buyer *Client) string {
	t.Helper()
	ticketID := sell(t, s, seller)
	var p orderPayload
	var both sync.WaitGroup
	both.Go(func() {
		seller.Do(t, updateTicket, Vars{"input": Vars{"ticketId": ticketID, "price": Vars{"minorUnits": 2999, "currency": "USD"}}})
	})
	both.Go(func() { p = order(t, buyer, Vars{"ticketId": ticketID}) })
	both.Wait()
	if p.Order == nil {
		t.Errorf("refused: %+v", p.Errors)
		return "refused"
	}
	var o orderData
	Eventually(t, "the order is confirmed or refused", func() bool {
		o = read(t, buyer, p.Order.ID)
		return o.Status != "CREATED"
	})
	if o.Price.MinorUnits != p.Order.Price.MinorUnits {
		t.Errorf("S6: the price of %s went from %d to %d", o.ID, p.Order.Price.MinorUnits, o.Price.MinorUnits)
	}
	switch {
	case o.Status == "AWAITING_PAYMENT" && o.Ticket.Price.MinorUnits == o.Price.MinorUnits:
		cancel(t, buyer, o.ID)
		if o.Price.MinorUnits == 1999 {
			return "bought at the old price"
		}
		return "bought at the new price"
	case o.Status == "CANCELLED" && o.Cancellation.Reason == "RESERVATION_REFUSED":
		return "refused by the ticket"
	}
	t.Errorf("S6: order %s is %s at %d, its ticket costs %d", o.ID, o.Status, o.Price.MinorUnits, o.Ticket.Price.MinorUnits)
	return "wrong"
}

func TestLateExpiry(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, first, second := s.SignUp(t), s.SignUp(t), s.SignUp(t)

	t.Run("S5 a late expiry of a cancelled order does not release the next order's lock", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o1 := ordered(t, first, ticketID)
		cancel(t, first, o1.ID)
		o2 := ordered(t, second, ticketID)
		awaitStatus(t, second, o2.ID, "AWAITING_PAYMENT")
		expire(t, s, o1)
		// Once more later orders have expired than the queue has workers, this expiry was handled too.
		buyers := signUpMany(t, s, 4)
		var later []orderData
		for i := range 20 {
			later = append(later, ordered(t, buyers[i%len(buyers)], sell(t, s, seller)))
		}
		for _, o := range later {
			expire(t, s, o)
		}
		for i, o := range later {
			awaitStatus(t, buyers[i%len(buyers)], o.ID, "CANCELLED")
		}
		settle(t, s)
		if o := read(t, second, o2.ID); o.Status != "AWAITING_PAYMENT" {
			t.Errorf("the second order became %s", o.Status)
		}
		if got := availability(t, s, ticketID); got != "RESERVED" {
			t.Errorf("the ticket became %s", got)
		}
		if o := read(t, first, o1.ID); o.Cancellation.Reason != "BUYER_CANCELLED" {
			t.Errorf("the first order's reason became %s", o.Cancellation.Reason)
		}
	})
}

func TestRedeliveryInAnyOrder(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	taps := map[string]*Tap{"tickets": s.Tap(t, "tickets"), "orders": s.Tap(t, "orders")}
	seller, buyer := s.SignUp(t), s.SignUp(t)
	var subjects []string
	var open []orderData
	for i := range 4 {
		ticketID := sell(t, s, seller)
		subjects = append(subjects, ticketID)
		for range 3 {
			o := ordered(t, buyer, ticketID)
			awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
			cancel(t, buyer, o.ID)
			Eventually(t, "the ticket is back on sale", func() bool { return availability(t, s, ticketID) == "AVAILABLE" })
			subjects = append(subjects, o.ID)
		}
		if i%2 == 0 {
			o := ordered(t, buyer, ticketID)
			awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
			open, subjects = append(open, o), append(subjects, o.ID)
		}
	}
	settle(t, s)
	state := func() string {
		var all string
		for _, part := range []struct{ service, query string }{
			{"tickets", `SELECT coalesce(string_agg(id || version || availability || coalesce(order_id, ''), ' ' ORDER BY id), '') FROM tickets WHERE id = ANY($1)`},
			{"orders", `SELECT coalesce(string_agg(id || version || status, ' ' ORDER BY id), '') FROM (SELECT id, version, status FROM orders UNION ALL SELECT id, version, availability FROM tickets) everything WHERE id = ANY($1)`},
			{"expiration", `SELECT coalesce(string_agg(order_id, ' ' ORDER BY order_id), '') FROM deadlines WHERE order_id = ANY($1)`},
		} {
			var stored string
			if err := s.DB(t, part.service).QueryRow(t.Context(), part.query, subjects).Scan(&stored); err != nil {
				t.Fatal(err)
			}
			all += part.service + ": " + stored + "\n"
		}
		return all
	}
	before := state()

	t.Run("O8 T9 T10 E2 every event is redelivered twice and out of order", func(t *testing.T) {
		for source, tap := range taps {
			var again []Event
			for _, subject := range subjects {
				again = append(again, tap.Of(subject)...)
			}
			published := len(again)
			again = append(again, again...)
			rand.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			for _, e := range again {
				republish(t, s, source, e)
			}
			settle(t, s)
			n := 0
			for _, subject := range subjects {
				n += len(tap.Of(subject))
			}
			if n != published {
				t.Errorf("redelivery caused %d new events of %s", n-published, source)
			}
		}
		if after := state(); after != before {
			t.Errorf("the state changed\nfrom %s\nto   %s", before, after)
		}
		for _, o := range open {
			if got := read(t, buyer, o.ID); got.Status != "AWAITING_PAYMENT" {
				t.Errorf("%s became %s", o.ID, got.Status)
			}
		}
	})
}

// settle waits until every event that was published so far has been handled. It publishes more events to the same
// queues than they have workers and waits for these.
func settle(t *testing.T, s *System) {
	t.Helper()
	seller, buyers := s.SignUp(t), signUpMany(t, s, 4)
	atOnce(20, len(buyers), func(i int) {
		buyer := buyers[i%len(buyers)]
		o := ordered(t, buyer, sell(t, s, seller))
		awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
		Eventually(t, "expiration handles order.created", func() bool {
			return s.Count(t, "expiration", `SELECT count(*) FROM deadlines WHERE order_id = $1`, o.ID) == 1
		})
		cancel(t, buyer, o.ID)
	})
}

// depths returns the number of messages in each queue and dead-letter queue.
func depths(t *testing.T, s *System) map[string]int {
	t.Helper()
	all, err := broker.Depth(s.BrokerURL, events.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantNoDeadLetters fails the test when a dead-letter queue has messages.
func wantNoDeadLetters(t *testing.T, s *System) {
	t.Helper()
	for queue, n := range depths(t, s) {
		if n > 0 && strings.HasSuffix(queue, ".dlq") {
			t.Errorf("%d messages in %s", n, queue)
		}
	}
}

// expire publishes order.expired for an order, whether or not its deadline has passed.
func expire(t *testing.T, s *System, o orderData) {
	t.Helper()
	expirer(t, s)(o)
}

// expirer is expire for many orders, on one connection.
func expirer(t *testing.T, s *System) func(o orderData) {
	t.Helper()
	bus, err := broker.Open(t.Context(), s.BrokerURL, events.Expiration, events.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(o orderData) {
		t.Helper()
		deadline, err := time.Parse(time.RFC3339, o.ExpiresAt)
		if err != nil {
			t.Fatal(err)
		}
		e := events.New(events.OrderExpired, events.OrderDeadline{OrderID: o.ID, Deadline: deadline})
		e.Time = time.Now()
		if err := bus.Publish(t.Context(), []events.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
}

// republish publishes a copy of an event, as if the broker redelivered it.
func republish(t *testing.T, s *System, source string, e Event) {
	t.Helper()
	conn, err := amqp.Dial(s.BrokerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirm, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), broker.Exchange(source), e.Type, true, false,
		amqp.Publishing{MessageId: e.ID, DeliveryMode: amqp.Persistent, Headers: e.Header, Body: e.Data})
	if err != nil {
		t.Fatal(err)
	}
	if !confirm.Wait() {
		t.Fatal("the broker did not confirm a copy")
	}
}
