package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"boxoffice.dev/pkg/id"
)

// Operations of the tests of payments, and their results.

const paymentFields = `{ id version status amount { minorUnits currency } refundedAmount { minorUnits }
	nextAction { redirectUrl } failure { reason retryable } card { brand last4 } viewerCanRefund providerReference
	refunds { nodes { id status amount { minorUnits } } } order { id status } }`

const payOrder = `mutation($input: PayOrderInput!) { payOrder(input: $input) {
	payment ` + paymentFields + ` expectedOrderVersion
	order { id status version viewerCanCancel viewerCanPay payment { id } payments { nodes { id } } ticket { availability } history { nodes { to actor } } }
	errors { __typename ... on UserError { code message path }
		... on OrderNotPayableError { order { id status cancellation { reason } } }
		... on OrderAlreadyPaidError { payment { id } }
		... on PaymentInProgressError { payment { id } }
		... on PaymentDeclinedError { reason retryable payment { id status } }
		... on RateLimitedError { retryAfterSeconds } } } }`

const refundPayment = `mutation($input: RefundPaymentInput!) { refundPayment(input: $input) {
	refund { id status amount { minorUnits } } payment { id status refundedAmount { minorUnits } order { status } }
	errors { __typename ... on UserError { code path } } } }`

type paymentData struct {
	ID, Status string
	Version    int
	Amount     struct {
		MinorUnits int
		Currency   string
	}
	RefundedAmount struct{ MinorUnits int }
	NextAction     *struct{ RedirectURL string }
	Failure        *struct {
		Reason    string
		Retryable bool
	}
	Card              *struct{ Brand, Last4 string }
	ViewerCanRefund   bool
	ProviderReference *string
	Refunds           struct{ Nodes []refundData }
	Order             struct{ ID, Status string }
}

type refundData struct {
	ID, Status string
	Amount     struct{ MinorUnits int }
}

type paymentError struct {
	Typename          string `json:"__typename"`
	Code, Message     string
	Path              []string
	Reason            string
	Retryable         bool
	RetryAfterSeconds int
	Payment           *struct{ ID, Status string }
	Order             *struct {
		ID, Status   string
		Cancellation *struct{ Reason string }
	}
}

type payPayload struct {
	Payment              *paymentData
	ExpectedOrderVersion *int
	Order                *struct {
		orderData

		Payment  *struct{ ID string }
		Payments struct{ Nodes []struct{ ID string } }
	}
	Errors []paymentError
}

type refundPayload struct {
	Refund  *refundData
	Payment *paymentData
	Errors  []paymentError
}

const visa = "pm_card_visa"

// pay pays for an order with a token and a new idempotency key.
func pay(t *testing.T, c *Client, orderID, token string) payPayload {
	t.Helper()
	return payWith(t, c, Vars{"orderId": orderID, "paymentMethodToken": token, "idempotencyKey": id.New("key")})
}

func payWith(t *testing.T, c *Client, input Vars) payPayload {
	t.Helper()
	return Must[struct{ PayOrder payPayload }](t, c, payOrder, Vars{"input": input}).PayOrder
}

// paid is pay, which must succeed.
func paid(t *testing.T, c *Client, orderID, token string) payPayload {
	t.Helper()
	p := pay(t, c, orderID, token)
	if p.Payment == nil || p.Payment.Status != "SUCCEEDED" || p.Order == nil || p.Order.Status != "COMPLETE" || len(p.Errors) > 0 {
		t.Fatalf("payOrder: got %+v %+v %+v, want SUCCEEDED and COMPLETE", p.Payment, p.Order, p.Errors)
	}
	return p
}

func refund(t *testing.T, c *Client, input Vars) refundPayload {
	t.Helper()
	if input["idempotencyKey"] == nil {
		input["idempotencyKey"] = id.New("key")
	}
	return Must[struct{ RefundPayment refundPayload }](t, c, refundPayment, Vars{"input": input}).RefundPayment
}

