package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Operations of the tests of orders, and their results.

const createTicket = `mutation($input: CreateTicketInput!) { createTicket(input: $input) {
	ticket { id version } errors { ... on UserError { code message } } } }`

const createOrder = `mutation($input: CreateOrderInput!) { createOrder(input: $input) {
	order { id status version title price { minorUnits currency } createdAt expiresAt secondsUntilExpiry viewerCanCancel viewerCanPay }
	errors { __typename ... on UserError { code path }
		... on TicketReservedError { ticket { id availability } }
		... on PriceChangedError { currentPrice { minorUnits } ticket { title } } } } }`

const cancelOrder = `mutation($input: CancelOrderInput!) { cancelOrder(input: $input) {
	order { id status version cancellation { reason } } errors { __typename ... on UserError { code } } } }`

const readOrder = `query($id: ID!) { order(id: $id) {
	id status version title price { minorUnits } cancellation { reason at } viewerCanCancel viewerCanPay secondsUntilExpiry
	ticket { id availability price { minorUnits } }
	history { nodes { actor from to reason requestId } } } }`

type orderData struct {
	ID, Status, Title, CreatedAt, ExpiresAt string
	Version, SecondsUntilExpiry             int
	ViewerCanCancel, ViewerCanPay           bool
	Price                                   struct {
		MinorUnits int
		Currency   string
	}
	Cancellation *struct{ Reason, At string }
	Ticket       struct {
		ID, Availability string
		Price            struct{ MinorUnits int }
	}
	History struct {
		Nodes []struct {
			Actor, To    string
			From, Reason *string
			RequestID    string
		}
	}
}

type typedError struct {
	Typename     string `json:"__typename"`
	Code         string
	Path         []string
	Ticket       struct{ ID, Availability, Title string }
	CurrentPrice struct{ MinorUnits int }
}

type orderPayload struct {
	Order  *orderData
	Errors []typedError
}

// sell lists a ticket at 19.99 and waits until it can be ordered.
func sell(t *testing.T, s *System, seller *Client) string {
	t.Helper()
	return priced(t, s, seller, 1999, "USD")
}

// priced is sell with another price.
func priced(t *testing.T, s *System, seller *Client, minorUnits int, currency string) string {
	t.Helper()
	data := Must[struct {
		CreateTicket struct{ Ticket *struct{ ID string } }
	}](t, seller, createTicket, Vars{"input": Vars{"title": "Front row", "price": Vars{"minorUnits": minorUnits, "currency": currency}}})
	if data.CreateTicket.Ticket == nil {
		t.Fatal("createTicket refused")
	}
	known(t, s, data.CreateTicket.Ticket.ID)
	return data.CreateTicket.Ticket.ID
}

// known waits until orders has the ticket in its replica.
func known(t *testing.T, s *System, ticketID string) {
	t.Helper()
	Eventually(t, "orders has "+ticketID, func() bool {
		return s.Count(t, "orders", `SELECT count(*) FROM tickets WHERE id = $1`, ticketID) == 1
	})
}

// order orders a ticket and returns the payload.
func order(t *testing.T, c *Client, input Vars) orderPayload {
	t.Helper()
	return Must[struct{ CreateOrder orderPayload }](t, c, createOrder, Vars{"input": input}).CreateOrder
}

// ordered is order, which must succeed.
func ordered(t *testing.T, c *Client, ticketID string) orderData {
	t.Helper()
	p := order(t, c, Vars{"ticketId": ticketID})
	if p.Order == nil || len(p.Errors) > 0 {
		t.Fatalf("createOrder refused: %+v", p.Errors)
	}
	return *p.Order
}

func cancel(t *testing.T, c *Client, orderID string) orderPayload {
	t.Helper()
	return Must[struct{ CancelOrder orderPayload }](t, c, cancelOrder, Vars{"input": Vars{"orderId": orderID}}).CancelOrder
}

// atVersion is read, once the order has the version.
func atVersion(t *testing.T, c *Client, orderID string, version int) orderData {
	t.Helper()
	var o orderData
	Eventually(t, fmt.Sprintf("%s has version %d", orderID, version), func() bool {
		o = Must[struct{ Order orderData }](t, c, strings.Replace(readOrder, "order(id: $id)", fmt.Sprintf("order(id: $id, atLeastVersion: %d)", version), 1),
			Vars{"id": orderID}).Order
		return o.Version >= version
	})
	return o
}

func read(t *testing.T, c *Client, orderID string) orderData {
	t.Helper()
	return Must[struct{ Order orderData }](t, c, readOrder, Vars{"id": orderID}).Order
}

func awaitStatus(t *testing.T, c *Client, orderID, status string) orderData {
	t.Helper()
	var o orderData
	Eventually(t, orderID+" becomes "+status, func() bool {
		o = read(t, c, orderID)
		return o.Status == status
	})
	return o
}

