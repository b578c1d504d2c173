package order

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

// These tests visit every state that an order and its payments can reach when events arrive in any order, each any
// number of times. TestShuffledPayments does the same with random orders on Postgres.

// state is an order with up to two payments, and what has happened to them.
type state struct {
	order     Order
	payments  [2]payment
	versions  [2]int // of the payments; 0 for one that is not known yet
	decisions [2]int // about the payments
	arrived   uint   // a bit for each arrival
	passed    bool   // expiration has published the deadline and will not again
}

func (s state) orderWithPayments() orderWithPayments {
	o := orderWithPayments{Order: s.order}
	for i, p := range s.payments {
		if s.versions[i] > 0 {
			o.payments = append(o.payments, p)
		}
	}
	return o
}

// arrival is an event or a mutation that can reach an order.
type arrival struct {
	name    string
	payment int // that it is about, counted from 1; 0 for none
	version int // of that payment
	status  events.PaymentStatus
	change  func(orderWithPayments) change // of an arrival that is about no payment
}

// history is a set of arrivals, in any order.
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

func pays(payment, version int, status events.PaymentStatus) arrival {
	return arrival{name: fmt.Sprintf("payment %d %s", payment, status), payment: payment, version: version, status: status}
}

// histories returns what can happen to an order. The possible ends of a payment share a version: the first one to
// arrive is its end.
func histories(r rules, now time.Time) []history {
	reserved := arrival{name: "ticket reserved", change: func(o orderWithPayments) change { return o.confirm(now) }}
	noTicket := arrival{name: "reservation refused", change: func(o orderWithPayments) change {
		return o.cancel(events.System, events.ReasonReservationRefused, now)
	}}
	cancels := arrival{name: "buyer cancels", change: func(o orderWithPayments) change {
		return o.cancel(events.Buyer, events.ReasonBuyerCancelled, now)
	}}
	expired := arrival{name: expiry, change: func(o orderWithPayments) change { return o.deadlinePassed(deadline, r, now) }}
	return []history{
		{"one payment", []arrival{
			pays(1, 1, events.Processing), pays(1, 2, events.Authorized), pays(1, 3, events.Succeeded), pays(1, 3, events.Failed), pays(1, 3, events.Voided),
			reserved, noTicket, cancels, expired,
		}},
		{"two payments", []arrival{
			pays(1, 1, events.Processing), pays(1, 2, events.Authorized), pays(1, 3, events.Failed),
			pays(2, 1, events.Processing), pays(2, 2, events.Authorized), pays(2, 3, events.Succeeded), pays(2, 3, events.Voided),
			reserved, cancels, expired,
		}},
		{"a payment that hangs", []arrival{
			pays(1, 1, events.Processing), pays(1, 2, events.Authorized), reserved, noTicket, cancels, expired,
		}},
		{"a refund", []arrival{
			pays(1, 1, events.Processing), pays(1, 2, events.Authorized), pays(1, 3, events.Succeeded), pays(1, 4, events.PartiallyRefunded), pays(1, 5, events.Refunded),
			reserved, cancels, expired,
		}},
	}
}

// after returns the state after an arrival, and the change that it made.
func (s state) after(a arrival, r rules, now time.Time) (state, change) {
	makeChange := a.change
	if i := a.payment - 1; i >= 0 {
		makeChange = orderWithPayments.noChange
		if p := &s.payments[i]; a.version > s.versions[i] {
			p.id, p.status, p.amount, p.startedAt = fmt.Sprint(a.payment), a.status, price, began
			s.versions[i] = a.version
			payload := events.Payment{ID: p.id, Status: p.status, RefundedBy: events.Seller}
			makeChange = func(o orderWithPayments) change { return o.paymentChanged(payload, r, now) }
		}
	}
	o := s.orderWithPayments()
	next := o.decide(makeChange(o), r, now)
	s.order = next.order
	for _, d := range next.decisions {
		i := slices.IndexFunc(s.payments[:], func(p payment) bool { return p.id == d.paymentID })
		s.payments[i].decision = d.decision
		s.decisions[i]++
	}
	s.passed = (s.passed || a.name == expiry) && next.rescheduleAt.IsZero()
	return s, next
}

func (o orderWithPayments) noChange() change { return o.unchanged() }

