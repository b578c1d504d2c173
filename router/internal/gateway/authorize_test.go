package gateway_test

import (
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gatewaytest"
)

// A mutation that the caller may not execute reaches no subgraph; the others of the document do.
func TestADeniedMutationIsNeverSent(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	a := w.Query(`mutation { createOrder(ticketId: "t1") { id } ping again: createOrder(ticketId: "t2") { id } }`, nil)
	if got, want := gatewaytest.Compact(t, a.Data), `{"again":null,"createOrder":null,"ping":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(a.Errors) != 2 || a.Errors[0].Extensions.Code != "UNAUTHENTICATED" || gatewaytest.Compact(t, a.Errors[0].Path) != `["createOrder"]` {
		t.Errorf("got %s", a.Body)
	}
	if requests := w.Orders.Requests(); len(requests) != 1 || strings.Contains(requests[0].Query, "createOrder") {
		t.Errorf("orders was asked: %+v", requests)
	}
	a = w.Query(`mutation { createTicket(title: "x", price: 1) { id } }`, nil)
	if a.Code() != "UNAUTHENTICATED" || len(w.Tickets.Requests()) != 0 {
		t.Errorf("got %s after %d requests", a.Body, len(w.Tickets.Requests()))
	}
}

func TestScopesAreNeeded(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	const query = `{ ticket(id: "t1") { margin } }`
	for _, c := range []struct {
		header []string
		code   string
	}{{nil, "UNAUTHENTICATED"}, {gatewaytest.As("anna"), "FORBIDDEN"}} {
		if a := w.Query(query, nil, c.header...); a.Code() != c.code || gatewaytest.Compact(t, a.Data) != `{"ticket":{"margin":null}}` {
			t.Errorf("%v: got %s", c.header, a.Body)
		}
	}
	if a := w.Query(query, nil, gatewaytest.As("olga")...); a.Body != `{"data":{"ticket":{"margin":3}}}` {
		t.Errorf("operator: got %s", a.Body)
	}
}

// A fetch is not sent when the caller may read none of its fields. With other fields it is sent, and the subgraph
// authorizes them.
func TestNothingIsFetchedForDeniedFieldsAlone(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct {
		data    string
		fetches int
	}{
		`{ ticket(id: "t1") { margin } }`:                                            {`{"ticket":{"margin":null}}`, 1},
		`{ order(id: "o1") { ticket { margin } } }`:                                  {`{"order":{"ticket":{"margin":null}}}`, 0},
		`{ order(id: "o1") { ticket { ...M } } } fragment M on Ticket { m: margin }`: {`{"order":{"ticket":{"m":null}}}`, 0},
		`{ order(id: "o1") { ticket { title margin } } }`:                            {`{"order":{"ticket":{"margin":null,"title":"ticket t1"}}}`, 1},
	} {
		w := gatewaytest.New(t)
		a := w.Query(query, nil, gatewaytest.As("anna")...)
		if got := gatewaytest.Compact(t, a.Data); got != want.data || a.Code() != "FORBIDDEN" {
			t.Errorf("%s: got %s", query, a.Body)
		}
		if got := len(w.Tickets.Requests()); got != want.fetches {
			t.Errorf("%s: tickets was asked %d times, want %d", query, got, want.fetches)
		}
	}
}
