package order

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// These tests go through every order in which events can arrive, each any number of times, by
// visiting every state that an order and its payments can get into. The same on Postgres, but only
// by chance, is TestShuffledPayments.

// state is an order with up to two payments, and what was said and heard so far.
type state struct {
	order    Order
	payments [2]payment
	versions [2]int // of the payments; 0 is one that was not heard of
	answered [2]int // how often
	heard    uint   // a bit for each event
	told     bool   // expiration has told of the deadline and will not again
}

func (s state) claim() claim {
	c := claim{Order: s.order}
	for i, p := range s.payments {
		if s.versions[i] > 0 {
			c.payments = append(c.payments, p)
		}
	}
	return c
}

// arrival is an event, or the buyer's will, that can reach an order.
type arrival struct {
	name    string
	payment int // that it is about, counted from 1
	version int // of that payment
	status  paymentStatus
	decide  func(claim) change // of all that is not about a payment
}

// history is what happens, in whatever order it is heard of.
type history struct {
	name     string
	arrivals []arrival
}

var (
	began    = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	deadline = began.Add(15 * time.Minute)
	grace    = time.Minute
	price    = money.Money{MinorUnits: 1999, Currency: "USD"}
)

const expiry = "order expired"

func pays(payment, version int, status paymentStatus) arrival {
	return arrival{name: fmt.Sprintf("payment %d %s", payment, status), payment: payment, version: version, status: status}
}

// histories lists what can happen. Of several ends of a payment only one did, so they share a
// version, and the one that is heard of first is it.
func histories(r rules, now time.Time) []history {
	reserved := arrival{name: "ticket reserved", decide: func(c claim) change { return c.confirm(now) }}
	noTicket := arrival{name: "reservation refused", decide: func(c claim) change { return c.cancel(System, ReservationRefused, now) }}
	cancels := arrival{name: "buyer cancels", decide: func(c claim) change { return c.cancel(Buyer, BuyerCancelled, now) }}
	expired := arrival{name: expiry, decide: func(c claim) change { return c.deadlinePassed(deadline, r, now) }}
	return []history{
		{"one payment", []arrival{
			pays(1, 1, processing), pays(1, 2, authorized), pays(1, 3, succeeded), pays(1, 3, failed), pays(1, 3, voided),
			reserved, noTicket, cancels, expired,
		}},
		{"two payments", []arrival{
			pays(1, 1, processing), pays(1, 2, authorized), pays(1, 3, failed),
			pays(2, 1, processing), pays(2, 2, authorized), pays(2, 3, succeeded), pays(2, 3, voided),
			reserved, cancels, expired,
		}},
		{"a payment that hangs", []arrival{
			pays(1, 1, processing), pays(1, 2, authorized), reserved, noTicket, cancels, expired,
		}},
		{"a refund", []arrival{
			pays(1, 1, processing), pays(1, 2, authorized), pays(1, 3, succeeded), pays(1, 4, partiallyRefunded), pays(1, 5, refunded),
			reserved, cancels, expired,
		}},
	}
}

// hear is the state after an arrival, and what it changed.
func (s state) hear(a arrival, r rules, now time.Time) (state, change) {
	decide := a.decide
	if i := a.payment - 1; i >= 0 {
		decide = claim.stay
		if p := &s.payments[i]; a.version > s.versions[i] {
			p.id, p.status, p.amount, p.startedAt = fmt.Sprint(a.payment), a.status, price, began
			s.versions[i] = a.version
			told := events.Payment{ID: p.id, Status: string(p.status), RefundedBy: "seller"}
			decide = func(c claim) change { return c.paymentChanged(told, r, now) }
		}
	}
	c := s.claim()
	next := c.answering(decide(c), r, now)
	s.order = next.order
	for _, a := range next.answers {
		i := slices.IndexFunc(s.payments[:], func(p payment) bool { return p.id == a.paymentID })
		s.payments[i].answer = a.verdict
		s.answered[i]++
	}
	s.told = (s.told || a.name == expiry) && next.lookAgain.IsZero()
	return s, next
}

func (c claim) stay() change { return c.nothing() }

