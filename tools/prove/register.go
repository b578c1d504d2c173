package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A ticket is a register that holds at most one order. What the clients were answered, and the
// moments at which orders ended by themselves, must fit one sequence of these steps, each taken
// at some instant between its call and its return.
type step struct {
	what  string
	order string
}

// Steps. The first three change the register, the others only tell what is in it.
const (
	take   = "takes"          // the order gets the free ticket
	end    = "ends"           // the order, which holds the ticket, gives it back
	undo   = "is refunded"    // the same, when it was paid
	holds  = "holds"          // the order holds the ticket
	over   = "is over"        // the order has held the ticket and given it back
	free   = "nobody has"     // no order holds the ticket
	refuse = "not to be had:" // some order holds the ticket, or did until a refund
	taken  = "somebody has"   // some order holds the ticket
)

func (s step) String() string {
	if s.order == "" {
		return s.what + " it"
	}
	return s.order + " " + s.what
}

// holder is the model's state. After a refund orders may refuse a ticket as sold until it hears
// from tickets that it is on sale again; once it was ordered again, it has.
type holder struct {
	order string // "" when no order holds the ticket
	sold  bool   // orders may still think so
	ended string // all orders that have given it back
}

// give is the ticket when its order gives it back.
func (h holder) give(sold bool) holder { return holder{sold: sold, ended: h.ended + h.order + " "} }

// register is the model.
var register = porcupine.Model{
	Init: func() any { return holder{} },
	Step: func(state, input, _ any) (bool, any) {
		h, s := state.(holder), input.(step)
		switch s.what {
		case take:
			return h.order == "", holder{order: s.order, ended: h.ended}
		case end:
			return h.order == s.order, h.give(h.sold)
		case undo:
			return h.order == s.order, h.give(true)
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

// lateness is for how long one ticket's history is examined before the search is given up.
const lateness = 20 * time.Second

// unfinished is when the last steps are over, and final when the end is looked at.
func (e *evidence) unfinished() int64 { return e.At + int64(time.Second) }
func (e *evidence) final() int64      { return e.At + int64(2*time.Second) }

// registers returns the steps of each ticket.
func (e *evidence) registers() map[string][]porcupine.Operation {
	all := map[string][]porcupine.Operation{}
	add := func(ticket string, client int, s step, call, ret int64) {
		all[ticket] = append(all[ticket], porcupine.Operation{ClientId: client, Input: s, Call: call, Return: ret})
	}
	system := len(e.Users) // a client of its own, for the picture
	ticketOf := map[string]string{}
	for _, o := range e.Orders {
		ticketOf[o.ID] = o.Ticket
	}

	// Who took the ticket when: between the first request for it and the first answer that says so.
	type claim struct {
		client    int
		call, ret int64
	}
	claims := map[string]claim{}
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
		c, ok := claims[o.Order]
		if !ok {
			c = claim{o.Client, o.Call, o.Return}
		}
		c.call, c.ret = min(c.call, o.Call), min(c.ret, o.Return)
		if first, ok := attempts[o.Key]; ok {
			c.call = min(c.call, first)
		}
		claims[o.Order] = c
		if ticketOf[o.Order] == "" {
			ticketOf[o.Order] = o.Ticket // it was answered but is not stored
		}
	}
	for order, c := range claims {
		add(ticketOf[order], c.client, step{take, order}, c.call, c.ret)
	}

	for _, o := range e.Orders {
		for _, change := range o.History {
			_, claimed := claims[o.ID]
			switch {
			case change.To == "cancelled" && change.Reason == "refunded":
				add(o.Ticket, system, step{undo, o.ID}, change.Committed, e.unfinished())
			case change.To == "cancelled":
				add(o.Ticket, system, step{end, o.ID}, change.Committed, e.unfinished())
			case change.Version == 1 && !claimed: // its buyer got no answer
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
		case o.Kind == reserve && o.Answer == "TICKET_RESERVED":
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

// oneLiveOrder checks the clients' history of every ticket.
func oneLiveOrder(e *evidence) verdict {
	var v verdict
	steps := 0
	registers := e.registers()
	for _, ticket := range slices.Sorted(maps.Keys(registers)) {
		operations := registers[ticket]
		steps += len(operations)
		switch porcupine.CheckOperationsTimeout(register, operations, lateness) {
		case porcupine.Ok:
		case porcupine.Illegal:
			v.violate("ticket %s: its %d steps fit no sequence in which one order at a time holds it", ticket, len(operations))
			v.Tickets = append(v.Tickets, ticket)
		case porcupine.Unknown:
			v.violate("ticket %s: undecided after %s", ticket, lateness)
		}
	}
	v.checked("%d tickets, %d steps", len(registers), steps)
	return v
}
