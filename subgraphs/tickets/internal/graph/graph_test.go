package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/internal/gqlserver/gqltest"
	"boxoffice.dev/subgraphs/tickets/internal/graph"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

// subgraph is the tickets subgraph with its own database. gqltest.Verify verifies access tokens.
type subgraph struct {
	t          *testing.T
	handler    http.Handler
	tickets    *ticket.Service
	pool       *pgxpool.Pool
	roundTrips atomic.Int32 // to Postgres so far
	onTrip     func()       // called before each
}

func (s *subgraph) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.trip()
	return ctx
}
func (*subgraph) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (s *subgraph) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	s.trip()
	return ctx
}
func (*subgraph) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*subgraph) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (s *subgraph) trip() {
	s.roundTrips.Add(1)
	s.onTrip()
}

func newSubgraph(t *testing.T) *subgraph {
	t.Helper()
	t.Parallel()
	s := &subgraph{t: t, onTrip: func() {}}
	s.pool = pgtest.NewTraced(t, s, outbox.Migrations(), inbox.Migrations(), ticket.Migrations())
	s.tickets = ticket.NewService(s.pool, outbox.New(s.pool), time.Now)
	s.handler = gqltest.New(graph.Schema(s.tickets))
	return s
}

// ask sends an operation of the viewer as the router does; "" is signed out.
func (s *subgraph) ask(viewer, query string, variables map[string]any) gqltest.Response {
	s.t.Helper()
	return s.askWithin(s.t.Context(), viewer, query, variables)
}

func (s *subgraph) askWithin(ctx context.Context, viewer, query string, variables map[string]any) gqltest.Response {
	s.t.Helper()
	return gqltest.Send(s.t, s.handler, gqltest.NewRequest(ctx, s.t, query, variables, gqltest.Bearer(viewer)))
}

