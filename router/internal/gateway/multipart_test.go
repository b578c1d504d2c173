package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const acceptUpdates = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9"

// parts is a multipart response that is being read.
type parts struct {
	w    *world
	resp *http.Response
	text *bufio.Scanner
}

// parts sends a request for a multipart response.
func (w *world) parts(query string, variables map[string]any, accept string, header ...string) *parts {
	w.t.Helper()
	req := w.request(query, variables, append(header, "Accept", accept+",application/json")...).WithContext(w.t.Context())
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	media, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "multipart/mixed" {
		w.t.Fatalf("got %v of type %s", resp.Status, media)
	}
	p := &parts{w: w, resp: resp, text: bufio.NewScanner(resp.Body)}
	boundary := []byte("\r\n--" + params["boundary"])
	p.text.Split(func(data []byte, _ bool) (advance int, token []byte, err error) {
		if i := bytes.Index(data, boundary); i >= 0 { // a part is read when the next one is announced
			return i + len(boundary), data[:i], nil
		}
		return 0, nil, nil
	})
	if !p.text.Scan() || p.text.Text() != "" {
		w.t.Fatalf("got a preamble: %q", p.text.Text())
	}
	return p
}

// next returns the next part.
func (p *parts) next() string {
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

// want compares the next part.
func (p *parts) want(want ...string) {
	p.w.t.Helper()
	for _, part := range want {
		if got := p.next(); got != part {
			p.w.t.Errorf("got  %s\nwant %s", got, part)
		}
	}
}

// updates subscribes to anna's order.
func (w *world) updates(header ...string) *parts {
	w.t.Helper()
	p := w.parts(orderUpdated, map[string]any{"id": "o1"}, acceptUpdates, append(as("anna"), header...)...)
	if got, want := p.resp.Header.Get("Content-Type"), `multipart/mixed; boundary="graphql"; subscriptionSpec=1.0`; got != want {
		w.t.Errorf("Content-Type: got %s, want %s", got, want)
	}
	return p
}

func TestMultipartSubscriptions(t *testing.T) {
	t.Parallel()
	update := `{"payload":` + annasOrder + `}`
	t.Run("each event is completed from other subgraphs, until the subgraph says that it is over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.updates()
		p.want(update)
		w.orders.Change()
		p.want(update)
		w.orders.Complete()
		p.want(update)
		if rest, err := io.ReadAll(p.resp.Body); err != nil || len(rest) > 0 {
			t.Errorf("got %q, %v", rest, err)
		}
	})
	t.Run("over GET, as Apollo Client does with useGETForQueries", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		query := url.Values{"query": {orderUpdated}, "variables": {`{"id":"o1"}`}}
		w.orders.Complete()
		a := w.do(w.raw(http.MethodGet, "/graphql?"+query.Encode(), nil, append(as("anna"), "Accept", acceptUpdates)...))
		if want := "\r\n--graphql\r\nContent-Type: application/json\r\n\r\n" + update + "\r\n--graphql--\r\n"; a.body != want {
			t.Errorf("got  %q\nwant %q", a.body, want)
		}
	})
	t.Run("a browser's cookies, renewed with the answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.parts(orderUpdated, map[string]any{"id": "o1"}, acceptUpdates, "Cookie", "refresh=refresh-anna-1", "Origin", w.router.URL)
		p.want(update)
		if got := p.resp.Header.Values("Set-Cookie"); len(got) != 2 {
			t.Errorf("got cookies %q", got)
		}
	})
	t.Run("errors of execution are in the payload", func(t *testing.T) {
		t.Parallel()
		p := newWorld(t).parts(orderUpdated, map[string]any{"id": "unknown"}, acceptUpdates, as("anna")...)
		p.want(`{"payload":{"errors":[{"message":"There is no such order.","path":["orderUpdated"],"extensions":{"code":"NOT_FOUND"}}],"data":null}}`)
	})
	t.Run("an anonymous caller gets UNAUTHENTICATED", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.parts(orderUpdated, map[string]any{"id": "o1"}, acceptUpdates)
		p.want(`{"payload":{"errors":[{"message":"Sign in first.","path":["orderUpdated"],"extensions":{"code":"UNAUTHENTICATED"}}],"data":null}}`)
		if n := len(w.orders.Requests()); n > 0 {
			t.Errorf("orders was asked %d times", n)
		}
	})
	t.Run("the cost comes with each payload", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		body, err := json.Marshal(map[string]any{"query": `subscription { orderUpdated(id: "o1") { id } }`, "extensions": map[string]any{"cost": true}})
		if err != nil {
			t.Fatal(err)
		}
		w.orders.Complete()
		a := w.do(w.raw(http.MethodPost, "/graphql", body, append(as("anna"), "Content-Type", "application/json", "Accept", acceptUpdates)...))
		if want := `{"payload":{"data":{"orderUpdated":{"id":"o1"}},"extensions":{"cost":{"estimated":1,"limit":5000}}}}`; !strings.Contains(a.body, want) {
			t.Errorf("got %q, want %s in it", a.body, want)
		}
	})
	for name, c := range map[string]struct {
		query  string
		header []string
		status int
		code   string
	}{
		"a document that is not valid": {`subscription { nonsense }`, []string{"Accept", acceptUpdates}, 400, "GRAPHQL_VALIDATION_FAILED"},
		"another version":              {orderUpdated, []string{"Accept", "multipart/mixed;subscriptionSpec=2.0, application/json"}, 400, "OPERATION_TYPE_UNSUPPORTED"},
		"no version":                   {orderUpdated, []string{"Accept", "multipart/mixed, application/json"}, 400, "OPERATION_TYPE_UNSUPPORTED"},
		"another site's page":          {orderUpdated, []string{"Accept", acceptUpdates, "Origin", "https://evil.example", "Cookie", "access=token-anna"}, 403, "CROSS_ORIGIN_REFUSED"},
	} {
		t.Run(name+" is refused in JSON", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if a := w.query(c.query, map[string]any{"id": "o1"}, c.header...); a.status != c.status || a.code() != c.code {
				t.Errorf("got %d: %s", a.status, a.body)
			}
			w.untouched()
		})
	}
	t.Run("a query is answered in JSON", func(t *testing.T) {
		t.Parallel()
		a := newWorld(t).query(`{ ticket(id: "t1") { title } }`, nil, "Accept", acceptUpdates)
		if got := a.header.Get("Content-Type"); got != "application/graphql-response+json; charset=utf-8" || a.body != `{"data":{"ticket":{"title":"ticket t1"}}}` {
			t.Errorf("got %s: %s", got, a.body)
		}
	})
}
