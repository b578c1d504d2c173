package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"boxoffice.dev/tools/internal/graphql"
)

// actions are what a client does for each kind of request.
var actions = map[kind]func(*client, context.Context){
	list: (*client).list, edit: (*client).edit, withdraw: (*client).withdraw, look: (*client).look, reserve: (*client).reserve,
	cancel: (*client).cancel, read: (*client).read, pay: (*client).pay, refund: (*client).refund,
	readForeign: foreignOrder(readForeign), cancelForeign: foreignOrder(cancelForeign), payForeign: foreignOrder(payForeign),
	readForeignPayment: foreignPayment(readForeignPayment), refundForeign: foreignPayment(refundForeign),
}

// list lists tickets, and creates one when there are few.
func (c *client) list(ctx context.Context) {
	o, r := c.send(ctx, op{Kind: list}, queryTickets, graphql.Vars{"first": 20})
	if o.Answer != granted {
		return
	}
	c.listed = r.Tickets.Nodes
	c.market.list(c.listed)
	if len(c.listed) < c.mix.minTickets {
		c.sell(ctx)
	}
}

func (c *client) sell(ctx context.Context) {
	input := graphql.Vars{"title": fmt.Sprintf("Seat %d of client %d", c.keys, c.index), "price": price(c.random)}
	key := c.optionalKey()
	if key != "" {
		input["idempotencyKey"] = key
	}
	for range 3 {
		o, r := c.send(ctx, op{Kind: sell, Key: key}, createTicket, graphql.Vars{"input": input})
		if t := r.Result.Ticket; t != nil {
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
	o, r := c.send(ctx, op{Kind: edit, Ticket: id}, updateTicket, graphql.Vars{"input": input})
	switch {
	case r.Result.Ticket != nil:
		c.selling[id] = *r.Result.Ticket
	case o.Answer == "TICKET_RESERVED" && c.chance(20), o.Answer == "TICKET_SOLD", o.Answer == "TICKET_WITHDRAWN":
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
	o, _ := c.send(ctx, op{Kind: withdraw, Ticket: id}, withdrawTicket, graphql.Vars{"input": graphql.Vars{"ticketId": id}})
	if o.Answer == granted {
		delete(c.selling, id)
	}
}

// look queries whether a ticket is held.
func (c *client) look(ctx context.Context) {
	if t, ok := c.wanted(); ok {
		c.send(ctx, op{Kind: look, Ticket: t.ID}, queryTicket, graphql.Vars{"id": t.ID})
	}
}

// wanted returns a listed ticket of another seller, preferably one at the top of the list, so that clients compete.
func (c *client) wanted() (ticketData, bool) {
	if len(c.listed) == 0 {
		return ticketData{}, false
	}
	t := c.listed[min(c.random.IntN(len(c.listed)), c.random.IntN(len(c.listed)))]
	return t, t.Seller.ID != c.userID
}

// reserve orders a ticket. It repeats the request with the same key when the response is lost, sometimes without need,
// and sometimes twice at once.
func (c *client) reserve(ctx context.Context) {
	t, ok := c.wanted()
	if !ok {
		return
	}
	input := graphql.Vars{"ticketId": t.ID}
	r := request{op{Kind: reserve, Ticket: t.ID, Key: c.optionalKey()}, createOrder, graphql.Vars{"input": input}}
	if r.op.Key != "" {
		input["idempotencyKey"] = r.op.Key
	}
	if c.chance(30) {
		input["expectedPrice"] = t.Price
	}
	if r.op.Key != "" && c.chance(5) {
		c.both(ctx, r, r)
		return
	}
	for range 3 {
		got, _ := c.send(ctx, r.op, r.query, r.vars)
		if got.Answer != lost && (got.Answer != granted || c.chance(90)) || r.op.Key == "" {
			return
		}
	}
}

// request is a request that has not been sent yet.
type request struct {
	op    op
	query string
	vars  graphql.Vars
}

// both sends two requests at once, as from two devices.
func (c *client) both(ctx context.Context, one, other request) {
	second := &client{
		index: c.index, userID: c.userID, api: c.api, history: c.history, market: c.market,
		random: stream(c.random.Uint64(), c.random.Uint64()), buying: map[string]orderData{},
	}
	var group sync.WaitGroup
	group.Go(func() { second.send(ctx, other.op, other.query, other.vars) })
	c.send(ctx, one.op, one.query, one.vars)
	group.Wait()
	maps.Copy(c.buying, second.buying)
}

func (c *client) cancel(ctx context.Context) {
	if id := pick(c.random, c.buying); id != "" {
		r := cancellation(cancel, id)
		c.send(ctx, r.op, r.query, r.vars)
	}
}

func cancellation(k kind, order string) request {
	return request{op{Kind: k, Order: order}, cancelOrder, graphql.Vars{"input": graphql.Vars{"orderId": order}}}
}

func (c *client) read(ctx context.Context) {
	if id := pick(c.random, c.buying); id != "" {
		c.send(ctx, op{Kind: read, Order: id}, queryOrder, graphql.Vars{"id": id})
	}
}

// cards are the payment method tokens that clients use, with their weights. docs/payments.md describes each of them.
var cards = []weight[string]{
	{"pm_card_visa", 100},
	{"pm_card_chargeDeclined", 8},
	{"pm_card_chargeDeclinedInsufficientFunds", 4},
	{"pm_card_threeDSecure2Required", 20},
	{"pm_card_threeDSecureRequiredChargeDeclined", 4},
	{"pm_card_pendingRefund", 8},
	{"pm_sim_slow", 8},
	{"pm_sim_timeout_after_success", 8},
	{"pm_sim_error_after_success", 8},
	{"pm_sim_error", 4},
	{"pm_sim_capture_fails", 8},
	{"pm_sim_capture_timeout_after_success", 8},
	{"pm_sim_capture_error_after_success", 8},
	{"pm_sim_refund_fails", 4},
	{"pm_sim_refund_timeout_after_success", 4},
	{"pm_sim_refund_error_after_success", 4},
}

// pay pays for one of the client's orders. It repeats the request with the same key when the response is lost, and
// sometimes without need. Or it sends two requests at once: the same twice, with two cards, or a cancellation.
func (c *client) pay(ctx context.Context) {
	candidates := maps.Clone(c.buying)
	if c.chance(90) { // else pay for complete orders as well
		maps.DeleteFunc(candidates, func(_ string, o orderData) bool { return o.Status == "COMPLETE" })
	}
	id := pick(c.random, candidates)
	if id == "" {
		return
	}
	r := c.payment(pay, c.buying[id])
	switch n := c.random.IntN(100); {
	case n < 4:
		c.both(ctx, r, r)
		return
	case n < 8:
		c.both(ctx, r, c.payment(pay, c.buying[id]))
		return
	case n < 14:
		c.both(ctx, r, cancellation(cancel, id))
		return
	}
	for range 3 {
		got, data := c.send(ctx, r.op, r.query, r.vars)
		if p := data.Result.Payment; p != nil && p.NextAction != nil && !c.chance(20) {
			c.confirm(ctx, *p)
			continue // to read the result
		}
		if got.Answer != lost && c.chance(90) {
			return
		}
	}
}

// payment returns a request to pay for the order, with a random card and a new key.
func (c *client) payment(k kind, o orderData) request {
	token := weighted(c.random, cards)
	r := request{op: op{Kind: k, Order: o.ID, Card: token, Key: c.key()}, query: payOrder}
	input := graphql.Vars{"orderId": o.ID, "paymentMethodToken": token, "idempotencyKey": r.op.Key}
	if o.Price.MinorUnits > 0 && c.chance(50) {
		input["expectedAmount"] = o.Price
	}
	r.vars = graphql.Vars{"input": input}
	return r
}

// confirm approves or declines the payment on the bank's page.
func (c *client) confirm(ctx context.Context, p paymentData) {
	decision := "approve"
	if c.chance(15) {
		decision = "decline"
	}
	o := op{Client: c.index, Kind: confirm, Payment: p.ID, Call: now()}
	err := c.submit(ctx, p.NextAction.RedirectURL, url.Values{"decision": {decision}})
	o.Return, o.Answer = now(), granted
	if err != nil {
		o.Answer, o.Why = lost, err.Error()
	}
	c.history.add(o)
}

// submit sends a form and does not follow the redirect.
func (c *client) submit(ctx context.Context, address string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	browser := *c.api.HTTP
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the bank's page responds %s", resp.Status)
	}
	return nil
}

// refund refunds a payment for a ticket of the client, in full or in part.
func (c *client) refund(ctx context.Context) {
	id := c.market.received(c)
	if id == "" {
		return
	}
	o := op{Kind: refund, Payment: id, Key: c.key()}
	input := graphql.Vars{"paymentId": id, "idempotencyKey": o.Key, "releaseTicket": c.chance(50)}
	if c.chance(40) {
		_, r := c.send(ctx, op{Kind: readPayment, Payment: id}, queryPayment, graphql.Vars{"id": id})
		if r.Payment == nil {
			return
		}
		input["amount"] = moneyData{1 + c.random.IntN(r.Payment.Amount.MinorUnits), r.Payment.Amount.Currency}
	}
	for range 3 {
		if got, _ := c.send(ctx, o, refundPayment, graphql.Vars{"input": input}); got.Answer != lost && c.chance(90) {
			return
		}
	}
}

// foreignOrder returns an action on an order of another client.
func foreignOrder(k kind) func(*client, context.Context) {
	return func(c *client, ctx context.Context) {
		id := c.market.foreignOrder(c)
		if id == "" {
			return
		}
		r := map[kind]request{
			readForeign:   {op{Kind: k, Order: id}, queryOrder, graphql.Vars{"id": id}},
			cancelForeign: cancellation(k, id),
			payForeign:    c.payment(k, orderData{ID: id}),
		}[k]
		c.send(ctx, r.op, r.query, r.vars)
	}
}

// foreignPayment returns an action on a payment between other clients.
func foreignPayment(k kind) func(*client, context.Context) {
	return func(c *client, ctx context.Context) {
		id := c.market.foreignPayment(c)
		if id == "" {
			return
		}
		query, vars := queryPayment, graphql.Vars{"id": id}
		if k == refundForeign {
			query, vars = refundPayment, graphql.Vars{"input": graphql.Vars{"paymentId": id, "idempotencyKey": c.key()}}
		}
		c.send(ctx, op{Kind: k, Payment: id}, query, vars)
	}
}

// key returns a new idempotency key.
func (c *client) key() string {
	c.keys++
	return fmt.Sprintf("key-%d-%d", c.index, c.keys)
}

// optionalKey returns a new idempotency key, or sometimes none.
func (c *client) optionalKey() string {
	if c.chance(10) {
		return ""
	}
	return c.key()
}

func (c *client) chance(percent int) bool { return c.random.IntN(100) < percent }

// pick returns a random key of the map, or "" when it is empty.
func pick[T any](random *rand.Rand, from map[string]T) string {
	ids := slices.Sorted(maps.Keys(from))
	if len(ids) == 0 {
		return ""
	}
	return ids[random.IntN(len(ids))]
}

// currencies have two decimals and none.
var currencies = []string{"USD", "EUR", "JPY"}

func price(random *rand.Rand) moneyData {
	return moneyData{1000 + random.IntN(9000), currencies[random.IntN(len(currencies))]}
}
