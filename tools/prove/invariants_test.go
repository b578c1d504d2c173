package main

import (
	"slices"
	"testing"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/tools/internal/consistency"
)

// story is a run without violation: the buyer (client 1) orders the seller's (client 0) ticket and cancels, then orders
// it again and pays.
func story() *evidence {
	yes := true
	return &evidence{
		At: 1000, Users: []string{"usr_seller", "usr_buyer"}, Services: 6,
		Ops: []op{
			{Client: 0, Kind: sell, Key: "k1", Ticket: "tkt_1", Call: 1, Return: 5, Answer: granted},
			{Client: 1, Kind: reserve, Key: "k2", Ticket: "tkt_1", Order: "ord_1", Call: 10, Return: 20, Answer: granted, Status: "CREATED", Orders: []string{"ord_1"}},
			{Client: 1, Kind: look, Ticket: "tkt_1", Call: 22, Return: 24, Answer: granted, Held: &yes},
			{Client: 1, Kind: cancel, Order: "ord_1", Call: 30, Return: 40, Answer: granted, Status: "CANCELLED", Orders: []string{"ord_1"}},
			{Client: 1, Kind: reserve, Key: "k3", Ticket: "tkt_1", Call: 50, Return: 60, Answer: lost},
			{Client: 1, Kind: reserve, Key: "k3", Ticket: "tkt_1", Order: "ord_2", Call: 65, Return: 70, Answer: granted, Status: "AWAITING_PAYMENT", Orders: []string{"ord_2"}},
			{Client: 1, Kind: pay, Key: "k4", Order: "ord_2", Payment: "pay_1", Call: 80, Return: 99, Answer: granted, Status: "COMPLETE", Paid: "SUCCEEDED", Orders: []string{"ord_2"}, Payments: []string{"pay_1"}},
			{Client: 0, Kind: readForeign, Order: "ord_2", Call: 100, Return: 101, Answer: null},
		},
		Orders: []orderRow{
			{ID: "ord_1", Ticket: "tkt_1", Buyer: "usr_buyer", Key: "k2", Status: "cancelled", Reason: "buyer_cancelled", Version: 2, Price: 1999, Currency: "EUR", History: []orderChange{
				{Version: 1, To: "created", Committed: 15},
				{Version: 2, From: "created", To: "cancelled", Reason: "buyer_cancelled", Committed: 35},
			}},
			{ID: "ord_2", Ticket: "tkt_1", Buyer: "usr_buyer", Key: "k3", Status: "complete", Version: 3, Price: 1999, Currency: "EUR", Payment: "pay_1", History: []orderChange{
				{Version: 1, To: "created", Committed: 55},
				{Version: 2, From: "created", To: "awaiting_payment", Committed: 62},
				{Version: 3, From: "awaiting_payment", To: "complete", Committed: 90},
			}},
		},
		Tickets: []ticketRow{{ID: "tkt_1", Version: 5, Availability: "sold", Order: "ord_2", Seller: "usr_seller", Key: "k1"}},
		Events: []published{
			{"e1", "tickets", events.TicketCreated, "tkt_1", 1},
			{"e2", "orders", events.OrderCreated, "ord_1", 1},
			{"e3", "tickets", events.TicketReserved, "tkt_1", 2},
			{"e4", "orders", events.OrderCancelled, "ord_1", 2},
			{"e5", "tickets", events.TicketReleased, "tkt_1", 3},
			{"e6", "orders", events.OrderCreated, "ord_2", 1},
			{"e7", "tickets", events.TicketReserved, "tkt_1", 4},
			{"e8", "orders", events.OrderAwaitingPayment, "ord_2", 2},
			{"e9", "payments", events.PaymentStarted, "pay_1", 1},
			{"e10", "payments", events.PaymentAuthorized, "pay_1", 2},
			{"e11", "payments", events.PaymentSucceeded, "pay_1", 3},
			{"e12", "orders", events.OrderCompleted, "ord_2", 3},
			{"e13", "tickets", events.TicketSold, "tkt_1", 5},
		},
		Payments: []paymentRow{{ID: "pay_1", Order: "ord_2", Buyer: "usr_buyer", Seller: "usr_seller", Key: "k4", Status: "succeeded", Step: "none", Version: 3, Amount: 1999, Currency: "EUR"}},
		Intents:  []intentRow{{ID: "pi_1", Payment: "pay_1", Currency: "EUR", Captures: 1, Authorized: 1999, Captured: 1999}},
		Due:      map[string]int64{},
		Compared: []consistency.Comparison{{What: "replica of everything", Compared: 1}, {What: "lock of the ticket for its order", Compared: 1}},
		Outboxes: []consistency.Backlog{{Service: "orders"}},
		Queues:   map[string]int{"orders.tickets.events": 0, "orders.tickets.events.dlq": 0},
	}
}