// broken says what is wrong with a change, "" if nothing is.
func (c change) broken(by arrival, after state) string {
	was, is := c.before, c.order
	legal := map[Status][]Status{Created: {AwaitingPayment, Cancelled}, AwaitingPayment: {Complete, Cancelled}, Complete: {Cancelled}}
	paid := func(id string) bool {
		return slices.ContainsFunc(after.payments[:], func(p payment) bool { return p.id == id && p.paid() && p.answer == confirmed })
	}
	over := is.Status == Cancelled && was.Status != Cancelled
	switch {
	case was.Status == is.Status && was.Version != is.Version, was.Status != is.Status && was.Version+1 != is.Version:
		return "the version does not count changes of the status"
	case was.Status != is.Status && !slices.Contains(legal[was.Status], is.Status):
		return "no such change"
	case was.Status == Complete && over && is.Reason != Refunded:
		return "a paid order ended without a refund"
	case is.Status == Complete && was.Status != Complete && (!was.Frozen() || !paid(is.PaymentID)):
		return "complete without money that was confirmed"
	case is.Frozen() && (is.Status != AwaitingPayment || is.PaymentID == ""):
		return "frozen for nothing"
	case was.Frozen() && over && (by.payment == 0 || fmt.Sprint(by.payment) != was.PaymentID || !slices.Contains([]paymentStatus{failed, voided, refunded}, by.status)):
		return "a frozen order ended, but not by its payment"
	case is.Unpaid() && !is.Frozen() && after.told:
		return "nothing will end the order"
	case after.answered[0] > 1 || after.answered[1] > 1:
		return "a payment was answered twice"
	case is.Status != Created && slices.ContainsFunc(after.payments[:], func(p payment) bool { return p.status == authorized && p.answer == "" }):
		return "a payment that asks has no answer"
	}
	return ""
}

// unfinished says what is wrong when everything was heard and the last deadline has passed, "" if nothing is.
func (s state) unfinished() string {
	if s.order.Unpaid() && !s.order.Frozen() {
		return "the order has no end"
	}
	for i, p := range s.payments {
		serves := s.order.Status == Complete && s.order.PaymentID == p.id
		refund := s.order.Reason == Refunded && s.order.PaymentID == p.id
		switch {
		case s.versions[i] == 0:
		case s.order.Frozen() && s.order.PaymentID == p.id && p.status != authorized:
			return "frozen for a payment that is over"
		case p.paid() && serves == (p.answer == refused), !p.paid() && serves:
			return "money and order do not agree"
		case p.status == refunded && refund != (p.answer == confirmed):
			return "the refund and the order do not agree"
		}
	}
	return ""
}

func TestEveryOrderOfArrival(t *testing.T) {
	for clock, now := range map[string]time.Time{
		"before the deadline": deadline.Add(-time.Millisecond), "in the grace": deadline.Add(time.Second), "after the grace": deadline.Add(grace),
	} {
		for _, policy := range []FailurePolicy{CancelOrder, RetryOrder} {
			r := rules{policy, grace}
			for _, h := range histories(r, now) {
				t.Run(fmt.Sprintf("O10 %s, %s, %s", h.name, clock, policy), func(t *testing.T) {
					t.Parallel()
					newOrder := create(Order{ID: "ord_1", Price: price, CreatedAt: began, ExpiresAt: deadline}).order
					everything := uint(1)<<len(h.arrivals) - 1
					seen, ends := map[state]bool{}, map[string]bool{}
					var visit func(s state, path []string)
					visit = func(s state, path []string) {
						if seen[s] || t.Failed() {
							return
						}
						seen[s] = true
						if s.heard == everything {
							last := arrival{name: "the end of the grace", decide: func(c claim) change { return c.deadlinePassed(deadline.Add(grace), r, deadline.Add(grace)) }}
							end, _ := s.hear(last, r, deadline.Add(grace))
							if wrong := end.unfinished(); wrong != "" {
								t.Fatalf("%s: %+v\nafter %q", wrong, end, path)
							}
							ends[string(end.order.Status+" ")+string(end.order.Reason)] = true
						}
						for i, a := range h.arrivals {
							next, c := s.hear(a, r, now)
							next.heard |= 1 << i
							path := append(slices.Clip(path), a.name)
							if wrong := c.broken(a, next); wrong != "" {
								t.Fatalf("%s: %+v\nafter %q", wrong, c, path)
							}
							if again, _ := next.hear(a, r, now); again != next {
								t.Fatalf("the second time made a difference: %+v, then %+v\nafter %q", next, again, path)
							}
							visit(next, path)
						}
					}
					visit(state{order: newOrder}, nil)
					t.Logf("%d states, ends: %v", len(seen), ends)
				})
			}
		}
	}
}
