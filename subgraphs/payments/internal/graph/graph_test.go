package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
	"boxoffice.dev/subgraphs/stripesim/simulator"
)

const (
	serviceToken = "a-service-token-of-32-characters"
	simulatorKey = "sk_test_graph"
	operator     = "usr_operator"
	visa         = "pm_card_visa"
	declined     = "pm_card_visa_chargeDeclined"
)

// subgraph is the payments subgraph with databases of its own and a simulated card processor. An access token is the
// user's id; that of the operator has the operator's scope.
type subgraph struct {
	t        *testing.T
	handler  http.Handler
	payments *payment.Service
}

func newSubgraph(t *testing.T) *subgraph {
	t.Helper()
	t.Parallel()
	sim := simulator.New(simulator.Config{SecretKey: simulatorKey}, pgtest.New(t, simulator.Migrations()))
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	pool := pgtest.New(t, outbox.Migrations(), payment.Migrations())
	cfg := payment.Config{Wait: time.Minute, GiveUpAfter: time.Minute, FailuresPerHour: 3}
	s := &subgraph{t: t}
	processor := stripe.New(stripe.Config{SecretKey: simulatorKey, APIBase: server.URL})
	s.payments = payment.NewService(cfg, pool, outbox.New(pool), processor, time.Now)
	s.handler = gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(s.payments, graph.Processor{Kind: graph.Simulator}), ServiceToken: serviceToken,
		Verify: func(_ context.Context, token string) (identity.Caller, error) {
			caller := identity.Caller{UserID: token}
			if token == operator {
				caller.Scopes = []string{identity.Operator}
			}
			return caller, nil
		},
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.payments.Drive(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *subgraph) deliver(typ events.Type, p events.Payload) {
	s.t.Helper()
	if err := s.payments.Reactions().Deliver(s.t.Context(), events.New(typ, p)); err != nil {
		s.t.Fatal(err)
	}
}

// order stores the replica of an unpaid order that may be paid again after a failed payment.
func (s *subgraph) order(change ...func(*events.Order)) events.Order {
	s.t.Helper()
	o := events.Order{
		ID: id.New(id.Order), Version: 2, Status: events.AwaitingPayment, BuyerID: id.New(id.User), SellerID: id.New(id.User),
		TicketID: id.New(id.Ticket), TicketVersion: 1, Title: "Front row",
		Price: money.Money{MinorUnits: 1999, Currency: "USD"}, ExpiresAt: time.Now().Add(15 * time.Minute),
		PaidVersion: 3, PaymentFailure: events.RetryOnFailure,
	}
	for _, c := range change {
		c(&o)
	}
	s.deliver(events.OrderAwaitingPayment, o)
	return o
}

// response is a GraphQL response.
type response struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions struct{ Code string }
	}
}

