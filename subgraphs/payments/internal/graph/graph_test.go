package graph_test

import (
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
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/internal/gqlserver/gqltest"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
	"boxoffice.dev/subgraphs/stripesim/simulator"
)

const (
	simulatorKey = "sk_test_graph"
	operator     = "operator usr_operator"
	visa         = "pm_card_visa"
	declined     = "pm_card_visa_chargeDeclined"
)

// subgraph is the payments subgraph with databases of its own and a simulated card processor.
// gqltest.Verify verifies access tokens.
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
	s.handler = gqltest.New(graph.Schema(s.payments, graph.Processor{Kind: graph.Simulator}))
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

// typedError returns type, code and dotted path of the first error of a payload.
func typedError(r gqltest.Response, mutation string) string {
	first := mutation + ".errors.0."
	var path []string
	_ = json.Unmarshal([]byte(r.At(first+"path")), &path) // null leaves it empty
	return r.At(first+"__typename") + " " + r.At(first+"code") + " " + strings.Join(path, ".")
}

func wantCode(t *testing.T, r gqltest.Response, want string) {
	t.Helper()
	if r.Codes() != want {
		t.Errorf("got %+v, want one error with the code %s", r, want)
	}
}

// do sends an operation as the router would for the viewer; "" is signed out.
func (s *subgraph) do(viewer, query string, variables map[string]any) gqltest.Response {
	s.t.Helper()
	r := gqltest.NewRequest(s.t.Context(), s.t, query, variables, gqltest.Bearer(viewer))
	return gqltest.Send(s.t, s.handler, r)
}

const payOrder = `mutation($input: PayOrderInput!) { payOrder(input: $input) {
	payment { id status } expectedOrderVersion errors { __typename ... on UserError { code message path }
		... on PaymentDeclinedError { reason retryable payment { id status } }
		... on OrderAlreadyPaidError { payment { id } } ... on PaymentInProgressError { payment { id } }
		... on OrderNotPayableError { order { id } } ... on ValidationError { rule } ... on RateLimitedError { retryAfterSeconds } } } }`

func (s *subgraph) pay(o events.Order, token string) gqltest.Response {
	s.t.Helper()
	return s.do(o.BuyerID, payOrder, map[string]any{"input": map[string]any{
		"orderId": o.ID, "paymentMethodToken": token, "idempotencyKey": id.New("key"),
	}})
}

// paid pays for an order, confirms the payment as orders would, and returns the payment's id.
func (s *subgraph) paid(o events.Order) string {
	s.t.Helper()
	answered := make(chan gqltest.Response, 1)
	go func() { answered <- s.pay(o, visa) }()
	p := s.await(o, events.Authorized)
	s.deliver(events.OrderPaymentConfirmed, events.PaymentDecision{PaymentID: p.ID, OrderID: o.ID})
	s.await(o, events.Succeeded)
	o.Version, o.Status, o.PaidVersion, o.PaymentFailure = o.Version+1, events.Complete, 0, ""
	s.deliver(events.OrderCompleted, o)
	r := <-answered
	r.Want(s.t, "payOrder.payment.status", "SUCCEEDED")
	r.Want(s.t, "payOrder.expectedOrderVersion", "3")
	return r.At("payOrder.payment.id")
}