func payment(t *testing.T, c *Client, paymentID string) *paymentData {
	t.Helper()
	return Must[struct{ Payment *paymentData }](t, c, `query($id: ID!) { payment(id: $id) `+paymentFields+` }`, Vars{"id": paymentID}).Payment
}

// wantPaymentError fails the test unless there is exactly this typed error and no data.
func wantPaymentError(t *testing.T, p payPayload, typename string) paymentError {
	t.Helper()
	if p.Payment != nil || p.Order != nil || len(p.Errors) != 1 || p.Errors[0].Typename != typename {
		t.Fatalf("got %+v %+v %+v, want only %s", p.Payment, p.Order, p.Errors, typename)
	}
	return p.Errors[0]
}

// balance is the card processor's record of an order's payments: the number of holds, and the amounts that are on
// hold, captured and refunded.
type balance struct{ holds, held, captured, refunded int }

func balanceOf(t *testing.T, s *System, orderID string) (b balance) {
	t.Helper()
	err := s.DB(t, "stripesim").QueryRow(t.Context(), `
		SELECT count(*), coalesce(sum(authorized - captured - voided), 0), coalesce(sum(captured), 0), coalesce(sum(refunded), 0)
		FROM balances JOIN intents ON intents.id = intent_id WHERE metadata->>'order_id' = $1`, orderID).
		Scan(&b.holds, &b.held, &b.captured, &b.refunded)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantBalance waits until no money is on hold and compares the balance.
func wantBalance(t *testing.T, s *System, orderID string, want balance) {
	t.Helper()
	Eventually(t, "no hold for "+orderID, func() bool { return balanceOf(t, s, orderID).held == 0 })
	if got := balanceOf(t, s, orderID); got != want {
		t.Errorf("balance of %s: got %+v, want %+v", orderID, got, want)
	}
}

func TestPayOrder(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer, stranger := s.SignUp(t), s.SignUp(t), s.SignUp(t)

	t.Run("P1 signed out", func(t *testing.T) {
		input := Vars{"orderId": "ord_1", "paymentMethodToken": visa, "idempotencyKey": "k"}
		WantCode(t, s.Anonymous().Do(t, payOrder, Vars{"input": input}), "UNAUTHENTICATED")
		WantCode(t, s.Anonymous().Do(t, refundPayment, Vars{"input": Vars{"paymentId": "pay_1", "idempotencyKey": "k"}}), "UNAUTHENTICATED")
		WantCode(t, s.Anonymous().Do(t, `{ payment(id: "pay_1") { id } }`, nil), "UNAUTHENTICATED")
	})
	t.Run("P2 unknown order", func(t *testing.T) {
		for _, orderID := range []string{"nonsense", "ord_01h455vb4pex5vsknk084sn02q", "tkt_01h455vb4pex5vsknk084sn02q"} {
			wantPaymentError(t, pay(t, buyer, orderID, visa), "OrderNotFoundError")
		}
	})
	t.Run("P3 another buyer's order", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		paid(t, buyer, o.ID, visa)
		other := ordered(t, buyer, sell(t, s, seller))
		wantPaymentError(t, pay(t, stranger, other.ID, visa), "NotAuthorizedError")
		wantPaymentError(t, pay(t, seller, other.ID, visa), "NotAuthorizedError")
		wantPaymentError(t, pay(t, stranger, o.ID, visa), "NotAuthorizedError") // without a hint that it is paid
		cancel(t, buyer, other.ID)
	})
	t.Run("P4 cancelled order", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		cancel(t, buyer, o.ID)
		e := wantPaymentError(t, pay(t, buyer, o.ID, visa), "OrderNotPayableError")
		if e.Order == nil || e.Order.ID != o.ID || e.Order.Status != "CANCELLED" {
			t.Errorf("got order %+v", e.Order)
		}
		wantBalance(t, s, o.ID, balanceOf(t, s, o.ID))
		if b := balanceOf(t, s, o.ID); b.captured != 0 || b.held != 0 {
			t.Errorf("got %+v, want no capture", b)
		}
	})
	t.Run("P5 P9 success", func(t *testing.T) {
		tap := s.Tap(t, "orders")
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		p := payWith(t, buyer, Vars{
			"orderId": o.ID, "paymentMethodToken": visa, "idempotencyKey": id.New("key"), "expectedAmount": Vars{"minorUnits": 1999, "currency": "USD"},
		})
		if len(p.Errors) > 0 || p.Payment == nil || p.Order == nil {
			t.Fatalf("got %+v", p)
		}
		if p.Payment.Status != "SUCCEEDED" || p.Payment.Amount.MinorUnits != 1999 || p.Payment.Amount.Currency != "USD" || p.Payment.Card == nil ||
			p.Payment.Card.Last4 != "4242" || p.Payment.ProviderReference != nil || p.Payment.ViewerCanRefund {
			t.Errorf("payment: got %+v", p.Payment)
		}
		if p.Order.Status != "COMPLETE" || p.Order.ViewerCanCancel || p.Order.ViewerCanPay || p.Order.Payment.ID != p.Payment.ID ||
			len(p.Order.Payments.Nodes) != 1 || p.ExpectedOrderVersion == nil || *p.ExpectedOrderVersion != p.Order.Version {
			t.Errorf("order: got %+v, expected version %v", p.Order, p.ExpectedOrderVersion)
		}
		var steps []string
		for _, e := range p.Order.History.Nodes {
			steps = append(steps, e.Actor+" "+e.To)
		}
		if want := []string{"BUYER COMPLETE", "SYSTEM AWAITING_PAYMENT", "BUYER CREATED"}; !slices.Equal(steps, want) {
			t.Errorf("history: got %q, want %q", steps, want)
		}
		wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
		Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
		tap.Wait(t, "order.completed.v1", o.ID)
		if e := cancel(t, buyer, o.ID); len(e.Errors) != 1 || e.Errors[0].Typename != "OrderNotCancellableError" {
			t.Errorf("O7 cancel a paid order: got %+v", e)
		}
		if got := payment(t, stranger, p.Payment.ID); got != nil {
			t.Errorf("a stranger reads %+v", got)
		}
		seen := payment(t, seller, p.Payment.ID)
		if seen == nil || seen.Card != nil || !seen.ViewerCanRefund {
			t.Errorf("the seller sees %+v, want it without the card", seen)
		}
	})
	t.Run("P5 right after createOrder", func(t *testing.T) { // payments may not have handled order.created yet
		for range 5 {
			o := ordered(t, buyer, sell(t, s, seller))
			paid(t, buyer, o.ID, visa)
		}
	})
	t.Run("P6 declined", func(t *testing.T) {
		for token, reason := range map[string]string{
			"pm_card_visa_chargeDeclined": "CARD_DECLINED", "pm_card_visa_chargeDeclinedInsufficientFunds": "INSUFFICIENT_FUNDS",
			"pm_card_chargeDeclinedExpiredCard": "EXPIRED_CARD", "pm_nonsense": "PROCESSING_ERROR", "pm_sim_capture_fails": "PROCESSING_ERROR",
		} {
			ticketID := sell(t, s, seller)
			o := ordered(t, stranger, ticketID)
			e := wantPaymentError(t, pay(t, stranger, o.ID, token), "PaymentDeclinedError")
			if e.Reason != reason || e.Retryable || e.Payment == nil || e.Payment.Status != "FAILED" {
				t.Errorf("%s: got %+v, want %s", token, e, reason)
			}
			if ended := awaitStatus(t, stranger, o.ID, "CANCELLED"); ended.Cancellation.Reason != "PAYMENT_FAILED" {
				t.Errorf("%s: the order was cancelled with %s", token, ended.Cancellation.Reason)
			}
			Eventually(t, "the ticket is back on sale", func() bool { return availability(t, s, ticketID) == "AVAILABLE" })
			if b := balanceOf(t, s, o.ID); b.captured != 0 || b.held != 0 {
				t.Errorf("%s: got %+v, want no capture", token, b)
			}
		}
	})
}

