package gateway_test

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRequest sends bodies and URLs. Whatever they are, the answer is JSON, and nothing is the router's
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
	w := newWorld(f, automatic)
	f.Fuzz(func(t *testing.T, body []byte, query string) {
		post := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
		post.Header.Set("Content-Type", "application/json")
		post.Header.Set("Authorization", "Bearer token-anna")
		get := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		get.URL.RawQuery = query
		for _, r := range []*http.Request{post, get} {
			out := httptest.NewRecorder()
			w.gateway.ServeHTTP(out, r)
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

// FuzzAccept sends Accept headers. Whatever they are, the answer is JSON, or parts of it up to the last
// boundary.
func FuzzAccept(f *testing.F) {
	for _, accept := range []string{
		"", "*/*", "application/*;q=0.1", acceptUpdates, deferSpec, incrementalSpec + ", application/json;q=0",
		`multipart/mixed; boundary="-"; deferSpec="20220824";q=0.5,multipart/mixed;incrementalSpec=v0.2;q=.7`,
		"text/event-stream", "text/html, application/graphql-response+json;charset=utf-8", "multipart/mixed;deferSpec=;deferSpec=20220824;q=x",
	} {
		f.Add(accept)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.URL.RawQuery = "query=" + url.QueryEscape(`{ ticket(id: "t1") { title ... @defer { total } } }`)
		r.Header.Set("Accept", accept)
		out := httptest.NewRecorder()
		w.gateway.ServeHTTP(out, r)
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