func availability(t *testing.T, s *System, ticketID string) string {
	t.Helper()
	return Must[struct{ Ticket struct{ Availability string } }](t, s.Anonymous(),
		`query($id: ID!) { ticket(id: $id) { availability } }`, Vars{"id": ticketID}).Ticket.Availability
}

func wantRefused(t *testing.T, p orderPayload, typename string) typedError {
	t.Helper()
	if p.Order != nil || len(p.Errors) != 1 || p.Errors[0].Typename != typename {
		t.Fatalf("got order %+v and errors %+v, want just %s", p.Order, p.Errors, typename)
	}
	return p.Errors[0]
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer, other := s.SignUp(t), s.SignUp(t), s.SignUp(t)

	t.Run("O1 signed out", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		for _, c := range []*Client{s.Anonymous(), s.Browser()} {
			WantCode(t, c.Do(t, createOrder, Vars{"input": Vars{"ticketId": ticketID}}), "UNAUTHENTICATED")
		}
		if n := s.Count(t, "orders", `SELECT count(*) FROM orders WHERE ticket_id = $1`, ticketID); n != 0 {
			t.Errorf("%d orders were stored", n)
		}
	})
	t.Run("O2 malformed or unknown ticket", func(t *testing.T) {
		for _, ticketID := range []string{"", "nonsense", "tkt_01h455vb4pex5vsknk084sn02q", buyer.UserID} {
			wantRefused(t, order(t, buyer, Vars{"ticketId": ticketID}), "TicketNotFoundError")
		}
	})
	t.Run("O4 O3 O5 O6 O7 O13 T5 T9 T10 an order from creation to cancellation", func(t *testing.T) {
		tap := s.Tap(t, "orders")
		ticketID := sell(t, s, seller)
		o := ordered(t, buyer, ticketID)
		created, err1 := time.Parse(time.RFC3339, o.CreatedAt)
		expires, err2 := time.Parse(time.RFC3339, o.ExpiresAt)
		if err1 != nil || err2 != nil || expires.Sub(created) != 15*time.Minute {
			t.Errorf("O4: got created %s and expires %s, want 15 minutes between", o.CreatedAt, o.ExpiresAt)
		}
		if o.Title != "Front row" || o.Price.MinorUnits != 1999 || o.Price.Currency != "USD" || !o.ViewerCanCancel || !o.ViewerCanPay {
			t.Errorf("O4: got %+v", o)
		}
		if o.SecondsUntilExpiry < 800 || o.SecondsUntilExpiry > 900 {
			t.Errorf("O13: got %d seconds until expiry", o.SecondsUntilExpiry)
		}
		refused := wantRefused(t, order(t, other, Vars{"ticketId": ticketID}), "TicketReservedError")
		if refused.Ticket.ID != ticketID || refused.Ticket.Availability == "" {
			t.Errorf("O3: the error carries %+v", refused.Ticket)
		}
		awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
		if got := availability(t, s, ticketID); got != "RESERVED" {
			t.Errorf("T9: the ticket is %s", got)
		}
		for _, orderID := range []string{o.ID, "ord_01h455vb4pex5vsknk084sn02q"} {
			if got := Must[struct{ Order *orderData }](t, other, readOrder, Vars{"id": orderID}); got.Order != nil {
				t.Errorf("O6: got %+v of %s, want null", got.Order, orderID)
			}
		}
		wantRefused(t, cancel(t, other, o.ID), "NotAuthorizedError")
		wantRefused(t, cancel(t, other, "ord_01h455vb4pex5vsknk084sn02q"), "OrderNotFoundError")

		for range 2 {
			p := cancel(t, buyer, o.ID)
			if len(p.Errors) > 0 || p.Order.Status != "CANCELLED" || p.Order.Cancellation.Reason != "BUYER_CANCELLED" || p.Order.Version != 3 {
				t.Fatalf("O7: got %+v %+v", p.Order, p.Errors)
			}
		}
		Eventually(t, "T10 the ticket is back on sale", func() bool { return availability(t, s, ticketID) == "AVAILABLE" })

		again := ordered(t, other, ticketID)
		tap.Wait(t, "order.created.v1", again.ID)
		if got, want := tap.Types(o.ID), []string{"order.created.v1", "order.awaiting_payment.v1", "order.cancelled.v1"}; !slices.Equal(got, want) {
			t.Errorf("O4 O7: events %v, want %v", got, want)
		}
		var history []string
		for _, e := range read(t, buyer, o.ID).History.Nodes {
			from := "nothing"
			if e.From != nil {
				from = *e.From
			}
			history = append(history, fmt.Sprintf("%s: %s to %s", e.Actor, from, e.To))
			if e.RequestID == "" {
				t.Errorf("O13: no request id in %+v", e)
			}
		}
		want := []string{"BUYER: AWAITING_PAYMENT to CANCELLED", "SYSTEM: CREATED to AWAITING_PAYMENT", "BUYER: nothing to CREATED"}
		if !slices.Equal(history, want) {
			t.Errorf("O13: history %q, want %q", history, want)
		}
	})
}