func TestRepeatedPayments(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer := s.SignUp(t), s.SignUp(t)

	t.Run("P7 the same key twice", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		input := Vars{"orderId": o.ID, "paymentMethodToken": visa, "idempotencyKey": id.New("key")}
		payments := make([]payPayload, 10)
		atOnce(len(payments), len(payments), func(i int) { payments[i] = payWith(t, buyer, input) })
		for _, p := range append(payments, payWith(t, buyer, input)) {
			if p.Payment == nil || p.Payment.ID != payments[0].Payment.ID || p.Payment.Status != "SUCCEEDED" || p.Order.Status != "COMPLETE" {
				t.Errorf("got %+v %+v, want payment %s", p.Payment, p.Errors, payments[0].Payment.ID)
			}
		}
		wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
		input["paymentMethodToken"] = "pm_card_mastercard"
		wantPaymentError(t, payWith(t, buyer, input), "IdempotencyKeyReusedError")
	})
	t.Run("P7 P8 ten concurrent keys", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		results := make([]string, 10)
		atOnce(len(results), len(results), func(i int) {
			p := pay(t, buyer, o.ID, visa)
			if p.Payment != nil {
				results[i] = p.Payment.Status
			} else {
				results[i] = p.Errors[0].Typename
			}
		})
		count := map[string]int{}
		for _, r := range results {
			count[r]++
		}
		if count["SUCCEEDED"] != 1 || count["SUCCEEDED"]+count["PaymentInProgressError"]+count["OrderAlreadyPaidError"] != 10 {
			t.Errorf("got %v", count)
		}
		wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
	})
	t.Run("P8 another key on a paid order", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		first := paid(t, buyer, o.ID, visa)
		if e := wantPaymentError(t, pay(t, buyer, o.ID, visa), "OrderAlreadyPaidError"); e.Payment == nil || e.Payment.ID != first.Payment.ID {
			t.Errorf("got %+v", e)
		}
		wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
	})
	t.Run("P5 the processor's response is lost", func(t *testing.T) {
		for _, token := range []string{"pm_sim_slow", "pm_sim_error_after_success", "pm_sim_timeout_after_success",
			"pm_sim_capture_error_after_success", "pm_sim_capture_timeout_after_success"} {
			o := ordered(t, buyer, sell(t, s, seller))
			p := pay(t, buyer, o.ID, token)
			if p.Payment == nil {
				t.Errorf("%s: got %+v", token, p.Errors)
				continue
			}
			awaitStatus(t, buyer, o.ID, "COMPLETE")
			wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
			if got := payment(t, buyer, p.Payment.ID); got.Status != "SUCCEEDED" {
				t.Errorf("%s: got %+v", token, got)
			}
		}
	})
}