func (s *subgraph) sell(seller, title string, cents int) ticket.Ticket {
	s.t.Helper()
	made, err := s.tickets.Create(s.t.Context(), seller, ticket.CreateInput{Title: title, Price: money.Money{MinorUnits: cents, Currency: "USD"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// reserve makes an unpaid order hold the ticket.
func (s *subgraph) reserve(made ticket.Ticket) {
	s.t.Helper()
	s.deliver(events.OrderCreated, events.Order{ID: id.New(id.Order), Version: 1, TicketID: made.ID, Title: made.Title, Price: made.Price})
}

// complete makes a complete order hold the ticket.
func (s *subgraph) complete(made ticket.Ticket) {
	s.t.Helper()
	s.deliver(events.OrderCompleted, events.Order{ID: id.New(id.Order), Version: 3, TicketID: made.ID, Title: made.Title, Price: made.Price})
}

func (s *subgraph) deliver(typ events.Type, o events.Order) {
	s.t.Helper()
	if err := s.tickets.Reactions().Deliver(s.t.Context(), events.New(typ, o)); err != nil {
		s.t.Fatal(err)
	}
}

func user() string { return id.New(id.User) }

const (
	errorFields = `errors { __typename ... on UserError { code path } ... on ValidationError { rule }
		... on TicketReservedError { ticket { availability } } ... on TicketSoldError { ticket { availability } } ... on StaleVersionError { currentVersion ticket { title } }`
	create = `mutation($input: CreateTicketInput!) { createTicket(input: $input) {
		ticket { version title price { minorUnits currency decimal } availability viewerCanUpdate viewerCannotUpdateReasons }
		errors { __typename ... on UserError { code path } ... on ValidationError { rule } } } }`
	update = `mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { title version } ` +
		errorFields + ` ... on TicketWithdrawnError { ticket { availability } } } } }`
	withdraw = `mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { availability version } errors {
		__typename ... on UserError { code path } ... on TicketReservedError { ticket { availability } } ... on TicketSoldError { ticket { availability } } ... on StaleVersionError { currentVersion ticket { title } } } } }`
)

func TestMutations(t *testing.T) {
	s := newSubgraph(t)
	seller := user()

	t.Run("T1 T6 signed out", func(t *testing.T) {
		offered := s.sell(seller, "Front row", 1999)
		for query, input := range map[string]map[string]any{
			create:   {"title": "Stolen", "price": map[string]any{"minorUnits": 1, "currency": "USD"}},
			update:   {"ticketId": offered.ID, "title": "Stolen"},
			withdraw: {"ticketId": offered.ID},
		} {
			for _, viewer := range []string{"", "forged"} {
				if a := s.ask(viewer, query, map[string]any{"input": input}); a.Codes() != "UNAUTHENTICATED" {
					t.Errorf("%q: got %+v", viewer, a)
				}
			}
		}
		var n int
		if err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM tickets WHERE title = 'Stolen'`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d tickets stored, error %v", n, err)
		}
	})
	t.Run("T3 create", func(t *testing.T) {
		a := s.ask(seller, create, map[string]any{"input": map[string]any{"title": " Front row ", "price": map[string]any{"minorUnits": 1999, "currency": "USD"}}})
		a.Want(t, "createTicket", `{"errors":[],"ticket":{"availability":"AVAILABLE","price":{"currency":"USD","decimal":"19.99","minorUnits":1999},`+
			`"title":"Front row","version":1,"viewerCanUpdate":true,"viewerCannotUpdateReasons":[]}}`)
	})
	t.Run("T2 create with several invalid fields", func(t *testing.T) {
		a := s.ask(seller, create, map[string]any{"input": map[string]any{"title": " ", "price": map[string]any{"minorUnits": 0, "currency": "usd"}}})
		a.Want(t, "createTicket", `{"errors":[`+
			`{"__typename":"ValidationError","code":"VALIDATION_FAILED","path":["input","title"],"rule":"blank"},`+
			`{"__typename":"ValidationError","code":"VALIDATION_FAILED","path":["input","price","minorUnits"],"rule":"min"},`+
			`{"__typename":"ValidationError","code":"VALIDATION_FAILED","path":["input","price","currency"],"rule":"currency"}],"ticket":null}`)
	})
	t.Run("T3 create with a reused key", func(t *testing.T) {
		in := map[string]any{"title": "Keyed", "price": map[string]any{"minorUnits": 1, "currency": "USD"}, "idempotencyKey": "k"}
		s.ask(seller, create, map[string]any{"input": in})
		in["title"] = "Other"
		s.ask(seller, create, map[string]any{"input": in}).Want(t, "createTicket",
			`{"errors":[{"__typename":"IdempotencyKeyReusedError","code":"IDEMPOTENCY_KEY_REUSED","path":["input","idempotencyKey"]}],"ticket":null}`)
	})
}

func TestRefusals(t *testing.T) {
	s := newSubgraph(t)
	seller := user()
	offered, held, sold, gone := s.sell(seller, "Offered", 1), s.sell(seller, "Held", 1), s.sell(seller, "Sold", 1), s.sell(seller, "Gone", 1)
	s.reserve(held)
	s.complete(sold)
	if _, err := s.tickets.Withdraw(t.Context(), ticket.Viewer{UserID: seller}, gone.ID, nil); err != nil {
		t.Fatal(err)
	}
	refused := func(errs string) string { return `{"errors":[` + errs + `],"ticket":null}` }
	for _, tt := range []struct {
		name, viewer, mutation, field string
		input                         map[string]any
		want                          string
	}{
		{"T6 update unknown", seller, update, "updateTicket", map[string]any{"ticketId": "nonsense", "title": "x"},
			refused(`{"__typename":"TicketNotFoundError","code":"TICKET_NOT_FOUND","path":["input","ticketId"]}`)},
		{"T6 update foreign", user(), update, "updateTicket", map[string]any{"ticketId": held.ID, "title": " "},
			refused(`{"__typename":"NotAuthorizedError","code":"NOT_AUTHORIZED","path":["input","ticketId"]}`)},
		{"T6 update with nothing", seller, update, "updateTicket", map[string]any{"ticketId": offered.ID, "title": nil},
			refused(`{"__typename":"ValidationError","code":"VALIDATION_FAILED","path":["input"],"rule":"required"}`)},
		{"T6 update held", seller, update, "updateTicket", map[string]any{"ticketId": held.ID, "title": "x"},
			refused(`{"__typename":"TicketReservedError","code":"TICKET_RESERVED","path":["input","ticketId"],"ticket":{"availability":"RESERVED"}}`)},
		{"T6 update sold", seller, update, "updateTicket", map[string]any{"ticketId": sold.ID, "title": "x"},
			refused(`{"__typename":"TicketSoldError","code":"TICKET_SOLD","path":["input","ticketId"],"ticket":{"availability":"SOLD"}}`)},
		{"T6 update withdrawn", seller, update, "updateTicket", map[string]any{"ticketId": gone.ID, "title": "x"},
			refused(`{"__typename":"TicketWithdrawnError","code":"TICKET_WITHDRAWN","path":["input","ticketId"],"ticket":{"availability":"WITHDRAWN"}}`)},
		{"T7 update stale", seller, update, "updateTicket", map[string]any{"ticketId": offered.ID, "title": "x", "expectedVersion": 9},
			refused(`{"__typename":"StaleVersionError","code":"STALE_VERSION","currentVersion":1,"path":["input","expectedVersion"],"ticket":{"title":"Offered"}}`)},
		{"T6 update", seller, update, "updateTicket", map[string]any{"ticketId": offered.ID, "title": "New", "expectedVersion": 1},
			`{"errors":[],"ticket":{"title":"New","version":2}}`},
		{"T12 withdraw unknown", seller, withdraw, "withdrawTicket", map[string]any{"ticketId": id.New(id.Ticket)},
			refused(`{"__typename":"TicketNotFoundError","code":"TICKET_NOT_FOUND","path":["input","ticketId"]}`)},
		{"T12 withdraw foreign", user(), withdraw, "withdrawTicket", map[string]any{"ticketId": offered.ID},
			refused(`{"__typename":"NotAuthorizedError","code":"NOT_AUTHORIZED","path":["input","ticketId"]}`)},
		{"T12 withdraw held", seller, withdraw, "withdrawTicket", map[string]any{"ticketId": held.ID},
			refused(`{"__typename":"TicketReservedError","code":"TICKET_RESERVED","path":["input","ticketId"],"ticket":{"availability":"RESERVED"}}`)},
		{"T12 withdraw sold", seller, withdraw, "withdrawTicket", map[string]any{"ticketId": sold.ID},
			refused(`{"__typename":"TicketSoldError","code":"TICKET_SOLD","path":["input","ticketId"],"ticket":{"availability":"SOLD"}}`)},
		{"T12 withdraw stale", seller, withdraw, "withdrawTicket", map[string]any{"ticketId": offered.ID, "expectedVersion": 1},
			refused(`{"__typename":"StaleVersionError","code":"STALE_VERSION","currentVersion":2,"path":["input","expectedVersion"],"ticket":{"title":"New"}}`)},
		{"T12 withdraw", seller, withdraw, "withdrawTicket", map[string]any{"ticketId": offered.ID, "expectedVersion": 2},
			`{"errors":[],"ticket":{"availability":"WITHDRAWN","version":3}}`},
		{"T12 withdraw again", seller, withdraw, "withdrawTicket", map[string]any{"ticketId": offered.ID, "expectedVersion": 2},
			`{"errors":[],"ticket":{"availability":"WITHDRAWN","version":3}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.ask(tt.viewer, tt.mutation, map[string]any{"input": tt.input}).Want(t, tt.field, tt.want)
		})
	}
}

func TestOperator(t *testing.T) {
	s := newSubgraph(t)
	offered, held := s.sell(user(), "Offered", 1), s.sell(user(), "Held", 1)
	s.reserve(held)
	operator := "operator " + user()
	const withdraw = `mutation($id: ID!) { withdrawTicket(input: {ticketId: $id}) { ticket { availability } errors { __typename } } }`
	t.Run("T12 withdraws any available ticket", func(t *testing.T) {
		s.ask(operator, withdraw, map[string]any{"id": offered.ID}).
			Want(t, "withdrawTicket", `{"errors":[],"ticket":{"availability":"WITHDRAWN"}}`)
	})
	t.Run("T12 withdraws no ticket that an order holds", func(t *testing.T) {
		s.ask(operator, withdraw, map[string]any{"id": held.ID}).
			Want(t, "withdrawTicket", `{"errors":[{"__typename":"TicketReservedError"}],"ticket":null}`)
	})
	t.Run("T6 cannot update a ticket of another seller", func(t *testing.T) {
		const update = `mutation($id: ID!) { updateTicket(input: {ticketId: $id, title: "New"}) { errors { __typename } } }`
		s.ask(operator, update, map[string]any{"id": held.ID}).Want(t, "updateTicket", `{"errors":[{"__typename":"NotAuthorizedError"}]}`)
	})
}

func TestTicket(t *testing.T) {
	s := newSubgraph(t)
	seller := user()
	made := s.sell(seller, "Front row", 1999)
	const query = `query($id: ID!) { ticket(id: $id) { __typename id title version availability createdAt updatedAt seller { id }
		price { minorUnits currency decimal } viewerCanUpdate viewerCannotUpdateReasons } }`

	for viewer, can := range map[string]string{
		seller:   `"viewerCanUpdate":true,"viewerCannotUpdateReasons":[]`,
		user():   `"viewerCanUpdate":false,"viewerCannotUpdateReasons":["NOT_OWNER"]`,
		"":       `"viewerCanUpdate":false,"viewerCannotUpdateReasons":["SIGNED_OUT"]`,
		"forged": `"viewerCanUpdate":false,"viewerCannotUpdateReasons":["SIGNED_OUT"]`,
	} {
		t.Run("T11 available for "+viewer, func(t *testing.T) {
			at := made.CreatedAt.Format("2006-01-02T15:04:05.000Z")
			s.ask(viewer, query, map[string]any{"id": made.ID}).Want(t, "ticket", fmt.Sprintf(`{"__typename":"Ticket","availability":"AVAILABLE",`+
				`"createdAt":%q,"id":%q,"price":{"currency":"USD","decimal":"19.99","minorUnits":1999},"seller":{"id":%q},"title":"Front row",`+
				`"updatedAt":%q,"version":1,%s}`, at, made.ID, seller, at, can))
		})
	}
	t.Run("T4 unknown or malformed", func(t *testing.T) {
		for _, ticketID := range []string{"", "x", id.New(id.Ticket), id.New(id.Order), "tkt_\x00", strings.Repeat("x", 5000)} {
			s.ask("", query, map[string]any{"id": ticketID}).Want(t, "ticket", `null`)
		}
	})
	t.Run("T5 T11 a reserved ticket is readable by id", func(t *testing.T) {
		s.reserve(made)
		const short = `query($id: ID!) { ticket(id: $id) { availability viewerCanUpdate viewerCannotUpdateReasons } tickets { nodes { id } } }`
		a := s.ask(seller, short, map[string]any{"id": made.ID})
		a.Want(t, "ticket", `{"availability":"RESERVED","viewerCanUpdate":false,"viewerCannotUpdateReasons":["RESERVED"]}`)
		a.Want(t, "tickets", `{"nodes":[]}`)
		s.ask("", short, map[string]any{"id": made.ID}).
			Want(t, "ticket", `{"availability":"RESERVED","viewerCanUpdate":false,"viewerCannotUpdateReasons":["SIGNED_OUT","RESERVED"]}`)
	})
}

func TestTickets(t *testing.T) {
	s := newSubgraph(t)
	seller := user()
	for i, title := range []string{"A", "B", "C"} {
		s.sell(seller, title, 10+i)
	}
	held := s.sell(user(), "D", 13)
	s.reserve(held)

	t.Run("T12 pages", func(t *testing.T) {
		const query = `query($after: String, $before: String, $first: Int, $last: Int) {
			tickets(first: $first, after: $after, last: $last, before: $before, sort: {field: TITLE, direction: ASC}) {
				totalCount edges { cursor node { title } } nodes { title } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
		first := s.ask("", query, map[string]any{"first": 2})
		var c struct {
			TotalCount int
			Edges      []struct {
				Cursor string
				Node   struct{ Title string }
			}
			Nodes    []struct{ Title string }
			PageInfo struct {
				HasNextPage, HasPreviousPage bool
				StartCursor, EndCursor       string
			}
		}
		if err := json.Unmarshal([]byte(first.At("tickets")), &c); err != nil {
			t.Fatal(err)
		}
		if c.TotalCount != 3 || len(c.Edges) != 2 || c.Nodes[0].Title != "A" || c.Edges[1].Node.Title != "B" || !c.PageInfo.HasNextPage ||
			c.PageInfo.HasPreviousPage || c.PageInfo.StartCursor != c.Edges[0].Cursor || c.PageInfo.EndCursor != c.Edges[1].Cursor {
			t.Errorf("got %+v %+v", c, first.Errors)
		}
		second := s.ask("", query, map[string]any{"first": 2, "after": c.PageInfo.EndCursor})
		second.Want(t, "tickets.nodes", `[{"title":"C"}]`)
		s.ask("", query, map[string]any{"last": 1, "before": c.PageInfo.EndCursor}).Want(t, "tickets.nodes", `[{"title":"A"}]`)
		empty := s.ask("", query, map[string]any{"first": 0})
		empty.Want(t, "tickets.pageInfo", `{"endCursor":null,"hasNextPage":true,"hasPreviousPage":false,"startCursor":null}`)
	})
	t.Run("T12 filters and sorts", func(t *testing.T) {
		for args, want := range map[string]string{
			``:                               "CBA",
			`filter: null`:                   "CBA",
			`filter: {}`:                     "CBA",
			`sort: null`:                     "CBA",
			`filter: {availabilities: null}`: "CBA",
			`filter: {availabilities: [RESERVED, SOLD]}`:                       "D",
			`filter: {availabilities: RESERVED}`:                               "D",
			`filter: {availabilities: [AVAILABLE, RESERVED, SOLD, WITHDRAWN]}`: "DCBA",
			`filter: {query: "b"}`:                                             "B",
			`filter: {query: null, sellerId: null}`:                            "CBA",
			`filter: {sellerId: "` + seller + `"}`:                             "CBA",
			`filter: {sellerId: "` + user() + `"}`:                             "",
			`filter: {minPrice: {minorUnits: 11, currency: "USD"}}`:            "CB",
			`filter: {maxPrice: {minorUnits: 11, currency: "USD"}}`:            "BA",
			`filter: {maxPrice: {minorUnits: 2147483648, currency: "USD"}}`:    "CBA",
			`filter: {minPrice: {minorUnits: 1, currency: "EUR"}}`:             "",
			`sort: {field: CREATED_AT, direction: ASC}`:                        "ABC",
			`sort: {field: PRICE, direction: DESC}`:                            "CBA",
			`sort: {field: PRICE, direction: ASC}, last: 2`:                    "BC",
			`sort: {field: TITLE, direction: DESC}, first: 2`:                  "CB",
		} {
			query := `{ tickets { nodes { title } } }`
			if args != "" {
				query = `{ tickets(` + args + `) { nodes { title } } }`
			}
			nodes := []string{}
			for title := range strings.SplitSeq(want, "") {
				nodes = append(nodes, `{"title":"`+title+`"}`)
			}
			a := s.ask("", query, nil)
			if got, want := a.At("tickets.nodes"), "["+strings.Join(nodes, ",")+"]"; got != want || len(a.Errors) > 0 {
				t.Errorf("%s: got %s %+v, want %s", args, got, a.Errors, want)
			}
		}
	})
	t.Run("T12 out of bounds", func(t *testing.T) {
		for _, args := range []string{
			"first: 101", "last: 101", "first: -1", "last: -1", "first: 1, last: 1", "first: 2147483647", `after: "x"`, `before: ""`,
			`after: "` + ticket.ByPrice.Cursor("1", "tkt_1") + `"`, `after: "` + ticket.ByCreation.Cursor("yesterday", "tkt_1") + `"`,
			`sort: {field: PRICE, direction: DESC}, after: "` + ticket.ByPrice.Cursor("1", "tkt_1") + `"`,
			`filter: {sellerId: "me"}`, `filter: {query: "\u0000"}`, `filter: {query: "` + strings.Repeat("x", 101) + `"}`,
			`filter: {availabilities: [SOLD, SOLD]}`, `filter: {availabilities: []}`, `filter: {minPrice: {minorUnits: 1, currency: "USD"}, maxPrice: {minorUnits: 2, currency: "EUR"}}`,
		} {
			if a := s.ask("", `{ tickets(`+args+`) { nodes { id } } }`, nil); a.Codes() != "BAD_USER_INPUT" || a.Data["tickets"] != nil {
				t.Errorf("%s: got %+v", args, a)
			}
		}
	})
	t.Run("T12 a count is made only when it is selected", func(t *testing.T) {
		for query, want := range map[string]int32{`{ tickets { nodes { id } } }`: 1, `{ tickets { totalCount } }`: 2} {
			before := s.roundTrips.Load()
			s.ask("", query, nil)
			if n := s.roundTrips.Load() - before; n != want {
				t.Errorf("%s: %d round trips, want %d", query, n, want)
			}
		}
	})
}

func TestEntities(t *testing.T) {
	s := newSubgraph(t)
	var sellers, ticketIDs []string
	for i := range 100 {
		sellers = append(sellers, user())
		ticketIDs = append(ticketIDs, s.sell(sellers[i], fmt.Sprint("Row ", i), 1+i).ID)
	}
	reps := func(typename string, ids ...string) map[string]any {
		var all []any
		for _, i := range ids {
			all = append(all, map[string]any{"__typename": typename, "id": i, "viewerCanUpdate": true, "title": "forged"})
		}
		return map[string]any{"reps": all}
	}
	t.Run("tickets in the order of ids, null for unknown ones, no field of a representation is trusted", func(t *testing.T) {
		const query = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on Ticket { id title viewerCanUpdate } } }`
		a := s.ask(sellers[1], query, reps("Ticket", ticketIDs[1], id.New(id.Ticket), "nonsense", ticketIDs[0]))
		a.Want(t, "_entities", fmt.Sprintf(`[{"id":%q,"title":"Row 1","viewerCanUpdate":true},null,null,{"id":%q,"title":"Row 0","viewerCanUpdate":false}]`,
			ticketIDs[1], ticketIDs[0]))
	})
	t.Run("100 tickets in one round trip", func(t *testing.T) {
		const query = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on Ticket { id title } } }`
		before := s.roundTrips.Load()
		a := s.ask("", query, reps("Ticket", slices.Repeat(ticketIDs, 2)...))
		if n := s.roundTrips.Load() - before; n != 1 || a.Codes() != "" || len(a.Data["_entities"].([]any)) != 200 {
			t.Errorf("%d round trips, got %+v", n, a)
		}
	})
	t.Run("tickets of 100 users in one round trip", func(t *testing.T) {
		const query = `query($reps: [_Any!]!) { _entities(representations: $reps) { ... on User { id tickets(first: 1) { nodes { title } pageInfo { hasNextPage } } } } }`
		before := s.roundTrips.Load()
		a := s.ask("", query, reps("User", sellers...))
		if n := s.roundTrips.Load() - before; n != 1 || a.Codes() != "" {
			t.Errorf("%d round trips, errors %+v", n, a.Errors)
		}
		for i, u := range a.Data["_entities"].([]any) {
			text, _ := json.Marshal(u) //nolint:errchkjson // it was decoded from JSON
			want := fmt.Sprintf(`{"id":%q,"tickets":{"nodes":[{"title":"Row %d"}],"pageInfo":{"hasNextPage":false}}}`, sellers[i], i)
			if string(text) != want {
				t.Fatalf("got %s, want %s", text, want)
			}
		}
	})
	t.Run("a user has no tickets of another seller", func(t *testing.T) {
		const query = `query($reps: [_Any!]!, $seller: ID) { _entities(representations: $reps) { ... on User { tickets(filter: {sellerId: $seller}) { totalCount nodes { id } } } } }`
		vars := reps("User", sellers[0])
		vars["seller"] = sellers[1]
		s.ask("", query, vars).Want(t, "_entities", `[{"tickets":{"nodes":[],"totalCount":0}}]`)
	})
}

func TestServiceToken(t *testing.T) {
	s := newSubgraph(t)
	send := func(token, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(gqlserver.ServiceTokenHeader, token)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w
	}
	for token, want := range map[string]int{gqltest.ServiceToken: 200, "": 403, gqltest.ServiceToken + "x": 403} {
		if w := send(token, `{"query":"{ _service { sdl } }"}`); w.Code != want {
			t.Errorf("service token %q: got %d, want %d", token, w.Code, want)
		}
	}
	t.Run("a fault is masked", func(t *testing.T) {
		if _, err := s.pool.Exec(t.Context(), `DROP TABLE tickets`); err != nil {
			t.Fatal(err)
		}
		body := send(gqltest.ServiceToken, `{"query":"{ tickets { nodes { id } } }"}`).Body.String()
		if !strings.Contains(body, `"internal error"`) || !strings.Contains(body, `"INTERNAL_SERVER_ERROR"`) || strings.Contains(body, "relation") {
			t.Errorf("got %s", body)
		}
	})
}

func TestCancelledRequest(t *testing.T) {
	s := newSubgraph(t)
	cancelled, cancel := context.WithCancel(t.Context())
	s.onTrip = cancel
	if a := s.askWithin(cancelled, "", `{ tickets { nodes { id } } }`, nil); a.Codes() != "REQUEST_CANCELLED" {
		t.Errorf("got %+v, want REQUEST_CANCELLED", a)
	}
}