func TestOrdersOfAViewer(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, buyer, other := s.SignUp(t), s.SignUp(t), s.SignUp(t)

	t.Run("O5 exactly the viewer's orders, newest first, each with its ticket", func(t *testing.T) {
		me := s.SignUp(t)
		var want []string
		for range 3 {
			ticketID := sell(t, s, seller)
			want = append([]string{ordered(t, me, ticketID).ID + " " + ticketID}, want...)
		}
		type orders struct{ Nodes []orderData }
		const list = `orders { nodes { id ticket { id price { minorUnits } } } }`
		root := Must[struct{ Orders orders }](t, me, `{ `+list+` }`, nil).Orders
		viewer := Must[struct{ Viewer struct{ Orders orders } }](t, me, `{ viewer { `+list+` } }`, nil).Viewer.Orders
		for name, page := range map[string]orders{"orders": root, "viewer.orders": viewer} {
			var got []string
			for _, o := range page.Nodes {
				got = append(got, o.ID+" "+o.Ticket.ID)
				if o.Ticket.Price.MinorUnits != 1999 {
					t.Errorf("%s, ticket of %s: got %+v", name, o.ID, o.Ticket)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		WantCode(t, s.Anonymous().Do(t, `{ orders { nodes { id } } }`, nil), "UNAUTHENTICATED")
	})
	t.Run("O11 expected price, own ticket, repeated key", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		e := wantRefused(t, order(t, buyer, Vars{"ticketId": ticketID, "expectedPrice": Vars{"minorUnits": 5, "currency": "USD"}}), "PriceChangedError")
		if e.CurrentPrice.MinorUnits != 1999 || e.Ticket.Title != "Front row" {
			t.Errorf("got %+v", e)
		}
		wantRefused(t, order(t, seller, Vars{"ticketId": ticketID}), "OwnTicketError")
		in := Vars{"ticketId": ticketID, "expectedPrice": Vars{"minorUnits": 1999, "currency": "USD"}, "idempotencyKey": "one"}
		first, again := order(t, buyer, in), order(t, buyer, in)
		if first.Order == nil || again.Order == nil || first.Order.ID != again.Order.ID {
			t.Errorf("the repeated key: got %+v, then %+v", first, again)
		}
		in["ticketId"] = sell(t, s, seller)
		wantRefused(t, order(t, buyer, in), "IdempotencyKeyReusedError")
	})
	t.Run("O11 more than five unpaid orders", func(t *testing.T) {
		me := s.SignUp(t)
		for range 5 {
			ordered(t, me, sell(t, s, seller))
		}
		wantRefused(t, order(t, me, Vars{"ticketId": sell(t, s, seller)}), "TooManyActiveOrdersError")
	})
	t.Run("O13 viewerOrder and reservation on the ticket", func(t *testing.T) {
		ticketID := sell(t, s, seller)
		o := ordered(t, other, ticketID)
		const query = `query($id: ID!) { ticket(id: $id) { title viewerOrder { id } reservation { heldByViewer until } } }`
		type data struct {
			Ticket struct {
				ViewerOrder *struct{ ID string }
				Reservation *struct {
					HeldByViewer bool
					Until        string
				}
			}
		}
		mine := Must[data](t, other, query, Vars{"id": ticketID}).Ticket
		if mine.ViewerOrder == nil || mine.ViewerOrder.ID != o.ID || !mine.Reservation.HeldByViewer || mine.Reservation.Until != o.ExpiresAt {
			t.Errorf("the buyer sees %+v", mine)
		}
		for _, c := range []*Client{seller, s.Anonymous()} {
			if theirs := Must[data](t, c, query, Vars{"id": ticketID}).Ticket; theirs.ViewerOrder != nil || theirs.Reservation == nil || theirs.Reservation.HeldByViewer {
				t.Errorf("others see %+v", theirs)
			}
		}
	})
	t.Run("100 orders with their tickets cost one fetch from tickets", func(t *testing.T) {
		me, ticketID := s.SignUp(t), sell(t, s, seller)
		for range 100 {
			cancel(t, me, ordered(t, me, ticketID).ID)
		}
		r := me.Do(t, `{ orders(first: 100) { nodes { ticket { title } } } }`, nil)
		data := Decode[struct {
			Orders struct {
				Nodes []struct{ Ticket struct{ Title string } }
			}
		}](t, r)
		if n := len(data.Orders.Nodes); n != 100 || data.Orders.Nodes[99].Ticket.Title != "Front row" {
			t.Fatalf("got %d orders, errors %v", n, r.Errors)
		}
		log, err := os.ReadFile(s.Service("tickets").LogFile())
		if err != nil {
			t.Fatal(err)
		}
		fetches := 0
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, "msg=request") && strings.Contains(line, r.Header.Get("X-Request-Id")) {
				fetches++
			}
		}
		if fetches != 1 {
			t.Errorf("%d fetches, want 1", fetches)
		}
	})
}
