package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"boxoffice.dev/tools/internal/graphql"
)

// client is one person who buys and sells. All its random choices come from its own stream of random numbers.
type client struct {
	index   int
	userID  string
	api     graphql.Client
	random  *rand.Rand
	mix     mix
	history *history
	market  *market

	keys    int                   // idempotency keys used so far
	listed  []ticketData          // tickets of the last list
	selling map[string]ticketData // own tickets that may still be on sale
	buying  map[string]orderData  // own orders that may still be live
}

// mix is how clients behave.
type mix struct {
	weights    []weight[kind]
	minTickets int           // a client that lists fewer tickets creates one
	pause      time.Duration // upper limit of the time between two requests
}

type weight[T any] struct {
	item T
	n    int
}

// everyday is the behaviour unless a sabotage provokes something special.
func everyday(clients int) mix {
	return mix{
		weights: []weight[kind]{
			{list, 14}, {edit, 8}, {withdraw, 2}, {look, 8}, {reserve, 32}, {cancel, 8}, {read, 8}, {pay, 24}, {refund, 3},
			{readForeign, 2}, {cancelForeign, 1}, {payForeign, 1}, {readForeignPayment, 2}, {refundForeign, 1},
		},
		minTickets: max(2, clients/2), pause: 100 * time.Millisecond,
	}
}

// newClients signs users up.
func newClients(ctx context.Context, n int, seed uint64, m mix, endpoint string, h *history) ([]*client, error) {
	const timeout = 15 * time.Second // after which a response is lost
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * n}
	shared := newMarket()
	var clients []*client
	for i := range n {
		c := &client{
			index: i, api: graphql.Client{Endpoint: endpoint, HTTP: &http.Client{Transport: transport, Timeout: timeout}},
			random: stream(seed, uint64(i)+1), mix: m, history: h, market: shared,
			selling: map[string]ticketData{}, buying: map[string]orderData{},
		}
		email := fmt.Sprintf("client%d@example.com", i)
		user, err := graphql.SignUp(ctx, &c.api, graphql.Vars{"email": email, "password": "correct horse battery"})
		if err != nil {
			return nil, err
		}
		c.userID = user.ID
		clients = append(clients, c)
	}
	return clients, nil
}

// stream returns the random numbers of one purpose: 0 for faults, above for clients.
func stream(seed, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, purpose)) //nolint:gosec // repeatable on purpose
}

