package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

const updateTicket = `mutation($input: UpdateTicketInput!) { updateTicket(input: $input) {
	ticket { id version } errors { __typename } } }`

// atOnce calls do for 0 to n-1, at most width at a time, and waits for all.
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

// signUpMany makes n people.
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
		answers := map[string]int{}
		start := make(chan struct{})
		var wg sync.WaitGroup
		for _, buyer := range people {
			wg.Go(func() {
				<-start
				p := order(t, buyer, Vars{"ticketId": ticketID})
				answer := fmt.Sprint(p.Errors)
				switch {
				case p.Order != nil && len(p.Errors) == 0:
					answer = "order"
				case len(p.Errors) == 1:
					answer = p.Errors[0].Typename
				}
				mu.Lock()
				defer mu.Unlock()
				answers[answer]++
			})
		}
		close(start)
		wg.Wait()
		t.Logf("%d buyers were answered %v", buyers, answers)
		if len(answers) != 2 || answers["order"] != 1 || answers["TicketReservedError"] != buyers-1 {
			t.Errorf("got %v, want 1 order and %d TicketReservedError", answers, buyers-1)
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

	t.Run("S6 O12 seller edits while buyers order", func(t *testing.T) {
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
				t.Errorf("never %s: the two did not really meet", want)
			}
		}
	})
}

// editAgainstOrder lets a seller raise the price in the instant in which a buyer orders, checks
// that the buyer got what was shown or nothing, and says how it ended.
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

	t.Run("S5 the first order's expiry leaves the second order's lock alone", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o1 := ordered(t, first, ticketID)
		cancel(t, first, o1.ID)
		o2 := ordered(t, second, ticketID)
		awaitStatus(t, second, o2.ID, "AWAITING_PAYMENT")
		expire(t, s, o1)
		// More orders than a queue has workers expire behind it: once all have, it was handled too.
		crowd := signUpMany(t, s, 4)
		var behind []orderData
		for i := range 20 {
			behind = append(behind, ordered(t, crowd[i%len(crowd)], sell(t, s, seller)))
		}
		for _, o := range behind {
			expire(t, s, o)
		}
		for i, o := range behind {
			awaitStatus(t, crowd[i%len(crowd)], o.ID, "CANCELLED")
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

func TestDeliveredAgainInAnyOrder(t *testing.T) {
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

	t.Run("O8 T9 T10 E2 every event again, twice and shuffled", func(t *testing.T) {
		for source, tap := range taps {
			var again []Event
			for _, subject := range subjects {
				again = append(again, tap.Of(subject)...)
			}
			told := len(again)
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
			if n != told {
				t.Errorf("%d new events of %s came of old ones", n-told, source)
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

// settle waits until every event that was published so far has been handled. New orders' events go
// through the same queues behind them, more of them than a queue has workers, so that each worker
// handles one of these after all that it had before.
func settle(t *testing.T, s *System) {
	t.Helper()
	seller, buyers := s.SignUp(t), signUpMany(t, s, 4)
	atOnce(20, len(buyers), func(i int) {
		buyer := buyers[i%len(buyers)]
		o := ordered(t, buyer, sell(t, s, seller))
		awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
		Eventually(t, "expiration has seen the new order", func() bool {
			return s.Count(t, "expiration", `SELECT count(*) FROM deadlines WHERE order_id = $1`, o.ID) == 1
		})
		cancel(t, buyer, o.ID)
	})
}

// depths returns how many messages wait in each queue and parking queue.
func depths(t *testing.T, s *System) map[string]int {
	t.Helper()
	all, err := broker.Depth(s.BrokerURL, events.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// expire tells orders that an order's deadline has passed.
func expire(t *testing.T, s *System, o orderData) {
	t.Helper()
	expirer(t, s)(o)
}

// expirer is expire for many, on one connection.
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

// republish sends a copy of an event, as a broker may at any time.
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
		t.Fatal("the broker refused a copy")
	}
}
