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
	"boxoffice.dev/router/internal/subgraphtest"
)

const orderUpdated = `subscription($id: ID!) { orderUpdated(id: $id) { id buyer { displayName } ticket { title total } } }`

// annasOrder is made of the answers of all three subgraphs.
const annasOrder = `{"data":{"orderUpdated":{"id":"o1","buyer":{"displayName":"user anna"},"ticket":{"title":"ticket t1","total":2149}}}}`

// socket is a client's end of a WebSocket that has been initiated.
func (w *world) socket(initial string, header ...string) *websocket.Conn {
	w.t.Helper()
	h := http.Header{}
	for pair := range slices.Chunk(header, 2) {
		h.Set(pair[0], pair[1])
	}
	conn, resp, err := websocket.Dial(w.t.Context(), w.router.URL+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // the library's
		HTTPHeader: h, Subprotocols: []string{"graphql-transport-ws"},
	})
	if err != nil {
		w.t.Fatalf("open socket: %v, %v", resp, err)
	}
	w.t.Cleanup(func() { conn.CloseNow() })
	if initial != "" {
		w.sendText(conn, initial)
		w.expect(conn, `{"type":"connection_ack"}`)
	}
	return conn
}

func (w *world) sendText(conn *websocket.Conn, text string) {
	w.t.Helper()
	if err := conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) expect(conn *websocket.Conn, want string) {
	w.t.Helper()
	if _, got, err := conn.Read(context.Background()); err != nil || string(got) != want {
		w.t.Fatalf("got  %s, %v\nwant %s", got, err, want)
	}
}

func (w *world) subscribe(conn *websocket.Conn, query string, variables map[string]any) {
	w.t.Helper()
	if err := wsjson.Write(context.Background(), conn, map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": query, "variables": variables}}); err != nil {
		w.t.Fatal(err)
	}
}

const (
	initAnonymous = `{"type":"connection_init"}`
	initAnna      = `{"type":"connection_init","payload":{"Authorization":"Bearer token-anna"}}`
)

func next(response string) string { return `{"id":"1","type":"next","payload":` + response + `}` }

const completed = `{"id":"1","type":"complete"}`

var o1 = map[string]any{"id": "o1"} // variables of orderUpdated

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	t.Run("other subgraphs complete each event, until the subgraph completes the stream", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnna)
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(annasOrder))
		w.orders.Change()
		w.expect(conn, next(annasOrder))
		w.orders.Complete()
		w.expect(conn, next(annasOrder))
		w.expect(conn, completed)
		for _, r := range slices.Concat(w.orders.Requests(), w.tickets.Requests(), w.auth.Requests()) {
			if got := r.Header.Get("Authorization"); got != "Bearer token-anna" {
				t.Errorf("%s was asked with Authorization %q", r.Query, got)
			}
		}
	})
	t.Run("a browser's cookies, renewed with the handshake", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnonymous, "Cookie", "refresh=refresh-anna-1", "Origin", w.router.URL)
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(annasOrder))
	})
	t.Run("a bearer token wins over cookies", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnna, "Cookie", "access=token-bob", "Origin", w.router.URL)
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(annasOrder))
	})
	t.Run("queries and mutations", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnonymous)
		w.subscribe(conn, `query($id: ID!) { ticket(id: $id) { title } }`, map[string]any{"id": "t1"})
		w.expect(conn, next(`{"data":{"ticket":{"title":"ticket t1"}}}`))
		w.expect(conn, completed)
		w.subscribe(conn, `mutation { ping }`, nil)
		w.expect(conn, next(`{"data":{"ping":true}}`))
		w.expect(conn, completed)
	})
	t.Run("a broken stream of a subgraph is reconnected", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnna)
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(annasOrder))
		again := make(chan struct{}, 1)
		w.orders.Watch(func(r subgraphtest.Request) {
			if strings.Contains(r.Query, "subscription") {
				again <- struct{}{}
			}
		})
		w.orders.CloseClientConnections()
		<-again
		w.orders.Change()
		w.expect(conn, next(annasOrder))
	})
	t.Run("a silent stream of a subgraph is reconnected", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *gateway.Config) { c.Upstream.Silence = 50 * time.Millisecond })
		first(w.orders, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(rw, "event: next\ndata: {\"data\":{\"orderUpdated\":{\"id\":\"old\",\"buyer\":{\"__typename\":\"User\",\"id\":\"anna\"},\"ticket\":{\"__typename\":\"Ticket\",\"id\":\"t1\"}}}}\n\n")
			http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		})
		conn := w.socket(initAnna)
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(strings.Replace(annasOrder, "o1", "old", 1)))
		w.expect(conn, next(annasOrder))
	})
}

