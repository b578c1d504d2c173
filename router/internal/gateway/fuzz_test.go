package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
)

// FuzzRequest sends bodies and URLs. The response is always JSON, and nothing is the router's
// own fault.
func FuzzRequest(f *testing.F) {
	files, err := filepath.Glob("testdata/operations/*.graphql")
	if err != nil || len(files) == 0 {
		f.Fatalf("no operations: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a file of the test
		if err != nil {
			f.Fatal(err)
		}
		body, err := json.Marshal(map[string]any{"query": string(text), "variables": map[string]any{"id": "t1", "n": 2}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, "query="+url.QueryEscape(string(text)))
	}
	f.Add([]byte(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"abc"}}}`), `documentId=sha256:abc&extensions={}`)
	f.Add([]byte(`{"query":"query($i:TicketSort,$b:Boolean!){tickets(sort:$i){nodes{...@defer(if:$b){title}...F@skip(if:$b)}}}fragment F on Ticket{id}","variables":{"i":{"by":"PRICE"},"b":true}}`), `query={a}&variables={"a":[[1]]}`)
	f.Add([]byte(`{"query":"mutation{signIn(email:\"\"\"a\"b\"\"\",password:\"\\u{1F600}\"){token}createOrder(ticketId:1){id}}","operationName":null}`), `query=mutation{ping}`)
	w := gatewaytest.New(f, gatewaytest.Automatic)
	f.Fuzz(func(t *testing.T, body []byte, query string) {
		post := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
		post.Header.Set("Content-Type", "application/json")
		post.Header.Set("Authorization", "Bearer token-anna")
		get := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		get.URL.RawQuery = query
		for _, r := range []*http.Request{post, get} {
			out := httptest.NewRecorder()
			w.Gateway.ServeHTTP(out, r)
			var answer struct{ Data, Errors json.RawMessage }
			if err := json.Unmarshal(out.Body.Bytes(), &answer); err != nil || answer.Data == nil && answer.Errors == nil {
				t.Errorf("%s %q %q: got %s, %v", r.Method, body, query, out.Body, err)
			}
			if out.Code >= 500 {
				t.Errorf("%s %q %q: got %d %s", r.Method, body, query, out.Code, out.Body)
			}
		}
	})
}

// FuzzAccept sends Accept headers. The response is always JSON, or parts of it up to the last
// boundary.
func FuzzAccept(f *testing.F) {
	for _, accept := range []string{
		"", "*/*", "application/*;q=0.1", gatewaytest.AcceptUpdates, deferSpec, incrementalSpec + ", application/json;q=0",
		`multipart/mixed; boundary="-"; deferSpec="20220824";q=0.5,multipart/mixed;incrementalSpec=v0.2;q=.7`,
		"text/event-stream", "text/html, application/graphql-response+json;charset=utf-8", "multipart/mixed;deferSpec=;deferSpec=20220824;q=x",
	} {
		f.Add(accept)
	}
	w := gatewaytest.New(f)
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.URL.RawQuery = "query=" + url.QueryEscape(`{ ticket(id: "t1") { title ... @defer { total } } }`)
		r.Header.Set("Accept", accept)
		out := httptest.NewRecorder()
		w.Gateway.ServeHTTP(out, r)
		body := out.Body.String()
		media, params, _ := mime.ParseMediaType(out.Header().Get("Content-Type"))
		switch {
		case media == "multipart/mixed":
			if !strings.HasPrefix(body, "\r\n--"+params["boundary"]+"\r\n") || !strings.HasSuffix(body, `"hasNext":false}`+"\r\n--"+params["boundary"]+"--\r\n") {
				t.Errorf("%q: got %q", accept, body)
			}
		case media == "text/event-stream":
		case !json.Valid(out.Body.Bytes()) || out.Code != http.StatusOK && out.Code != http.StatusNotAcceptable:
			t.Errorf("%q: got %d %s", accept, out.Code, body)
		}
	})
}

// FuzzSocket sends messages to a WebSocket, one in each line, those that begin with a tab as binary ones, or the
// bytes as they are in place of frames. The socket is always closed with a code that its protocol
// knows, none of which says that the router is at fault, and nothing stays behind.
func FuzzSocket(f *testing.F) {
	for _, messages := range [][]string{
		{gatewaytest.InitAnna, `{"type":"ping","payload":{"a":1}}`, `{"type":"pong"}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription{orderUpdated(id:1){id buyer{displayName}ticket{title total}}}"}}`, gatewaytest.Completed},
		{gatewaytest.InitAnonymous, `{"id":"1","type":"subscribe","payload":{"query":"query($id:ID!){ticket(id:$id){title}}","variables":{"id":"t1"}}}`, `{"id":"2","type":"subscribe","payload":{"query":"mutation{ping}"}}`},
		{`{"type":"connection_init","payload":{"Authorization":"Bearer x"}}`},
		{`{"type":"connection_init","payload":null}`, gatewaytest.InitAnna},
		{gatewaytest.InitAnna, `{"id":"1","type":"subscribe","payload":{"query":"subscription{orderUpdated(id:\"broken\"){id}}"}}`, gatewaytest.Completed, `{"id":"1","type":"subscribe","payload":{"query":"subscription{orderUpdated(id:\"unknown\"){id}}"}}`},
		{gatewaytest.InitAnna, `{"id":"1","type":"subscribe","payload":{"query":"{__schema{types{name}}}","extensions":{"cost":true,"queryPlan":true}}}`, `{"id":"1","type":"subscribe","payload":{"query":"{"}}`},
		{gatewaytest.InitAnna, `{"id":"1","type":"subscribe","payload":{"documentId":"x"}}`, `{"id":"2","type":"subscribe","payload":{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}}`},
		{"\t" + gatewaytest.InitAnna}, {`{"id":"1","type":"subscribe","payload":{}}`}, {"\xff"}, {`[]`, `{"type":"start"}`}, nil,
	} {
		f.Add([]byte(strings.Join(messages, "\n")), false)
	}
	f.Add([]byte("\x81\x82\x00\x00\x00\x00{}\x88\x80\x00\x00\x00\x00"), true)               // a message, and good-bye
	f.Add([]byte("\x01\x81\x00\x00\x00\x00{\x80\xfe\xff\xff\x00\x00\x00\x00"), true)        // in parts, of which one is cut
	f.Add([]byte("\x89\x80\x00\x00\x00\x00\xf1\x80\x00\x00\x00\x00\x81\x01\x00\x00"), true) // a ping, reserved bits, and no mask
	w := gatewaytest.New(f, gatewaytest.Automatic, func(c *gateway.Config) {
		c.Upstream.Concurrency, c.Live.PerUser = 1, 1000
	})
	// Connections that wait for the next fetch, of which there is one for each subgraph, are no leak.
	most := runtime.NumGoroutine() + 5*3
	f.Fuzz(func(t *testing.T, sent []byte, raw bool) {
		frames := sent
		if !raw {
			frames = nil
			for m := range bytes.SplitSeq(sent, []byte("\n")) {
				opcode := textFrame
				if bytes.HasPrefix(m, []byte("\t")) {
					opcode = binaryFrame
				}
				frames = append(frames, frame(opcode, m)...)
			}
			frames = append(frames, frame(textFrame, []byte(`{"id":"last","type":"subscribe","payload":{"query":"{ticket(id:1){title}}"}}`))...)
		}
		code := converse(t, w, frames, !raw)
		switch code {
		case 1000, 1002, 1005, 1007, 1009, 4400, 4401, 4403, 4409, 4429:
		default:
			if !raw || code == 1011 || code == 4500 { // frames may say good-bye with a code of their own, which comes back
				t.Errorf("%q (raw: %v): closed with %d", sent, raw, code)
			}
		}
		eventually(t, "the goroutines of the socket have ended", func() bool { return runtime.NumGoroutine() <= most })
	})
}

