package httpapi_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/httpapi"
)

const simple = `{"query":"{ ticket(id: \"t1\") { id } }"}`

func TestOnlyJSONIsExecuted(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	multipart := "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + simple + "\r\n--x--\r\n"
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{"text/plain", "text/plain", simple, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"form", "application/x-www-form-urlencoded", "query=" + url.QueryEscape("{__typename}"), 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"multipart", "multipart/form-data; boundary=x", multipart, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"no content type", "", simple, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"another charset", "application/json; charset=utf-16", simple, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"a batch", "application/json", "[" + simple + "]", 400, "BAD_REQUEST"},
		{"empty", "application/json", "", 400, "BAD_REQUEST"},
		{"malformed", "application/json", `{"query": "s3cr3t`, 400, "BAD_REQUEST"},
		{"two values", "application/json", simple + simple, 400, "BAD_REQUEST"},
		{"null", "application/json", "null", 400, "BAD_REQUEST"},
		{"no query", "application/json", `{}`, 400, "BAD_REQUEST"},
		{"query of another type", "application/json", `{"query":{"s3cr3t":1}}`, 400, "BAD_REQUEST"},
		{"operationName of another type", "application/json", `{"query":"{__typename}","operationName":1}`, 400, "BAD_REQUEST"},
		{"variables as a string", "application/json", `{"query":"{__typename}","variables":"s3cr3t"}`, 400, "BAD_REQUEST"},
		{"extensions as an array", "application/json", `{"query":"{__typename}","extensions":[]}`, 400, "BAD_REQUEST"},
		{"more than 1 MiB", "application/json", `{"query":"` + strings.Repeat(" ", 1<<20) + `"}`, 413, "REQUEST_TOO_LARGE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := w.Raw(http.MethodPost, "/graphql", []byte(c.body))
			if c.contentType != "" {
				req.Header.Set("Content-Type", c.contentType)
			}
			a := w.Do(req)
			if a.Status != c.status || a.Code() != c.code {
				t.Errorf("got %d %s, want %d %s", a.Status, a.Code(), c.status, c.code)
			}
			if strings.Contains(a.Body, "s3cr3t") {
				t.Errorf("the answer repeats the request: %s", a.Body)
			}
		})
	}
	w.ExpectNoFetches()
}