// await waits until the latest payment of the order has the status.
func (s *subgraph) await(o events.Order, status events.PaymentStatus) payment.Payment {
	s.t.Helper()
	for s.t.Context().Err() == nil {
		// It ends at once while the order has no payment.
		for p, err := range s.payments.Follow(s.t.Context(), payment.Viewer{UserID: "usr_operator", Operator: true}, o.ID) {
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

func (s *subgraph) refund(viewer, paymentID string, minorUnits int) gqltest.Response {
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
	r.Want(t, "refundPayment.errors", "[]")
	refundID := r.At("refundPayment.refund.id")
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
		r.Want(t, "payment", wantPayment)
		r.Want(t, "refund", wantRefund)
		s.do(viewer, byEntity, representation("Payment", paymentID)).Want(t, "_entities.0", wantPayment)
		r = s.do(viewer, ofOrder, representation("Order", o.ID))
		r.Want(t, "_entities.0.payments.nodes", wantPayments)
		r.Want(t, "_entities.0.payment", wantPaid)
	}
	for _, unknown := range []string{id.New(id.Payment), id.New(id.Refund), "", "nonsense", "pay_\x00"} {
		r := s.do(o.BuyerID, byID, map[string]any{"payment": unknown, "refund": unknown})
		r.Want(t, "payment", "null")
		r.Want(t, "refund", "null")
	}
	for _, field := range []string{"payment", "refund"} {
		signedOut := s.do("", `query($id: ID!) { `+field+`(id: $id) { id } }`, map[string]any{"id": paymentID})
		wantCode(t, signedOut, "UNAUTHENTICATED")
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
		s.do(viewer, query, map[string]any{"id": paymentID}).Want(t, "payment", want)
	}
	const reference = `query($id: ID!) { payment(id: $id) { providerReference } }`
	if got := s.do(operator, reference, map[string]any{"id": paymentID}).At("payment.providerReference"); !strings.HasPrefix(got, "pi_") {
		t.Errorf("operator: got %s, want the intent's id", got)
	}
	s.do(o.BuyerID, reference, map[string]any{"id": paymentID}).Want(t, "payment.providerReference", "null")
}

// Payments and refunds are connections, newest first.
func TestConnections(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	var payments []string
	for range 2 {
		r := s.pay(o, declined)
		r.Want(t, "payOrder.errors.0.__typename", "PaymentDeclinedError")
		payments = append([]string{r.At("payOrder.errors.0.payment.id")}, payments...)
	}
	paymentID := s.paid(o)
	payments = append([]string{paymentID}, payments...)
	var refunds []string
	for range 3 {
		refunds = append([]string{s.refund(o.SellerID, paymentID, 100).At("refundPayment.refund.id")}, refunds...)
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
			page := func(first any, after any) gqltest.Response {
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
			s.do(o.BuyerID, c.query, representation(c.typename, c.id)).Want(t, path+".nodes", nodes(c.want))
			first := page(2, nil)
			first.Want(t, path+".nodes", nodes(c.want[:2]))
			first.Want(t, path+".pageInfo.hasNextPage", "true")
			second := page(2, first.At(path+".pageInfo.endCursor"))
			second.Want(t, path+".nodes", nodes(c.want[2:]))
			second.Want(t, path+".pageInfo.hasNextPage", "false")
			second.Want(t, path+".pageInfo.hasPreviousPage", "true")
			page(0, nil).Want(t, path+".nodes", "[]")
			wantCode(t, page(101, nil), "BAD_USER_INPUT")
			wantCode(t, page(-1, nil), "BAD_USER_INPUT")
			wantCode(t, page(1, "nonsense"), "BAD_USER_INPUT")
		})
	}
	s.do(o.BuyerID, ofOrder, representation("Order", o.ID)).Want(t, "_entities.0.payment.id", paymentID)
	s.do(o.BuyerID, ofOrder, representation("Order", id.New(id.Order))).Want(t, "_entities.0.payments.nodes", "[]")
	s.do("", ofOrder, representation("Order", o.ID)).Want(t, "_entities.0.payments.nodes", "[]")
}

// Each error of payOrder has its type, code and path.
func TestPayOrderErrors(t *testing.T) {
	s := newSubgraph(t)
	o := s.order()
	stranger := o
	stranger.BuyerID = id.New(id.User)
	pay := func(o events.Order, change map[string]any) gqltest.Response {
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
		if got := typedError(r, "payOrder"); got != c.want || len(r.Errors) > 0 {
			t.Errorf("%s: got %+v, want %s", c.name, r, c.want)
		}
	}
	paymentID := s.paid(o)
	r := pay(o, nil)
	if got := typedError(r, "payOrder"); got != "OrderAlreadyPaidError ORDER_ALREADY_PAID input.orderId" || r.At("payOrder.errors.0.payment.id") != paymentID {
		t.Errorf("paid: got %+v", r)
	}
	ended := s.order()
	ended.Version, ended.Status, ended.Reason = 3, events.Cancelled, events.ReasonExpired
	s.deliver(events.OrderCancelled, ended)
	r = pay(ended, nil)
	if got := typedError(r, "payOrder"); got != "OrderNotPayableError ORDER_NOT_PAYABLE input.orderId" || r.At("payOrder.errors.0.order.id") != ended.ID {
		t.Errorf("ended: got %+v", r)
	}
	for range 2 { // besides the first one
		o := s.order(func(other *events.Order) { other.BuyerID = o.BuyerID })
		pay(o, map[string]any{"paymentMethodToken": declined})
	}
	r = pay(s.order(func(other *events.Order) { other.BuyerID = o.BuyerID }), nil)
	if got := typedError(r, "payOrder"); got != "RateLimitedError RATE_LIMITED " {
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
		if got := typedError(r, "refundPayment"); got != c.want || len(r.Errors) > 0 {
			t.Errorf("%s: got %+v, want %s", c.name, r, c.want)
		}
	}
}
