package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
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
	orders  *directory

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
			list: 12, edit: 8, withdraw: 2, look: 8, reserve: 34, cancel: 10, read: 8, peek: 3, meddle: 2,
		},
		thin: max(2, clients/2), pause: 40 * time.Millisecond,
	}
}

// directory knows every order that anybody was told of, for those who try to read what is not theirs.
type directory struct {
	mu     sync.Mutex
	orders []string
	owner  map[string]int
}

func (d *directory) add(order string, owner int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.owner[order]; !known {
		d.orders = append(d.orders, order)
		d.owner[order] = owner
	}
}

// foreign returns a recent order of somebody else, "" when chance finds none.
func (d *directory) foreign(random *rand.Rand, self int) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	const recent = 50
	n := min(recent, len(d.orders))
	if n == 0 {
		return ""
	}
	order := d.orders[len(d.orders)-1-random.IntN(n)]
	if d.owner[order] == self {
		return ""
	}
	return order
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

type orderData struct {
	ID     string
	Status string
	Price  moneyData
}

func (o orderData) live() bool { return o.Status != "CANCELLED" }

// answer is the data of any answer: mutations are asked for as result.
type answer struct {
	Result struct {
		Ticket *ticketData
		Order  *orderData
		Errors []struct{ Code, Message string }
	}
	Tickets struct{ Nodes []ticketData }
	Ticket  *ticketData
	Order   *orderData
}

const (
	queryTickets = `query($first: Int!) { tickets(first: $first) { nodes { id version price { minorUnits currency } seller { id } } } }`
	queryTicket  = `query($id: ID!) { ticket(id: $id) { id version reservation { heldByViewer } viewerOrder { id status } } }`
	queryOrder   = `query($id: ID!) { order(id: $id) { id status price { minorUnits currency } } }`

	ticketResult = `{ ticket { id version price { minorUnits currency } } errors { ... on UserError { code message } } }`
	orderResult  = `{ order { id status price { minorUnits currency } } errors { ... on UserError { code message } } }`

	createTicket   = `mutation($input: CreateTicketInput!) { result: createTicket(input: $input) ` + ticketResult + ` }`
	updateTicket   = `mutation($input: UpdateTicketInput!) { result: updateTicket(input: $input) ` + ticketResult + ` }`
	withdrawTicket = `mutation($input: WithdrawTicketInput!) { result: withdrawTicket(input: $input) ` + ticketResult + ` }`
	createOrder    = `mutation($input: CreateOrderInput!) { result: createOrder(input: $input) ` + orderResult + ` }`
	cancelOrder    = `mutation($input: CancelOrderInput!) { result: cancelOrder(input: $input) ` + orderResult + ` }`

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
	case peek, meddle:
		c.pry(ctx, k)
	default:
		panic("nobody does " + string(k))
	}
}

// ask sends a request, records it with its answer and returns both. Whoever gets no answer takes
// a breath.
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
	if o.Answer == lost {
		wait(ctx, time.Duration(20+c.random.IntN(180))*time.Millisecond)
	}
	return o, a
}

// note remembers what the answer tells of orders.
func (c *client) note(o *op, a answer) {
	switch {
	case o.Answer != granted:
	case o.Kind == look && a.Ticket != nil:
		held := a.Ticket.Reservation != nil
		o.Held = &held
	case o.Kind == look, o.Kind == read && a.Order == nil:
		o.Answer, o.Why = "NULL", "what exists was not found"
	}
	if t := a.Result.Ticket; t != nil {
		o.Ticket = t.ID
	}
	told := []*orderData{a.Result.Order, a.Order}
	for _, t := range []*ticketData{a.Result.Ticket, a.Ticket} {
		if t != nil {
			told = append(told, t.ViewerOrder)
		}
	}
	for _, order := range told {
		if order == nil {
			continue
		}
		o.Order, o.Status = order.ID, order.Status
		o.Orders = append(o.Orders, order.ID)
		if o.Kind == peek || o.Kind == meddle {
			continue
		}
		c.orders.add(order.ID, c.index)
		if order.live() {
			c.buying[order.ID] = *order
		} else {
			delete(c.buying, order.ID)
		}
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

func price(random *rand.Rand) graphql.Vars {
	return graphql.Vars{"minorUnits": 1000 + random.IntN(9000), "currency": "USD"}
}

// list looks what is for sale, and puts something up when that is little.
func (c *client) list(ctx context.Context) {
	o, a := c.ask(ctx, op{Kind: list}, queryTickets, graphql.Vars{"first": 20})
	if o.Answer != granted {
		return
	}
	c.shelf = a.Tickets.Nodes
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
		c.twice(ctx, o, createOrder, vars)
		return
	}
	for range 3 {
		got, _ := c.ask(ctx, o, createOrder, vars)
		if got.Answer != lost && (got.Answer != granted || c.chance(90)) || o.Key == "" {
			return
		}
	}
}

// twice sends the same request two times at once: the other one from a second device.
func (c *client) twice(ctx context.Context, o op, query string, vars graphql.Vars) {
	second := &client{
		index: c.index, userID: c.userID, api: c.api, history: c.history, orders: c.orders,
		random: rand.New(rand.NewPCG(c.random.Uint64(), c.random.Uint64())), //nolint:gosec // repeatable on purpose
		buying: map[string]orderData{},
	}
	var both sync.WaitGroup
	both.Go(func() { second.ask(ctx, o, query, vars) })
	c.ask(ctx, o, query, vars)
	both.Wait()
	maps.Copy(c.buying, second.buying)
}

func (c *client) cancel(ctx context.Context) {
	id := pick(c.random, c.buying)
	if id == "" {
		return
	}
	c.ask(ctx, op{Kind: cancel, Order: id}, cancelOrder, graphql.Vars{"input": graphql.Vars{"orderId": id}})
}

func (c *client) read(ctx context.Context) {
	id := pick(c.random, c.buying)
	if id == "" {
		return
	}
	c.ask(ctx, op{Kind: read, Order: id}, queryOrder, graphql.Vars{"id": id})
}

// pry tries to read or cancel what belongs to somebody else.
func (c *client) pry(ctx context.Context, k kind) {
	id := c.orders.foreign(c.random, c.index)
	if id == "" {
		return
	}
	if k == peek {
		c.ask(ctx, op{Kind: peek, Order: id}, queryOrder, graphql.Vars{"id": id})
		return
	}
	c.ask(ctx, op{Kind: meddle, Order: id}, cancelOrder, graphql.Vars{"input": graphql.Vars{"orderId": id}})
}

// newClients signs people up, each with a stream of random numbers of its own.
func newClients(ctx context.Context, n int, seed uint64, m mix, endpoint string, h *history) ([]*client, error) {
	const answers = 15 * time.Second // within which one comes or is lost
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * n}
	orders := &directory{owner: map[string]int{}}
	var clients []*client
	for i := range n {
		c := &client{
			index: i, api: graphql.Client{Endpoint: endpoint, HTTP: &http.Client{Transport: transport, Timeout: answers}},
			random: stream(seed, uint64(i)+1), mix: m, history: h, orders: orders, //nolint:gosec // not negative
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
