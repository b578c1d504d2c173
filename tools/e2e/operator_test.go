package e2e

import (
	"os"
	"strings"
	"testing"
)

// beOperator signs a user in again at a replica of auth that has them in OPERATORS. The scope is in their access token.
func beOperator(t *testing.T, s *System, c *Client) {
	t.Helper()
	c.Endpoint = s.Variant(t, "auth.OPERATORS="+c.UserID).Endpoint()
	signedIn := Must[struct {
		SignIn struct{ Tokens struct{ AccessToken string } }
	}](t, c, `mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }`,
		Vars{"input": Vars{"email": c.Email, "password": c.Password, "delivery": "BEARER"}})
	c.Bearer = signedIn.SignIn.Tokens.AccessToken
}

// wantLogged fails the test unless the service has logged one line that contains all the parts.
func wantLogged(t *testing.T, s *System, service string, parts ...string) {
	t.Helper()
	log, err := os.ReadFile(s.Service(service).LogFile())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(log)) {
		matches := true
		for _, part := range parts {
			matches = matches && strings.Contains(line, part)
		}
		if matches {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%s has logged %d lines with %q, want 1", service, count, parts)
	}
}

func TestOperator(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer, stranger, operator := s.SignUp(t), s.SignUp(t), s.SignUp(t), s.SignUp(t)
	unpaid := awaitStatus(t, buyer, ordered(t, buyer, sell(t, s, seller)).ID, "AWAITING_PAYMENT")
	complete := ordered(t, buyer, sell(t, s, seller))
	paymentID := paid(t, buyer, complete.ID, visa).Payment.ID
	complete = read(t, buyer, complete.ID)
	ticketID := sell(t, s, seller)

	// The operator does not have the scope yet.
	for name, c := range map[string]*Client{"a stranger": stranger, "a future operator": operator} {
		t.Run("O6 O7 T12 P11 "+name+" neither reads nor changes what belongs to others", func(t *testing.T) {
			for _, orderID := range []string{unpaid.ID, complete.ID} {
				if got := Must[struct{ Order *orderData }](t, c, readOrder, Vars{"id": orderID}).Order; got != nil {
					t.Errorf("order: got %+v, want null", got)
				}
				wantRefused(t, cancel(t, c, orderID), "NotAuthorizedError")
			}
			if got := payment(t, c, paymentID); got != nil {
				t.Errorf("payment: got %+v, want null", got)
			}
			r := refund(t, c, Vars{"paymentId": paymentID})
			if r.Refund != nil || len(r.Errors) != 1 || r.Errors[0].Typename != "PaymentNotFoundError" {
				t.Errorf("refundPayment: got %+v, want only PaymentNotFoundError", r)
			}
			withdraw(t, c, Vars{"ticketId": ticketID}).wantRefused(t, "NotAuthorizedError input.ticketId")
		})
	}
	beOperator(t, s, operator)
	byOperator := "operator=" + operator.UserID

	t.Run("O6 reads the order of another buyer", func(t *testing.T) {
		got := read(t, operator, unpaid.ID)
		if got.ID != unpaid.ID || got.Status != "AWAITING_PAYMENT" || !got.ViewerCanCancel || got.ViewerCanPay ||
			len(got.History.Nodes) != 2 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("P11 reads the payment of another buyer, without the card", func(t *testing.T) {
		got := payment(t, operator, paymentID)
		if got == nil || got.Order.ID != complete.ID || got.ProviderReference == nil || got.Card != nil ||
			!got.ViewerCanRefund {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("O7 O13 T10 cancels the unpaid order of another buyer", func(t *testing.T) {
		wantRefused(t, cancel(t, operator, complete.ID), "OrderNotCancellableError")
		wantRefused(t, cancel(t, operator, "ord_01h455vb4pex5vsknk084sn02q"), "OrderNotFoundError")
		for range 2 { // the second changes nothing
			p := cancel(t, operator, unpaid.ID)
			if len(p.Errors) > 0 || p.Order == nil || p.Order.Status != "CANCELLED" ||
				p.Order.Cancellation.Reason != "OPERATOR" {
				t.Fatalf("got %+v %+v", p.Order, p.Errors)
			}
		}
		after := read(t, buyer, unpaid.ID)
		if last := after.History.Nodes[0]; len(after.History.Nodes) != 3 || last.Actor != "OPERATOR" ||
			last.To != "CANCELLED" || last.Reason == nil || *last.Reason != "OPERATOR" {
			t.Errorf("the buyer reads the history %+v", after.History.Nodes)
		}
		wantLogged(t, s, "orders", "order cancelled by an operator", byOperator, "order="+unpaid.ID)
		Eventually(t, "the ticket is on sale", func() bool { return availability(t, s, unpaid.Ticket.ID) == "AVAILABLE" })
	})
	t.Run("T12 withdraws an available ticket of another seller", func(t *testing.T) {
		Eventually(t, "the other ticket is sold", func() bool { return availability(t, s, complete.Ticket.ID) == "SOLD" })
		withdraw(t, operator, Vars{"ticketId": complete.Ticket.ID}).wantRefused(t, "TicketSoldError input.ticketId")
		for range 2 { // the second changes nothing
			p := withdraw(t, operator, Vars{"ticketId": ticketID})
			if p.Ticket == nil || p.Ticket.Availability != "WITHDRAWN" || p.Ticket.Version != 2 || len(p.Errors) > 0 {
				t.Fatalf("got %+v %q", p.Ticket, p.errors())
			}
		}
		wantLogged(t, s, "tickets", "ticket withdrawn by an operator", byOperator,
			"ticket="+ticketID, "seller="+seller.UserID)
		Eventually(t, "orders handles ticket.withdrawn", func() bool {
			return s.Count(t, "orders", `SELECT count(*) FROM tickets WHERE id = $1 AND availability = 'withdrawn'`,
				ticketID) == 1
		})
		wantRefused(t, order(t, buyer, Vars{"ticketId": ticketID}), "TicketNotForSaleError")
	})
	t.Run("P11 refunds the payment of another buyer", func(t *testing.T) {
		r := refund(t, operator, Vars{"paymentId": paymentID})
		if r.Refund == nil || r.Refund.Status != "SUCCEEDED" {
			t.Fatalf("got %+v", r)
		}
		wantLogged(t, s, "payments", "refund requested by an operator", byOperator,
			"payment="+paymentID, "refund="+r.Refund.ID)
		ended := awaitStatus(t, buyer, complete.ID, "CANCELLED")
		if last := ended.History.Nodes[0]; last.Actor != "OPERATOR" || last.Reason == nil || *last.Reason != "REFUNDED" {
			t.Errorf("the history ends with %+v", last)
		}
	})
}