func TestGETExecutesQueriesOnly(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	get := func(params url.Values, header ...string) gatewaytest.Response {
		return w.Do(w.Raw(http.MethodGet, "/graphql?"+params.Encode(), nil, header...))
	}
	a := get(url.Values{
		"query": {"query A($id: ID!) { ticket(id: $id) { id } } query B { viewer { email } }"}, "operationName": {"A"},
		"variables": {`{"id":"t7"}`}, "extensions": {`{}`},
	})
	if want := `{"data":{"ticket":{"id":"t7"}}}`; a.Status != 200 || a.Body != want {
		t.Errorf("got %d %s, want %s", a.Status, a.Body, want)
	}
	a = get(url.Values{"query": {`mutation { createOrder(ticketId: "t1") { id } }`}}, gatewaytest.As("anna")...)
	if a.Status != 405 || a.Header.Get("Allow") != "POST" {
		t.Errorf("mutation: got %d, Allow %q", a.Status, a.Header.Get("Allow"))
	}
	if a := w.Do(w.Raw(http.MethodGet, "/graphql?query={__typename}&variables=%zz", nil)); a.Status != 400 || a.Code() != "BAD_REQUEST" {
		t.Errorf("malformed URL: got %d %s", a.Status, a.Body)
	}
	for _, params := range []url.Values{{}, {"query": {"{__typename}"}, "variables": {"[]"}}, {"query": {"{__typename}"}, "extensions": {"x"}}} {
		if a := get(params); a.Status != 400 {
			t.Errorf("%v: got %d, want 400", params, a.Status)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch} {
		if a := w.Do(w.Raw(method, "/graphql?query=%7B__typename%7D", nil)); a.Status != 405 || a.Header.Get("Allow") == "" {
			t.Errorf("%s: got %d, Allow %q", method, a.Status, a.Header.Get("Allow"))
		}
	}
	if n := len(w.Orders.Requests()); n != 0 {
		t.Errorf("orders was asked %d times", n)
	}
}

func TestMediaTypesAndStatuses(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const plain, typed = "application/json; charset=utf-8", "application/graphql-response+json; charset=utf-8"
	const good, unparsable, invalid, wrongVariable = `{ ticket(id: "t1") { id } }`, `{ ticket(`, `{ nothing }`,
		`query($id: ID!) { ticket(id: $id) { id } }`
	const twoOperations = `query A { __typename } query B { __typename }`
	for _, c := range []struct {
		accept, query string
		status        int
		media         string
	}{
		{"", good, 200, plain},
		{"*/*", good, 200, plain},
		{"application/json", good, 200, plain},
		{"application/graphql-response+json", good, 200, typed},
		{"application/graphql-response+json, application/json;q=0.9", good, 200, typed},
		{"application/graphql-response+json;q=0.1, application/json;q=0.9", good, 200, plain},
		{"text/html, application/graphql-response+json; charset=utf-8", good, 200, typed},
		{"text/html", good, 406, plain},
		{"application/json;q=0", good, 406, plain},
		{"application/json;q=x", good, 406, plain},
		{"application/json, application/graphql-response+json", good, 200, plain},
		{"application/graphql-response+json, */*", good, 200, typed},
		{"*/*, application/graphql-response+json", good, 200, plain},
		{"application/json;q=0, */*;q=0.1", good, 200, typed},
		{"Application/GraphQL-Response+JSON;Q=1.0, application/*;q=0.9", good, 200, typed},
		{"application/json", unparsable, 200, plain},
		{"application/json", invalid, 200, plain},
		{"application/json", wrongVariable, 200, plain},
		{"application/json", twoOperations, 200, plain},
		{"application/graphql-response+json", unparsable, 400, typed},
		{"application/graphql-response+json", invalid, 400, typed},
		{"application/graphql-response+json", wrongVariable, 400, typed},
		{"application/graphql-response+json", twoOperations, 400, typed},
	} {
		a := w.Query(c.query, nil, "Accept", c.accept)
		if a.Status != c.status || a.Header.Get("Content-Type") != c.media {
			t.Errorf("Accept %q, %s: got %d %s, want %d %s", c.accept, c.query, a.Status, a.Header.Get("Content-Type"), c.status, c.media)
		}
		if c.query != good && (a.Errors == nil || strings.Contains(a.Body, `"data"`)) {
			t.Errorf("%s: want errors without data, got %s", c.query, a.Body)
		}
	}
}

func TestAcceptOnSeveralLines(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(`{ __typename }`, nil, "Accept", "text/html", "Accept", "application/graphql-response+json")
	if got := a.Header.Get("Content-Type"); got != "application/graphql-response+json; charset=utf-8" {
		t.Errorf("got %d %s", a.Status, got)
	}
}

func TestInvalidBodies(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) { c.Limits.Body = 100 })
	if a := w.Query(`{ __typename }`, nil, "Content-Encoding", "gzip"); a.Status != 415 || a.Code() != "UNSUPPORTED_MEDIA_TYPE" {
		t.Errorf("compressed: got %d %s", a.Status, a.Body)
	}
	if a := w.Query(`{ __typename }`, nil, "Content-Encoding", "identity"); a.Status != 200 {
		t.Errorf("identity: got %d %s", a.Status, a.Body)
	}
	body := func(size int) []byte {
		return []byte(`{"query":"{__typename` + strings.Repeat(" ", size-len(`{"query":"{__typename}"}`)) + `}"}`)
	}
	for _, c := range []struct{ size, status int }{{100, 200}, {101, 413}} {
		req := w.Raw(http.MethodPost, "/graphql", body(c.size), "Content-Type", "application/json")
		if a := w.Do(req); a.Status != c.status {
			t.Errorf("%d bytes: got %d %s, want %d", c.size, a.Status, a.Body, c.status)
		}
		req = w.Raw(http.MethodPost, "/graphql", body(c.size), "Content-Type", "application/json")
		req.ContentLength = -1 // sent in chunks
		if a := w.Do(req); a.Status != c.status {
			t.Errorf("%d bytes in chunks: got %d %s, want %d", c.size, a.Status, a.Body, c.status)
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	const large = `{ tickets(first: 50) { nodes { id title price currency } } }`
	zipped := func(t *testing.T, w *gatewaytest.World, query string, header ...string) bool {
		t.Helper()
		plain := w.Query(query, nil, gatewaytest.As("anna")...)
		a := w.Query(query, nil, append(gatewaytest.As("anna"), header...)...)
		if vary := a.Header.Get("Vary"); !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s %v: got Vary %q", query, header, vary)
		}
		body := []byte(a.Body)
		gz := a.Header.Get("Content-Encoding") == "gzip"
		if gz {
			r, err := gzip.NewReader(strings.NewReader(a.Body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
			if len(a.Body) > len(body)/2 {
				t.Errorf("%d bytes became %d", len(body), len(a.Body))
			}
		}
		if string(body) != plain.Body {
			t.Errorf("%s %v: got %s, want %s", query, header, body, plain.Body)
		}
		return gz
	}
	w := gatewaytest.New(t)
	for range 3 { // writers are used again
		for accept, want := range map[string]bool{
			"gzip": true, "br, gzip;q=0.5": true, "*": true, "GZIP": true,
			"": false, "identity": false, "br": false, "gzip;q=0": false, "*, gzip;q=0": false,
		} {
			if got := zipped(t, w, large, "Accept-Encoding", accept); got != want {
				t.Errorf("Accept-Encoding %q: compressed is %t, want %t", accept, got, want)
			}
		}
	}
	for name, query := range map[string]string{
		"a small answer":           `{ ticket(id: "t1") { id } }`,
		"the answer to a mutation": `mutation { createTicket(title: "` + strings.Repeat("x", 5000) + `", price: 1) { title } }`,
	} {
		if zipped(t, w, query, "Accept-Encoding", "gzip") {
			t.Errorf("%s is compressed", name)
		}
	}
	off := gatewaytest.New(t, func(c *gateway.Config) { c.Compression = false })
	if zipped(t, off, large, "Accept-Encoding", "gzip") {
		t.Error("compressed although it is off")
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(`{ viewer { email } }`, nil, gatewaytest.As("anna")...)
	if got := a.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("X-Content-Type-Options: %q", got)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %q", got)
	}
}

func TestCrossOriginRequests(t *testing.T) {
	t.Parallel()
	const friend = "https://shop.example"
	w := gatewaytest.New(t, func(c *gateway.Config) { c.AllowedOrigins = []httpapi.Origin{friend} })
	get := func(header ...string) *http.Request {
		return w.Raw(http.MethodGet, "/graphql?query=%7Bviewer%7Bemail%7D%7D", nil, header...)
	}
	post := func(header ...string) *http.Request { return w.Request(`{ viewer { email } }`, nil, header...) }
	const session = "access=token-anna"
	for _, c := range []struct {
		name    string
		request *http.Request
		status  int
	}{
		{"own page", post("Cookie", session, "Origin", w.Router.URL, "Sec-Fetch-Site", "same-origin"), 200},
		{"allowed page", post("Cookie", session, "Origin", friend, "Sec-Fetch-Site", "cross-site"), 200},
		{"stranger's page", post("Cookie", session, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403},
		{"stranger's page, old browser", post("Cookie", session, "Origin", "https://evil.example"), 403},
		{"opaque origin", post("Cookie", session, "Origin", "null"), 403},
		{"no browser", post("Cookie", session), 200},
		{"stranger's page with a bearer token", post("Authorization", "Bearer token-anna", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 200},
		{"GET with cookies", get("Cookie", session), 403},
		{"GET with only a refresh cookie", get("Cookie", "refresh=refresh-anna"), 403},
		{"GET with cookies and a preflight header", get("Cookie", session, "GraphQL-Preflight", "1"), 200},
		{"GET with cookies and Apollo's header", get("Cookie", session, "Apollo-Require-Preflight", "true"), 200},
		{"GET without cookies", get(), 200},
		{"GET with a bearer token", get(gatewaytest.As("anna")...), 200},
	} {
		if a := w.Do(c.request); a.Status != c.status {
			t.Errorf("%s: got %d %s, want %d", c.name, a.Status, a.Body, c.status)
		}
	}
}

func TestCORSNamesExactOriginsOnly(t *testing.T) {
	t.Parallel()
	const friend = "https://shop.example"
	w := gatewaytest.New(t, func(c *gateway.Config) { c.AllowedOrigins = []httpapi.Origin{friend} })
	for _, c := range []struct{ origin, allowed string }{
		{friend, friend}, {"https://evil.example", ""}, {"https://shop.example.evil.example", ""}, {"http://shop.example", ""}, {"null", ""}, {"", ""},
	} {
		a := w.Do(w.Raw(http.MethodOptions, "/graphql", nil, "Origin", c.origin, "Access-Control-Request-Method", "POST"))
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != c.allowed {
			t.Errorf("origin %q: got Access-Control-Allow-Origin %q, want %q", c.origin, got, c.allowed)
		}
		if got := a.Header.Get("Access-Control-Allow-Credentials"); (got == "true") != (c.allowed != "") {
			t.Errorf("origin %q: got Access-Control-Allow-Credentials %q", c.origin, got)
		}
		if got := a.Header.Get("Vary"); !strings.Contains(got, "Origin") {
			t.Errorf("origin %q: got Vary %q", c.origin, got)
		}
	}
	for _, bad := range []string{"*", "shop.example", "https://shop.example/", "https://*.example"} {
		if err := new(httpapi.Origin).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("origin %q was accepted", bad)
		}
	}
}

func TestHeadersOfFetches(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	w.Query(`{ viewer { email } ticket(id: "t1") { id } }`, nil,
		"Authorization", "Bearer token-anna", "X-Service-Token", "forged", "X-User-Id", "olga", "X-Forwarded-For", "6.6.6.6",
		"Cookie", "access=token-olga; refresh=refresh-olga; other=1", "X-Refresh-Token", "mine", "X-Anything", "1")
	for name, s := range map[string]http.Header{"auth": w.Auth.Requests()[0].Header, "tickets": w.Tickets.Requests()[0].Header} {
		for header, want := range map[string]string{
			"X-Service-Token": gatewaytest.ServiceToken, "Authorization": "Bearer token-anna", "X-Forwarded-For": "127.0.0.1",
			"X-User-Id": "", "X-Anything": "", "Cookie": "", "Accept-Encoding": "",
			"X-Refresh-Token": map[string]string{"auth": "mine"}[name],
		} {
			if got := strings.Join(s.Values(header), "|"); got != want {
				t.Errorf("%s got %s: %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestForwardedForOfTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, func(c *gateway.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for i, c := range []struct{ sent, want string }{
		{"", "127.0.0.1"},
		{"203.0.113.9", "203.0.113.9"},
		{"6.6.6.6, 203.0.113.9, 10.0.0.3", "203.0.113.9"}, // what stands left of the first stranger is his own claim
		{"6.6.6.6, nonsense, 10.0.0.3", "10.0.0.3"},
	} {
		w.Query(`{ ticket(id: "t1") { id } }`, nil, "X-Forwarded-For", c.sent)
		if got := w.Tickets.Requests()[i].Header.Values("X-Forwarded-For"); len(got) != 1 || got[0] != c.want {
			t.Errorf("%q: got %q, want %q", c.sent, got, c.want)
		}
	}
}