func TestPaymentInput(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer := s.SignUp(t), s.SignUp(t)

	t.Run("P9 currencies with other decimals", func(t *testing.T) {
		for currency, want := range map[string]int{"JPY": 2500, "EUR": 2500} {
			ticketID := priced(t, s, seller, 2500, currency)
			o := ordered(t, buyer, ticketID)
			if p := paid(t, buyer, o.ID, visa); p.Payment.Amount.MinorUnits != 2500 || p.Payment.Amount.Currency != currency {
				t.Errorf("%s: got %+v", currency, p.Payment.Amount)
			}
			wantBalance(t, s, o.ID, balance{holds: 1, captured: want})
		}
	})
	t.Run("P9 another amount than expected", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		for _, amount := range []Vars{{"minorUnits": 1998, "currency": "USD"}, {"minorUnits": 1999, "currency": "EUR"}} {
			e := wantPaymentError(t, payWith(t, buyer, Vars{
				"orderId": o.ID, "paymentMethodToken": visa, "idempotencyKey": id.New("key"), "expectedAmount": amount,
			}), "ValidationError")
			if strings.Join(e.Path, ".") != "input.expectedAmount" {
				t.Errorf("got %+v", e)
			}
		}
		cancel(t, buyer, o.ID)
	})
	t.Run("invalid tokens and keys", func(t *testing.T) {
		o := ordered(t, buyer, sell(t, s, seller))
		for path, input := range map[string]Vars{
			"input.paymentMethodToken": {"paymentMethodToken": "4242 4242 4242 4242", "idempotencyKey": "k"},
			"input.idempotencyKey":     {"paymentMethodToken": visa, "idempotencyKey": strings.Repeat("k", 256)},
		} {
			input["orderId"] = o.ID
			if e := wantPaymentError(t, payWith(t, buyer, input), "ValidationError"); strings.Join(e.Path, ".") != path {
				t.Errorf("got %+v, want path %s", e, path)
			}
		}
		cancel(t, buyer, o.ID)
	})
}

