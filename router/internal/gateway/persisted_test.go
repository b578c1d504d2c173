package gateway_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/persisted"
)

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// byHash is the extension in which Apollo Client sends the hash of a document.
func byHash(hash string) string {
	return `{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
}

func automatic(c *gateway.Config) { c.Persisted.Automatic = true }

// send posts a request with the given members, which are JSON.
func (w *world) send(members map[string]string, header ...string) answer {
	w.t.Helper()
	return w.do(w.raw(http.MethodPost, "/graphql", []byte(object(members)), append([]string{"Content-Type", "application/json"}, header...)...))
}

// object returns the JSON object with the given members.
func object(members map[string]string) string {
	var lines []string
	for name, value := range members {
		lines = append(lines, `"`+name+`":`+value)
	}
	return "{" + strings.Join(lines, ",") + "}"
}

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, automatic)
	const document, want = `query T($id: ID!) { ticket(id: $id) { id } }`, `{"data":{"ticket":{"id":"t7"}}}`
	id := sum(document)
	get := func(params url.Values, header ...string) answer {
		return w.do(w.raw(http.MethodGet, "/graphql?"+params.Encode(), nil, header...))
	}
	byURL := url.Values{"extensions": {byHash(id)}, "variables": {`{"id":"t7"}`}}

	if a := get(byURL); a.status != 200 || a.code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" {
		t.Errorf("unknown: got %d %s", a.status, a.body)
	}
	if a := get(byURL, "Accept", "application/graphql-response+json"); a.status != 400 || a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("unknown: got %d %s", a.status, a.body)
	}
	w.untouched()
	if a := w.send(map[string]string{"query": `"` + document + `"`, "extensions": byHash(id), "variables": `{"id":"t7"}`}); a.body != want {
		t.Errorf("registering: got %s", a.body)
	}
	if a := get(byURL); a.body != want {
		t.Errorf("GET by hash: got %s", a.body)
	}
	for _, members := range []map[string]string{
		{"extensions": byHash(id)}, {"documentId": `"sha256:` + id + `"`}, {"documentId": `"` + id + `"`, "operationName": `"T"`},
	} {
		members["variables"] = `{"id":"t7"}`
		if a := w.send(members); a.body != want {
			t.Errorf("%v: got %s", members, a.body)
		}
	}
	// A GET with cookies needs the preflight header for identifiers of documents, too.
	if a := get(byURL, "Cookie", "access=token-anna"); a.status != 403 {
		t.Errorf("GET with cookies: got %d", a.status)
	}
}

func TestPersistedQueryHashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, automatic)
	const document = `{ ticket(id: \"t1\") { id } }`
	a := w.send(map[string]string{"query": `"` + document + `"`, "extensions": byHash(sum("{ another }"))})
	if a.status != 400 || a.code() != "PERSISTED_QUERY_HASH_MISMATCH" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := w.send(map[string]string{"extensions": byHash(sum("{ another }"))}); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("it was kept: got %s", a.body)
	}
	const invalid = `{ nothing }`
	w.send(map[string]string{"query": `"` + invalid + `"`, "extensions": byHash(sum(invalid))})
	if a := w.send(map[string]string{"extensions": byHash(sum(invalid))}); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
		t.Errorf("an invalid document was kept: got %s", a.body)
	}
	for name, extensions := range map[string]string{
		"another version": strings.Replace(byHash(sum("{a}")), `"version":1`, `"version":2`, 1),
		"no hash":         `{"persistedQuery":{"version":1}}`,
		"another type":    `{"persistedQuery":"x"}`,
	} {
		if a := w.send(map[string]string{"extensions": extensions}); a.status != 400 || a.code() != "BAD_REQUEST" {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	w.untouched()
	if a := w.send(map[string]string{"query": `"{__typename}"`, "extensions": `{"persistedQuery":null}`}); a.status != 200 {
		t.Errorf("null: got %d %s", a.status, a.body)
	}
}

func TestPersistedQueriesDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const document = `{ __typename }`
	for range 2 {
		if a := w.send(map[string]string{"extensions": byHash(sum(document))}); a.code() != "PERSISTED_QUERY_NOT_SUPPORTED" || a.Errors[0].Message != "PersistedQueryNotSupported" {
			t.Errorf("got %s", a.body)
		}
		if a := w.send(map[string]string{"query": `"` + document + `"`, "extensions": byHash(sum(document))}); a.status != 200 || len(a.Errors) > 0 {
			t.Errorf("with its text: got %s", a.body)
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
		w := newWorld(t, automatic, func(c *gateway.Config) { c.Persisted.Trusted = manifest })
		for _, c := range named {
			if a := w.send(c.members, as("anna")...); a.body != c.want {
				t.Errorf("%v: got %s, want %s", c.members, a.body, c.want)
			}
		}
		if a := w.query(stranger, nil); a.status != 200 {
			t.Errorf("another document: got %d %s", a.status, a.body)
		}
		if a := w.do(w.raw(http.MethodGet, "/graphql?documentId=create-order", nil, as("anna")...)); a.status != 405 {
			t.Errorf("a mutation by GET: got %d %s", a.status, a.body)
		}
		if a := w.do(w.raw(http.MethodGet, "/graphql?documentId=sha256:"+sum(ticket), nil)); a.body != ticketAnswer {
			t.Errorf("GET: got %d %s", a.status, a.body)
		}
		for _, members := range []map[string]string{
			{"documentId": `"create-order"`, "query": `"{__typename}"`}, {"documentId": `"create-order"`, "extensions": byHash("create-order")},
			{"documentId": `7`}, {"documentId": `""`},
		} {
			if a := w.send(members); a.status != 400 || a.code() != "BAD_REQUEST" {
				t.Errorf("%v: got %d %s", members, a.status, a.body)
			}
		}
		if a := w.send(map[string]string{"documentId": `"outdated"`}); a.code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("a document that no longer fits: got %s", a.body)
		}
	})
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automatic, func(c *gateway.Config) { c.Persisted.Trusted, c.Persisted.Only = manifest, true })
		for _, members := range []map[string]string{
			{"query": `"{ __typename }"`}, {"query": `"{ __typename }"`, "extensions": byHash(sum(stranger))},
			{"query": `"query T { ticket(id: \"t1\") { id }}"`}, // not to the letter
			{"query": `"{ __schema { types { name } } }"`},
		} {
			if a := w.send(members); a.status != 403 || a.code() != "DOCUMENT_NOT_TRUSTED" {
				t.Errorf("%v: got %d %s", members, a.status, a.body)
			}
		}
		for _, members := range []map[string]string{{"extensions": byHash(sum(stranger))}, {"documentId": `"unknown"`}} {
			if a := w.send(members); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
				t.Errorf("%v: got %d %s", members, a.status, a.body)
			}
		}
		if a := w.do(w.raw(http.MethodGet, "/graphql?query=%7B__typename%7D", nil)); a.status != 403 || a.code() != "DOCUMENT_NOT_TRUSTED" {
			t.Errorf("GET: got %d %s", a.status, a.body)
		}
		for request, code := range map[string]string{
			`{"query":"{ __typename }"}`:                                   "DOCUMENT_NOT_TRUSTED",
			`{"documentId":"unknown"}`:                                     "PERSISTED_QUERY_NOT_FOUND",
			`{"query":"subscription { orderUpdated(id: \"o1\") { id } }"}`: "DOCUMENT_NOT_TRUSTED",
		} {
			for name, got := range map[string]string{"socket": w.bySocket("anna", request), "events": w.byEvents("anna", request)} {
				if !strings.Contains(got, code) {
					t.Errorf("%s, %s: got %s, want %s", request, name, got, code)
				}
			}
		}
		w.untouched()
		for _, c := range named {
			if a := w.send(c.members, as("anna")...); a.body != c.want {
				t.Errorf("%v: got %s, want %s", c.members, a.body, c.want)
			}
			for name, got := range map[string]string{"socket": w.bySocket("anna", object(c.members)), "events": w.byEvents("anna", object(c.members))} {
				if got != c.want {
					t.Errorf("%v, %s: got %s, want %s", c.members, name, got, c.want)
				}
			}
		}
	})
	t.Run("none, but nothing else", func(t *testing.T) {
		t.Parallel()
		cfg := gateway.Config{SDL: string(read(t, "testdata/supergraph.graphql"))}
		cfg.Persisted.Only = true
		if _, err := gateway.New(t.Context(), cfg); err == nil {
			t.Error("a router started that can answer nothing")
		}
	})
}
