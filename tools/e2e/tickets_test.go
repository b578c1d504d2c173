package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Operations of the tests of tickets, and their results.

const ticketFields = `fragment fields on Ticket { id title version availability price { minorUnits currency decimal } seller { id }
	createdAt updatedAt viewerCanUpdate viewerCannotUpdateReasons } `

const offerTicket = ticketFields + `mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { ...fields }
	errors { __typename ... on UserError { code path } ... on ValidationError { rule } } } }`

const editTicket = ticketFields + `mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { ...fields }
	errors { __typename ... on UserError { code path } ... on ValidationError { rule } ... on TicketReservedError { ticket { ...fields } }
		... on TicketSoldError { ticket { ...fields } } ... on TicketWithdrawnError { ticket { ...fields } } ... on StaleVersionError { currentVersion ticket { ...fields } } } } }`

const withdrawTicket = ticketFields + `mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { ...fields }
	errors { __typename ... on UserError { code path } ... on TicketReservedError { ticket { ...fields } }
		... on StaleVersionError { currentVersion ticket { ...fields } } } } }`

const listTickets = `query($first: Int, $after: String, $last: Int, $before: String, $filter: TicketFilter, $sort: TicketSort) {
	tickets(first: $first, after: $after, last: $last, before: $before, filter: $filter, sort: $sort) {
		totalCount nodes { id title } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

type ticketData struct {
	ID, Title, Availability string
	Version                 int
	Price                   struct {
		MinorUnits        int
		Currency, Decimal string
	}
	Seller                    struct{ ID string }
	CreatedAt, UpdatedAt      time.Time
	ViewerCanUpdate           bool
	ViewerCannotUpdateReasons []string
}

type ticketPayload struct {
	Ticket *ticketData
	Errors []struct {
		Typename       string `json:"__typename"`
		Code, Rule     string
		Path           []string
		CurrentVersion int
		Ticket         *ticketData
	}
}

// errors formats each typed error as "Type path rule".
func (p ticketPayload) errors() []string {
	var all []string
	for _, e := range p.Errors {
		all = append(all, strings.TrimSpace(e.Typename+" "+strings.Join(e.Path, ".")+" "+e.Rule))
	}
	return all
}

func (p ticketPayload) wantRefused(t *testing.T, errors ...string) {
	t.Helper()
	if p.Ticket != nil || !slices.Equal(p.errors(), errors) {
		t.Errorf("got ticket %+v and errors %q, want only errors %q", p.Ticket, p.errors(), errors)
	}
}

func offer(t *testing.T, c *Client, input Vars) ticketPayload {
	t.Helper()
	return Must[struct{ CreateTicket ticketPayload }](t, c, offerTicket, Vars{"input": input}).CreateTicket
}

// offered is offer, which must succeed.
func offered(t *testing.T, c *Client, title string, cents int) ticketData {
	t.Helper()
	p := offer(t, c, Vars{"title": title, "price": Vars{"minorUnits": cents, "currency": "USD"}})
	if p.Ticket == nil || len(p.Errors) > 0 {
		t.Fatalf("createTicket refused: %q", p.errors())
	}
	return *p.Ticket
}

func update(t *testing.T, c *Client, input Vars) ticketPayload {
	t.Helper()
	return Must[struct{ UpdateTicket ticketPayload }](t, c, editTicket, Vars{"input": input}).UpdateTicket
}

func withdraw(t *testing.T, c *Client, input Vars) ticketPayload {
	t.Helper()
	return Must[struct{ WithdrawTicket ticketPayload }](t, c, withdrawTicket, Vars{"input": input}).WithdrawTicket
}

// ticketSeenBy returns a ticket as the client sees it, or nil.
func ticketSeenBy(t *testing.T, c *Client, ticketID string) *ticketData {
	t.Helper()
	return Must[struct{ Ticket *ticketData }](t, c, ticketFields+`query($id: ID!) { ticket(id: $id) { ...fields } }`, Vars{"id": ticketID}).Ticket
}

type ticketPage struct {
	TotalCount *int
	Nodes      []struct{ ID, Title string }
	Edges      []struct {
		Cursor string
		Node   struct{ ID string }
	}
	PageInfo struct {
		HasNextPage, HasPreviousPage bool
		StartCursor, EndCursor       *string
	}
}

func (p ticketPage) titles() []string {
	var all []string
	for _, n := range p.Nodes {
		all = append(all, n.Title)
	}
	return all
}

func pageOf(t *testing.T, c *Client, vars Vars) ticketPage {
	t.Helper()
	return Must[struct{ Tickets ticketPage }](t, c, listTickets, vars).Tickets
}

// wantEvents fails the test unless exactly these events were published about a ticket, each with the next version.
func wantEvents(t *testing.T, s *System, tap *Tap, ticketID string, want ...string) {
	t.Helper()
	// Events of one publisher arrive in order.
	tap.Wait(t, "ticket.created.v1", offered(t, s.SignUp(t), "Later", 1).ID)
	if got := tap.Types(ticketID); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	for i, e := range tap.Of(ticketID) {
		if e.Version != i+1 {
			t.Errorf("T8: %s has version %d, want %d", e.Type, e.Version, i+1)
		}
	}
}

// reserve creates a buyer with an order that holds the ticket.
func reserve(t *testing.T, s *System, ticketID string) (*Client, orderData) {
	t.Helper()
	known(t, s, ticketID)
	buyer := s.SignUp(t)
	o := ordered(t, buyer, ticketID)
	return buyer, awaitStatus(t, buyer, o.ID, "AWAITING_PAYMENT")
}

func TestTickets(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	tap := s.Tap(t, "tickets")
	seller := s.SignUp(t)

	t.Run("T1 createTicket signed out", func(t *testing.T) {
		title := "Stolen " + NewEmail()
		for _, c := range []*Client{s.Anonymous(), s.Browser()} {
			WantCode(t, c.Do(t, offerTicket, Vars{"input": Vars{"title": title, "price": Vars{"minorUnits": 1, "currency": "USD"}}}), "UNAUTHENTICATED")
		}
		if n := s.Count(t, "tickets", `SELECT count(*) FROM tickets WHERE title = $1`, title); n != 0 {
			t.Errorf("%d tickets were stored", n)
		}
	})
	t.Run("T2 invalid", func(t *testing.T) {
		const blank, tooLittle = "ValidationError input.title blank", "ValidationError input.price.minorUnits min"
		offer(t, seller, Vars{"title": " \u3000", "price": Vars{"minorUnits": 1, "currency": "USD"}}).wantRefused(t, blank)
		offer(t, seller, Vars{"title": "Front row", "price": Vars{"minorUnits": 0, "currency": "USD"}}).wantRefused(t, tooLittle)
		offer(t, seller, Vars{"title": "", "price": Vars{"minorUnits": -1, "currency": "dollar"}}).
			wantRefused(t, blank, tooLittle, "ValidationError input.price.currency currency")
		offer(t, seller, Vars{"title": "NUL \x00", "price": Vars{"minorUnits": 1, "currency": "USD"}}).wantRefused(t, "ValidationError input.title text")
		offer(t, seller, Vars{"title": strings.Repeat("x", 201), "price": Vars{"minorUnits": 100_000_000, "currency": "USD"}}).
			wantRefused(t, "ValidationError input.title maxLength", "ValidationError input.price.minorUnits max")
		if n := s.Count(t, "tickets", `SELECT count(*) FROM tickets WHERE seller_id = $1`, seller.UserID); n != 0 {
			t.Errorf("%d tickets were stored", n)
		}
	})
	t.Run("T3 valid", func(t *testing.T) {
		for _, c := range []*Client{seller, s.SignUpBrowser(t)} { // by bearer token and by cookie
			got := offered(t, c, "Ümläut 🎸", 1999)
			if got.Version != 1 || got.Title != "Ümläut 🎸" || got.Availability != "AVAILABLE" || got.Price.MinorUnits != 1999 || got.Price.Currency != "USD" ||
				got.Price.Decimal != "19.99" || got.Seller.ID != c.UserID || !got.CreatedAt.Equal(got.UpdatedAt) || !got.ViewerCanUpdate {
				t.Errorf("got %+v", got)
			}
			if read := ticketSeenBy(t, c, got.ID); fmt.Sprint(*read) != fmt.Sprint(got) {
				t.Errorf("read %+v, want %+v", *read, got)
			}
			wantEvents(t, s, tap, got.ID, "ticket.created.v1")
		}
	})
	t.Run("T3 a repeated key", func(t *testing.T) {
		in := Vars{"title": "Keyed", "price": Vars{"minorUnits": 5, "currency": "USD"}, "idempotencyKey": "one"}
		first, again := offer(t, seller, in), offer(t, seller, in)
		if first.Ticket == nil || again.Ticket == nil || first.Ticket.ID != again.Ticket.ID {
			t.Errorf("got %+v, then %+v", first, again)
		}
		in["price"] = Vars{"minorUnits": 6, "currency": "USD"}
		offer(t, seller, in).wantRefused(t, "IdempotencyKeyReusedError input.idempotencyKey")
	})
	t.Run("T4 unknown or malformed", func(t *testing.T) {
		for _, ticketID := range []string{"", "nonsense", "tkt_01h455vb4pex5vsknk084sn02q", seller.UserID, "tkt_\x00"} {
			if got := ticketSeenBy(t, seller, ticketID); got != nil {
				t.Errorf("%q: got %+v, want null", ticketID, got)
			}
		}
	})
	t.Run("T5 T9 T10 a reserved ticket is not listed until it is released", func(t *testing.T) {
		owner := s.SignUp(t)
		ticketID := offered(t, owner, "Now and then", 1999).ID
		listed := func() bool {
			nodes := pageOf(t, s.Anonymous(), Vars{"filter": Vars{"sellerId": owner.UserID}}).Nodes
			return len(nodes) == 1 && nodes[0].ID == ticketID
		}
		if !listed() {
			t.Error("a new ticket is not listed")
		}
		buyer, o := reserve(t, s, ticketID)
		if got := ticketSeenBy(t, s.Anonymous(), ticketID); listed() || got == nil || got.Availability != "RESERVED" || got.Version != 2 {
			t.Errorf("reserved: listed %v, by id %+v", listed(), got)
		}
		cancel(t, buyer, o.ID)
		Eventually(t, "the ticket is listed again", listed)
		wantEvents(t, s, tap, ticketID, "ticket.created.v1", "ticket.reserved.v1", "ticket.released.v1")
	})
}

func TestUpdateAndWithdrawTicket(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	tap := s.Tap(t, "tickets")
	seller, stranger := s.SignUp(t), s.SignUp(t)

	t.Run("T6 T8 updateTicket", func(t *testing.T) {
		old := offered(t, seller, "Front row", 1999)
		WantCode(t, s.Anonymous().Do(t, editTicket, Vars{"input": Vars{"ticketId": old.ID, "title": "Stolen"}}), "UNAUTHENTICATED")
		for _, ticketID := range []string{"nonsense", "tkt_01h455vb4pex5vsknk084sn02q"} {
			update(t, seller, Vars{"ticketId": ticketID, "title": "x"}).wantRefused(t, "TicketNotFoundError input.ticketId")
		}
		update(t, stranger, Vars{"ticketId": old.ID, "title": " "}).wantRefused(t, "NotAuthorizedError input.ticketId")
		update(t, seller, Vars{"ticketId": old.ID}).wantRefused(t, "ValidationError input required")
		update(t, seller, Vars{"ticketId": old.ID, "title": " ", "price": Vars{"minorUnits": 0, "currency": "USD"}}).
			wantRefused(t, "ValidationError input.title blank", "ValidationError input.price.minorUnits min")
		got := update(t, seller, Vars{"ticketId": old.ID, "title": "Back row", "price": Vars{"minorUnits": 999, "currency": "EUR"}, "expectedVersion": 1}).Ticket
		if got == nil || got.Version != 2 || got.Title != "Back row" || got.Price.Decimal != "9.99" || got.Price.Currency != "EUR" || !got.CreatedAt.Equal(old.CreatedAt) {
			t.Errorf("got %+v", got)
		}
		wantEvents(t, s, tap, old.ID, "ticket.created.v1", "ticket.updated.v1")
	})
	t.Run("T7 one of several updates with one expected version wins", func(t *testing.T) {
		old := offered(t, seller, "Front row", 1999)
		results := make([]ticketPayload, 8)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				r, err := seller.Client.Do(t.Context(), editTicket, Vars{"input": Vars{"ticketId": old.ID, "title": fmt.Sprint("Row ", i), "expectedVersion": 1}})
				if err != nil {
					t.Error(err)
					return
				}
				results[i] = Decode[struct{ UpdateTicket ticketPayload }](t, r).UpdateTicket
			})
		}
		wg.Wait()
		winner := slices.IndexFunc(results, func(p ticketPayload) bool { return p.Ticket != nil })
		if winner < 0 {
			t.Fatalf("none succeeded: %+v", results)
		}
		for i, p := range results {
			if i == winner {
				continue
			}
			p.wantRefused(t, "StaleVersionError input.expectedVersion")
			if len(p.Errors) == 1 && (p.Errors[0].CurrentVersion != 2 || p.Errors[0].Ticket.Title != results[winner].Ticket.Title) {
				t.Errorf("error %d carries %+v, want %+v", i, p.Errors[0].Ticket, results[winner].Ticket)
			}
		}
		wantEvents(t, s, tap, old.ID, "ticket.created.v1", "ticket.updated.v1")
	})
	t.Run("T12 withdrawTicket", func(t *testing.T) {
		old := offered(t, seller, "Front row", 1999)
		WantCode(t, s.Anonymous().Do(t, withdrawTicket, Vars{"input": Vars{"ticketId": old.ID}}), "UNAUTHENTICATED")
		withdraw(t, stranger, Vars{"ticketId": old.ID}).wantRefused(t, "NotAuthorizedError input.ticketId")
		withdraw(t, seller, Vars{"ticketId": "nonsense"}).wantRefused(t, "TicketNotFoundError input.ticketId")
		withdraw(t, seller, Vars{"ticketId": old.ID, "expectedVersion": 7}).wantRefused(t, "StaleVersionError input.expectedVersion")
		buyer, o := reserve(t, s, old.ID)
		withdraw(t, seller, Vars{"ticketId": old.ID}).wantRefused(t, "TicketReservedError input.ticketId")
		cancel(t, buyer, o.ID)
		Eventually(t, "the ticket is back on sale", func() bool { return availability(t, s, old.ID) == "AVAILABLE" })
		for range 2 {
			if got := withdraw(t, seller, Vars{"ticketId": old.ID}).Ticket; got == nil || got.Availability != "WITHDRAWN" || got.Version != 4 {
				t.Errorf("got %+v", got)
			}
		}
		Eventually(t, "orders handles ticket.withdrawn", func() bool {
			return s.Count(t, "orders", `SELECT count(*) FROM tickets WHERE id = $1 AND availability = 'withdrawn'`, old.ID) == 1
		})
		wantRefused(t, order(t, buyer, Vars{"ticketId": old.ID}), "TicketNotForSaleError")
		wantEvents(t, s, tap, old.ID, "ticket.created.v1", "ticket.reserved.v1", "ticket.released.v1", "ticket.withdrawn.v1")
	})
}

// In every state, viewerCanUpdate agrees with the result of updateTicket.
func TestViewerCanUpdate(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, stranger := s.SignUp(t), s.SignUp(t)
	states := map[string]func(ticketID string){
		"AVAILABLE": func(string) {},
		"RESERVED":  func(ticketID string) { reserve(t, s, ticketID) },
		"SOLD": func(ticketID string) {
			buyer, o := reserve(t, s, ticketID)
			paid(t, buyer, o.ID, visa)
			Eventually(t, "the ticket is sold", func() bool { return availability(t, s, ticketID) == "SOLD" })
		},
		"WITHDRAWN": func(ticketID string) { withdraw(t, seller, Vars{"ticketId": ticketID}) },
	}
	refusals := map[string]string{
		"NOT_OWNER": "NotAuthorizedError input.ticketId", "RESERVED": "TicketReservedError input.ticketId",
		"SOLD": "TicketSoldError input.ticketId", "WITHDRAWN": "TicketWithdrawnError input.ticketId",
	}
	for state, reach := range states {
		t.Run("T11 "+state, func(t *testing.T) {
			ticketID := offered(t, seller, "Front row", 1999).ID
			reach(ticketID)
			for own, c := range map[string]*Client{"": seller, "NOT_OWNER": stranger, "SIGNED_OUT": s.Anonymous()} {
				var want []string
				if own != "" {
					want = append(want, own)
				}
				if state != "AVAILABLE" {
					want = append(want, state)
				}
				seen := ticketSeenBy(t, c, ticketID)
				if seen.Availability != state || !slices.Equal(seen.ViewerCannotUpdateReasons, want) || seen.ViewerCanUpdate != (len(want) == 0) {
					t.Errorf("%s: got %+v, want reasons %q", own, seen, want)
				}
				in := Vars{"ticketId": ticketID, "title": "Back row"}
				if own == "SIGNED_OUT" {
					WantCode(t, c.Do(t, editTicket, Vars{"input": in}), "UNAUTHENTICATED")
					continue
				}
				got := update(t, c, in)
				if seen.ViewerCanUpdate {
					if got.Ticket == nil || got.Ticket.Version != seen.Version+1 {
						t.Errorf("viewerCanUpdate is true, but updateTicket returned %+v", got)
					}
					continue
				}
				got.wantRefused(t, refusals[seen.ViewerCannotUpdateReasons[0]])
				if carried := got.Errors[0].Ticket; carried != nil && carried.Availability != state {
					t.Errorf("the error carries %+v", carried)
				}
			}
		})
	}
}

func TestTicketLists(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	seller, reader := s.SignUp(t), s.Anonymous()
	mine := func(more Vars) Vars {
		filter := Vars{"sellerId": seller.UserID}
		for name, value := range more {
			filter[name] = value
		}
		return filter
	}
	word := strings.TrimSuffix(NewEmail(), "@example.com") // in no other title
	for i, title := range []string{"b", "Éclair", "apple", "Zebra", "eclair"} {
		offered(t, seller, title+" "+word, 100+i/2)
	}
	sorted := func(field, direction string) Vars { return Vars{"field": field, "direction": direction} }
	titles := func(all ...string) []string {
		for i := range all {
			all[i] += " " + word
		}
		return all
	}

	for _, c := range []struct {
		name         string
		sort, filter Vars
		want         []string
	}{
		{"newest first", nil, nil, titles("eclair", "Zebra", "apple", "Éclair", "b")},
		{"oldest first", sorted("CREATED_AT", "ASC"), nil, titles("b", "Éclair", "apple", "Zebra", "eclair")},
		{"by title", sorted("TITLE", "ASC"), nil, titles("apple", "b", "eclair", "Éclair", "Zebra")},
		{"by title, descending", sorted("TITLE", "DESC"), nil, titles("Zebra", "Éclair", "eclair", "b", "apple")},
		{"by price", sorted("PRICE", "ASC"), nil, titles("b", "Éclair", "apple", "Zebra", "eclair")},
		{"by price, descending", sorted("PRICE", "DESC"), nil, titles("eclair", "Zebra", "apple", "Éclair", "b")},
		{"minimum price", nil, Vars{"minPrice": Vars{"minorUnits": 101, "currency": "USD"}}, titles("eclair", "Zebra", "apple")},
		{"maximum price", nil, Vars{"maxPrice": Vars{"minorUnits": 100, "currency": "USD"}}, titles("Éclair", "b")},
		{"in another currency", nil, Vars{"minPrice": Vars{"minorUnits": 1, "currency": "EUR"}}, nil},
		{"a word of the title", nil, Vars{"query": "ZEBRA"}, titles("Zebra")},
		{"a word, of all sellers", nil, Vars{"query": word, "sellerId": nil}, titles("eclair", "Zebra", "apple", "Éclair", "b")},
		{"an excluded word", nil, Vars{"query": "-zebra " + word}, titles("eclair", "apple", "Éclair", "b")},
		{"only punctuation", nil, Vars{"query": `':* & \ (`}, nil},
		{"withdrawn", nil, Vars{"availabilities": []string{"WITHDRAWN"}}, nil},
		{"any availability", nil, Vars{"availabilities": []string{"AVAILABLE", "RESERVED", "SOLD", "WITHDRAWN"}}, titles("eclair", "Zebra", "apple", "Éclair", "b")},
	} {
		t.Run("T12 "+c.name, func(t *testing.T) {
			vars := Vars{"filter": mine(c.filter)}
			if c.sort != nil {
				vars["sort"] = c.sort
			}
			got := pageOf(t, reader, vars)
			if !slices.Equal(got.titles(), c.want) {
				t.Errorf("got %q, want %q", got.titles(), c.want)
			}
			if got.TotalCount == nil || *got.TotalCount != len(c.want) {
				t.Errorf("got count %v, want %d", got.TotalCount, len(c.want))
			}
			if c.want == nil {
				return
			}
			// The same in pages of two, forward and backward.
			var forward, backward []string
			for more := true; more; {
				vars["first"] = 2
				p := pageOf(t, reader, vars)
				forward, more, vars["after"] = append(forward, p.titles()...), p.PageInfo.HasNextPage, p.PageInfo.EndCursor
			}
			delete(vars, "first")
			delete(vars, "after")
			for more := true; more; {
				vars["last"] = 2
				p := pageOf(t, reader, vars)
				backward, more, vars["before"] = append(p.titles(), backward...), p.PageInfo.HasPreviousPage, p.PageInfo.StartCursor
			}
			if !slices.Equal(forward, c.want) || !slices.Equal(backward, c.want) {
				t.Errorf("in pages: forward %q, backward %q, want %q", forward, backward, c.want)
			}
		})
	}
	t.Run("T12 a seller's tickets", func(t *testing.T) {
		const query = `query($id: ID!) { ticket(id: $id) { seller { id tickets(first: 1, sort: { field: TITLE, direction: ASC }) { totalCount nodes { title } } } } }`
		type data struct {
			Ticket struct {
				Seller struct {
					ID      string
					Tickets ticketPage
				}
			}
		}
		id := pageOf(t, reader, Vars{"filter": mine(nil), "first": 1}).Nodes[0].ID
		got := Must[data](t, reader, query, Vars{"id": id}).Ticket.Seller
		if got.ID != seller.UserID || !slices.Equal(got.Tickets.titles(), titles("apple")) || *got.Tickets.TotalCount != 5 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("T12 out of bounds", func(t *testing.T) {
		cursor := pageOf(t, reader, Vars{"filter": mine(nil), "first": 1}).PageInfo.EndCursor
		for _, vars := range []Vars{
			{"first": 101}, {"last": 101}, {"first": -1}, {"first": 1, "last": 1}, {"first": 2147483647}, {"after": "nonsense"},
			{"after": cursor, "sort": sorted("PRICE", "ASC")}, {"filter": Vars{"query": strings.Repeat("x", 101)}}, {"filter": Vars{"availabilities": []string{}}}, {"filter": Vars{"sellerId": "me"}},
			{"filter": Vars{"minPrice": Vars{"minorUnits": 1, "currency": "USD"}, "maxPrice": Vars{"minorUnits": 2, "currency": "EUR"}}},
		} {
			r := reader.Do(t, listTickets, vars)
			if codes := r.Errors.Codes(); len(codes) == 0 || slices.ContainsFunc(codes, func(c string) bool { return c != "BAD_USER_INPUT" }) {
				t.Errorf("%v: got %s", vars, r.Content)
			}
		}
	})
}