// at returns the data below a dotted path as JSON with sorted keys.
func (r response) at(path string) string {
	var value any = r.Data
	for name := range strings.SplitSeq(path, ".") {
		if list, ok := value.([]any); ok && name == "0" && len(list) > 0 {
			value = list[0]
			continue
		}
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if s, ok := value.(string); ok {
		return s
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// want compares the data below the path of a response without top-level errors.
func (r response) want(t *testing.T, path, want string) {
	t.Helper()
	if got := r.at(path); got != want || len(r.Errors) > 0 {
		t.Errorf("%s, errors %+v\ngot  %s\nwant %s", path, r.Errors, got, want)
	}
}

// typedError returns type, code and dotted path of the first error of a payload.
func (r response) typedError(mutation string) string {
	var path []string
	_ = json.Unmarshal([]byte(r.at(mutation+".errors.0.path")), &path) // null leaves it empty
	return r.at(mutation+".errors.0.__typename") + " " + r.at(mutation+".errors.0.code") + " " + strings.Join(path, ".")
}

func (r response) wantCode(t *testing.T, want string) {
	t.Helper()
	if len(r.Errors) != 1 || r.Errors[0].Extensions.Code != want {
		t.Errorf("got %+v, want one error with the code %s", r, want)
	}
}

// do sends an operation as the router would for the viewer; "" is signed out.
func (s *subgraph) do(viewer, query string, variables map[string]any) response {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		s.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(gqlserver.ServiceTokenHeader, serviceToken)
	if viewer != "" {
		r.Header.Set("Authorization", "Bearer "+viewer)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var resp response
	if err := json.Unmarshal(w.Body.Bytes(), &resp); err != nil {
		s.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return resp
}

const payOrder = `mutation($input: PayOrderInput!) { payOrder(input: $input) {
	payment { id status } expectedOrderVersion errors { __typename ... on UserError { code message path }
		... on PaymentDeclinedError { reason retryable payment { id status } }
		... on OrderAlreadyPaidError { payment { id } } ... on PaymentInProgressError { payment { id } }
		... on OrderNotPayableError { order { id } } ... on ValidationError { rule } ... on RateLimitedError { retryAfterSeconds } } } }`

func (s *subgraph) pay(o events.Order, token string) response {
	s.t.Helper()
	return s.do(o.BuyerID, payOrder, map[string]any{"input": map[string]any{
		"orderId": o.ID, "paymentMethodToken": token, "idempotencyKey": id.New("key"),
	}})
}

// paid pays for an order, confirms the payment as orders would, and returns the payment's id.
func (s *subgraph) paid(o events.Order) string {
	s.t.Helper()
	answered := make(chan response, 1)
	go func() { answered <- s.pay(o, visa) }()
	p := s.await(o, events.Authorized)
	s.deliver(events.OrderPaymentConfirmed, events.PaymentDecision{PaymentID: p.ID, OrderID: o.ID})
	s.await(o, events.Succeeded)
	o.Version, o.Status, o.PaidVersion, o.PaymentFailure = o.Version+1, events.Complete, 0, ""
	s.deliver(events.OrderCompleted, o)
	r := <-answered
	r.want(s.t, "payOrder.payment.status", "SUCCEEDED")
	r.want(s.t, "payOrder.expectedOrderVersion", "3")
	return r.at("payOrder.payment.id")
}

// await waits until the latest payment of the order has the status.
func (s *subgraph) await(o events.Order, status events.PaymentStatus) payment.Payment {
	s.t.Helper()
	for s.t.Context().Err() == nil {
		// It ends at once while the order has no payment.
		for p, err := range s.payments.Follow(s.t.Context(), payment.Viewer{UserID: operator, Operator: true}, o.ID) {
			if err == nil && p.Status == status {
				return p
			}
		}
	}
	s.t.Fatalf("waited for %s: %v", status, s.t.Context().Err())
	return payment.Payment{}
}

const refundPayment = `mutation($input: RefundPaymentInput!) { refundPayment(input: $input) {
	refund { id status payment { id } } errors { __typename ... on UserError { code message path } ... on ValidationError { rule } } } }`

func (s *subgraph) refund(viewer, paymentID string, minorUnits int) response {
	s.t.Helper()
	return s.do(viewer, refundPayment, map[string]any{"input": map[string]any{
		"paymentId": paymentID, "idempotencyKey": id.New("key"), "amount": map[string]any{"minorUnits": minorUnits, "currency": "USD"},
	}})
}

const ofOrder = `query($reps: [_Any!]!, $first: Int = 20, $after: String) { _entities(representations: $reps) { ... on Order {
	payment { id } payments(first: $first, after: $after) { nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } } } }`

func representation(typename, id string) map[string]any {
	return map[string]any{"reps": []any{map[string]any{"__typename": typename, "id": id}}}
}

// A missing object and one of other users are null without an error, by whichever path.
func TestVisibility(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	paymentID := s.paid(o)
	r := s.refund(o.SellerID, paymentID, 500)
	r.want(t, "refundPayment.errors", "[]")
	refundID := r.at("refundPayment.refund.id")
	const byID = `query($payment: ID!, $refund: ID!) { payment(id: $payment) { id } refund(id: $refund) { id payment { id } } }`
	const byEntity = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on Payment { id } ... on Refund { id } } }`
	for viewer, visible := range map[string]bool{o.BuyerID: true, o.SellerID: true, operator: true, id.New(id.User): false} {
		wantPayment, wantRefund := "null", "null"
		wantPayments, wantPaid := "[]", "null"
		if visible {
			wantPayment = fmt.Sprintf(`{"id":%q}`, paymentID)
			wantRefund = fmt.Sprintf(`{"id":%q,"payment":{"id":%q}}`, refundID, paymentID)
			wantPayments, wantPaid = "["+wantPayment+"]", wantPayment
		}
		r := s.do(viewer, byID, map[string]any{"payment": paymentID, "refund": refundID})
		r.want(t, "payment", wantPayment)
		r.want(t, "refund", wantRefund)
		s.do(viewer, byEntity, representation("Payment", paymentID)).want(t, "_entities.0", wantPayment)
		r = s.do(viewer, ofOrder, representation("Order", o.ID))
		r.want(t, "_entities.0.payments.nodes", wantPayments)
		r.want(t, "_entities.0.payment", wantPaid)
	}
	for _, unknown := range []string{id.New(id.Payment), id.New(id.Refund), "", "nonsense", "pay_\x00"} {
		r := s.do(o.BuyerID, byID, map[string]any{"payment": unknown, "refund": unknown})
		r.want(t, "payment", "null")
		r.want(t, "refund", "null")
	}
	for _, field := range []string{"payment", "refund"} {
		s.do("", `query($id: ID!) { `+field+`(id: $id) { id } }`, map[string]any{"id": paymentID}).wantCode(t, "UNAUTHENTICATED")
	}
}

func TestPaymentFieldsPerViewer(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	paymentID := s.paid(o)
	const query = `query($id: ID!) { payment(id: $id) { order { id } card { last4 } viewerCanRefund } }`
	order := fmt.Sprintf(`{"id":%q}`, o.ID)
	for viewer, want := range map[string]string{
		o.BuyerID:  `{"card":{"last4":"4242"},"order":` + order + `,"viewerCanRefund":false}`,
		o.SellerID: `{"card":null,"order":null,"viewerCanRefund":true}`,
		operator:   `{"card":null,"order":` + order + `,"viewerCanRefund":true}`,
	} {
		s.do(viewer, query, map[string]any{"id": paymentID}).want(t, "payment", want)
	}
	const reference = `query($id: ID!) { payment(id: $id) { providerReference } }`
	if got := s.do(operator, reference, map[string]any{"id": paymentID}).at("payment.providerReference"); !strings.HasPrefix(got, "pi_") {
		t.Errorf("operator: got %s, want the intent's id", got)
	}
	s.do(o.BuyerID, reference, map[string]any{"id": paymentID}).want(t, "payment.providerReference", "null")
}

// Payments and refunds are connections, newest first.
func TestConnections(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	var payments []string
	for range 2 {
		r := s.pay(o, declined)
		r.want(t, "payOrder.errors.0.__typename", "PaymentDeclinedError")
		payments = append([]string{r.at("payOrder.errors.0.payment.id")}, payments...)
	}
	paymentID := s.paid(o)
	payments = append([]string{paymentID}, payments...)
	var refunds []string
	for range 3 {
		refunds = append([]string{s.refund(o.SellerID, paymentID, 100).at("refundPayment.refund.id")}, refunds...)
	}
	const ofPayment = `query($reps: [_Any!]!, $first: Int = 20, $after: String) { _entities(representations: $reps) { ... on Payment {
		refunds(first: $first, after: $after) { nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } } } }`
	for _, c := range []struct {
		typename, id, query, field string
		want                       []string
	}{
		{"Order", o.ID, ofOrder, "payments", payments},
		{"Payment", paymentID, ofPayment, "refunds", refunds},
	} {
		t.Run(c.field, func(t *testing.T) {
			path := "_entities.0." + c.field
			page := func(first any, after any) response {
				variables := representation(c.typename, c.id)
				variables["first"], variables["after"] = first, after
				return s.do(o.BuyerID, c.query, variables)
			}
			nodes := func(ids []string) string {
				objects := make([]string, len(ids))
				for i, id := range ids {
					objects[i] = fmt.Sprintf(`{"id":%q}`, id)
				}
				return "[" + strings.Join(objects, ",") + "]"
			}
			s.do(o.BuyerID, c.query, representation(c.typename, c.id)).want(t, path+".nodes", nodes(c.want))
			first := page(2, nil)
			first.want(t, path+".nodes", nodes(c.want[:2]))
			first.want(t, path+".pageInfo.hasNextPage", "true")
			second := page(2, first.at(path+".pageInfo.endCursor"))
			second.want(t, path+".nodes", nodes(c.want[2:]))
			second.want(t, path+".pageInfo.hasNextPage", "false")
			second.want(t, path+".pageInfo.hasPreviousPage", "true")
			page(0, nil).want(t, path+".nodes", "[]")
			page(101, nil).wantCode(t, "BAD_USER_INPUT")
			page(-1, nil).wantCode(t, "BAD_USER_INPUT")
			page(1, "nonsense").wantCode(t, "BAD_USER_INPUT")
		})
	}
	s.do(o.BuyerID, ofOrder, representation("Order", o.ID)).want(t, "_entities.0.payment.id", paymentID)
	s.do(o.BuyerID, ofOrder, representation("Order", id.New(id.Order))).want(t, "_entities.0.payments.nodes", "[]")
	s.do("", ofOrder, representation("Order", o.ID)).want(t, "_entities.0.payments.nodes", "[]")
}

// Each error of payOrder has its type, code and path.
func TestPayOrderErrors(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	stranger := o
	stranger.BuyerID = id.New(id.User)
	pay := func(o events.Order, change map[string]any) response {
		input := map[string]any{"orderId": o.ID, "paymentMethodToken": visa, "idempotencyKey": id.New("key")}
		maps.Copy(input, change)
		return s.do(o.BuyerID, payOrder, map[string]any{"input": input})
	}
	for _, c := range []struct {
		name   string
		order  events.Order
		change map[string]any
		want   string
	}{
		{"P2 an id of nothing", o, map[string]any{"orderId": "nonsense"}, "OrderNotFoundError ORDER_NOT_FOUND input.orderId"},
		{"P3 an order of another buyer", stranger, nil, "NotAuthorizedError NOT_AUTHORIZED input.orderId"},
		{"P9 no token", o, map[string]any{"paymentMethodToken": ""}, "ValidationError VALIDATION_FAILED input.paymentMethodToken"},
		{"P9 no key", o, map[string]any{"idempotencyKey": ""}, "ValidationError VALIDATION_FAILED input.idempotencyKey"},
		{"P9 another amount", o, map[string]any{"expectedAmount": map[string]any{"minorUnits": 1, "currency": "USD"}},
			"ValidationError VALIDATION_FAILED input.expectedAmount"},
		{"P6 declined", o, map[string]any{"paymentMethodToken": declined, "idempotencyKey": "k"}, "PaymentDeclinedError PAYMENT_DECLINED "},
		{"P7 a reused key", o, map[string]any{"idempotencyKey": "k"}, "IdempotencyKeyReusedError IDEMPOTENCY_KEY_REUSED input.idempotencyKey"},
	} {
		r := pay(c.order, c.change)
		if got := r.typedError("payOrder"); got != c.want || len(r.Errors) > 0 {
			t.Errorf("%s: got %+v, want %s", c.name, r, c.want)
		}
	}
	paymentID := s.paid(o)
	r := pay(o, nil)
	if got := r.typedError("payOrder"); got != "OrderAlreadyPaidError ORDER_ALREADY_PAID input.orderId" || r.at("payOrder.errors.0.payment.id") != paymentID {
		t.Errorf("paid: got %+v", r)
	}
	ended := s.order()
	ended.Version, ended.Status, ended.Reason = 3, events.Cancelled, events.ReasonExpired
	s.deliver(events.OrderCancelled, ended)
	r = pay(ended, nil)
	if got := r.typedError("payOrder"); got != "OrderNotPayableError ORDER_NOT_PAYABLE input.orderId" || r.at("payOrder.errors.0.order.id") != ended.ID {
		t.Errorf("ended: got %+v", r)
	}
	for range 2 { // besides the first one
		o := s.order(func(other *events.Order) { other.BuyerID = o.BuyerID })
		pay(o, map[string]any{"paymentMethodToken": declined})
	}
	r = pay(s.order(func(other *events.Order) { other.BuyerID = o.BuyerID }), nil)
	if got := r.typedError("payOrder"); got != "RateLimitedError RATE_LIMITED " {
		t.Errorf("rate limit: got %+v", r)
	}
}

// Each error of refundPayment has its type, code and path.
func TestRefundPaymentErrors(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	paymentID := s.paid(o)
	for _, c := range []struct {
		name, viewer, payment string
		minorUnits            int
		want                  string
	}{
		{"P11 an id of nothing", o.SellerID, "nonsense", 1, "PaymentNotFoundError PAYMENT_NOT_FOUND input.paymentId"},
		{"P11 a stranger", id.New(id.User), paymentID, 1, "PaymentNotFoundError PAYMENT_NOT_FOUND input.paymentId"},
		{"P11 the buyer", o.BuyerID, paymentID, 1, "NotAuthorizedError NOT_AUTHORIZED input.paymentId"},
		{"P11 nothing", o.SellerID, paymentID, 0, "ValidationError VALIDATION_FAILED input.amount.minorUnits"},
		{"P11 too much", o.SellerID, paymentID, 2000, "PaymentNotRefundableError PAYMENT_NOT_REFUNDABLE input.paymentId"},
	} {
		r := s.refund(c.viewer, c.payment, c.minorUnits)
		if got := r.typedError("refundPayment"); got != c.want || len(r.Errors) > 0 {
			t.Errorf("%s: got %+v, want %s", c.name, r, c.want)
		}
	}
}