// broken returns the rule that a change breaks, "" if none.
func (c change) broken(by arrival, after state) string {
	was, is := c.before, c.order
	legal := map[events.OrderStatus][]events.OrderStatus{
		events.Created:         {events.AwaitingPayment, events.Cancelled},
		events.AwaitingPayment: {events.Complete, events.Cancelled},
		events.Complete:        {events.Cancelled},
	}
	paid := func(id string) bool {
		return slices.ContainsFunc(after.payments[:], func(p payment) bool { return p.id == id && p.status.Paid() && p.decision == confirmed })
	}
	ended := is.Status == events.Cancelled && was.Status != events.Cancelled
	byItsPayment := by.payment > 0 && fmt.Sprint(by.payment) == was.PaymentID &&
		slices.Contains([]events.PaymentStatus{events.Failed, events.Voided, events.Refunded}, by.status)
	switch {
	case was.Status == is.Status && was.Version != is.Version, was.Status != is.Status && was.Version+1 != is.Version:
		return "the version does not count changes of the status"
	case was.Status != is.Status && !slices.Contains(legal[was.Status], is.Status):
		return "this status cannot follow"
	case was.Status == events.Complete && ended && is.Reason != events.ReasonRefunded:
		return "a complete order ended without a refund"
	case is.Status == events.Complete && was.Status != events.Complete && (!was.Frozen() || !paid(is.PaymentID)):
		return "complete without a confirmed payment that captured the money"
	case is.Frozen() && (is.Status != events.AwaitingPayment || is.PaymentID == ""):
		return "frozen without a payment"
	case was.Frozen() && ended && !byItsPayment:
		return "a frozen order ended, but not by its payment"
	case is.Cancellable() && after.passed:
		return "nothing will end the order"
	case after.decisions[0] > 1 || after.decisions[1] > 1:
		return "a payment got two decisions"
	case is.Status != events.Created && slices.ContainsFunc(after.payments[:], func(p payment) bool { return p.status == events.Authorized && p.decision == "" }):
		return "an authorized payment has no decision"
	}
	return ""
}

// unfinished returns the rule that is broken after every arrival and the last deadline, "" if none.
func (s state) unfinished() string {
	if s.order.Cancellable() {
		return "the order has not ended"
	}
	for i, p := range s.payments {
		serves := s.order.Status == events.Complete && s.order.PaymentID == p.id
		refund := s.order.Reason == events.ReasonRefunded && s.order.PaymentID == p.id
		switch {
		case s.versions[i] == 0:
		case s.order.Frozen() && s.order.PaymentID == p.id && p.status != events.Authorized:
			return "frozen for a payment that has ended"
		case p.status.Paid() && serves == (p.decision == refused), !p.status.Paid() && serves:
			return "money and order do not agree"
		case p.status == events.Refunded && refund != (p.decision == confirmed):
			return "the refund and the order do not agree"
		}
	}
	return ""
}

func TestEveryOrderOfArrival(t *testing.T) {
	for clock, now := range map[string]time.Time{
		"before the deadline": deadline.Add(-time.Millisecond), "in the grace": deadline.Add(time.Second), "after the grace": deadline.Add(grace),
	} {
		for _, policy := range []events.FailurePolicy{events.CancelOnFailure, events.RetryOnFailure} {
			r := rules{policy, grace}
			for _, h := range histories(r, now) {
				t.Run(fmt.Sprintf("O10 %s, %s, %s", h.name, clock, policy), func(t *testing.T) {
					t.Parallel()
					v := visitor{t: t, arrivals: h.arrivals, rules: r, now: now, seen: map[state]bool{}, ends: map[string]bool{}}
					v.visit(state{order: create(Order{ID: "ord_1", Price: price, CreatedAt: began, ExpiresAt: deadline}).order}, nil)
					t.Logf("%d states, ends: %v", len(v.seen), v.ends)
				})
			}
		}
	}
}

// visitor visits each state that the arrivals lead to, once.
type visitor struct {
	t        *testing.T
	arrivals []arrival
	rules    rules
	now      time.Time
	seen     map[state]bool
	ends     map[string]bool
}

func (v visitor) visit(s state, path []string) {
	if v.seen[s] || v.t.Failed() {
		return
	}
	v.seen[s] = true
	if all := uint(1)<<len(v.arrivals) - 1; s.arrived == all {
		v.end(s, path)
	}
	for i, a := range v.arrivals {
		next, c := s.after(a, v.rules, v.now)
		next.arrived |= 1 << i
		path := append(slices.Clip(path), a.name)
		if rule := c.broken(a, next); rule != "" {
			v.t.Fatalf("%s: %+v\nafter %q", rule, c, path)
		}
		if again, _ := next.after(a, v.rules, v.now); again != next {
			v.t.Fatalf("the duplicate had an effect: %+v, then %+v\nafter %q", next, again, path)
		}
		v.visit(next, path)
	}
}

// end lets the last deadline pass.
func (v visitor) end(s state, path []string) {
	last := deadline.Add(grace)
	end, _ := s.after(arrival{name: "the end of the grace", change: func(o orderWithPayments) change {
		return o.deadlinePassed(last, v.rules, last)
	}}, v.rules, last)
	if rule := end.unfinished(); rule != "" {
		v.t.Fatalf("%s: %+v\nafter %q", rule, end, path)
	}
	v.ends[string(end.order.Status)+" "+string(end.order.Reason)] = true
}
