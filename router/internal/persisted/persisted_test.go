package persisted_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/persisted"
)

var sum, byHash = gatewaytest.Hash, gatewaytest.ByHash

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gatewaytest.Automatic)
	const document, want = `query T($id: ID!) { ticket(id: $id) { id } }`, `{"data":{"ticket":{"id":"t7"}}}`
	id := sum(document)
	get := func(params url.Values, header ...string) gatewaytest.Response {
		return w.Do(w.Raw(http.MethodGet, "/graphql?"+params.Encode(), nil, header...))
	}
	byURL := url.Values{"extensions": {byHash(id)}, "variables": {`{"id":"t7"}`}}

	if a := get(byURL); a.Status != 200 || a.Code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" {
		t.Errorf("unknown: got %d %s", a.Status, a.Body)
	}
	if a := get(byURL, "Accept", "application/graphql-response+json"); a.Status != 400 || a.Code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("unknown: got %d %s", a.Status, a.Body)
	}
	w.ExpectNoFetches()
	if a := w.Send(map[string]string{"query": `"` + document + `"`, "extensions": byHash(id), "variables": `{"id":"t7"}`}); a.Body != want {
		t.Errorf("registering: got %s", a.Body)
	}
	if a := get(byURL); a.Body != want {
		t.Errorf("GET by hash: got %s", a.Body)
	}
	for _, members := range []map[string]string{
		{"extensions": byHash(id)}, {"documentId": `"sha256:` + id + `"`}, {"documentId": `"` + id + `"`, "operationName": `"T"`},
	} {
		members["variables"] = `{"id":"t7"}`
		if a := w.Send(members); a.Body != want {
			t.Errorf("%v: got %s", members, a.Body)
		}
	}
	// A GET with cookies needs the preflight header for identifiers of documents, too.
	if a := get(byURL, "Cookie", "access=token-anna"); a.Status != 403 {
		t.Errorf("GET with cookies: got %d", a.Status)
	}
}

func TestPersistedQueryHashes(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gatewaytest.Automatic)
	const document = `{ ticket(id: \"t1\") { id } }`
	a := w.Send(map[string]string{"query": `"` + document + `"`, "extensions": byHash(sum("{ another }"))})
	if a.Status != 400 || a.Code() != "PERSISTED_QUERY_HASH_MISMATCH" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if a := w.Send(map[string]string{"extensions": byHash(sum("{ another }"))}); a.Code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("it was kept: got %s", a.Body)
	}
	const invalid = `{ nothing }`
	w.Send(map[string]string{"query": `"` + invalid + `"`, "extensions": byHash(sum(invalid))})
	if a := w.Send(map[string]string{"extensions": byHash(sum(invalid))}); a.Code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an invalid document was kept: got %s", a.Body)
	}
	for name, extensions := range map[string]string{
		"another version": strings.Replace(byHash(sum("{a}")), `"version":1`, `"version":2`, 1),
		"no hash":         `{"persistedQuery":{"version":1}}`,
		"another type":    `{"persistedQuery":"x"}`,
	} {
		if a := w.Send(map[string]string{"extensions": extensions}); a.Status != 400 || a.Code() != "BAD_REQUEST" {
			t.Errorf("%s: got %d %s", name, a.Status, a.Body)
		}
	}
	w.ExpectNoFetches()
	if a := w.Send(map[string]string{"query": `"{__typename}"`, "extensions": `{"persistedQuery":null}`}); a.Status != 200 {
		t.Errorf("null: got %d %s", a.Status, a.Body)
	}
}

func TestPersistedQueriesDisabled(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const document = `{ __typename }`
	for range 2 {
		if a := w.Send(map[string]string{"extensions": byHash(sum(document))}); a.Code() != "PERSISTED_QUERY_NOT_SUPPORTED" || a.Errors[0].Message != "PersistedQueryNotSupported" {
			t.Errorf("got %s", a.Body)
		}
		if a := w.Send(map[string]string{"query": `"` + document + `"`, "extensions": byHash(sum(document))}); a.Status != 200 || len(a.Errors) > 0 {
			t.Errorf("with its text: got %s", a.Body)
		}
	}
}

