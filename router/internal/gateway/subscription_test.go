package gateway_test

import (
	"bufio"
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

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/subgraphtest"
)

var o1 = map[string]any{"id": "o1"} // variables of orderUpdated

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	t.Run("other subgraphs complete each event, until the subgraph completes the stream", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnna)
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
		w.Orders.Change()
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
		w.Orders.Complete()
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
		w.Expect(conn, gatewaytest.Completed)
		for _, r := range slices.Concat(w.Orders.Requests(), w.Tickets.Requests(), w.Auth.Requests()) {
			if got := r.Header.Get("Authorization"); got != "Bearer token-anna" {
				t.Errorf("%s was asked with Authorization %q", r.Query, got)
			}
		}
	})
	t.Run("a browser's cookies, renewed with the handshake", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnonymous, "Cookie", "refresh=refresh-anna-1", "Origin", w.Router.URL)
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
	})
	t.Run("a bearer token wins over cookies", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnna, "Cookie", "access=token-bob", "Origin", w.Router.URL)
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
	})
	t.Run("queries and mutations", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnonymous)
		w.Subscribe(conn, `query($id: ID!) { ticket(id: $id) { title } }`, map[string]any{"id": "t1"})
		w.Expect(conn, gatewaytest.Next(`{"data":{"ticket":{"title":"ticket t1"}}}`))
		w.Expect(conn, gatewaytest.Completed)
		w.Subscribe(conn, `mutation { ping }`, nil)
		w.Expect(conn, gatewaytest.Next(`{"data":{"ping":true}}`))
		w.Expect(conn, gatewaytest.Completed)
	})
	t.Run("a broken stream of a subgraph is reconnected", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnna)
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
		again := make(chan struct{}, 1)
		w.Orders.Watch(func(r subgraphtest.Request) {
			if strings.Contains(r.Query, "subscription") {
				again <- struct{}{}
			}
		})
		w.Orders.CloseClientConnections()
		<-again
		w.Orders.Change()
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
	})
	t.Run("a silent stream of a subgraph is reconnected", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, func(c *gateway.Config) { c.Upstream.Silence = 50 * time.Millisecond })
		gatewaytest.AnswerOnce(w.Orders, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(rw, "event: next\ndata: {\"data\":{\"orderUpdated\":{\"id\":\"old\",\"buyer\":{\"__typename\":\"User\",\"id\":\"anna\"},\"ticket\":{\"__typename\":\"Ticket\",\"id\":\"t1\"}}}}\n\n")
			http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		})
		conn := w.Socket(gatewaytest.InitAnna)
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(strings.Replace(gatewaytest.AnnasOrder, "o1", "old", 1)))
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
	})
}

func TestSubscriptionErrors(t *testing.T) {
	t.Parallel()
	t.Run("a malformed request closes the socket", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		for payload, reason := range map[string]string{
			`{}`:                                     "query is missing",
			`{"query":1}`:                            "query must be a string",
			`{"query":"{a}","operationName":{}}`:     "operationName must be a string",
			`{"query":"{a}","variables":[]}`:         "variables must be an object",
			`{"query":"{a}","extensions":"x"}`:       "extensions must be an object",
			`{"query":"{a}","documentId":"sha256:"}`: "documentId must not be combined with query or persistedQuery",
		} {
			conn := w.Socket(gatewaytest.InitAnonymous)
			w.SendText(conn, `{"id":"1","type":"subscribe","payload":`+payload+`}`)
			_, text, err := conn.Read(context.Background())
			var closed websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != 4400 || closed.Reason != reason {
				t.Errorf("%s: got %s, %v, want 4400 %s", payload, text, err, reason)
			}
		}
		w.ExpectNoFetches()
	})
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		failed := func(message, extensions string) string {
			return gatewaytest.Next(fmt.Sprintf(`{"errors":[{"message":%q,"path":["orderUpdated"],"extensions":{"code":%q}}],"data":null}`, message, extensions))
		}
		anonymous, anna := w.Socket(gatewaytest.InitAnonymous), w.Socket(gatewaytest.InitAnna)
		w.Subscribe(anonymous, gatewaytest.OrderUpdated, o1)
		w.Expect(anonymous, failed("Sign in first.", "UNAUTHENTICATED"))
		w.Expect(anonymous, gatewaytest.Completed)
		if got := w.Orders.Requests(); len(got) > 0 {
			t.Errorf("orders was asked: %s", got[0].Query)
		}
		w.Subscribe(anna, gatewaytest.OrderUpdated, map[string]any{"id": "unknown"})
		w.Expect(anna, failed("There is no such order.", "NOT_FOUND"))
	})
	t.Run("fields that the client may not read are null in every event", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		const request = `{"query":"subscription { orderUpdated(id: \"o1\") { id ticket { ...M } } } fragment M on Ticket { m: margin }"}`
		for name, want := range map[string]string{
			"olga": `{"data":{"orderUpdated":{"id":"o1","ticket":{"m":3}}}}`,
			"anna": `{"errors":[{"message":"You may not do this.","path":["orderUpdated","ticket","m"],"extensions":{"code":"FORBIDDEN"}}],"data":{"orderUpdated":{"id":"o1","ticket":{"m":null}}}}`,
		} {
			for transport, got := range map[string]string{"socket": w.BySocket(name, request), "events": w.ByEvents(name, request)} {
				if got != want {
					t.Errorf("%s, %s: got %s, want %s", name, transport, got, want)
				}
			}
		}
		if n := len(w.Tickets.Requests()); n != 2 {
			t.Errorf("tickets was asked %d times, want one for each permitted client", n)
		}
	})
	t.Run("a subgraph that never sends a valid response", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnna)
		w.Orders.Answer(func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "<html>", http.StatusBadGateway) })
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(`{"errors":[{"message":"Part of the service is unavailable. Try again.","path":["orderUpdated"],"extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}],"data":null}`))
		w.Expect(conn, gatewaytest.Completed)
	})
	t.Run("a subgraph that does not come back", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, func(c *gateway.Config) { c.Upstream.Resume = 0 })
		conn := w.Socket(gatewaytest.InitAnna)
		w.Subscribe(conn, gatewaytest.OrderUpdated, o1)
		w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
		w.Orders.CloseClientConnections()
		w.Expect(conn, gatewaytest.Next(`{"errors":[{"message":"Part of the service is unavailable. Try again.","path":["orderUpdated"],"extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}],"data":null}`))
		w.Expect(conn, gatewaytest.Completed)
	})
}

