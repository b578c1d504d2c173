package gatewaytest

import (
	"bufio"
	"bytes"
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// AcceptUpdates is the Accept header with which Apollo Client subscribes over HTTP.
const AcceptUpdates = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0," +
	"application/graphql-response+json,application/json;q=0.9"

// Parts is a multipart response that is being read.
type Parts struct {
	Response *http.Response

	w    *World
	text *bufio.Scanner
}

// Parts sends a request for a multipart response.
func (w *World) Parts(query string, variables map[string]any, accept string, header ...string) *Parts {
	w.t.Helper()
	req := w.Request(query, variables, append(header, "Accept", accept+",application/json")...).WithContext(w.t.Context())
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	media, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "multipart/mixed" {
		w.t.Fatalf("got %v of type %s", resp.Status, media)
	}
	p := &Parts{w: w, Response: resp, text: bufio.NewScanner(resp.Body)}
	boundary := []byte("\r\n--" + params["boundary"])
	p.text.Split(func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		if i := bytes.Index(data, boundary); i >= 0 { // a part is read when the next one is announced
			return i + len(boundary), data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	if !p.text.Scan() || p.text.Text() != "" {
		w.t.Fatalf("got a preamble: %q", p.text.Text())
	}
	return p
}

// End fails the test unless the response ends here, after the closing delimiter.
func (p *Parts) End() {
	p.w.t.Helper()
	if !p.text.Scan() || p.text.Text() != "--\r\n" || p.text.Scan() || p.text.Err() != nil {
		p.w.t.Errorf("got %q, %v, want the end", p.text.Text(), p.text.Err())
	}
}

// Next returns the next part.
func (p *Parts) Next() string {
	p.w.t.Helper()
	if !p.text.Scan() {
		p.w.t.Fatalf("no part: %v", p.text.Err())
	}
	header, body, _ := strings.Cut(p.text.Text(), "\r\n\r\n")
	if header != "\r\nContent-Type: application/json" {
		p.w.t.Fatalf("got header %q", header)
	}
	return body
}

// Want compares the next parts.
func (p *Parts) Want(want ...string) {
	p.w.t.Helper()
	for _, part := range want {
		if got := p.Next(); got != part {
			p.w.t.Errorf("got  %s\nwant %s", got, part)
		}
	}
}

// OrderUpdated is a subscription whose events need all three subgraphs.
const OrderUpdated = `subscription($id: ID!) { ` +
	`orderUpdated(id: $id) { id buyer { displayName } ticket { title total } } }`

// AnnasOrder is the response to OrderUpdated for anna and the order o1.
const AnnasOrder = `{"data":{"orderUpdated":{"id":"o1",` +
	`"buyer":{"displayName":"user anna"},"ticket":{"title":"ticket t1","total":2149}}}}`

// Socket opens a WebSocket and initiates it unless initial is empty.
func (w *World) Socket(initial string, header ...string) *websocket.Conn {
	w.t.Helper()
	h := http.Header{}
	for pair := range slices.Chunk(header, 2) {
		h.Set(pair[0], pair[1])
	}
	conn, resp, err := w.dial(h) //nolint:bodyclose // the library's
	if err != nil {
		w.t.Fatalf("open socket: %v, %v", resp, err)
	}
	w.t.Cleanup(func() { conn.CloseNow() })
	if initial != "" {
		w.SendText(conn, initial)
		w.Expect(conn, `{"type":"connection_ack"}`)
	}
	return conn
}

func (w *World) dial(header http.Header) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(w.t.Context(), w.Router.URL+"/graphql", &websocket.DialOptions{
		HTTPHeader: header, Subprotocols: []string{"graphql-transport-ws"},
	})
}

// SendText sends a message.
func (w *World) SendText(conn *websocket.Conn, text string) {
	w.t.Helper()
	if err := conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// Expect compares the next message.
func (w *World) Expect(conn *websocket.Conn, want string) {
	w.t.Helper()
	if _, got, err := conn.Read(context.Background()); err != nil || string(got) != want {
		w.t.Fatalf("got  %s, %v\nwant %s", got, err, want)
	}
}

// Subscribe starts the operation 1.
func (w *World) Subscribe(conn *websocket.Conn, query string, variables map[string]any) {
	w.t.Helper()
	payload := map[string]any{"query": query, "variables": variables}
	message := map[string]any{"type": "subscribe", "id": "1", "payload": payload}
	if err := wsjson.Write(context.Background(), conn, message); err != nil {
		w.t.Fatal(err)
	}
}

// Messages that initiate a WebSocket.
const (
	InitAnonymous = `{"type":"connection_init"}`
	InitAnna      = `{"type":"connection_init","payload":{"Authorization":"Bearer token-anna"}}`
)

// Next returns the message with a response to the operation 1.
func Next(response string) string { return `{"id":"1","type":"next","payload":` + response + `}` }

// Completed is the message that ends the operation 1.
const Completed = `{"id":"1","type":"complete"}`

// BySocket returns the first response or list of errors over a WebSocket, "" if the router closes it for a restart.
// Name is the user, "" when signed out.
func (w *World) BySocket(name, request string) string {
	conn, _, err := w.dial(nil) //nolint:bodyclose // the library's
	if err != nil {
		w.t.Error(err)
		return ""
	}
	defer conn.CloseNow()
	initiate := InitAnonymous
	if name != "" {
		initiate = `{"type":"connection_init","payload":{"Authorization":"Bearer token-` + name + `"}}`
	}
	for _, m := range []string{initiate, `{"id":"1","type":"subscribe","payload":` + request + `}`} {
		conn.Write(w.t.Context(), websocket.MessageText, []byte(m)) //nolint:errcheck // reading fails next
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

// ByEvents returns the first response of an event stream, "" if it ends without one.
func (w *World) ByEvents(name, request string) string {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	req := w.Raw(http.MethodPost, "/graphql", []byte(request),
		"Content-Type", "application/json", "Accept", "text/event-stream")
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