func TestSubscriptionErrors(t *testing.T) {
	t.Parallel()
	t.Run("a malformed request closes the socket", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for payload, reason := range map[string]string{
			`{}`:                                     "query is missing",
			`{"query":1}`:                            "query must be a string",
			`{"query":"{a}","operationName":{}}`:     "operationName must be a string",
			`{"query":"{a}","variables":[]}`:         "variables must be an object",
			`{"query":"{a}","extensions":"x"}`:       "extensions must be an object",
			`{"query":"{a}","documentId":"sha256:"}`: "documentId must not be combined with query or persistedQuery",
		} {
			conn := w.socket(initAnonymous)
			w.sendText(conn, `{"id":"1","type":"subscribe","payload":`+payload+`}`)
			_, text, err := conn.Read(context.Background())
			var closed websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != 4400 || closed.Reason != reason {
				t.Errorf("%s: got %s, %v, want 4400 %s", payload, text, err, reason)
			}
		}
		w.untouched()
	})
	t.Run("errors", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		failed := func(message, extensions string) string {
			return next(fmt.Sprintf(`{"errors":[{"message":%q,"path":["orderUpdated"],"extensions":{"code":%q}}],"data":null}`, message, extensions))
		}
		anonymous, anna := w.socket(initAnonymous), w.socket(initAnna)
		w.subscribe(anonymous, orderUpdated, o1)
		w.expect(anonymous, failed("Sign in first.", "UNAUTHENTICATED"))
		w.expect(anonymous, completed)
		w.untouchedBySubscriptions()
		w.subscribe(anna, orderUpdated, map[string]any{"id": "unknown"})
		w.expect(anna, failed("There is no such order.", "NOT_FOUND"))
	})
	t.Run("fields that the client may not read are null in every event", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		const request = `{"query":"subscription { orderUpdated(id: \"o1\") { id ticket { ...M } } } fragment M on Ticket { m: margin }"}`
		for name, want := range map[string]string{
			"olga": `{"data":{"orderUpdated":{"id":"o1","ticket":{"m":3}}}}`,
			"anna": `{"errors":[{"message":"You may not do this.","path":["orderUpdated","ticket","m"],"extensions":{"code":"FORBIDDEN"}}],"data":{"orderUpdated":{"id":"o1","ticket":{"m":null}}}}`,
		} {
			for transport, got := range map[string]string{"socket": w.bySocket(name, request), "events": w.byEvents(name, request)} {
				if got != want {
					t.Errorf("%s, %s: got %s, want %s", name, transport, got, want)
				}
			}
		}
		if n := len(w.tickets.Requests()); n != 2 {
			t.Errorf("tickets was asked %d times, want one for each permitted client", n)
		}
	})
	t.Run("a subgraph that never sends a valid response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnna)
		w.orders.Answer(func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "<html>", http.StatusBadGateway) })
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(`{"errors":[{"message":"Part of the service is unavailable. Try again.","path":["orderUpdated"],"extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}],"data":null}`))
		w.expect(conn, completed)
	})
	t.Run("a subgraph that does not come back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *gateway.Config) { c.Upstream.Resume = 0 })
		conn := w.socket(initAnna)
		w.subscribe(conn, orderUpdated, o1)
		w.expect(conn, next(annasOrder))
		w.orders.CloseClientConnections()
		w.expect(conn, next(`{"errors":[{"message":"Part of the service is unavailable. Try again.","path":["orderUpdated"],"extensions":{"code":"SUBGRAPH_UNAVAILABLE"}}],"data":null}`))
		w.expect(conn, completed)
	})
}