func TestConnectionChecks(t *testing.T) {
	t.Parallel()
	t.Run("limits apply", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket(gatewaytest.InitAnonymous)
		for query, code := range map[string]string{
			`{ ticket(id: "1") { nonsense } }`:  "GRAPHQL_VALIDATION_FAILED",
			`{`:                                 "GRAPHQL_PARSE_FAILED",
			`{ tickets(first: 101) { total } }`: "BAD_USER_INPUT",
			`{ ` + strings.Repeat("ping ", 5001) + `}`:                 "TOKEN_LIMIT_EXCEEDED",
			`subscription { orderUpdated(id: "1") { id } __typename }`: "GRAPHQL_VALIDATION_FAILED",
		} {
			w.Subscribe(conn, query, nil)
			var m struct {
				Type    string
				Payload []struct{ Extensions struct{ Code string } }
			}
			if err := wsjson.Read(context.Background(), conn, &m); err != nil || m.Type != "error" || m.Payload[0].Extensions.Code != code {
				t.Errorf("%.80s: got %+v, %v, want error %s", query, m, err, code)
			}
		}
		w.ExpectNoFetches()
	})
	t.Run("another site's page", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, func(c *gateway.Config) { c.AllowedOrigins = append(c.AllowedOrigins, "https://shop.example") })
		for origin, status := range map[string]int{"https://evil.example": http.StatusForbidden, "null": http.StatusForbidden, "https://shop.example": http.StatusSwitchingProtocols} {
			_, resp, err := websocket.Dial(t.Context(), w.Router.URL+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // the library's
				HTTPHeader: http.Header{"Origin": {origin}, "Sec-Fetch-Site": {"cross-site"}}, Subprotocols: []string{"graphql-transport-ws"},
			})
			if resp == nil || resp.StatusCode != status {
				t.Errorf("%s: got %v, %v, want %d", origin, resp, err, status)
			}
		}
	})
	t.Run("an invalid token", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		conn := w.Socket("")
		w.SendText(conn, `{"type":"connection_init","payload":{"Authorization":"Bearer expired"}}`)
		if _, _, err := conn.Read(context.Background()); websocket.CloseStatus(err) != 4403 {
			t.Errorf("got %v, want 4403", err)
		}
	})
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	body, err := json.Marshal(map[string]any{"query": gatewaytest.OrderUpdated, "variables": o1})
	if err != nil {
		t.Fatal(err)
	}
	post := append([]string{"Content-Type", "application/json", "Accept", "text/event-stream"}, gatewaytest.As("anna")...)
	resp, err := http.DefaultTransport.RoundTrip(w.Raw(http.MethodPost, "/graphql", body, post...))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "data: "+gatewaytest.AnnasOrder {
	}
	w.Orders.Complete()
	var rest []string
	for lines.Scan() {
		if lines.Text() != "" {
			rest = append(rest, lines.Text())
		}
	}
	if want := []string{"event: next", "data: " + gatewaytest.AnnasOrder, "event: complete", "data:"}; !slices.Equal(rest, want) {
		t.Errorf("got %q, want %q", rest, want)
	}
	for _, tt := range []struct {
		name, method, path string
		header             []string
		status             int
		body               string
	}{
		{"a query", "GET", `/graphql?query={ticket(id:"t1"){title}}`, nil, 200, `{"data":{"ticket":{"title":"ticket t1"}}}`},
		{"a refused document", "GET", `/graphql?query={nonsense}`, nil, 200, "GRAPHQL_VALIDATION_FAILED"},
		{"a mutation by GET", "GET", `/graphql?query=mutation{ping}`, nil, 405, "METHOD_NOT_ALLOWED"},
		{"cookies without the preflight header", "GET", `/graphql?query={ticket(id:"t1"){title}}`, []string{"Cookie", "access=token-anna"}, 403, "CROSS_ORIGIN_REFUSED"},
		{"cookies of a page of the same origin", "GET", `/graphql?query={ticket(id:"t1"){title}}`, []string{"Cookie", "access=token-anna", "Sec-Fetch-Site", "same-origin"}, 200, "ticket t1"},
	} {
		a := w.Do(w.Raw(tt.method, strings.ReplaceAll(tt.path, " ", "%20"), nil, append([]string{"Accept", "text/event-stream"}, tt.header...)...))
		if a.Status != tt.status || !strings.Contains(a.Body, tt.body) {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.Status, a.Body, tt.status, tt.body)
		}
	}
}
