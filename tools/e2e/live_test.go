package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/tools/internal/graphql"
)

const (
	orderUpdated   = `subscription($id: ID!) { orderUpdated(orderId: $id) { status version viewerCanPay ticket { title availability } history(first: 10) { nodes { to } } } }`
	ticketUpdated  = `subscription($id: ID!) { ticketUpdated(ticketId: $id) { title version availability reservation { heldByViewer } } }`
	paymentUpdated = `subscription($id: ID!) { paymentUpdated(orderId: $id) { status order { id } } }`
)

// follower is one subscription of a client.
type follower struct {
	responses chan graphql.Response // closed at the end
	end       error                 // why it ended; nil when the router completed it
}

// next returns the next response, which must come.
func (f *follower) next(t *testing.T) graphql.Response {
	t.Helper()
	select {
	case r, ok := <-f.responses:
		if !ok {
			t.Fatalf("the stream ended: %v", f.end)
		}
		return r
	case <-time.After(patience):
		t.Fatalf("no response within %s", patience)
	}
	panic("unreachable")
}

// until reads responses until one contains the text.
func (f *follower) until(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(string(f.next(t).Data), text) {
	}
}

// ended waits for the end and returns why.
func (f *follower) ended(t *testing.T) error {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, ok := <-f.responses:
			if !ok {
				return f.end
			}
		case <-deadline:
			t.Fatalf("no end within %s", patience)
		}
	}
}

// transports are the protocols for subscriptions.
var transports = map[string]func(*testing.T, *Client, string, string) *follower{"socket": bySocket, "events": byEvents, "parts": byParts}

// bySocket subscribes over a WebSocket. The handshake carries a browser's cookies, the first message a bearer token.
func bySocket(t *testing.T, c *Client, query, id string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, c.Endpoint, &websocket.DialOptions{ //nolint:bodyclose // Dial closes it
		Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: &http.Client{Jar: c.HTTP.Jar},
	})
	if err != nil {
		t.Fatalf("open socket: %v", err)
	}
	initial := Vars{"type": "connection_init"}
	if c.Bearer != "" {
		initial["payload"] = Vars{"Authorization": "Bearer " + c.Bearer}
	}
	subscribe := Vars{"type": "subscribe", "id": "1", "payload": Vars{"query": query, "variables": Vars{"id": id}}}
	var ack struct{ Type string }
	if err := errors.Join(wsjson.Write(ctx, conn, initial), wsjson.Read(ctx, conn, &ack), wsjson.Write(ctx, conn, subscribe)); err != nil || ack.Type != "connection_ack" {
		t.Fatalf("initiate: got %q, %v", ack.Type, err)
	}
	f := &follower{responses: make(chan graphql.Response, 100)}
	go func() {
		defer close(f.responses)
		defer conn.CloseNow()
		for {
			var m struct {
				Type    string
				Payload json.RawMessage
			}
			if f.end = wsjson.Read(ctx, conn, &m); f.end != nil {
				return
			}
			switch m.Type {
			case "next":
				var r graphql.Response
				if f.end = json.Unmarshal(m.Payload, &r); f.end != nil {
					return
				}
				f.responses <- r
			case "complete":
				return
			default:
				f.end = fmt.Errorf("%s: %s", m.Type, m.Payload)
				return
			}
		}
	}()
	return f
}

// byEvents subscribes over server-sent events.
func byEvents(t *testing.T, c *Client, query, id string) *follower {
	t.Helper()
	body := stream(t, c, query, id, "text/event-stream")
	f := &follower{responses: make(chan graphql.Response, 100)}
	go func() {
		defer close(f.responses)
		lines := bufio.NewScanner(body)
		for lines.Scan() {
			if lines.Text() == "event: complete" {
				return
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var r graphql.Response
				if f.end = json.Unmarshal([]byte(data), &r); f.end != nil {
					return
				}
				f.responses <- r
			}
		}
		f.end = errors.Join(io.ErrUnexpectedEOF, lines.Err())
	}()
	return f
}

// byParts subscribes over Apollo's multipart protocol.
func byParts(t *testing.T, c *Client, query, id string) *follower {
	t.Helper()
	body := stream(t, c, query, id, "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json")
	f := &follower{responses: make(chan graphql.Response, 100)}
	go func() {
		defer close(f.responses)
		lines := bufio.NewScanner(body)
		for lines.Scan() {
			if lines.Text() == "--graphql--" {
				return
			}
			if !strings.HasPrefix(lines.Text(), "{") || lines.Text() == "{}" {
				continue
			}
			var part struct {
				Payload *graphql.Response
				Errors  graphql.Errors
			}
			if f.end = json.Unmarshal(lines.Bytes(), &part); f.end != nil {
				return
			}
			if part.Payload == nil {
				part.Payload = &graphql.Response{Errors: part.Errors}
			}
			f.responses <- *part.Payload
		}
		f.end = errors.Join(io.ErrUnexpectedEOF, lines.Err())
	}()
	return f
}