func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	const ticket, order = `query T { ticket(id: "t1") { id } }`, `mutation { createOrder(ticketId: "t1") { id } }`
	manifest := persisted.Manifest{}
	text, err := json.Marshal(map[string]string{"sha256:" + sum(ticket): ticket, "create-order": order, "outdated": "{ removed }"})
	if err != nil {
		t.Fatal(err)
	}
	if err := manifest.Read(text); err != nil {
		t.Fatal(err)
	}
	const ticketAnswer, orderAnswer = `{"data":{"ticket":{"id":"t1"}}}`, `{"data":{"createOrder":{"id":"new"}}}`
	named := []struct {
		members map[string]string
		want    string
	}{
		{map[string]string{"documentId": `"sha256:` + sum(ticket) + `"`}, ticketAnswer},
		{map[string]string{"extensions": byHash(sum(ticket))}, ticketAnswer},
		{map[string]string{"documentId": `"create-order"`}, orderAnswer},
		{map[string]string{"extensions": byHash("create-order")}, orderAnswer}, // Apollo's clients send any identifier there
		{map[string]string{"documentId": `"sha256:` + sum(order) + `"`}, orderAnswer},
		{map[string]string{"query": `"query T { ticket(id: \"t1\") { id } }"`}, ticketAnswer},
	}
	const stranger = `{ __typename }`
	t.Run("beside others", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, gatewaytest.Automatic, func(c *gateway.Config) { c.Persisted.Trusted = manifest })
		for _, c := range named {
			if a := w.Send(c.members, gatewaytest.As("anna")...); a.Body != c.want {
				t.Errorf("%v: got %s, want %s", c.members, a.Body, c.want)
			}
		}
		if a := w.Query(stranger, nil); a.Status != 200 {
			t.Errorf("another document: got %d %s", a.Status, a.Body)
		}
		if a := w.Do(w.Raw(http.MethodGet, "/graphql?documentId=create-order", nil, gatewaytest.As("anna")...)); a.Status != 405 {
			t.Errorf("a mutation by GET: got %d %s", a.Status, a.Body)
		}
		if a := w.Do(w.Raw(http.MethodGet, "/graphql?documentId=sha256:"+sum(ticket), nil)); a.Body != ticketAnswer {
			t.Errorf("GET: got %d %s", a.Status, a.Body)
		}
		for _, members := range []map[string]string{
			{"documentId": `"create-order"`, "query": `"{__typename}"`}, {"documentId": `"create-order"`, "extensions": byHash("create-order")},
			{"documentId": `7`}, {"documentId": `""`},
		} {
			if a := w.Send(members); a.Status != 400 || a.Code() != "BAD_REQUEST" {
				t.Errorf("%v: got %d %s", members, a.Status, a.Body)
			}
		}
		if a := w.Send(map[string]string{"documentId": `"outdated"`}); a.Code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("a document that no longer fits: got %s", a.Body)
		}
	})
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t, gatewaytest.Automatic, func(c *gateway.Config) { c.Persisted.Trusted, c.Persisted.Only = manifest, true })
		for _, members := range []map[string]string{
			{"query": `"{ __typename }"`}, {"query": `"{ __typename }"`, "extensions": byHash(sum(stranger))},
			{"query": `"query T { ticket(id: \"t1\") { id }}"`}, // not to the letter
			{"query": `"{ __schema { types { name } } }"`},
		} {
			if a := w.Send(members); a.Status != 403 || a.Code() != "DOCUMENT_NOT_TRUSTED" {
				t.Errorf("%v: got %d %s", members, a.Status, a.Body)
			}
		}
		for _, members := range []map[string]string{{"extensions": byHash(sum(stranger))}, {"documentId": `"unknown"`}} {
			if a := w.Send(members); a.Code() != "PERSISTED_QUERY_NOT_FOUND" {
				t.Errorf("%v: got %d %s", members, a.Status, a.Body)
			}
		}
		if a := w.Do(w.Raw(http.MethodGet, "/graphql?query=%7B__typename%7D", nil)); a.Status != 403 || a.Code() != "DOCUMENT_NOT_TRUSTED" {
			t.Errorf("GET: got %d %s", a.Status, a.Body)
		}
		for request, code := range map[string]string{
			`{"query":"{ __typename }"}`:                                   "DOCUMENT_NOT_TRUSTED",
			`{"documentId":"unknown"}`:                                     "PERSISTED_QUERY_NOT_FOUND",
			`{"query":"subscription { orderUpdated(id: \"o1\") { id } }"}`: "DOCUMENT_NOT_TRUSTED",
		} {
			for name, got := range map[string]string{"socket": w.BySocket("anna", request), "events": w.ByEvents("anna", request)} {
				if !strings.Contains(got, code) {
					t.Errorf("%s, %s: got %s, want %s", request, name, got, code)
				}
			}
		}
		w.ExpectNoFetches()
		for _, c := range named {
			if a := w.Send(c.members, gatewaytest.As("anna")...); a.Body != c.want {
				t.Errorf("%v: got %s, want %s", c.members, a.Body, c.want)
			}
			for name, got := range map[string]string{"socket": w.BySocket("anna", gatewaytest.Object(c.members)), "events": w.ByEvents("anna", gatewaytest.Object(c.members))} {
				if got != c.want {
					t.Errorf("%v, %s: got %s, want %s", c.members, name, got, c.want)
				}
			}
		}
	})
	t.Run("none, but nothing else", func(t *testing.T) {
		t.Parallel()
		cfg := gateway.Config{SDL: gatewaytest.SDL}
		cfg.Persisted.Only = true
		if _, err := gateway.New(t.Context(), cfg); err == nil {
			t.Error("a router started that can answer nothing")
		}
	})
}