// Kinds of frames.
const (
	textFrame   byte = 1
	binaryFrame byte = 2
	closeFrame  byte = 8
)

// frame returns one of a client (RFC 6455, 5.2), with a mask that changes nothing.
func frame(opcode byte, payload []byte) []byte {
	head := []byte{0x80 | opcode, 0x80 | 127}
	head = binary.BigEndian.AppendUint64(head, uint64(len(payload)))
	return append(append(head, 0, 0, 0, 0), payload...)
}

// converse opens a socket and sends frames. Then it waits for the end of the operation "last" and sends a close frame, or
// disconnects at once. It returns the close code of the router, 1005 without a close frame.
func converse(t *testing.T, w *gatewaytest.World, frames []byte, politely bool) int {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.Router.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // reading fails else
	io.WriteString(conn, "GET /graphql HTTP/1.1\r\nHost: router\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n")
	answers := bufio.NewReader(conn)
	resp, err := http.ReadResponse(answers, nil) //nolint:bodyclose // it has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: got %v, %v", resp, err)
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		conn.Write(frames)
		if !politely {
			conn.(*net.TCPConn).CloseWrite() //nolint:errcheck // likewise
		}
	})
	for {
		var head [2]byte
		if _, err := io.ReadFull(answers, head[:]); err != nil {
			return 1005
		}
		length := uint64(head[1]) // in one, three or nine bytes
		if size := map[byte]int{126: 2, 127: 8}[head[1]]; size > 0 {
			long := make([]byte, 8)
			if _, err := io.ReadFull(answers, long[8-size:]); err != nil {
				t.Fatalf("a frame is cut: %v", err)
			}
			length = binary.BigEndian.Uint64(long)
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(answers, payload); err != nil {
			t.Fatalf("a frame is cut: %v", err)
		}
		switch {
		case head[0] == 0x80|closeFrame && length >= 2:
			return int(binary.BigEndian.Uint16(payload))
		case bytes.HasPrefix(payload, []byte(`{"id":"last","type":"complete"`)), bytes.HasPrefix(payload, []byte(`{"id":"last","type":"error"`)):
			conn.Write(frame(closeFrame, []byte{0x03, 0xe8}))
		}
	}
}