// bank submits the form of the bank to which a buyer was redirected.
func bank(t *testing.T, redirectURL, decision string) {
	t.Helper()
	for range 2 { // a double click
		resp, err := http.PostForm(redirectURL, url.Values{"decision": {decision}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusInternalServerError {
			t.Fatalf("bank: %s", resp.Status)
		}
	}
}

func TestConfirmationAtTheBank(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer := s.SignUp(t), s.SignUp(t)
	// payWith3DS pays with a card whose bank requires confirmation.
	payWith3DS := func(t *testing.T) (orderData, *paymentData, string) {
		t.Helper()
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		p := pay(t, buyer, o.ID, "pm_card_threeDSecure2Required")
		if p.Payment == nil || p.Payment.Status != "REQUIRES_ACTION" || p.Payment.NextAction == nil || p.Payment.NextAction.RedirectURL == "" {
			t.Fatalf("got %+v %+v", p.Payment, p.Errors)
		}
		if seen := payment(t, seller, p.Payment.ID); seen.NextAction != nil {
			t.Errorf("the seller sees %+v", seen.NextAction)
		}
		return o, p.Payment, ticketID
	}
	t.Run("P5 approved", func(t *testing.T) {
		o, p, _ := payWith3DS(t)
		wantPaymentError(t, pay(t, buyer, o.ID, visa), "PaymentInProgressError")
		bank(t, p.NextAction.RedirectURL, "approve")
		awaitStatus(t, buyer, o.ID, "COMPLETE")
		wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999})
	})
	t.Run("P6 declined", func(t *testing.T) {
		o, p, _ := payWith3DS(t)
		bank(t, p.NextAction.RedirectURL, "decline")
		if ended := awaitStatus(t, buyer, o.ID, "CANCELLED"); ended.Cancellation.Reason != "PAYMENT_FAILED" {
			t.Errorf("got %+v", ended)
		}
		if got := payment(t, buyer, p.ID); got.Status != "FAILED" || got.Failure.Reason != "AUTHENTICATION_FAILED" {
			t.Errorf("got %+v", got)
		}
		wantBalance(t, s, o.ID, balance{})
	})
	t.Run("P10 O10 approved after the order was cancelled", func(t *testing.T) {
		o, p, ticketID := payWith3DS(t)
		if c := cancel(t, buyer, o.ID); c.Order == nil || c.Order.Status != "CANCELLED" {
			t.Fatalf("got %+v", c)
		}
		bank(t, p.NextAction.RedirectURL, "approve")
		Eventually(t, "the payment ends", func() bool {
			return slices.Contains([]string{"VOIDED", "FAILED"}, payment(t, buyer, p.ID).Status)
		})
		if got := read(t, buyer, o.ID); got.Status != "CANCELLED" || got.Cancellation.Reason != "BUYER_CANCELLED" {
			t.Errorf("got %+v", got)
		}
		if b := balanceOf(t, s, o.ID); b.captured != 0 || b.held != 0 {
			t.Errorf("got %+v, want no capture", b)
		}
		Eventually(t, "the ticket is back on sale", func() bool { return availability(t, s, ticketID) == "AVAILABLE" })
	})
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer, stranger := s.SignUp(t), s.SignUp(t), s.SignUp(t)
	bought := func(t *testing.T) (ticketID, orderID, paymentID string) {
		t.Helper()
		ticketID = sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		p := paid(t, buyer, o.ID, visa)
		Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
		return ticketID, o.ID, p.Payment.ID
	}
	t.Run("P11 buyers and strangers", func(t *testing.T) {
		_, orderID, paymentID := bought(t)
		for want, c := range map[string]*Client{"NotAuthorizedError": buyer, "PaymentNotFoundError": stranger} {
			if r := refund(t, c, Vars{"paymentId": paymentID}); len(r.Errors) != 1 || r.Errors[0].Typename != want {
				t.Errorf("got %+v, want %s", r.Errors, want)
			}
		}
		for _, unknown := range []string{"nonsense", "pay_01h455vb4pex5vsknk084sn02q"} {
			if r := refund(t, seller, Vars{"paymentId": unknown}); len(r.Errors) != 1 || r.Errors[0].Typename != "PaymentNotFoundError" {
				t.Errorf("got %+v", r.Errors)
			}
		}
		wantBalance(t, s, orderID, balance{holds: 1, captured: 1999})
	})
	t.Run("P11 a full refund releases the ticket", func(t *testing.T) {
		ticketID, orderID, paymentID := bought(t)
		input := Vars{"paymentId": paymentID, "idempotencyKey": id.New("key")}
		r := refund(t, seller, input)
		if len(r.Errors) > 0 || r.Refund.Status != "SUCCEEDED" || r.Refund.Amount.MinorUnits != 1999 || r.Payment.Status != "REFUNDED" {
			t.Fatalf("got %+v %+v %+v", r.Refund, r.Payment, r.Errors)
		}
		if ended := awaitStatus(t, buyer, orderID, "CANCELLED"); ended.Cancellation.Reason != "REFUNDED" || ended.History.Nodes[0].Actor != "SELLER" {
			t.Errorf("got %+v", ended)
		}
		Eventually(t, "the ticket is back on sale", func() bool { return availability(t, s, ticketID) == "AVAILABLE" })
		if again := refund(t, seller, input); again.Refund == nil || again.Refund.ID != r.Refund.ID {
			t.Errorf("the same key again: got %+v", again)
		}
		if more := refund(t, seller, Vars{"paymentId": paymentID}); len(more.Errors) != 1 || more.Errors[0].Typename != "PaymentNotRefundableError" {
			t.Errorf("another key: got %+v", more)
		}
		wantBalance(t, s, orderID, balance{holds: 1, captured: 1999, refunded: 1999})
		paid(t, stranger, ordered(t, stranger, ticketID).ID, visa) // another buyer can have it
	})
	t.Run("P11 a full refund withdraws the ticket", func(t *testing.T) {
		ticketID, orderID, paymentID := bought(t)
		refund(t, seller, Vars{"paymentId": paymentID, "releaseTicket": false})
		awaitStatus(t, buyer, orderID, "CANCELLED")
		Eventually(t, "the ticket is off sale", func() bool { return availability(t, s, ticketID) == "WITHDRAWN" })
	})
	t.Run("P11 partial refunds", func(t *testing.T) {
		ticketID, orderID, paymentID := bought(t)
		part := func(minorUnits int) refundPayload {
			return refund(t, seller, Vars{"paymentId": paymentID, "amount": Vars{"minorUnits": minorUnits, "currency": "USD"}})
		}
		if r := part(500); r.Payment == nil || r.Payment.Status != "PARTIALLY_REFUNDED" || r.Payment.RefundedAmount.MinorUnits != 500 {
			t.Errorf("got %+v %+v", r.Payment, r.Errors)
		}
		if r := part(1500); len(r.Errors) != 1 || r.Errors[0].Typename != "PaymentNotRefundableError" {
			t.Errorf("more than the refundable balance: got %+v", r)
		}
		for _, invalid := range []Vars{{"minorUnits": 0, "currency": "USD"}, {"minorUnits": -5, "currency": "USD"}, {"minorUnits": 5, "currency": "EUR"}} {
			if r := refund(t, seller, Vars{"paymentId": paymentID, "amount": invalid}); len(r.Errors) != 1 || r.Errors[0].Typename != "ValidationError" {
				t.Errorf("%v: got %+v", invalid, r)
			}
		}
		if o := read(t, buyer, orderID); o.Status != "COMPLETE" || availability(t, s, ticketID) != "SOLD" {
			t.Errorf("a partial refund ended the order: got %+v", o)
		}
		// Concurrent refunds do not exceed the captured amount.
		results := make([]refundPayload, 10)
		atOnce(len(results), len(results), func(i int) { results[i] = part(499) })
		refunded := 0
		for _, r := range results {
			if r.Refund != nil {
				refunded++
			}
		}
		if refunded != 3 {
			t.Errorf("%d of 10 refunds of 499 from 1499, want 3", refunded)
		}
		wantBalance(t, s, orderID, balance{holds: 1, captured: 1999, refunded: 500 + 3*499})
		rest := refund(t, seller, Vars{"paymentId": paymentID})
		if rest.Refund == nil || rest.Refund.Amount.MinorUnits != 2 || rest.Payment.Status != "REFUNDED" {
			t.Errorf("the rest: got %+v %+v", rest.Refund, rest.Errors)
		}
		awaitStatus(t, buyer, orderID, "CANCELLED")
		if refunds := payment(t, buyer, paymentID).Refunds.Nodes; len(refunds) != 5 {
			t.Errorf("got %d refunds, want 5", len(refunds))
		}
	})
	t.Run("P11 the processor's response is lost, or the refund fails", func(t *testing.T) {
		for token, want := range map[string]string{
			"pm_sim_refund_error_after_success": "SUCCEEDED", "pm_sim_refund_timeout_after_success": "SUCCEEDED",
			"pm_card_pendingRefund": "SUCCEEDED", "pm_sim_refund_fails": "FAILED",
		} {
			o := ordered(t, buyer, sell(t, s, seller))
			p := paid(t, buyer, o.ID, token)
			r := refund(t, seller, Vars{"paymentId": p.Payment.ID})
			if r.Refund == nil {
				t.Errorf("%s: got %+v", token, r.Errors)
				continue
			}
			Eventually(t, token+" ends", func() bool {
				refunds := payment(t, seller, p.Payment.ID).Refunds.Nodes
				return len(refunds) == 1 && refunds[0].Status == want
			})
			refunded := map[string]int{"SUCCEEDED": 1999}[want]
			wantBalance(t, s, o.ID, balance{holds: 1, captured: 1999, refunded: refunded})
			if want == "FAILED" && read(t, buyer, o.ID).Status != "COMPLETE" {
				t.Errorf("%s: a failed refund ended the order", token)
			}
		}
	})
	t.Run("node() returns payments and refunds to buyer and seller", func(t *testing.T) {
		_, _, paymentID := bought(t)
		r := refund(t, seller, Vars{"paymentId": paymentID, "amount": Vars{"minorUnits": 1, "currency": "USD"}})
		for _, c := range []*Client{buyer, seller} {
			for _, nodeID := range []string{paymentID, r.Refund.ID} {
				got := Must[struct{ Node *struct{ ID, Status string } }](t, c,
					`query($id: ID!) { node(id: $id) { id ... on Payment { status } ... on Refund { payment { id } } } }`, Vars{"id": nodeID})
				if got.Node == nil || got.Node.ID != nodeID {
					t.Errorf("node %s: got %+v", nodeID, got.Node)
				}
			}
		}
	})
}