func TestConnectionChecks(t *testing.T) {
	t.Parallel()
	t.Run("limits apply", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket(initAnonymous)
		for query, code := range map[string]string{
			`{ ticket(id: "1") { nonsense } }`:  "GRAPHQL_VALIDATION_FAILED",
			`{`:                                 "GRAPHQL_PARSE_FAILED",
			`{ tickets(first: 101) { total } }`: "BAD_USER_INPUT",
			`{ ` + strings.Repeat("ping ", 5001) + `}`:                 "TOKEN_LIMIT_EXCEEDED",
			`subscription { orderUpdated(id: "1") { id } __typename }`: "GRAPHQL_VALIDATION_FAILED",
		} {
			w.subscribe(conn, query, nil)
			var m struct {
				Type    string
				Payload []struct{ Extensions struct{ Code string } }
			}
			if err := wsjson.Read(context.Background(), conn, &m); err != nil || m.Type != "error" || m.Payload[0].Extensions.Code != code {
				t.Errorf("%.80s: got %+v, %v, want error %s", query, m, err, code)
			}
		}
		w.untouched()
	})
	t.Run("another site's page", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(c *gateway.Config) { c.AllowedOrigins = append(c.AllowedOrigins, "https://shop.example") })
		for origin, status := range map[string]int{"https://evil.example": http.StatusForbidden, "null": http.StatusForbidden, "https://shop.example": http.StatusSwitchingProtocols} {
			_, resp, err := websocket.Dial(t.Context(), w.router.URL+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // the library's
				HTTPHeader: http.Header{"Origin": {origin}, "Sec-Fetch-Site": {"cross-site"}}, Subprotocols: []string{"graphql-transport-ws"},
			})
			if resp == nil || resp.StatusCode != status {
				t.Errorf("%s: got %v, %v, want %d", origin, resp, err, status)
			}
		}
	})
	t.Run("an invalid token", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		conn := w.socket("")
		w.sendText(conn, `{"type":"connection_init","payload":{"Authorization":"Bearer expired"}}`)
		if _, _, err := conn.Read(context.Background()); websocket.CloseStatus(err) != 4403 {
			t.Errorf("got %v, want 4403", err)
		}
	})
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body, err := json.Marshal(map[string]any{"query": orderUpdated, "variables": o1})
	if err != nil {
		t.Fatal(err)
	}
	post := append([]string{"Content-Type", "application/json", "Accept", "text/event-stream"}, as("anna")...)
	resp, err := http.DefaultTransport.RoundTrip(w.raw(http.MethodPost, "/graphql", body, post...))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "data: "+annasOrder {
	}
	w.orders.Complete()
	var rest []string
	for lines.Scan() {
		if lines.Text() != "" {
			rest = append(rest, lines.Text())
		}
	}
	if want := []string{"event: next", "data: " + annasOrder, "event: complete", "data:"}; !slices.Equal(rest, want) {
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
		a := w.do(w.raw(tt.method, strings.ReplaceAll(tt.path, " ", "%20"), nil, append([]string{"Accept", "text/event-stream"}, tt.header...)...))
		if a.status != tt.status || !strings.Contains(a.body, tt.body) {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.body, tt.status, tt.body)
		}
	}
}

func (w *world) untouchedBySubscriptions() {
	w.t.Helper()
	if got := w.orders.Requests(); len(got) > 0 {
		w.t.Errorf("orders was asked: %s", got[0].Query)
	}
}

// bySocket returns the first response or list of errors over a WebSocket, "" if the router closes it for a restart.
// Name is the user, "" when signed out.
func (w *world) bySocket(name, request string) string {
	conn, _, err := websocket.Dial(w.t.Context(), w.router.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}) //nolint:bodyclose // the library's
	if err != nil {
		w.t.Error(err)
		return ""
	}
	defer conn.CloseNow()
	initiate := initAnonymous
	if name != "" {
		initiate = `{"type":"connection_init","payload":{"Authorization":"Bearer token-` + name + `"}}`
	}
	for _, m := range []string{initiate, `{"id":"1","type":"subscribe","payload":` + request + `}`} {
		conn.Write(w.t.Context(), websocket.MessageText, []byte(m))
	}
	for {
		_, text, err := conn.Read(w.t.Context())
		if websocket.CloseStatus(err) == websocket.StatusGoingAway {
			return ""
		}
		if err != nil {
			w.t.Error(err)
			return ""
		}
		if _, payload, ok := strings.Cut(string(text), `"payload":`); ok {
			return payload[:len(payload)-1]
		}
	}
}

// byEvents returns the first response of an event stream, "" if it ends without one.
func (w *world) byEvents(name, request string) string {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	req := w.raw(http.MethodPost, "/graphql", []byte(request), "Content-Type", "application/json", "Accept", "text/event-stream")
	if name != "" {
		req.Header.Set("Authorization", "Bearer token-"+name)
	}
	resp, err := http.DefaultTransport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		w.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return data
		}
	}
	return ""
}
