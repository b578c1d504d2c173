package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// step is a step of the linearizability check. A ticket is a register that holds at most one order. All responses, and
// all ends of orders, must fit one sequence of steps, each of which happens between its call and its return.
type step struct {
	what  string
	order string
}

// Steps. The first three change the register, the others read it.
const (
	take   = "takes"          // the order gets the free ticket
	end    = "ends"           // the order releases the ticket
	undo   = "is refunded"    // the same, for a paid order
	holds  = "holds"          // the order holds the ticket
	over   = "is over"        // the order has held and released the ticket
	free   = "free:"          // no order holds the ticket
	refuse = "not available:" // some order holds the ticket, or did until a refund
	taken  = "held:"          // some order holds the ticket
)

func (s step) String() string {
	if s.order == "" {
		return s.what + " it"
	}
	return s.order + " " + s.what
}

// holder is the model's state. After a refund, orders may refuse a ticket as sold until its replica has caught up; that
// is certain once the ticket was ordered again.
type holder struct {
	order string // "" when no order holds the ticket
	sold  bool   // in orders' replica, maybe
	ended string // all orders that have released it
}

// release returns the state after the order has released the ticket.
func (h holder) release(sold bool) holder { return holder{sold: sold, ended: h.ended + h.order + " "} }

// register is the model.
var register = porcupine.Model{
	Init: func() any { return holder{} },
	Step: func(state, input, _ any) (bool, any) {
		h, s := state.(holder), input.(step)
		switch s.what {
		case take:
			return h.order == "", holder{order: s.order, ended: h.ended}
		case end:
			return h.order == s.order, h.release(h.sold)
		case undo:
			return h.order == s.order, h.release(true)
		case holds:
			return h.order == s.order, h
		case over:
			return strings.Contains(h.ended, s.order), h
		case free:
			return h.order == "", h
		case refuse:
			return h.order != "" || h.sold, h
		case taken:
			return h.order != "", h
		}
		panic("unknown step " + s.what)
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprint(input) },
	DescribeState: func(state any) string {
		h := state.(holder)
		if h.order == "" {
			return "free"
		}
		return h.order
	},
}

// maxSearch limits the check of one ticket's history.
const maxSearch = 20 * time.Second

// unfinished is the end of steps without a response, and final the time of the last reads.
func (e *evidence) unfinished() int64 { return e.At + int64(time.Second) }
func (e *evidence) final() int64      { return e.At + int64(2*time.Second) }

// registers are the steps of each ticket.
type registers map[string][]porcupine.Operation

func (r registers) add(ticket string, client int, s step, call, ret int64) {
	r[ticket] = append(r[ticket], porcupine.Operation{ClientId: client, Input: s, Call: call, Return: ret})
}

// registers returns the steps of each ticket.
func (e *evidence) registers() registers {
	all := registers{}
	system := len(e.Users) // its client id in the drawing
	ticketOf := map[string]string{}
	for _, o := range e.Ops {
		if o.Kind == reserve && o.Answer == granted {
			ticketOf[o.Order] = o.Ticket
		}
	}
	takings := e.takings()
	for order, t := range takings {
		all[ticketOf[order]] = append(all[ticketOf[order]], t)
	}
	held := map[string]bool{}
	for _, o := range e.Orders {
		ticketOf[o.ID] = o.Ticket
		_, answered := takings[o.ID]
		for _, change := range o.History {
			switch {
			case change.To == "cancelled" && change.Reason == "refunded":
				all.add(o.Ticket, system, step{undo, o.ID}, change.Committed, e.unfinished())
			case change.To == "cancelled":
				all.add(o.Ticket, system, step{end, o.ID}, change.Committed, e.unfinished())
			case change.Version == 1 && !answered:
				all.add(o.Ticket, system, step{take, o.ID}, change.Committed, e.unfinished())
			}
		}
		if o.live() {
			all.add(o.Ticket, system, step{holds, o.ID}, e.final(), e.final())
			held[o.Ticket] = true
		}
	}
	for _, o := range e.Ops {
		ticket := o.Ticket
		if o.Order != "" {
			ticket = ticketOf[o.Order]
		}
		for _, s := range o.steps() {
			if ticket != "" {
				all.add(ticket, o.Client, s, o.Call, o.Return)
			}
		}
	}
	for ticket := range all {
		if !held[ticket] {
			all.add(ticket, system, step{what: free}, e.final(), e.final())
		}
	}
	return all
}

// takings returns, by order, the step that took the ticket: between the first request for it and the first response.
func (e *evidence) takings() map[string]porcupine.Operation {
	first := map[string]int64{} // call by idempotency key
	for _, o := range e.Ops {
		if o.Kind == reserve && o.Key != "" {
			first[o.Key] = min(o.Call, cmp.Or(first[o.Key], o.Call))
		}
	}
	all := map[string]porcupine.Operation{}
	for _, o := range e.Ops {
		if o.Kind != reserve || o.Answer != granted {
			continue
		}
		t, ok := all[o.Order]
		if !ok {
			t = porcupine.Operation{ClientId: o.Client, Input: step{take, o.Order}, Call: o.Call, Return: o.Return}
		}
		t.Call, t.Return = min(t.Call, o.Call, cmp.Or(first[o.Key], o.Call)), min(t.Return, o.Return)
		all[o.Order] = t
	}
	return all
}

// steps returns what the response shows of the ticket.
func (o op) steps() (all []step) {
	switch {
	case o.Kind == reserve && (o.Answer == "TICKET_RESERVED" || o.Answer == "TICKET_SOLD"):
		all = append(all, step{what: refuse})
	case o.Kind == cancel && o.Answer == "ORDER_NOT_CANCELLABLE", o.Kind == pay && o.Answer == "ORDER_ALREADY_PAID":
		all = append(all, step{holds, o.Order})
	case o.Answer != granted && o.Answer != "ORDER_NOT_PAYABLE":
	case o.Status == "CANCELLED":
		all = append(all, step{over, o.Order})
	case o.Status != "":
		all = append(all, step{holds, o.Order})
	}
	if o.Kind == pay && o.Paid == "SUCCEEDED" {
		all = append(all, step{holds, o.Order})
	}
	switch {
	case o.Held == nil:
	case *o.Held:
		all = append(all, step{what: taken})
	default:
		all = append(all, step{what: free})
	}
	return all
}

// linearizable checks the history of every ticket.
func linearizable(e *evidence) verdict {
	var v verdict
	steps := 0
	registers := e.registers()
	for _, ticket := range slices.Sorted(maps.Keys(registers)) {
		operations := registers[ticket]
		steps += len(operations)
		switch porcupine.CheckOperationsTimeout(register, operations, maxSearch) {
		case porcupine.Ok:
		case porcupine.Illegal:
			v.violate("ticket %s: no sequence of its %d steps has one holder at a time", ticket, len(operations))
			v.Tickets = append(v.Tickets, ticket)
		case porcupine.Unknown:
			v.violate("ticket %s: undecided after %s", ticket, maxSearch)
		}
	}
	v.checked("%d tickets, %d steps", len(registers), steps)
	return v
}
