package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"boxoffice.dev/tools/internal/graphql"
)

// cards are the tokens that clients pay by, with how often they do. The processor's simulator says
// what each of them does.
var cards = []struct {
	token string
	often int
}{
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

func (c *client) card() string {
	total := 0
	for _, card := range cards {
		total += card.often
	}
	n := c.random.IntN(total)
	for _, card := range cards {
		if n -= card.often; n < 0 {
			return card.token
		}
	}
	panic("the cards have another sum")
}

// pay pays for one of the client's orders. A lost answer makes the client ask again with the same
// key; now and then it does so without need. Or it does two things at once: the same again, pay
// with another card, or cancel.
func (c *client) pay(ctx context.Context) {
	candidates := maps.Clone(c.buying)
	if c.chance(90) { // else whoever has paid tries to pay again
		maps.DeleteFunc(candidates, func(_ string, o orderData) bool { return o.Status == "COMPLETE" })
	}
	id := pick(c.random, candidates)
	if id == "" {
		return
	}
	r := c.payment(c.buying[id])
	switch n := c.random.IntN(100); {
	case n < 4:
		c.both(ctx, r, r)
		return
	case n < 8:
		c.both(ctx, r, c.payment(c.buying[id]))
		return
	case n < 14:
		c.both(ctx, r, cancellation(id))
		return
	}
	for range 3 {
		got, a := c.ask(ctx, r.op, r.query, r.vars)
		if p := a.Result.Payment; p != nil && p.NextAction != nil && !c.chance(20) {
			c.confirm(ctx, *p)
			continue // to see what came of it
		}
		if got.Answer != lost && c.chance(90) {
			return
		}
	}
}

// payment returns a request to pay for the order, by some card, with a key of its own.
func (c *client) payment(o orderData) request {
	c.keys++
	r := request{op: op{Kind: pay, Order: o.ID, Card: c.card(), Key: fmt.Sprintf("pay-%d-%d", c.index, c.keys)}, query: payOrder}
	input := graphql.Vars{"orderId": o.ID, "paymentMethodToken": r.op.Card, "idempotencyKey": r.op.Key}
	if o.Price.MinorUnits > 0 && c.chance(50) {
		input["expectedAmount"] = o.Price
	}
	r.vars = graphql.Vars{"input": input}
	return r
}

// confirm tells the bank whether it is the buyer who pays.
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

// submit sends a form as a browser does, but does not follow where it leads.
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
		return fmt.Errorf("the bank answers %s", resp.Status)
	}
	return nil
}

// refund gives back what somebody paid for a ticket of the client, or a part of it.
func (c *client) refund(ctx context.Context) {
	id := c.market.earned(c)
	if id == "" {
		return
	}
	c.keys++
	o := op{Kind: refund, Payment: id, Key: fmt.Sprintf("refund-%d-%d", c.index, c.keys)}
	input := graphql.Vars{"paymentId": id, "idempotencyKey": o.Key, "releaseTicket": c.chance(50)}
	if c.chance(40) {
		_, a := c.ask(ctx, op{Kind: earn, Payment: id}, queryPayment, graphql.Vars{"id": id})
		if a.Payment == nil {
			return
		}
		input["amount"] = moneyData{1 + c.random.IntN(a.Payment.Amount.MinorUnits), a.Payment.Amount.Currency}
	}
	for range 3 {
		if got, _ := c.ask(ctx, o, refundPayment, graphql.Vars{"input": input}); got.Answer != lost && c.chance(90) {
			return
		}
	}
}

// pry tries to read or change what belongs to others.
func (c *client) pry(ctx context.Context, k kind) {
	order, payment := c.market.foreignOrder(c), c.market.foreignPayment(c)
	switch {
	case k == peek && order != "":
		c.ask(ctx, op{Kind: k, Order: order}, queryOrder, graphql.Vars{"id": order})
	case k == meddle && order != "":
		c.ask(ctx, op{Kind: k, Order: order}, cancelOrder, graphql.Vars{"input": graphql.Vars{"orderId": order}})
	case k == spend && order != "":
		c.keys++
		c.ask(ctx, op{Kind: k, Order: order}, payOrder, graphql.Vars{"input": graphql.Vars{
			"orderId": order, "paymentMethodToken": "pm_card_visa", "idempotencyKey": fmt.Sprintf("spend-%d-%d", c.index, c.keys),
		}})
	case k == spy && payment != "":
		c.ask(ctx, op{Kind: k, Payment: payment}, queryPayment, graphql.Vars{"id": payment})
	case k == steal && payment != "":
		c.keys++
		c.ask(ctx, op{Kind: k, Payment: payment}, refundPayment, graphql.Vars{"input": graphql.Vars{
			"paymentId": payment, "idempotencyKey": fmt.Sprintf("steal-%d-%d", c.index, c.keys),
		}})
	}
}
