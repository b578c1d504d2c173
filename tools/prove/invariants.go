package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"boxoffice.dev/pkg/events"
)

// verdict is the result of checking one invariant.
type verdict struct {
	Invariant  string
	Checked    string   // how much was checked
	Violations []string // none when it holds
	Tickets    []string // whose history is impossible, to draw it
}

func (v *verdict) violate(format string, args ...any) {
	v.Violations = append(v.Violations, fmt.Sprintf(format, args...))
}

func (v *verdict) checked(format string, args ...any) { v.Checked = fmt.Sprintf(format, args...) }

// Names of the invariants.
const (
	oneSeen     = "one live order per ticket, in responses"
	oneStored   = "one live order per ticket, in the database"
	transitions = "orders, tickets and payments change legally"
	versions    = "each version has one event and history entry"
	stored      = "successful requests are stored"
	replicas    = "replicas equal their owners"
	locks       = "tickets are locked for exactly the live orders"
	empty       = "outboxes, queues and dead-letter queues are empty"
	deadlines   = "exactly the unpaid orders have a deadline, none is overdue"
	finished    = "every payment and refund has ended"
	privacy     = "foreign orders and payments are out of reach"
	idempotency = "an idempotency key creates at most one object"
	money       = "complete orders were charged once, others not"
	books       = "ledger, payments and orders agree"
	answers     = "every response is expected"
	alive       = "no service crashed or reports a data race"
)

// invariants must hold after any fault.
var invariants = []struct {
	name  string
	check func(*evidence) verdict
}{
	{oneSeen, linearizable},
	{oneStored, oneStoredOrder},
	{transitions, onlyLegalChanges},
	{versions, noVersionMissing},
	{stored, successStored},
	{replicas, func(e *evidence) verdict { return e.compared("replica") }},
	{locks, func(e *evidence) verdict { return e.compared("lock") }},
	{empty, queuesEmpty},
	{finished, paymentsFinished},
	{money, chargedOnce},
	{books, reconciled},
	{deadlines, deadlinesMet},
	{privacy, foreignRefused},
	{idempotency, onePerKey},
	{answers, responsesExpected},
	{alive, noCrash},
}

// judge checks every invariant.
func judge(e *evidence) []verdict {
	var all []verdict
	for _, i := range invariants {
		v := i.check(e)
		v.Invariant = i.name
		all = append(all, v)
	}
	return all
}

// oneStoredOrder checks that the lives of a ticket's orders do not overlap, by commit timestamps.
func oneStoredOrder(e *evidence) verdict {
	var v verdict
	type life struct {
		order    string
		from, to int64
	}
	lives := map[string][]life{}
	for _, o := range e.Orders {
		l := life{order: o.ID, to: e.final()}
		for _, c := range o.History {
			if c.From == "" {
				l.from = c.Committed
			}
			if c.To == "cancelled" {
				l.to = c.Committed
			}
		}
		lives[o.Ticket] = append(lives[o.Ticket], l)
	}
	for _, ticket := range slices.Sorted(maps.Keys(lives)) {
		all := lives[ticket]
		slices.SortFunc(all, func(a, b life) int { return cmp.Compare(a.from, b.from) })
		last := all[0]
		for _, next := range all[1:] {
			if next.from < last.to {
				v.violate("ticket %s: order %s was created while %s was live", ticket, next.order, last.order)
				v.Tickets = append(v.Tickets, ticket)
			}
			if next.to > last.to {
				last = next
			}
		}
	}
	v.checked("%d tickets, %d orders", len(lives), len(e.Orders))
	return v
}

// Legal changes of an order's status, with the legal reasons of a cancellation.
var orderChanges = map[[2]string][]string{
	{"", "created"}:                   {""},
	{"created", "awaiting_payment"}:   {""},
	{"created", "cancelled"}:          {"buyer_cancelled", "expired", "reservation_refused", "payment_failed"},
	{"awaiting_payment", "cancelled"}: {"buyer_cancelled", "expired", "payment_failed", "refunded"}, // a refund may overtake its payment
	{"awaiting_payment", "complete"}:  {""},
	{"complete", "cancelled"}:         {"refunded"},
}

