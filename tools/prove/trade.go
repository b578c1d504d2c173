package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"

	"boxoffice.dev/tools/internal/graphql"
)

// list looks what is for sale, and puts something up when that is little.
func (c *client) list(ctx context.Context) {
	o, a := c.ask(ctx, op{Kind: list}, queryTickets, graphql.Vars{"first": 20})
	if o.Answer != granted {
		return
	}
	c.shelf = a.Tickets.Nodes
	c.market.listed(c.shelf)
	if len(c.shelf) < c.mix.thin {
		c.sell(ctx)
	}
}

func (c *client) sell(ctx context.Context) {
	input := graphql.Vars{"title": fmt.Sprintf("Seat %d of client %d", c.keys, c.index), "price": price(c.random)}
	key := c.key()
	if key != "" {
		input["idempotencyKey"] = key
	}
	for range 3 {
		o, a := c.ask(ctx, op{Kind: sell, Key: key}, createTicket, graphql.Vars{"input": input})
		if t := a.Result.Ticket; t != nil {
			c.selling[t.ID] = *t
		}
		if o.Answer != lost || key == "" {
			return
		}
	}
}

func (c *client) edit(ctx context.Context) {
	id := pick(c.random, c.selling)
	if id == "" {
		return
	}
	input := graphql.Vars{"ticketId": id, "price": price(c.random)}
	if c.chance(50) {
		input["expectedVersion"] = c.selling[id].Version
	}
	o, a := c.ask(ctx, op{Kind: edit, Ticket: id}, updateTicket, graphql.Vars{"input": input})
	switch {
	case a.Result.Ticket != nil:
		c.selling[id] = *a.Result.Ticket
	case o.Answer == "TICKET_RESERVED" && c.chance(20), o.Answer == "TICKET_WITHDRAWN":
		delete(c.selling, id)
	case o.Answer == "STALE_VERSION":
		t := c.selling[id]
		t.Version++
		c.selling[id] = t
	}
}

func (c *client) withdraw(ctx context.Context) {
	id := pick(c.random, c.selling)
	if id == "" {
		return
	}
	o, _ := c.ask(ctx, op{Kind: withdraw, Ticket: id}, withdrawTicket, graphql.Vars{"input": graphql.Vars{"ticketId": id}})
	if o.Answer == granted {
		delete(c.selling, id)
	}
}

// look asks who holds a ticket.
func (c *client) look(ctx context.Context) {
	t, ok := c.wanted()
	if !ok {
		return
	}
	c.ask(ctx, op{Kind: look, Ticket: t.ID}, queryTicket, graphql.Vars{"id": t.ID})
}

// wanted returns somebody else's ticket, rather one of those that all others see first, too.
func (c *client) wanted() (ticketData, bool) {
	if len(c.shelf) == 0 {
		return ticketData{}, false
	}
	t := c.shelf[min(c.random.IntN(len(c.shelf)), c.random.IntN(len(c.shelf)))]
	return t, t.Seller.ID != c.userID
}

// reserve orders a ticket. A lost answer makes the client ask again with the same key; now and
// then it does so without need, or twice at once.
func (c *client) reserve(ctx context.Context) {
	t, ok := c.wanted()
	if !ok {
		return
	}
	o := op{Kind: reserve, Ticket: t.ID, Key: c.key()}
	input := graphql.Vars{"ticketId": t.ID}
	if o.Key != "" {
		input["idempotencyKey"] = o.Key
	}
	if c.chance(30) {
		input["expectedPrice"] = t.Price
	}
	vars := graphql.Vars{"input": input}
	if o.Key != "" && c.chance(5) {
		c.both(ctx, request{o, createOrder, vars}, request{o, createOrder, vars})
		return
	}
	for range 3 {
		got, _ := c.ask(ctx, o, createOrder, vars)
		if got.Answer != lost && (got.Answer != granted || c.chance(90)) || o.Key == "" {
			return
		}
	}
}

// request is what to ask, and how.
type request struct {
	op    op
	query string
	vars  graphql.Vars
}

// both sends two requests at once: the other one from a second device.
func (c *client) both(ctx context.Context, one, other request) {
	second := &client{
		index: c.index, userID: c.userID, api: c.api, history: c.history, market: c.market,
		random: rand.New(rand.NewPCG(c.random.Uint64(), c.random.Uint64())), //nolint:gosec // repeatable on purpose
		buying: map[string]orderData{},
	}
	var asking sync.WaitGroup
	asking.Go(func() { second.ask(ctx, other.op, other.query, other.vars) })
	c.ask(ctx, one.op, one.query, one.vars)
	asking.Wait()
	maps.Copy(c.buying, second.buying)
}

func (c *client) cancel(ctx context.Context) {
	if id := pick(c.random, c.buying); id != "" {
		r := cancellation(id)
		c.ask(ctx, r.op, r.query, r.vars)
	}
}

func cancellation(order string) request {
	return request{op{Kind: cancel, Order: order}, cancelOrder, graphql.Vars{"input": graphql.Vars{"orderId": order}}}
}

func (c *client) read(ctx context.Context) {
	id := pick(c.random, c.buying)
	if id == "" {
		return
	}
	c.ask(ctx, op{Kind: read, Order: id}, queryOrder, graphql.Vars{"id": id})
}
