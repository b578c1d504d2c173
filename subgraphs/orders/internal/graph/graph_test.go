package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/gqlserver/gqltest"
	"boxoffice.dev/subgraphs/orders/internal/graph"
	"boxoffice.dev/subgraphs/orders/internal/order"
)

// subgraph is the orders subgraph on a database of its own. gqltest.Verify verifies access tokens.
type subgraph struct {
	t          *testing.T
	handler    http.Handler
	orders     *order.Service
	pool       *pgxpool.Pool
	statements atomic.Int32 // sent to Postgres so far
}

func (s *subgraph) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.statements.Add(1)
	return ctx
}
func (s *subgraph) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func newSubgraph(t *testing.T) *subgraph {
	t.Helper()
	t.Parallel()
	s := &subgraph{t: t}
	s.pool = pgtest.NewTraced(t, s, outbox.Migrations(), order.Migrations())
	s.orders = order.NewService(order.Config{
		Hold: 15 * time.Minute, MaxUnpaid: 200, PaymentFailure: events.CancelOnFailure,
		PaymentGrace: time.Minute, Wait: time.Hour,
	}, s.pool, outbox.New(s.pool), time.Now)
	s.handler = gqltest.New(graph.Schema(s.orders, time.Now))
	return s
}

// send sends an operation as the router would for the viewer; "" is signed out.
func (s *subgraph) send(viewer, query string, variables map[string]any) gqltest.Response {
	s.t.Helper()
	r := gqltest.NewRequest(s.t.Context(), s.t, query, variables, gqltest.Bearer(viewer))
	return gqltest.Send(s.t, s.handler, r)
}

func (s *subgraph) ticket() string {
	s.t.Helper()
	e := events.New(events.TicketCreated, events.Ticket{
		ID: id.New(id.Ticket), Version: 1, Title: "Front row", Price: money.Money{MinorUnits: 1999, Currency: "USD"},
		SellerID: id.New(id.User), Availability: events.Available,
	})
	if err := s.orders.Reactions().Deliver(s.t.Context(), e); err != nil {
		s.t.Fatal(err)
	}
	return e.Subject
}

// deliver delivers an event as the broker would.
func (s *subgraph) deliver(typ events.Type, p events.Payload) {
	s.t.Helper()
	if err := s.orders.Reactions().Deliver(s.t.Context(), events.New(typ, p)); err != nil {
		s.t.Fatal(err)
	}
}

// pays delivers that a payment for the order has the status.
func (s *subgraph) pays(o order.Order, p *events.Payment, typ events.Type, status events.PaymentStatus) {
	s.t.Helper()
	if p.ID == "" {
		*p = events.Payment{ID: id.New(id.Payment), OrderID: o.ID, Amount: o.Price, StartedAt: o.CreatedAt}
	}
	p.Version, p.Status = p.Version+1, status
	s.deliver(typ, *p)
}

// reserve delivers that tickets has locked the order's ticket.
func (s *subgraph) reserve(o order.Order) {
	s.t.Helper()
	s.deliver(events.TicketReserved, events.Ticket{
		ID: o.TicketID, Version: 2, Title: o.Title, Price: o.Price, SellerID: o.SellerID, Availability: events.Reserved, OrderID: o.ID,
	})
}

// complete delivers that the order is locked and paid.
func (s *subgraph) complete(o order.Order) {
	s.t.Helper()
	s.reserve(o)
	var p events.Payment
	s.pays(o, &p, events.PaymentStarted, events.Processing)
	s.pays(o, &p, events.PaymentAuthorized, events.Authorized)
	s.pays(o, &p, events.PaymentSucceeded, events.Succeeded)
}