// Legal next events of a ticket, by its last one.
var ticketChanges = map[events.Type][]events.Type{
	"":                     {events.TicketCreated},
	events.TicketCreated:   {events.TicketUpdated, events.TicketReserved, events.TicketSold, events.TicketWithdrawn},
	events.TicketUpdated:   {events.TicketUpdated, events.TicketReserved, events.TicketSold, events.TicketWithdrawn},
	events.TicketReleased:  {events.TicketUpdated, events.TicketReserved, events.TicketSold, events.TicketWithdrawn},
	events.TicketReserved:  {events.TicketReleased, events.TicketReserved, events.TicketSold, events.TicketWithdrawn},
	events.TicketSold:      {events.TicketReleased, events.TicketWithdrawn},
	events.TicketWithdrawn: nil,
}

// Legal next events of a payment, by its last one. Not every version of a payment is published.
var paymentChanges = map[events.Type][]events.Type{
	"":                       {events.PaymentStarted},
	events.PaymentStarted:    {events.PaymentAuthorized, events.PaymentSucceeded, events.PaymentFailed, events.PaymentVoided},
	events.PaymentAuthorized: {events.PaymentSucceeded, events.PaymentFailed, events.PaymentVoided},
	events.PaymentSucceeded:  {events.PaymentRefunded},
	events.PaymentRefunded:   {events.PaymentRefunded},
	events.PaymentFailed:     nil,
	events.PaymentVoided:     nil,
}

func onlyLegalChanges(e *evidence) verdict {
	var v verdict
	changes := 0
	for _, o := range e.Orders {
		status := ""
		for _, c := range o.History {
			changes++
			reasons, legal := orderChanges[[2]string{c.From, c.To}]
			if !legal || !slices.Contains(reasons, c.Reason) || c.From != status {
				v.violate("order %s: version %d went from %q to %q (%s), and was %q before", o.ID, c.Version, c.From, c.To, c.Reason, status)
			}
			status = c.To
		}
		if status != o.Status {
			v.violate("order %s is %s, but its history ends with %q", o.ID, o.Status, status)
		}
	}
	for _, legal := range []map[events.Type][]events.Type{ticketChanges, paymentChanges} {
		for subject, all := range e.published(legal) {
			var last published
			for _, next := range all {
				changes++
				missing := next.Version > last.Version+1 && next.Source == events.Tickets // another invariant reports it
				if !missing && !slices.Contains(legal[last.Type], next.Type) {
					v.violate("%s: version %d is %s after %q", subject, next.Version, next.Type, last.Type)
				}
				last = next
			}
		}
	}
	v.checked("%d changes", changes)
	return v
}

// orderEvents are the events of which each version of an order has one.
var orderEvents = map[events.Type][]events.Type{
	events.OrderCreated: nil, events.OrderAwaitingPayment: nil, events.OrderCompleted: nil, events.OrderCancelled: nil,
}

// published returns the events of the map's types by subject, in the order of versions.
func (e *evidence) published(types map[events.Type][]events.Type) map[string][]published {
	all := map[string][]published{}
	for _, t := range e.Events {
		if _, ok := types[t.Type]; ok {
			all[t.Subject] = append(all[t.Subject], t)
		}
	}
	for _, of := range all {
		slices.SortStableFunc(of, func(a, b published) int { return cmp.Compare(a.Version, b.Version) })
	}
	return all
}