// act sends requests until done ends. A request is only cancelled by ctx, so that each gets its response.
func (c *client) act(ctx, done context.Context) {
	for done.Err() == nil && ctx.Err() == nil {
		actions[weighted(c.random, c.mix.weights)](c, ctx)
		wait(done, time.Duration(c.random.Int64N(int64(c.mix.pause))))
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

// weighted returns a random item, each as often as its weight says.
func weighted[T any](random *rand.Rand, weights []weight[T]) T {
	total := 0
	for _, w := range weights {
		total += w.n
	}
	n := random.IntN(total)
	for _, w := range weights {
		if n -= w.n; n < 0 {
			return w.item
		}
	}
	panic("unreachable: the weights have this sum")
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

// response is the data of any response. Mutations are aliased as result.
type response struct {
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
		errors { ... on UserError { code message } ... on OrderNotPayableError { order { id status } }
			... on OrderAlreadyPaidError { payment { id status } } ... on PaymentInProgressError { payment { id status } } ... on PaymentDeclinedError { payment { id status } } } }`
	refundResult = `{ payment { id status amount { minorUnits currency } } errors { ... on UserError { code message } } }`

	createTicket   = `mutation($input: CreateTicketInput!) { result: createTicket(input: $input) ` + ticketResult + ` }`
	updateTicket   = `mutation($input: UpdateTicketInput!) { result: updateTicket(input: $input) ` + ticketResult + ` }`
	withdrawTicket = `mutation($input: WithdrawTicketInput!) { result: withdrawTicket(input: $input) ` + ticketResult + ` }`
	createOrder    = `mutation($input: CreateOrderInput!) { result: createOrder(input: $input) ` + orderResult + ` }`
	cancelOrder    = `mutation($input: CancelOrderInput!) { result: cancelOrder(input: $input) ` + orderResult + ` }`
	payOrder       = `mutation($input: PayOrderInput!) { result: payOrder(input: $input) ` + payResult + ` }`
	refundPayment  = `mutation($input: RefundPaymentInput!) { result: refundPayment(input: $input) ` + refundResult + ` }`
)

// send sends a request, records it with its response and returns both. After a failure that suggests an outage or a
// lagging replica it pauses.
func (c *client) send(ctx context.Context, o op, query string, vars graphql.Vars) (op, response) {
	o.Client, o.Call = c.index, now()
	r, err := c.api.Do(ctx, query, vars)
	o.Return = now()
	var data response
	switch {
	case err != nil:
		o.Answer, o.Why = lost, err.Error()
	case len(r.Errors) > 0:
		o.Answer, o.Why = r.Errors[0].Code(), r.Errors[0].Message
		if o.Answer == "SUBGRAPH_UNAVAILABLE" || o.Answer == "INTERNAL_SERVER_ERROR" {
			o.Answer, o.Why = lost, o.Answer+": "+o.Why
		}
		json.Unmarshal(r.Data, &data) //nolint:errcheck // partial data must not show other people's orders either
	default:
		if err := json.Unmarshal(r.Data, &data); err != nil {
			o.Answer, o.Why = "UNREADABLE", fmt.Sprintf("%v: %s", err, r.Content)
			break
		}
		o.Answer = granted
		if errs := data.Result.Errors; len(errs) > 0 {
			o.Answer, o.Why = errs[0].Code, errs[0].Message
		}
	}
	c.record(&o, data)
	c.history.add(o)
	if o.Answer == lost || o.Answer == "TICKET_NOT_FOUND" || o.Answer == "ORDER_NOT_FOUND" {
		wait(ctx, time.Duration(20+c.random.IntN(180))*time.Millisecond)
	}
	return o, data
}

// record copies what the response shows to the op, the client and the market.
func (c *client) record(o *op, r response) {
	switch {
	case o.Answer != granted:
	case o.Kind == look && r.Ticket != nil:
		held := r.Ticket.Reservation != nil
		o.Held = &held
	case o.Kind == look, (o.Kind == read || o.Kind == readForeign) && r.Order == nil,
		(o.Kind == readForeignPayment || o.Kind == readPayment) && r.Payment == nil:
		o.Answer, o.Why = null, "null"
	}
	if t := r.Result.Ticket; t != nil {
		o.Ticket = t.ID
	}
	orders, payments := []*orderData{r.Result.Order, r.Order}, []*paymentData{r.Result.Payment, r.Payment}
	if r.Ticket != nil {
		orders = append(orders, r.Ticket.ViewerOrder)
	}
	for _, e := range r.Result.Errors {
		orders, payments = append(orders, e.Order), append(payments, e.Payment)
	}
	own := !slices.Contains(foreign, o.Kind)
	for _, order := range orders {
		if order == nil {
			continue
		}
		o.Order, o.Status = order.ID, order.Status
		o.Orders = append(o.Orders, order.ID)
		if own && order.Status == "CANCELLED" {
			delete(c.buying, order.ID)
		} else if own {
			c.buying[order.ID] = *order
		}
	}
	for _, payment := range payments {
		if payment != nil {
			o.Payment, o.Paid = payment.ID, payment.Status
			o.Payments = append(o.Payments, payment.ID)
		}
	}
	if own && o.Order != "" {
		c.market.ordered(o.Order, c.index, o.Ticket)
	}
	if o.Kind == pay && o.Paid == "SUCCEEDED" {
		c.market.paid(o.Payment, o.Order)
	}
}

// market is what clients share: sellers find payments for their tickets, and others find foreign orders and payments.
type market struct {
	mu       sync.Mutex
	sellers  map[string]string // user by ticket
	buyers   map[string]int    // client by order
	tickets  map[string]string // by order
	order    map[string]string // by payment
	orders   []string
	payments []string
}

func newMarket() *market {
	return &market{sellers: map[string]string{}, buyers: map[string]int{}, tickets: map[string]string{}, order: map[string]string{}}
}

func (m *market) list(tickets []ticketData) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range tickets {
		m.sellers[t.ID] = t.Seller.ID
	}
}

// ordered records an order; ticket may be empty when it was recorded before.
func (m *market) ordered(order string, buyer int, ticket string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.buyers[order]; !known {
		m.orders = append(m.orders, order)
		m.buyers[order] = buyer
	}
	if ticket != "" {
		m.tickets[order] = ticket
	}
}

func (m *market) paid(payment, order string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.order[payment] == "" {
		m.payments = append(m.payments, payment)
		m.order[payment] = order
	}
}

// foreignOrder returns a recent order of another client, or "".
func (m *market) foreignOrder(c *client) string {
	return m.recent(c, &m.orders, func(order string) bool { return m.buyers[order] != c.index })
}

// foreignPayment returns a recent payment between two other clients, or "".
func (m *market) foreignPayment(c *client) string {
	return m.recent(c, &m.payments, func(payment string) bool {
		seller := m.sellers[m.tickets[m.order[payment]]]
		return m.buyers[m.order[payment]] != c.index && seller != "" && seller != c.userID
	})
}

// received returns a recent payment for a ticket of the client, or "".
func (m *market) received(c *client) string {
	return m.recent(c, &m.payments, func(payment string) bool { return m.sellers[m.tickets[m.order[payment]]] == c.userID })
}

// recent returns a random one of the last 50 ids that match, or "".
func (m *market) recent(c *client, all *[]string, matches func(string) bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := slices.DeleteFunc(slices.Clone((*all)[max(0, len(*all)-50):]), func(id string) bool { return !matches(id) })
	if len(found) == 0 {
		return ""
	}
	return found[c.random.IntN(len(found))]
}
