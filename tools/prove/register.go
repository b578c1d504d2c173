package main

import (
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

// registers returns the steps of each ticket.
func (e *evidence) registers() map[string][]porcupine.Operation {
	all := map[string][]porcupine.Operation{}
	add := func(ticket string, client int, s step, call, ret int64) {
		all[ticket] = append(all[ticket], porcupine.Operation{ClientId: client, Input: s, Call: call, Return: ret})
	}
	system := len(e.Users) // its client id in the drawing
	ticketOf := map[string]string{}
	for _, o := range e.Orders {
		ticketOf[o.ID] = o.Ticket
	}

	// An order took its ticket between the first request for it and the first response with it.
	type taking struct {
		client    int
		call, ret int64
	}
	takings := map[string]taking{}
	attempts := map[string]int64{} // first call with the key
	for _, o := range e.Ops {
		if o.Kind == reserve && o.Key != "" {
			if first, ok := attempts[o.Key]; !ok || o.Call < first {
				attempts[o.Key] = o.Call
			}
		}
	}
	for _, o := range e.Ops {
		if o.Kind != reserve || o.Answer != granted {
			continue
		}
		c, ok := takings[o.Order]
		if !ok {
			c = taking{o.Client, o.Call, o.Return}
		}
		c.call, c.ret = min(c.call, o.Call), min(c.ret, o.Return)
		if first, ok := attempts[o.Key]; ok {
			c.call = min(c.call, first)
		}
		takings[o.Order] = c
		if ticketOf[o.Order] == "" {
			ticketOf[o.Order] = o.Ticket // it is not stored
		}
	}
	for order, c := range takings {
		add(ticketOf[order], c.client, step{take, order}, c.call, c.ret)
	}

	for _, o := range e.Orders {
		for _, change := range o.History {
			_, seen := takings[o.ID]
			switch {
			case change.To == "cancelled" && change.Reason == "refunded":
				add(o.Ticket, system, step{undo, o.ID}, change.Committed, e.unfinished())
			case change.To == "cancelled":
				add(o.Ticket, system, step{end, o.ID}, change.Committed, e.unfinished())
			case change.Version == 1 && !seen: // its buyer got no response
				add(o.Ticket, system, step{take, o.ID}, change.Committed, e.unfinished())
			}
		}
	}

	for _, o := range e.Ops {
		ticket := o.Ticket
		if o.Order != "" {
			ticket = ticketOf[o.Order]
		}
		switch {
		case ticket == "":
		case o.Kind == reserve && (o.Answer == "TICKET_RESERVED" || o.Answer == "TICKET_SOLD"):
			add(ticket, o.Client, step{what: refuse}, o.Call, o.Return)
		case o.Kind == cancel && o.Answer == "ORDER_NOT_CANCELLABLE", o.Kind == pay && o.Answer == "ORDER_ALREADY_PAID":
			add(ticket, o.Client, step{holds, o.Order}, o.Call, o.Return)
		case o.Answer != granted && o.Answer != "ORDER_NOT_PAYABLE":
		case o.Status == "CANCELLED":
			add(ticket, o.Client, step{over, o.Order}, o.Call, o.Return)
		case o.Status != "":
			add(ticket, o.Client, step{holds, o.Order}, o.Call, o.Return)
		}
		if o.Kind == pay && o.Paid == "SUCCEEDED" {
			add(ticket, o.Client, step{holds, o.Order}, o.Call, o.Return)
		}
		if o.Held != nil && *o.Held {
			add(o.Ticket, o.Client, step{what: taken}, o.Call, o.Return)
		} else if o.Held != nil {
			add(o.Ticket, o.Client, step{what: free}, o.Call, o.Return)
		}
	}

	held := map[string]bool{}
	for _, o := range e.Orders {
		if o.live() {
			add(o.Ticket, system, step{holds, o.ID}, e.final(), e.final())
			held[o.Ticket] = true
		}
	}
	for ticket := range all {
		if !held[ticket] {
			add(ticket, system, step{what: free}, e.final(), e.final())
		}
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