// stream returns the body of the response to a subscription, which ends with the test.
func stream(t *testing.T, c *Client, query, id, accept string) io.Reader {
	t.Helper()
	body, err := json.Marshal(Vars{"query": query, "variables": Vars{"id": id}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if c.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.Bearer)
	}
	resp, err := (&http.Client{Jar: c.HTTP.Jar}).Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("subscribe: %v, %v", resp, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp.Body
}

func TestLiveUpdates(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	people := map[string]func(*testing.T) *Client{"bearer": s.SignUp, "cookies": s.SignUpBrowser}
	for transport, follow := range transports {
		for credentials, signUp := range people {
			t.Run("O14 A13 an order until it is complete, "+transport+", "+credentials, func(t *testing.T) {
				t.Parallel()
				buyer := signUp(t)
				ticketID := sell(t, s, s.SignUp(t))
				shop := follow(t, s.Anonymous(), ticketUpdated, ticketID)
				if got := string(shop.next(t).Data); !strings.Contains(got, `"AVAILABLE"`) || !strings.Contains(got, `"reservation":null`) {
					t.Errorf("got first %s", got)
				}
				o := ordered(t, buyer, ticketID)
				live := follow(t, buyer, orderUpdated, o.ID)
				first := string(live.next(t).Data)
				if !strings.Contains(first, `"title":"Front row"`) {
					t.Errorf("got first %s, want the ticket's title from tickets", first)
				}
				if !strings.Contains(first, `"AWAITING_PAYMENT"`) {
					live.until(t, `"AWAITING_PAYMENT"`)
				}
				shop.until(t, `"RESERVED"`)
				paid(t, buyer, o.ID, "pm_card_visa")
				live.until(t, `"COMPLETE"`)
				shop.until(t, `"SOLD"`)
				payments := follow(t, buyer, paymentUpdated, o.ID)
				if got := string(payments.next(t).Data); !strings.Contains(got, `"SUCCEEDED"`) || !strings.Contains(got, o.ID) {
					t.Errorf("got %s", got)
				}
			})
		}
		t.Run("O6 missing and foreign objects, "+transport, func(t *testing.T) {
			t.Parallel()
			stranger := s.SignUp(t)
			o := ordered(t, s.SignUp(t), sell(t, s, s.SignUp(t)))
			for _, tt := range []struct {
				client          *Client
				query, id, code string
			}{
				{stranger, orderUpdated, o.ID, "NOT_FOUND"},
				{stranger, orderUpdated, id.New(id.Order), "NOT_FOUND"},
				{stranger, paymentUpdated, o.ID, "NOT_FOUND"},
				{stranger, ticketUpdated, "nonsense", "NOT_FOUND"},
				{s.Anonymous(), orderUpdated, o.ID, "UNAUTHENTICATED"},
				{s.Anonymous(), paymentUpdated, o.ID, "UNAUTHENTICATED"},
			} {
				f := follow(t, tt.client, tt.query, tt.id)
				r := f.next(t)
				if got := r.Errors.Codes(); !slices.Equal(got, []string{tt.code}) {
					t.Errorf("%s: got %v, want %s", tt.query, got, tt.code)
				}
				if err := f.ended(t); err != nil {
					t.Errorf("%s: ended with %v, want complete", tt.query, err)
				}
			}
		})
		t.Run("sign-out ends it, "+transport, func(t *testing.T) {
			t.Parallel()
			buyer := s.SignUp(t)
			o := ordered(t, buyer, sell(t, s, s.SignUp(t)))
			f := follow(t, buyer, orderUpdated, o.ID)
			f.until(t, `"AWAITING_PAYMENT"`)
			Must[any](t, buyer, `mutation { signOut { signedOut } }`, nil)
			wantSessionEnded(t, transport, f)
		})
	}
}

// With @defer, the part of another subgraph arrives later.
func TestDeferred(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller := s.SignUp(t)
	known := Must[struct{ User struct{ DisplayName string } }](t, s.Anonymous(), `query($id: ID!) { user(id: $id) { displayName } }`, Vars{"id": seller.UserID})
	body := stream(t, s.Anonymous(), `query($id: ID!) { ticket(id: $id) { title ... @defer { seller { displayName } } } }`, sell(t, s, seller),
		"multipart/mixed;deferSpec=20220824,application/json")
	const next = "\r\n---\r\nContent-Type: application/json\r\n\r\n"
	want := next + `{"data":{"ticket":{"title":"Front row"}},"hasNext":true}` + next +
		`{"incremental":[{"path":["ticket"],"data":{"seller":{"displayName":"` + known.User.DisplayName + `"}}}],"hasNext":false}` + "\r\n-----\r\n"
	if got, err := io.ReadAll(body); err != nil || string(got) != want {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

// wantSessionEnded fails the test unless the router ends the subscription because its session or token has ended.
func wantSessionEnded(t *testing.T, transport string, f *follower) {
	t.Helper()
	err := f.ended(t)
	if transport == "socket" && websocket.CloseStatus(err) != 4403 {
		t.Errorf("ended with %v, want close code 4403", err)
	}
	if transport != "socket" && err != nil {
		t.Errorf("ended with %v, want complete", err)
	}
}

// Subscriptions survive a restart of their subgraph and end with their token, their session or their router.
func TestLiveUpdatesGoOnAndEnd(t *testing.T) {
	t.Parallel()
	s := Shared(t).Variant(t, "auth.ACCESS_TOKEN_TTL=4s", "tickets")
	seller := s.SignUp(t)
	ticket := sell(t, s, seller)
	followers := map[string]*follower{}
	for transport, follow := range transports {
		buyer := s.SignUp(t)
		followers[transport] = follow(t, buyer, orderUpdated, ordered(t, buyer, sell(t, s, s.SignUp(t))).ID)
	}
	for transport, f := range followers {
		wantSessionEnded(t, transport, f) // the token expires
	}
	for transport, follow := range transports {
		followers[transport] = follow(t, s.Anonymous(), ticketUpdated, ticket)
		followers[transport].until(t, `"AVAILABLE"`)
	}
	tickets := s.Service("tickets")
	if err := errors.Join(tickets.Kill(), tickets.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	again := s.Anonymous()
	signIn := Must[struct {
		SignIn struct {
			Tokens struct{ AccessToken string }
		}
	}](t, again, `mutation($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } } }`,
		Vars{"input": Vars{"email": seller.Email, "password": seller.Password, "delivery": "BEARER"}})
	again.Bearer = signIn.SignIn.Tokens.AccessToken
	withdraw(t, again, Vars{"ticketId": ticket})
	for _, f := range followers {
		f.until(t, `"WITHDRAWN"`)
	}
	if err := s.Service("router").Stop(); err != nil {
		t.Errorf("stop the router: %v", err)
	}
	if err := followers["socket"].ended(t); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("socket ended with %v, want close code 1001", err)
	}
	for _, transport := range []string{"events", "parts"} {
		if err := followers[transport].ended(t); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s ended with %v, want an unexpected end, after which clients reconnect", transport, err)
		}
	}
}

// A change that one router and one process of each subgraph make reaches subscriptions at another router and other
// processes.
func TestLiveUpdatesOfAnotherReplica(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	router := s.Variant(t, "tickets", "orders", "payments")
	seller, buyer := s.SignUp(t), s.SignUp(t)
	onReplica := func(c *Client) *Client {
		other := *c
		other.Endpoint = router.Endpoint()
		return &other
	}
	for transport, follow := range transports {
		t.Run("O14 "+transport, func(t *testing.T) {
			ticketID := sell(t, s, seller)
			shop := follow(t, onReplica(s.Anonymous()), ticketUpdated, ticketID)
			shop.until(t, `"AVAILABLE"`)
			o := ordered(t, buyer, ticketID)
			live := follow(t, onReplica(buyer), orderUpdated, o.ID)
			live.until(t, `"AWAITING_PAYMENT"`)
			shop.until(t, `"RESERVED"`)
			p := paid(t, buyer, o.ID, visa)
			live.until(t, `"COMPLETE"`)
			shop.until(t, `"SOLD"`)
			payments := follow(t, onReplica(buyer), `subscription($id: ID!) { paymentUpdated(orderId: $id) { refundedAmount { minorUnits } } }`, o.ID)
			payments.until(t, `"minorUnits":0`)
			refund(t, seller, Vars{"paymentId": p.Payment.ID, "amount": Vars{"minorUnits": 500, "currency": "USD"}})
			payments.until(t, `"minorUnits":500`)
		})
	}
}
