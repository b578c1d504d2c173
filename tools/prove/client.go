package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"boxoffice.dev/tools/internal/graphql"
)

// client is one person, who buys and sells. Whatever it does by chance comes from its own stream
// of random numbers.
type client struct {
	index   int
	userID  string
	api     graphql.Client
	random  *rand.Rand
	mix     mix
	history *history
	market  *market

	keys    int // idempotency keys used so far
	shelf   []ticketData
	selling map[string]ticketData // own tickets that may still be for sale
	buying  map[string]orderData  // own orders that may still be alive
}

// mix says how clients behave.
type mix struct {
	weights map[kind]int
	thin    int           // a market with fewer tickets makes somebody sell another one
	pause   time.Duration // at most, between two requests
}

// everyday is what clients do unless something special is to be provoked.
func everyday(clients int) mix {
	return mix{
		weights: map[kind]int{
			list: 14, edit: 8, withdraw: 2, look: 8, reserve: 32, cancel: 8, read: 8, pay: 24, refund: 3,
			peek: 2, meddle: 1, spend: 1, spy: 2, steal: 1,
		},
		thin: max(2, clients/2), pause: 100 * time.Millisecond,
	}
}

type moneyData struct {
	MinorUnits int    `json:"minorUnits"`
	Currency   string `json:"currency"`
}

type ticketData struct {
	ID          string
	Version     int
	Price       moneyData
	Seller      struct{ ID string }
	Reservation *struct{ HeldByViewer bool }
	ViewerOrder *orderData
}

type paymentData struct {
	ID         string
	Status     string
	Amount     moneyData
	NextAction *struct{ RedirectURL string }
}

type orderData struct {
	ID     string
	Status string
	Price  moneyData
}

func (o orderData) live() bool { return o.Status != "CANCELLED" }

// answer is the data of any answer: mutations are asked for as result.
type answer struct {
	Result struct {
		Ticket  *ticketData
		Order   *orderData
		Payment *paymentData
		Errors  []struct {
			Code, Message string
			Order         *orderData
			Payment       *paymentData
		}
	}
	Tickets struct{ Nodes []ticketData }
	Ticket  *ticketData
	Order   *orderData
	Payment *paymentData
}

const (
	queryTickets = `query($first: Int!) { tickets(first: $first) { nodes { id version price { minorUnits currency } seller { id } } } }`
	queryTicket  = `query($id: ID!) { ticket(id: $id) { id version reservation { heldByViewer } viewerOrder { id status } } }`
	queryOrder   = `query($id: ID!) { order(id: $id) { id status price { minorUnits currency } } }`
	queryPayment = `query($id: ID!) { payment(id: $id) { id status amount { minorUnits currency } } }`

	ticketResult = `{ ticket { id version price { minorUnits currency } } errors { ... on UserError { code message } } }`
	orderResult  = `{ order { id status price { minorUnits currency } } errors { ... on UserError { code message } } }`
	payResult    = `{ payment { id status amount { minorUnits currency } nextAction { redirectUrl } } order { id status }
		errors { ... on UserError { code message } ... on OrderNotPayableError { order { id status } } ... on OrderAlreadyPaidError { payment { id status } }
			... on PaymentInProgressError { payment { id status } } ... on PaymentDeclinedError { payment { id status } } } }`
	refundResult = `{ payment { id status amount { minorUnits currency } } errors { ... on UserError { code message } } }`

	createTicket   = `mutation($input: CreateTicketInput!) { result: createTicket(input: $input) ` + ticketResult + ` }`
	updateTicket   = `mutation($input: UpdateTicketInput!) { result: updateTicket(input: $input) ` + ticketResult + ` }`
	withdrawTicket = `mutation($input: WithdrawTicketInput!) { result: withdrawTicket(input: $input) ` + ticketResult + ` }`
	createOrder    = `mutation($input: CreateOrderInput!) { result: createOrder(input: $input) ` + orderResult + ` }`
	cancelOrder    = `mutation($input: CancelOrderInput!) { result: cancelOrder(input: $input) ` + orderResult + ` }`
	payOrder       = `mutation($input: PayOrderInput!) { result: payOrder(input: $input) ` + payResult + ` }`
	refundPayment  = `mutation($input: RefundPaymentInput!) { result: refundPayment(input: $input) ` + refundResult + ` }`

	signUp = `mutation($input: SignUpInput!) { signUp(input: $input) {
		viewer { user { id } } tokens { accessToken } errors { ... on UserError { code message } } } }`
)

// signUpClient makes a new person.
func signUpClient(ctx context.Context, c *client) error {
	data, err := graphql.Query[struct {
		SignUp struct {
			Viewer *struct{ User struct{ ID string } }
			Tokens *struct{ AccessToken string }
			Errors []struct{ Code, Message string }
		}
	}](ctx, &c.api, signUp, graphql.Vars{"input": graphql.Vars{
		"email": fmt.Sprintf("client%d@example.com", c.index), "password": "correct horse battery", "delivery": "BEARER",
	}})
	if err != nil {
		return fmt.Errorf("sign up: %w", err)
	}
	if data.SignUp.Viewer == nil || data.SignUp.Tokens == nil {
		return fmt.Errorf("sign up: %v", data.SignUp.Errors)
	}
	c.userID, c.api.Bearer = data.SignUp.Viewer.User.ID, data.SignUp.Tokens.AccessToken
	return nil
}

// act lives the client's life until done ends. Requests end with ctx only, so that what was asked
// is also answered.
func (c *client) act(ctx, done context.Context) {
	for done.Err() == nil && ctx.Err() == nil {
		c.do(ctx, c.choose())
		if c.mix.pause > 0 {
			wait(done, time.Duration(c.random.Int64N(int64(c.mix.pause))))
		}
	}
}