// noVersionMissing checks that history entries and published events have the versions 1, 2, 3 … to the stored one.
func noVersionMissing(e *evidence) verdict {
	var v verdict
	total := 0
	count := func(what, id string, version int, found []int) {
		total += version
		want := make([]int, version)
		for i := range want {
			want[i] = i + 1
		}
		if !slices.Equal(found, want) {
			v.violate("%s %s at version %d: has %v", what, id, version, found)
		}
	}
	aboutTickets, aboutOrders := e.published(ticketChanges), e.published(orderEvents)
	for _, o := range e.Orders {
		var history []int
		for _, c := range o.History {
			history = append(history, c.Version)
		}
		count("history of order", o.ID, o.Version, history)
		count("events about order", o.ID, o.Version, versionsOf(aboutOrders[o.ID]))
	}
	for _, t := range e.Tickets {
		count("events about ticket", t.ID, t.Version, versionsOf(aboutTickets[t.ID]))
	}
	aboutPayments := e.published(paymentChanges)
	for _, p := range e.Payments {
		total += p.Version
		found := versionsOf(aboutPayments[p.ID])
		// One version may have no event: the one in which the buyer must act.
		unique := slices.IsSorted(found) && len(slices.Compact(slices.Clone(found))) == len(found)
		if !unique || len(found) < p.Version-1 || len(found) > p.Version {
			v.violate("events about payment %s at version %d: has %v", p.ID, p.Version, found)
		}
	}
	v.checked("%d versions of %d tickets, %d orders, %d payments", total, len(e.Tickets), len(e.Orders), len(e.Payments))
	return v
}

func versionsOf(all []published) []int {
	var found []int
	for _, t := range all {
		found = append(found, t.Version)
	}
	return found
}

// successStored checks that the result of every successful request is in the databases.
func successStored(e *evidence) verdict {
	var v verdict
	orders := map[string]orderRow{}
	for _, o := range e.Orders {
		orders[o.ID] = o
	}
	tickets := map[string]ticketRow{}
	for _, t := range e.Tickets {
		tickets[t.ID] = t
	}
	n := 0
	for _, o := range e.Ops {
		if o.Answer != granted {
			continue
		}
		if o.Kind == sell || o.Kind == withdraw {
			n++
			if t, ok := tickets[o.Ticket]; !ok || o.Kind == withdraw && t.Availability != "withdrawn" {
				v.violate("client %d: %s %s succeeded, but the ticket is %q", o.Client, o.Kind, o.Ticket, t.Availability)
			}
		}
		if o.Status != "" {
			n++
			if stored, ok := orders[o.Order]; !ok || o.Status == "CANCELLED" && stored.live() {
				v.violate("client %d read that order %s is %s, but it is %q", o.Client, o.Order, o.Status, stored.Status)
			}
		}
	}
	v.checked("%d responses", n)
	return v
}

// compared returns the differences of the comparisons whose names have the prefix.
func (e *evidence) compared(prefix string) verdict {
	var v verdict
	var counts []string
	for _, c := range e.Compared {
		if !strings.HasPrefix(c.What, prefix) {
			continue
		}
		counts = append(counts, fmt.Sprint(c.Compared))
		for _, d := range c.Differences {
			v.violate("%s %s: %s (expected %q, found %q)", d.What, d.ID, d.Problem, d.Expected, d.Found)
		}
	}
	v.checked("%s compared", strings.Join(counts, " + "))
	return v
}

func queuesEmpty(e *evidence) verdict {
	var v verdict
	for _, w := range e.Outboxes {
		if w.Waiting > 0 {
			v.violate("outbox of %s: %d unpublished events, the oldest is %s", w.Service, w.Waiting, w.OldestType)
		}
	}
	for _, queue := range slices.Sorted(maps.Keys(e.Queues)) {
		if n := e.Queues[queue]; n > 0 {
			v.violate("queue %s: %d messages", queue, n)
		}
	}
	for _, p := range e.DeadLettered {
		v.violate("dead-lettered: %s", p)
	}
	v.checked("%d outboxes, %d queues and dead-letter queues", len(e.Outboxes), len(e.Queues))
	return v
}