// Each change to the story violates exactly the named invariants.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*evidence)
		want   []string
	}{
		"no violation": {func(*evidence) {}, nil},
		"one ticket, two granted orders": {func(e *evidence) {
			e.Ops = append(e.Ops, op{Client: 0, Kind: reserve, Ticket: "tkt_1", Order: "ord_1", Call: 75, Return: 76, Answer: granted, Status: "CREATED"})
		}, []string{oneSeen}},
		"a free ticket is refused": {func(e *evidence) {
			e.Ops = append(e.Ops, op{Client: 1, Kind: reserve, Ticket: "tkt_1", Call: 42, Return: 48, Answer: "TICKET_RESERVED"})
		}, []string{oneSeen}},
		"a ticket is refused right after its refund": {func(e *evidence) {
			e.refund()
			e.Ops = append(e.Ops, op{Client: 1, Kind: reserve, Ticket: "tkt_1", Call: 220, Return: 230, Answer: "TICKET_RESERVED"})
		}, nil},
		"a free ticket is refused after a refund and another order": {func(e *evidence) {
			e.refund()
			e.Orders = append(e.Orders, orderRow{ID: "ord_3", Ticket: "tkt_1", Buyer: "usr_buyer", Status: "cancelled", Reason: "expired", Version: 2, Price: 1999, Currency: "EUR", History: []orderChange{
				{Version: 1, To: "created", Committed: 240},
				{Version: 2, From: "created", To: "cancelled", Reason: "expired", Committed: 250},
			}})
			e.Events = append(e.Events, published{"e20", "orders", events.OrderCreated, "ord_3", 1}, published{"e21", "orders", events.OrderCancelled, "ord_3", 2})
			e.Ops = append(e.Ops,
				op{Client: 1, Kind: read, Order: "ord_3", Call: 251, Return: 252, Answer: granted, Status: "CANCELLED"},
				op{Client: 1, Kind: reserve, Ticket: "tkt_1", Call: 260, Return: 270, Answer: "TICKET_RESERVED"})
		}, []string{oneSeen}},
		"an order is read as live after its end": {func(e *evidence) {
			e.Ops = append(e.Ops, op{Client: 1, Kind: read, Order: "ord_1", Call: 45, Return: 46, Answer: granted, Status: "CREATED"})
		}, []string{oneSeen}},
		"orders overlap": {func(e *evidence) { e.Orders[1].History[0].Committed = 34 }, []string{oneStored}},
		"two orders stay live": {func(e *evidence) {
			e.Orders[0].Status, e.Orders[0].Reason, e.Orders[0].Version = "created", "", 1
			e.Orders[0].History, e.Due["ord_1"] = e.Orders[0].History[:1], 5000
			e.Events = slices.Delete(e.Events, 3, 4)
		}, []string{oneSeen, oneStored, stored}},
		"an illegal change": {func(e *evidence) { e.Orders[1].History[2].From = "created" }, []string{transitions}},
		"a cancelled order is completed": {func(e *evidence) {
			e.Orders[1].History[1].To, e.Orders[1].History[1].Reason = "cancelled", "expired"
			e.Orders[1].History[2].From = "cancelled"
		}, []string{oneSeen, transitions}},
		"a sold ticket is reserved": {func(e *evidence) {
			e.Tickets[0].Version = 6
			e.Events = append(e.Events, published{"e14", "tickets", events.TicketReserved, "tkt_1", 6})
		}, []string{transitions}},
		"a payment fails after it has succeeded": {func(e *evidence) {
			e.Payments[0].Version = 4
			e.Events = append(e.Events, published{"e14", "payments", events.PaymentFailed, "pay_1", 4})
		}, []string{transitions}},
		"a history entry is missing": {func(e *evidence) { e.Orders[0].History = e.Orders[0].History[:1] }, []string{oneSeen, oneStored, transitions, versions}},
		"an event is lost":           {func(e *evidence) { e.Events = slices.Delete(e.Events, 4, 5) }, []string{versions}},
		"a version is published twice": {func(e *evidence) {
			e.Events = append(e.Events, published{"e14", "orders", events.OrderCancelled, "ord_1", 2})
		}, []string{versions}},
		"events of a payment are missing": {func(e *evidence) { e.Events = slices.Delete(e.Events, 8, 10) }, []string{transitions, versions}},
		"an order is lost": {func(e *evidence) {
			e.Orders = e.Orders[1:]
			e.Events = slices.DeleteFunc(e.Events, func(t published) bool { return t.Subject == "ord_1" })
		}, []string{oneSeen, stored, privacy}},
		"a ticket is lost": {func(e *evidence) { e.Tickets = nil }, []string{stored}},
		"a replica lags behind": {func(e *evidence) {
			e.Compared[0].Differences = []consistency.Difference{{ID: "tkt_1", Problem: "older"}}
		}, []string{replicas}},
		"a lock is missing": {func(e *evidence) {
			e.Compared[1].Differences = []consistency.Difference{{ID: "tkt_1", Problem: "missing"}}
		}, []string{locks}},
		"an event waits":             {func(e *evidence) { e.Outboxes[0].Waiting = 1 }, []string{empty}},
		"a message waits":            {func(e *evidence) { e.Queues["orders.tickets.events"] = 1 }, []string{empty}},
		"a message is dead-lettered": {func(e *evidence) { e.DeadLettered = []string{"ticket.created.v1 about tkt_1"} }, []string{empty}},
		"a payment is captured twice": {func(e *evidence) {
			e.Intents = append(e.Intents, intentRow{ID: "pi_2", Payment: "pay_1", Currency: "EUR", Captures: 1, Authorized: 1999, Captured: 1999})
		}, []string{money}},
		"another amount is captured":           {func(e *evidence) { e.Intents[0].Captured, e.Intents[0].Authorized = 1998, 1998 }, []string{money}},
		"another currency is captured":         {func(e *evidence) { e.Intents[0].Currency = "JPY" }, []string{money}},
		"an order is complete without capture": {func(e *evidence) { e.Intents[0].Captured, e.Intents[0].Captures, e.Intents[0].Voided = 0, 0, 1999 }, []string{money}},
		"money is on hold": {func(e *evidence) {
			e.Intents = append(e.Intents, intentRow{ID: "pi_2", Payment: "pay_1", Currency: "EUR", Authorized: 1999})
		}, []string{money}},
		"a complete order is refunded in full":   {func(e *evidence) { e.Intents[0].Refunded, e.Payments[0].Refunded = 1999, 1999 }, []string{money}},
		"an unknown refund":                      {func(e *evidence) { e.Intents[0].Refunded = 1 }, []string{money}},
		"an authorization of an unknown payment": {func(e *evidence) { e.Intents[0].Payment = "pay_2" }, []string{money}},
		"a payment waits for its buyer": {func(e *evidence) {
			e.Payments = append(e.Payments, paymentRow{ID: "pay_2", Order: "ord_1", Status: "requires_action", Step: "look"})
		}, []string{finished}},
		"a hold is not voided yet": {func(e *evidence) { e.Payments[0].Step = "void" }, []string{finished}},
		"a refund is pending": {func(e *evidence) {
			e.Refunds = []refundRow{{ID: "rfd_1", Payment: "pay_1", Status: "pending", Amount: 1}}
		}, []string{finished}},
		"the ledger differs": {func(e *evidence) {
			e.Reconciled.Discrepancies = []consistency.Discrepancy{{PaymentID: "pay_1", Problem: "different states"}}
		}, []string{books}},
		"a deadline is left":  {func(e *evidence) { e.Due["ord_1"] = 30 }, []string{deadlines}},
		"an order is overdue": {func(e *evidence) { e.Overdue = []consistency.Overdue{{OrderID: "ord_1"}} }, []string{deadlines}},
		"a foreign order is shown": {func(e *evidence) {
			e.Ops[7].Answer, e.Ops[7].Status, e.Ops[7].Orders = granted, "COMPLETE", []string{"ord_2"}
		}, []string{privacy}},
		"a foreign payment is shown": {func(e *evidence) {
			e.Users = append(e.Users, "usr_stranger")
			e.Ops = append(e.Ops, op{Client: 2, Kind: readForeignPayment, Payment: "pay_1", Call: 1, Return: 2, Answer: granted, Payments: []string{"pay_1"}})
		}, []string{privacy}},
		"a repeated key creates two orders": {func(e *evidence) { e.Orders[0].Key = "k3" }, []string{idempotency}},
		"a repeated key creates two payments": {func(e *evidence) {
			e.Payments = append(e.Payments, paymentRow{ID: "pay_2", Order: "ord_2", Buyer: "usr_buyer", Key: "k4", Status: "failed", Step: "none"})
		}, []string{idempotency}},
		"an unexpected response": {func(e *evidence) { e.Ops[2].Answer, e.Ops[2].Held = "UNAUTHENTICATED", nil }, []string{answers}},
		"a service crashes":      {func(e *evidence) { e.Ended = []string{"orders"} }, []string{alive}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := story()
			test.change(e)
			verdicts := judge(e)
			if got := violated(verdicts); !slices.Equal(got, test.want) {
				t.Errorf("violated: %q, want %q\n%s", got, test.want, table(verdicts))
			}
		})
	}
}

// refund continues the story: the seller refunds the payment in full, which puts the ticket back on sale.
func (e *evidence) refund() {
	o := &e.Orders[1]
	o.Status, o.Reason, o.Version = "cancelled", "refunded", 4
	o.History = append(o.History, orderChange{Version: 4, From: "complete", To: "cancelled", Reason: "refunded", Committed: 200})
	e.Payments[0].Status, e.Payments[0].Version, e.Payments[0].Refunded, e.Intents[0].Refunded = "refunded", 4, 1999, 1999
	e.Tickets[0] = ticketRow{ID: "tkt_1", Version: 6, Availability: "available", Seller: "usr_seller", Key: "k1"}
	e.Events = append(e.Events,
		published{"e14", "payments", events.PaymentRefunded, "pay_1", 4},
		published{"e15", "orders", events.OrderCancelled, "ord_2", 4},
		published{"e16", "tickets", events.TicketReleased, "tkt_1", 6})
}

// violated returns the names of the invariants that do not hold.
func violated(verdicts []verdict) []string {
	var names []string
	for _, v := range verdicts {
		if len(v.Violations) > 0 {
			names = append(names, v.Invariant)
		}
	}
	return names
}