// wait returns after the time or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (c *client) choose() kind {
	kinds := slices.Sorted(maps.Keys(c.mix.weights))
	total := 0
	for _, k := range kinds {
		total += c.mix.weights[k]
	}
	n := c.random.IntN(total)
	for _, k := range kinds {
		if n -= c.mix.weights[k]; n < 0 {
			return k
		}
	}
	panic("the weights have another sum")
}

func (c *client) do(ctx context.Context, k kind) {
	switch k {
	case list:
		c.list(ctx)
	case edit:
		c.edit(ctx)
	case withdraw:
		c.withdraw(ctx)
	case look:
		c.look(ctx)
	case reserve:
		c.reserve(ctx)
	case cancel:
		c.cancel(ctx)
	case read:
		c.read(ctx)
	case pay:
		c.pay(ctx)
	case refund:
		c.refund(ctx)
	case peek, meddle, spend, spy, steal:
		c.pry(ctx, k)
	default:
		panic("nobody does " + string(k))
	}
}

// ask sends a request, records it with its answer and returns both. Who sees that something is
// down takes a breath.
func (c *client) ask(ctx context.Context, o op, query string, vars graphql.Vars) (op, answer) {
	o.Client, o.Call = c.index, now()
	r, err := c.api.Do(ctx, query, vars)
	o.Return = now()
	var a answer
	switch {
	case err != nil:
		o.Answer, o.Why = lost, err.Error()
	case len(r.Errors) > 0:
		o.Answer, o.Why = r.Errors[0].Code(), r.Errors[0].Message
		if o.Answer == "SUBGRAPH_UNAVAILABLE" || o.Answer == "INTERNAL_SERVER_ERROR" {
			o.Answer, o.Why = lost, o.Answer+": "+o.Why
		}
	default:
		if err := json.Unmarshal(r.Data, &a); err != nil {
			o.Answer, o.Why = "UNREADABLE", fmt.Sprintf("%v: %s", err, r.Content)
			break
		}
		o.Answer = granted
		if errs := a.Result.Errors; len(errs) > 0 {
			o.Answer, o.Why = errs[0].Code, errs[0].Message
		}
	}
	if r != nil && len(r.Errors) > 0 && len(r.Data) > 0 {
		json.Unmarshal(r.Data, &a) //nolint:errcheck // whatever can be read of it: nothing foreign must be there
	}
	c.note(&o, a)
	c.history.add(o)
	if o.Answer == lost || o.Answer == "TICKET_NOT_FOUND" || o.Answer == "ORDER_NOT_FOUND" { // news have not come through
		wait(ctx, time.Duration(20+c.random.IntN(180))*time.Millisecond)
	}
	return o, a
}

// note remembers what the answer tells, and puts it into the record.
func (c *client) note(o *op, a answer) {
	switch {
	case o.Answer != granted:
	case o.Kind == look && a.Ticket != nil:
		held := a.Ticket.Reservation != nil
		o.Held = &held
	case o.Kind == look, o.Kind == read && a.Order == nil, (o.Kind == spy || o.Kind == earn) && a.Payment == nil:
		o.Answer, o.Why = hidden, "there is nothing"
	}
	if t := a.Result.Ticket; t != nil {
		o.Ticket = t.ID
	}
	orders, payments := []*orderData{a.Result.Order, a.Order}, []*paymentData{a.Result.Payment, a.Payment}
	for _, t := range []*ticketData{a.Result.Ticket, a.Ticket} {
		if t != nil {
			orders = append(orders, t.ViewerOrder)
		}
	}
	for _, e := range a.Result.Errors {
		orders, payments = append(orders, e.Order), append(payments, e.Payment)
	}
	for _, order := range orders {
		if order != nil {
			o.Order, o.Status = order.ID, order.Status
			o.Orders = append(o.Orders, order.ID)
		}
	}
	for _, payment := range payments {
		if payment != nil {
			o.Payment, o.Paid = payment.ID, payment.Status
			o.Payments = append(o.Payments, payment.ID)
		}
	}
	if slices.Contains(prying, o.Kind) {
		return
	}
	for _, order := range orders {
		if order == nil {
			continue
		}
		if order.live() {
			c.buying[order.ID] = *order
		} else {
			delete(c.buying, order.ID)
		}
	}
	if o.Order != "" {
		c.market.ordered(o.Order, c.index, o.Ticket)
	}
	if o.Kind == pay && o.Paid == "SUCCEEDED" {
		c.market.paid(o.Payment, o.Order)
	}
}

// key returns a new idempotency key, and now and then none.
func (c *client) key() string {
	if c.chance(10) {
		return ""
	}
	c.keys++
	return fmt.Sprintf("key-%d-%d", c.index, c.keys)
}

func (c *client) chance(percent int) bool { return c.random.IntN(100) < percent }

// pick returns one of the ids by chance, "" when there is none.
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

// newClients signs people up, each with a stream of random numbers of its own.
func newClients(ctx context.Context, n int, seed uint64, habits mix, endpoint string, h *history) ([]*client, error) {
	const answers = 15 * time.Second // within which one comes or is lost
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * n}
	m := newMarket()
	var clients []*client
	for i := range n {
		c := &client{
			index: i, api: graphql.Client{Endpoint: endpoint, HTTP: &http.Client{Transport: transport, Timeout: answers}},
			random: stream(seed, uint64(i)+1), mix: habits, history: h, market: m,
			selling: map[string]ticketData{}, buying: map[string]orderData{},
		}
		if err := signUpClient(ctx, c); err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// stream returns the random numbers of one purpose: 0 for faults, above for clients.
func stream(seed, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, purpose)) //nolint:gosec // repeatable on purpose
}