func deadlinesMet(e *evidence) verdict {
	var v verdict
	for _, l := range e.Overdue {
		v.violate("order %s is late by %s: %s", l.OrderID, l.Late(), l.Problem)
	}
	known := map[string]bool{}
	for _, o := range e.Orders {
		known[o.ID] = true
		_, due := e.Due[o.ID]
		unpaid := o.Status == "created" || o.Status == "awaiting_payment"
		if due != unpaid {
			v.violate("order %s is %s; has a deadline: %t", o.ID, o.Status, due)
		}
	}
	for _, order := range slices.Sorted(maps.Keys(e.Due)) {
		if !known[order] {
			v.violate("deadline of unknown order %s", order)
		}
	}
	v.checked("%d orders, %d deadlines", len(e.Orders), len(e.Due))
	return v
}

// foreignRefused checks that orders were shown only to their buyers, and payments only to their buyers and sellers.
func foreignRefused(e *evidence) verdict {
	var v verdict
	buyer := map[string]string{}
	for _, o := range e.Orders {
		buyer[o.ID] = o.Buyer
	}
	between := map[string][]string{}
	for _, p := range e.Payments {
		between[p.ID] = []string{p.Buyer, p.Seller}
	}
	tried, seen := 0, 0
	for _, o := range e.Ops {
		if slices.Contains(foreign, o.Kind) {
			tried++
			if o.Answer == granted {
				v.violate("client %d: %s %s%s succeeded", o.Client, o.Kind, o.Order, o.Payment)
			}
		}
		for _, order := range o.Orders {
			seen++
			if buyer[order] != e.Users[o.Client] {
				v.violate("client %d (%s) was shown order %s of %s", o.Client, e.Users[o.Client], order, buyer[order])
			}
		}
		for _, payment := range o.Payments {
			seen++
			if of := between[payment]; !slices.Contains(of, e.Users[o.Client]) {
				v.violate("client %d (%s) was shown payment %s between %v", o.Client, e.Users[o.Client], payment, of)
			}
		}
	}
	v.checked("%d attempts, %d orders and payments shown", tried, seen)
	return v
}

// onePerKey checks that a repeated idempotency key never created two objects.
func onePerKey(e *evidence) verdict {
	var v verdict
	created := map[string]map[string]bool{} // ids by key
	note := func(key, id string) {
		if key == "" || id == "" {
			return
		}
		if created[key] == nil {
			created[key] = map[string]bool{}
		}
		created[key][id] = true
	}
	sent := map[string]int{}
	for _, o := range e.Ops {
		if o.Key != "" {
			sent[o.Key]++
		}
		if o.Answer == granted && o.Kind == reserve {
			note(o.Key, o.Order)
		}
		if o.Answer == granted && o.Kind == sell {
			note(o.Key, o.Ticket)
		}
		if o.Kind == pay && o.Answer != "PAYMENT_IN_PROGRESS" && o.Answer != "ORDER_ALREADY_PAID" { // these errors name another payment
			note(o.Key, o.Payment)
		}
	}
	for _, p := range e.Payments {
		note(p.Key, p.ID)
	}
	for _, r := range e.Refunds {
		if r.Key != r.Payment { // not one of the system itself
			note(r.Key, r.ID)
		}
	}
	for _, o := range e.Orders {
		note(o.Key, o.ID)
	}
	for _, t := range e.Tickets {
		note(t.Key, t.ID)
	}
	repeated := 0
	for _, n := range sent {
		if n > 1 {
			repeated++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(created)) {
		if len(created[key]) > 1 {
			v.violate("key %s created %v", key, slices.Sorted(maps.Keys(created[key])))
		}
	}
	v.checked("%d keys, %d sent repeatedly", len(sent), repeated)
	return v
}

func responsesExpected(e *evidence) verdict {
	var v verdict
	for _, o := range e.Ops {
		if o.Answer != granted && o.Answer != lost && !slices.Contains(refusals[o.Kind], o.Answer) {
			v.violate("client %d: %s %s%s: got %s: %s", o.Client, o.Kind, o.Ticket, o.Order, o.Answer, o.Why)
		}
	}
	v.checked("%d responses", len(e.Ops))
	return v
}

func noCrash(e *evidence) verdict {
	v := verdict{Violations: e.Ended}
	v.checked("%d services", e.Services)
	return v
}
