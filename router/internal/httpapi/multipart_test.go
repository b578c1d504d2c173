package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gatewaytest"
)

// updates subscribes to anna's order.
func updates(t *testing.T, w *gatewaytest.World, header ...string) *gatewaytest.Parts {
	t.Helper()
	p := w.Parts(gatewaytest.OrderUpdated, map[string]any{"id": "o1"}, gatewaytest.AcceptUpdates,
		append(gatewaytest.As("anna"), header...)...)
	if got, want := p.Response.Header.Get("Content-Type"), `multipart/mixed; boundary="graphql"; subscriptionSpec=1.0`; got != want {
		t.Errorf("Content-Type: got %s, want %s", got, want)
	}
	return p
}

func TestMultipartSubscriptions(t *testing.T) {
	t.Parallel()
	update := `{"payload":` + gatewaytest.AnnasOrder + `}`
	t.Run("each event is completed from other subgraphs, until the subgraph says that it is over", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		p := updates(t, w)
		p.Want(update)
		w.Orders.Change()
		p.Want(update)
		w.Orders.Complete()
		p.Want(update)
		p.End()
	})
	t.Run("over GET, as Apollo Client does with useGETForQueries", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		query := url.Values{"query": {gatewaytest.OrderUpdated}, "variables": {`{"id":"o1"}`}}
		w.Orders.Complete()
		a := w.Do(w.Raw(http.MethodGet, "/graphql?"+query.Encode(), nil,
			append(gatewaytest.As("anna"), "Accept", gatewaytest.AcceptUpdates)...))
		if want := "\r\n--graphql\r\nContent-Type: application/json\r\n\r\n" + update + "\r\n--graphql--\r\n"; a.Body != want {
			t.Errorf("got  %q\nwant %q", a.Body, want)
		}
	})
	t.Run("a browser's cookies, renewed with the answer", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		p := w.Parts(gatewaytest.OrderUpdated, map[string]any{"id": "o1"}, gatewaytest.AcceptUpdates, "Cookie", "refresh=refresh-anna-1", "Origin", w.Router.URL)
		p.Want(update)
		if got := p.Response.Header.Values("Set-Cookie"); len(got) != 2 {
			t.Errorf("got cookies %q", got)
		}
	})
	t.Run("errors of execution are in the payload", func(t *testing.T) {
		t.Parallel()
		p := gatewaytest.New(t).Parts(gatewaytest.OrderUpdated, map[string]any{"id": "unknown"}, gatewaytest.AcceptUpdates,
			gatewaytest.As("anna")...)
		p.Want(`{"payload":{"errors":[{"message":"There is no such order.","path":["orderUpdated"],"extensions":{"code":"NOT_FOUND"}}],"data":null}}`)
	})
	t.Run("an anonymous caller gets UNAUTHENTICATED", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		p := w.Parts(gatewaytest.OrderUpdated, map[string]any{"id": "o1"}, gatewaytest.AcceptUpdates)
		p.Want(`{"payload":{"errors":[{"message":"Sign in first.","path":["orderUpdated"],"extensions":{"code":"UNAUTHENTICATED"}}],"data":null}}`)
		if n := len(w.Orders.Requests()); n > 0 {
			t.Errorf("orders was asked %d times", n)
		}
	})
	t.Run("the cost comes with each payload", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		body, err := json.Marshal(map[string]any{"query": `subscription { orderUpdated(id: "o1") { id } }`, "extensions": map[string]any{"cost": true}})
		if err != nil {
			t.Fatal(err)
		}
		w.Orders.Complete()
		a := w.Do(w.Raw(http.MethodPost, "/graphql", body, append(gatewaytest.As("anna"), "Content-Type", "application/json", "Accept", gatewaytest.AcceptUpdates)...))
		if want := `{"payload":{"data":{"orderUpdated":{"id":"o1"}},"extensions":{"cost":{"estimated":1,"limit":5000}}}}`; !strings.Contains(a.Body, want) {
			t.Errorf("got %q, want %s in it", a.Body, want)
		}
	})
	for name, c := range map[string]struct {
		query  string
		header []string
		status int
		code   string
	}{
		"a document that is not valid": {`subscription { nonsense }`, []string{"Accept", gatewaytest.AcceptUpdates}, 400, "GRAPHQL_VALIDATION_FAILED"},
		"another version":              {gatewaytest.OrderUpdated, []string{"Accept", "multipart/mixed;subscriptionSpec=2.0, application/json"}, 400, "OPERATION_TYPE_UNSUPPORTED"},
		"no version":                   {gatewaytest.OrderUpdated, []string{"Accept", "multipart/mixed, application/json"}, 400, "OPERATION_TYPE_UNSUPPORTED"},
		"another site's page":          {gatewaytest.OrderUpdated, []string{"Accept", gatewaytest.AcceptUpdates, "Origin", "https://evil.example", "Cookie", "access=token-anna"}, 403, "CROSS_ORIGIN_REFUSED"},
	} {
		t.Run(name+" is refused in JSON", func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			if a := w.Query(c.query, map[string]any{"id": "o1"}, c.header...); a.Status != c.status || a.Code() != c.code {
				t.Errorf("got %d: %s", a.Status, a.Body)
			}
			w.ExpectNoFetches()
		})
	}
	t.Run("a query is answered in JSON", func(t *testing.T) {
		t.Parallel()
		a := gatewaytest.New(t).Query(`{ ticket(id: "t1") { title } }`, nil, "Accept", gatewaytest.AcceptUpdates)
		if got := a.Header.Get("Content-Type"); got != "application/graphql-response+json; charset=utf-8" || a.Body != `{"data":{"ticket":{"title":"ticket t1"}}}` {
			t.Errorf("got %s: %s", got, a.Body)
		}
	})
}