func (s *subgraph) order(buyer string) order.Order {
	s.t.Helper()
	o, err := s.orders.Create(s.t.Context(), buyer, order.CreateInput{TicketID: s.ticket()})
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func TestSignedOut(t *testing.T) {
	s := newSubgraph(t)
	for name, query := range map[string]string{
		"O1 createOrder": `mutation { createOrder(input: {ticketId: "tkt_1"}) { order { id } } }`,
		"O7 cancelOrder": `mutation { cancelOrder(input: {orderId: "ord_1"}) { order { id } } }`,
		"O5 orders":      `{ orders { nodes { id } } }`,
		"O6 order":       `{ order(id: "ord_1") { id } }`,
	} {
		for _, viewer := range []string{"", "forged"} {
			if got := s.send(viewer, query, nil).Codes(); got != "UNAUTHENTICATED" {
				t.Errorf("%s as %q: got %q, want UNAUTHENTICATED", name, viewer, got)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	s := newSubgraph(t)
	buyer := id.New(id.User)
	o := s.order(buyer)
	const query = `query($id: ID!) { order(id: $id) { id status secondsUntilExpiry
		viewerCanCancel viewerCannotCancelReasons viewerCanPay viewerCannotPayReasons
		price { minorUnits currency decimal } ticket { id reservation { heldByViewer until } viewerOrder { id } }
		history { nodes { actor from to } pageInfo { hasNextPage } } } }`
	for _, tt := range []struct{ name, viewer, mine, viewerOrder, canPay, cannotPay string }{
		{"O6 its buyer", buyer, "true", fmt.Sprintf(`{"id":%q}`, o.ID), "true", `[]`},
		{"O6 an operator", "operator " + id.New(id.User), "false", "null", "false", `["NOT_BUYER"]`},
	} {
		a := s.send(tt.viewer, query, map[string]any{"id": o.ID})
		shown, ok := a.Data["order"].(map[string]any)
		if !ok {
			t.Fatalf("%s: got %+v", tt.name, a)
		}
		left, _ := shown["secondsUntilExpiry"].(float64)
		if left < 800 || left > 900 {
			t.Errorf("O13 secondsUntilExpiry: got %v", left)
		}
		want := fmt.Sprintf(`{"history":{"nodes":[{"actor":"BUYER","from":null,"to":"CREATED"}],"pageInfo":{"hasNextPage":false}},`+
			`"id":%q,"price":{"currency":"USD","decimal":"19.99","minorUnits":1999},"secondsUntilExpiry":%v,"status":"CREATED",`+
			`"ticket":{"id":%q,"reservation":{"heldByViewer":%s,"until":%q},"viewerOrder":%s},`+
			`"viewerCanCancel":true,"viewerCanPay":%s,"viewerCannotCancelReasons":[],"viewerCannotPayReasons":%s}`,
			o.ID, left, o.TicketID, tt.mine, o.ExpiresAt.Format("2006-01-02T15:04:05.000Z"), tt.viewerOrder, tt.canPay, tt.cannotPay)
		if got := a.At("order"); got != want || a.Codes() != "" {
			t.Errorf("%s: %+v\ngot  %s\nwant %s", tt.name, a.Errors, got, want)
		}
	}
	for name, tt := range map[string]struct{ viewer, orderID string }{
		"O6 another buyer's": {id.New(id.User), o.ID}, "O6 unknown": {buyer, id.New(id.Order)}, "O6 malformed": {buyer, "nonsense"},
	} {
		if a := s.send(tt.viewer, query, map[string]any{"id": tt.orderID}); a.Codes() != "" || a.Data["order"] != nil {
			t.Errorf("%s: got %+v, want null without an error", name, a)
		}
	}
}

func TestSubscription(t *testing.T) {
	s := newSubgraph(t)
	o := s.order(id.New(id.User))
	created := fmt.Sprintf(`{"data":{"orderUpdated":{"id":%q,"status":"CREATED"}}}`, o.ID)
	const notFound = `"code":"NOT_FOUND"`
	for name, tt := range map[string]struct{ viewer, orderID, want string }{
		"O6 its buyer":       {o.BuyerID, o.ID, created},
		"O6 an operator":     {"operator " + id.New(id.User), o.ID, created},
		"O6 another buyer's": {id.New(id.User), o.ID, notFound},
		"O6 unknown":         {o.BuyerID, id.New(id.Order), notFound},
	} {
		if got := s.follow(tt.viewer, tt.orderID); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

// follow subscribes to an order and returns what the subgraph sent up to the first event.
func (s *subgraph) follow(viewer, orderID string) string {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	r := gqltest.NewRequest(ctx, s.t, `subscription($id: ID!) { orderUpdated(orderId: $id) { id status } }`,
		map[string]any{"id": orderID}, gqltest.Bearer(viewer), "Accept: text/event-stream")
	w := &firstEvent{ResponseRecorder: httptest.NewRecorder(), cancel: cancel}
	s.handler.ServeHTTP(w, r)
	return w.Body.String()
}

// firstEvent cancels the request once an event was written.
type firstEvent struct {
	*httptest.ResponseRecorder

	cancel func()
}

func (w *firstEvent) Write(p []byte) (int, error) {
	n, err := w.ResponseRecorder.Write(p)
	if strings.Contains(w.Body.String(), "data:") {
		w.cancel()
	}
	return n, err
}

// SetWriteDeadline makes the recorder a connection that package sse accepts.
func (*firstEvent) SetWriteDeadline(time.Time) error { return nil }

func TestPaidOrder(t *testing.T) {
	s := newSubgraph(t)
	buyer := id.New(id.User)
	o := s.order(buyer)
	var p events.Payment
	want := func(cancellation, status, cannotCancel, cannotPay string) {
		t.Helper()
		a := s.send(buyer, `query($id: ID!) { order(id: $id) { status cancellation { reason }
			viewerCanCancel viewerCannotCancelReasons viewerCanPay viewerCannotPayReasons } }`, map[string]any{"id": o.ID})
		want := fmt.Sprintf(`{"cancellation":%s,"status":%q,"viewerCanCancel":%v,"viewerCanPay":%v,"viewerCannotCancelReasons":%s,"viewerCannotPayReasons":%s}`,
			cancellation, status, cannotCancel == "[]", cannotPay == "[]", cannotCancel, cannotPay)
		if got := a.At("order"); got != want {
			t.Errorf("O13 got %s %+v, want %s", got, a.Errors, want)
		}
	}
	s.reserve(o)
	want("null", "AWAITING_PAYMENT", `[]`, `[]`)
	s.pays(o, &p, events.PaymentStarted, events.Processing)
	want("null", "AWAITING_PAYMENT", `[]`, `["PAYMENT_IN_PROGRESS"]`)
	s.pays(o, &p, events.PaymentAuthorized, events.Authorized)
	want("null", "AWAITING_PAYMENT", `["PAYMENT_CONFIRMED"]`, `["PAYMENT_IN_PROGRESS"]`)

	a := s.send(buyer, `mutation($id: ID!) { cancelOrder(input: {orderId: $id}) { order { id }
		errors { __typename ... on UserError { code message } ... on OrderNotCancellableError { order { id viewerCanCancel } } } } }`,
		map[string]any{"id": o.ID})
	refused := fmt.Sprintf(`{"errors":[{"__typename":"OrderNotCancellableError","code":"ORDER_NOT_CANCELLABLE","message":"The order is being paid.",`+
		`"order":{"id":%q,"viewerCanCancel":false}}],"order":null}`, o.ID)
	if got := a.At("cancelOrder"); got != refused {
		t.Errorf("O7 got  %s %+v\nwant %s", got, a.Errors, refused)
	}

	answers := make(chan gqltest.Response)
	go func() {
		answers <- s.send(buyer, `query($id: ID!) { order(id: $id, atLeastVersion: 3) { version status } }`, map[string]any{"id": o.ID})
	}()
	s.pays(o, &p, events.PaymentSucceeded, events.Succeeded)
	a = <-answers
	if got := a.At("order"); got != `{"status":"COMPLETE","version":3}` {
		t.Errorf("P5 got %s %+v", got, a.Errors)
	}
	want("null", "COMPLETE", `["COMPLETE"]`, `["COMPLETE"]`)

	p.RefundedBy = events.Operator
	s.pays(o, &p, events.PaymentRefunded, events.Refunded)
	want(`{"reason":"REFUNDED"}`, "CANCELLED", `["CANCELLED"]`, `["CANCELLED"]`)
	a = s.send(buyer, `query($id: ID!) { order(id: $id) { history(first: 3) { nodes { actor to } pageInfo { hasNextPage } } } }`, map[string]any{"id": o.ID})
	const entries = `{"history":{"nodes":[{"actor":"OPERATOR","to":"CANCELLED"},{"actor":"BUYER","to":"COMPLETE"},` +
		`{"actor":"SYSTEM","to":"AWAITING_PAYMENT"}],"pageInfo":{"hasNextPage":true}}}`
	if got := a.At("order"); got != entries {
		t.Errorf("O13 got  %s %+v\nwant %s", got, a.Errors, entries)
	}
}

func TestCancelOrder(t *testing.T) {
	s := newSubgraph(t)
	const cancel = `mutation($id: ID!) { cancelOrder(input: {orderId: $id}) {
		order { status cancellation { reason } history(first: 1) { nodes { actor reason } } } errors { __typename ... on UserError { code path } } } }`
	cancelled := func(actor, reason string) string {
		return fmt.Sprintf(`{"errors":[],"order":{"cancellation":{"reason":%[2]q},"history":{"nodes":[{"actor":%[1]q,"reason":%[2]q}]},"status":"CANCELLED"}}`, actor, reason)
	}
	refused := func(typename, code string) string {
		return fmt.Sprintf(`{"errors":[{"__typename":%q,"code":%q,"path":["input","orderId"]}],"order":null}`, typename, code)
	}
	mine, theirs, paid := s.order(id.New(id.User)), s.order(id.New(id.User)), s.order(id.New(id.User))
	s.complete(paid)
	operator := "operator " + id.New(id.User)
	for _, tt := range []struct{ name, viewer, orderID, want string }{
		{"O7 another buyer's", mine.BuyerID, theirs.ID, refused("NotAuthorizedError", "NOT_AUTHORIZED")},
		{"O7 unknown", mine.BuyerID, id.New(id.Order), refused("OrderNotFoundError", "ORDER_NOT_FOUND")},
		{"O7 complete", paid.BuyerID, paid.ID, refused("OrderNotCancellableError", "ORDER_NOT_CANCELLABLE")},
		{"O7 complete, by an operator", operator, paid.ID, refused("OrderNotCancellableError", "ORDER_NOT_CANCELLABLE")},
		{"O7 own", mine.BuyerID, mine.ID, cancelled("BUYER", "BUYER_CANCELLED")},
		{"O7 by an operator", operator, theirs.ID, cancelled("OPERATOR", "OPERATOR")},
		{"O7 again", operator, theirs.ID, cancelled("OPERATOR", "OPERATOR")},
	} {
		if a := s.send(tt.viewer, cancel, map[string]any{"id": tt.orderID}); a.At("cancelOrder") != tt.want {
			t.Errorf("%s:\ngot  %s %+v\nwant %s", tt.name, a.At("cancelOrder"), a.Errors, tt.want)
		}
	}
}

func TestTypedErrors(t *testing.T) {
	s := newSubgraph(t)
	buyer := id.New(id.User)
	held, sold := s.order(id.New(id.User)), s.order(id.New(id.User))
	s.complete(sold)
	const create = `mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id }
		errors { __typename ... on UserError { code path } ... on TicketReservedError { ticket { id } } ... on TicketSoldError { ticket { id } }
		... on PriceChangedError { currentPrice { minorUnits } } } } }`
	for _, tt := range []struct {
		name  string
		input map[string]any
		want  string
	}{
		{"O2 unknown ticket", map[string]any{"ticketId": "nonsense"},
			`[{"__typename":"TicketNotFoundError","code":"TICKET_NOT_FOUND","path":["input","ticketId"]}]`},
		{"O3 reserved ticket", map[string]any{"ticketId": held.TicketID},
			`[{"__typename":"TicketReservedError","code":"TICKET_RESERVED","path":["input","ticketId"],"ticket":{"id":"` + held.TicketID + `"}}]`},
		{"O3 sold ticket", map[string]any{"ticketId": sold.TicketID},
			`[{"__typename":"TicketSoldError","code":"TICKET_SOLD","path":["input","ticketId"],"ticket":{"id":"` + sold.TicketID + `"}}]`},
		{"O11 invalid idempotency key", map[string]any{"ticketId": s.ticket(), "idempotencyKey": "a b"},
			`[{"__typename":"ValidationError","code":"VALIDATION_FAILED","path":["input","idempotencyKey"]}]`},
		{"O11 another price", map[string]any{"ticketId": s.ticket(), "expectedPrice": map[string]any{"minorUnits": 1, "currency": "USD"}},
			`[{"__typename":"PriceChangedError","code":"PRICE_CHANGED","currentPrice":{"minorUnits":1999},"path":["input","expectedPrice"]}]`},
	} {
		a := s.send(buyer, create, map[string]any{"input": tt.input})
		payload, _ := a.Data["createOrder"].(map[string]any)
		got, _ := json.Marshal(payload["errors"])
		if string(got) != tt.want || payload["order"] != nil {
			t.Errorf("%s:\ngot  %s %+v\nwant %s", tt.name, got, a.Errors, tt.want)
		}
	}
}

func TestEntities(t *testing.T) {
	const query = `query($reps: [_Any!]!) { _entities(representations: $reps) { __typename ... on Order { id history { nodes { id } } } ... on Ticket { viewerOrder { id } } } }`
	reps := func(typename string, ids ...string) map[string]any {
		var all []any
		for _, i := range ids {
			all = append(all, map[string]any{"__typename": typename, "id": i, "buyer": "forged", "viewerOrder": map[string]any{"id": "forged"}})
		}
		return map[string]any{"reps": all}
	}
	t.Run("O6 foreign and unknown orders are null, and the order of ids is kept", func(t *testing.T) {
		s := newSubgraph(t)
		buyer := id.New(id.User)
		mine, other, mine2 := s.order(buyer), s.order(id.New(id.User)), s.order(buyer)
		a := s.send(buyer, query, reps("Order", mine2.ID, other.ID, "nonsense", mine.ID))
		got := fmt.Sprint(a.Data["_entities"])
		list := a.Data["_entities"].([]any)
		if len(list) != 4 || list[1] != nil || list[2] != nil ||
			list[0].(map[string]any)["id"] != mine2.ID || list[3].(map[string]any)["id"] != mine.ID {
			t.Errorf("got %s %+v", got, a.Errors)
		}
		if a := s.send("operator "+id.New(id.User), query, reps("Order", other.ID)); a.Data["_entities"].([]any)[0] == nil {
			t.Errorf("an operator: got %v", a.Data)
		}
		if a := s.send("", query, reps("Order", mine.ID)); a.Data["_entities"].([]any)[0] != nil {
			t.Errorf("signed out: got %v", a.Data)
		}
	})
	t.Run("another buyer's order is not the viewer's", func(t *testing.T) {
		s := newSubgraph(t)
		o := s.order(id.New(id.User))
		a := s.send(id.New(id.User), query, reps("Ticket", o.TicketID))
		if v := a.Data["_entities"].([]any)[0].(map[string]any)["viewerOrder"]; v != nil {
			t.Errorf("got %v, want null", v)
		}
	})
	t.Run("a batch of 100 costs one statement a field", func(t *testing.T) {
		s := newSubgraph(t)
		buyer := id.New(id.User)
		var orders, tickets []string
		for range 100 {
			o := s.order(buyer)
			orders, tickets = append(orders, o.ID), append(tickets, o.TicketID)
		}
		before := s.statements.Load()
		if a := s.send(buyer, query, reps("Ticket", tickets...)); a.Codes() != "" {
			t.Fatal(a.Errors)
		}
		if n := s.statements.Load() - before; n != 1 {
			t.Errorf("viewerOrder of 100 tickets: %d statements, want 1", n)
		}
		before = s.statements.Load()
		if a := s.send(buyer, query, reps("Order", orders...)); a.Codes() != "" {
			t.Fatal(a.Errors)
		}
		if n := s.statements.Load() - before; n != 2 {
			t.Errorf("history of 100 orders: %d statements, want 2 (orders and their history)", n)
		}
	})
	t.Run("O5 a viewer other than the caller is null", func(t *testing.T) {
		s := newSubgraph(t)
		o := s.order(id.New(id.User))
		const query = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on Viewer { id orders { totalCount nodes { id } } } } }`
		a := s.send(o.BuyerID, query, reps("Viewer", o.BuyerID, id.New(id.User), ""))
		want := fmt.Sprintf(`[{"id":%q,"orders":{"nodes":[{"id":%q}],"totalCount":1}},null,null]`, o.BuyerID, o.ID)
		if got := a.At("_entities"); got != want {
			t.Errorf("got  %s %+v\nwant %s", got, a.Errors, want)
		}
		for _, viewer := range []string{"", "operator " + id.New(id.User)} {
			if a := s.send(viewer, query, reps("Viewer", o.BuyerID)); a.At("_entities") != "[null]" {
				t.Errorf("as %q: got %+v, want null", viewer, a)
			}
		}
	})
	t.Run("more than 1,000 representations are refused", func(t *testing.T) {
		s := newSubgraph(t)
		if a := s.send("", query, reps("Order", make([]string, 1001)...)); a.Codes() != "BAD_USER_INPUT" {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("N representations cost N times their selection, as a page of N", func(t *testing.T) {
		s := newSubgraph(t)
		buyer := id.New(id.User)
		o := s.order(buyer)
		const (
			ofOrders = `query($reps: [_Any!]!, $n: Int) { _entities(representations: $reps) { ... on Order { history(first: $n) { nodes { id } } } } }`
			ofViewer = `query($reps: [_Any!]!, $n: Int, $m: Int) { _entities(representations: $reps) { ... on Viewer {
				orders(last: $n) { nodes { history(first: $m) { nodes { id } } } } } } }`
			twice = `query($reps: [_Any!]!, $n: Int) { a: _entities(representations: $reps) { ...F } b: _entities(representations: $reps) { ...F } }
				fragment F on Order { history(first: $n) { nodes { id } } }`
			page = `query($n: Int, $m: Int) { orders(first: $n) { nodes { history(first: $m) { nodes { id } } } } }`
		)
		for _, tt := range []struct {
			query, typename string
			n               int // of representations
			variables       map[string]any
			code            string
		}{
			{query, "Order", 500, nil, ""}, // the router's largest batch, with the default page
			{query, "Order", 1000, nil, ""},
			{ofOrders, "Order", 500, map[string]any{"n": 49}, ""},                          // 500 × (1 + 49 × 2) = 49,500
			{ofOrders, "Order", 500, map[string]any{"n": 50}, "BAD_USER_INPUT"},            // 50,500
			{ofOrders, "Order", 1000, map[string]any{"n": 50}, "BAD_USER_INPUT"},           // 101,000
			{ofOrders, "Order", 1, map[string]any{"n": 100}, ""},                           // 201
			{twice, "Order", 500, map[string]any{"n": 24}, ""},                             // 2 × 500 × (1 + 24 × 2) = 49,000
			{twice, "Order", 500, map[string]any{"n": 25}, "BAD_USER_INPUT"},               // 51,000
			{ofViewer, "Viewer", 2, map[string]any{"n": 100, "m": 100}, ""},                // 2 × (1 + 100 × (2 + 100 × 2)) = 40,402
			{ofViewer, "Viewer", 3, map[string]any{"n": 100, "m": 100}, "BAD_USER_INPUT"},  // 60,603
			{page, "", 0, map[string]any{"n": 100, "m": 100}, ""},                          // 20,200
			{"{ " + strings.Repeat("orders { nodes { id } } ", 500) + "}", "", 0, nil, ""}, // merged when it is executed
			{"{ " + strings.Repeat("orders { nodes { id } } ", 1300) + "}", "", 0, nil, "BAD_USER_INPUT"},
		} {
			ids := slices.Repeat([]string{o.ID}, tt.n)
			if tt.typename == "Viewer" {
				ids = slices.Repeat([]string{buyer}, tt.n)
			}
			variables := reps(tt.typename, ids...)
			if tt.n == 0 {
				variables = map[string]any{}
			}
			maps.Copy(variables, tt.variables)
			before := s.statements.Load()
			a := s.send(buyer, tt.query, variables)
			if a.Codes() != tt.code {
				t.Errorf("%d of %.100s %v: got %q %+v, want %q", tt.n, tt.query, tt.variables, a.Codes(), a.Errors, tt.code)
			}
			if executed := s.statements.Load() > before; executed != (tt.code == "") {
				t.Errorf("%d of %.100s: executed %v", tt.n, tt.query, executed)
			}
		}
	})
}

func TestLists(t *testing.T) {
	s := newSubgraph(t)
	buyer := id.New(id.User)
	var newest []string
	for range 3 {
		newest = append([]string{s.order(buyer).ID}, newest...)
	}
	s.order(id.New(id.User))
	t.Run("O5 newest first", func(t *testing.T) {
		a := s.send(buyer, `{ orders { nodes { id } } }`, nil)
		want := fmt.Sprintf(`{"nodes":[{"id":%q},{"id":%q},{"id":%q}]}`, newest[0], newest[1], newest[2])
		if got := a.At("orders"); got != want {
			t.Errorf("got %s %+v, want %s", got, a.Errors, want)
		}
	})
	t.Run("O5 exactly the viewer's", func(t *testing.T) {
		a := s.send(buyer, `{ orders(first: 2) { totalCount nodes { buyer { id } } edges { cursor } pageInfo { hasNextPage endCursor } } }`, nil)
		c := a.Data["orders"].(map[string]any)
		if c["totalCount"] != 3.0 || len(c["nodes"].([]any)) != 2 || !c["pageInfo"].(map[string]any)["hasNextPage"].(bool) {
			t.Errorf("got %v %+v", c, a.Errors)
		}
		end := c["pageInfo"].(map[string]any)["endCursor"]
		a = s.send(buyer, `query($c: String) { orders(first: 2, after: $c) { nodes { id } pageInfo { hasNextPage } } }`, map[string]any{"c": end})
		if n := len(a.Data["orders"].(map[string]any)["nodes"].([]any)); n != 1 {
			t.Errorf("second page: got %d, want 1", n)
		}
	})
	t.Run("O5 filters", func(t *testing.T) {
		for filter, want := range map[string]int{"{}": 3, "{statuses: null}": 3, "{statuses: [CREATED]}": 3, "{statuses: [COMPLETE]}": 0} {
			a := s.send(buyer, `{ orders(filter: `+filter+`) { totalCount nodes { id } } }`, nil)
			c := a.Data["orders"].(map[string]any)
			if n := len(c["nodes"].([]any)); n != want || c["totalCount"] != float64(want) {
				t.Errorf("%s: got %d of %v, want %d", filter, n, c["totalCount"], want)
			}
		}
	})
	t.Run("T12 page sizes out of bounds", func(t *testing.T) {
		for _, size := range []string{"first: 101", "last: 101", "first: -1", "first: 1, last: 1", `after: "x"`,
			`filter: {ticketId: "tkt_\u0000"}`, "filter: {statuses: []}", "filter: {statuses: [CREATED, CREATED, CREATED, CREATED, CREATED]}"} {
			if a := s.send(buyer, `{ orders(`+size+`) { nodes { id } } }`, nil); a.Codes() != "BAD_USER_INPUT" {
				t.Errorf("%s: got %+v", size, a)
			}
		}
	})
}

func TestRequests(t *testing.T) {
	s := newSubgraph(t)
	send := func(method, body string, header map[string]string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, "/graphql", strings.NewReader(body))
		for k, v := range header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w
	}
	const service = `{"query":"{ _service { sdl } }"}`
	with := func(more ...string) map[string]string {
		h := map[string]string{"Content-Type": "application/json", gqlserver.ServiceTokenHeader: gqltest.ServiceToken}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return h
	}
	for name, tt := range map[string]struct {
		method, body string
		header       map[string]string
		want         int
	}{
		"the router":                 {http.MethodPost, service, with(), 200},
		"no service token":           {http.MethodPost, service, with(gqlserver.ServiceTokenHeader, ""), 403},
		"a wrong service token":      {http.MethodPost, service, with(gqlserver.ServiceTokenHeader, gqltest.ServiceToken+"x"), 403},
		"a service token as bearer":  {http.MethodPost, service, with(gqlserver.ServiceTokenHeader, "", "Authorization", "Bearer "+gqltest.ServiceToken), 403},
		"an unverifiable token":      {http.MethodPost, service, with("Authorization", "Bearer unverifiable"), 503},
		"GET":                        {http.MethodGet, "", with(), 400},
		"a form":                     {http.MethodPost, "query=%7B__typename%7D", with("Content-Type", "application/x-www-form-urlencoded"), 400},
		"a body of more than 1 MiB":  {http.MethodPost, `{"query":"` + strings.Repeat(" ", 1<<20) + `"}`, with(), 413},
		"a document of 10,000 names": {http.MethodPost, `{"query":"{` + strings.Repeat("__typename ", 10_001) + `}"}`, with(), 422},
	} {
		if w := send(tt.method, tt.body, tt.header); w.Code != tt.want {
			t.Errorf("%s: got %d %.200s, want %d", name, w.Code, w.Body, tt.want)
		}
	}
	t.Run("no suggestions", func(t *testing.T) {
		if a := s.send("", `{ order(id: "x") { statu } }`, nil); len(a.Errors) != 1 || strings.Contains(a.Errors[0].Message, "Did you mean") {
			t.Errorf("got %+v", a.Errors)
		}
	})
	t.Run("a fault is masked and carries no SQL", func(t *testing.T) {
		if _, err := s.pool.Exec(t.Context(), `DROP TABLE orders CASCADE`); err != nil {
			t.Fatal(err)
		}
		w := send(http.MethodPost, `{"query":"{ orders { nodes { id } } }"}`, with("Authorization", "Bearer usr_1"))
		if body := w.Body.String(); !strings.Contains(body, `"internal error"`) || !strings.Contains(body, `"INTERNAL_SERVER_ERROR"`) || strings.Contains(body, "relation") {
			t.Errorf("got %s", body)
		}
	})
}
