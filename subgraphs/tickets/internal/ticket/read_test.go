package ticket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres/pgtest"
	"boxoffice.dev/subgraphs/internal/page"
	"boxoffice.dev/subgraphs/tickets/internal/ticket"
)

var (
	forSale = ticket.Filter{}
	all     = []events.Availability{events.Available, events.Reserved, events.Sold, events.Withdrawn}
)

// titles returns the titles of one page.
func (w *world) titles(f ticket.Filter, key page.Key, args page.Args) []string {
	w.t.Helper()
	titles := []string{}
	for _, t := range w.page(f, key, args).Items {
		titles = append(titles, t.Title)
	}
	return titles
}

func (w *world) page(f ticket.Filter, key page.Key, args page.Args) page.Page[ticket.Ticket] {
	w.t.Helper()
	window, err := page.Parse(args, key)
	if err != nil {
		w.t.Fatal(err)
	}
	pages, err := w.List(w.t.Context(), window, f)
	if err != nil {
		w.t.Fatal(err)
	}
	return pages[0]
}

func (w *world) sell(seller, title string, p money.Money) ticket.Ticket {
	w.t.Helper()
	t, err := w.Create(w.t.Context(), seller, ticket.CreateInput{Title: title, Price: p})
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func usd(minorUnits int) money.Money { return money.Money{MinorUnits: minorUnits, Currency: "USD"} }

func TestListPages(t *testing.T) {
	w := newWorld(t)
	// Many ties, which the id breaks.
	for i, title := range []string{"Éclair", "apple", "Zebra", "eclair", "Apple", "apple", "zoo", "Äpfel", "éclair", "b"} {
		w.now = w.now.Add(time.Duration(i%3) * time.Second)
		w.sell(user(), title, usd(1+i/4))
	}
	byTitle := []string{"Äpfel", "apple", "apple", "Apple", "b", "eclair", "éclair", "Éclair", "Zebra", "zoo"}
	if got := w.titles(forSale, ticket.ByTitle, page.Args{}); !slices.Equal(got, byTitle) {
		t.Errorf("T12 by title: got %q, want %q", got, byTitle)
	}
	for _, key := range []page.Key{ticket.ByCreation, ticket.ByPrice, ticket.ByTitle} {
		for _, desc := range []bool{false, true} {
			key.Desc = desc
			items := w.page(forSale, key, page.Args{First: ptr(100)}).Items
			if len(items) != 10 || !slices.IsSortedFunc(items, func(a, b ticket.Ticket) int { return compare(key, a, b) }) {
				t.Fatalf("T12 %s desc %v is not in order: %+v", key.Name, desc, items)
			}
			for size := 1; size <= 11; size++ {
				t.Run(fmt.Sprintf("T12 %s desc %v by %d", key.Name, desc, size), func(t *testing.T) {
					var forward, backward []ticket.Ticket
					for cursor, more := (*string)(nil), true; more; {
						p := w.page(forSale, key, page.Args{First: &size, After: cursor})
						if p.HasPrevious != (cursor != nil) {
							t.Errorf("forward: HasPrevious is %v after cursor %v", p.HasPrevious, cursor)
						}
						forward = append(forward, p.Items...)
						last := p.Items[len(p.Items)-1]
						cursor, more = ptr(key.Cursor(ticket.CursorValue(key, last), last.ID)), p.HasNextPage
					}
					for cursor, more := (*string)(nil), true; more; {
						p := w.page(forSale, key, page.Args{Last: &size, Before: cursor})
						backward = append(slices.Clone(p.Items), backward...)
						cursor, more = ptr(key.Cursor(ticket.CursorValue(key, p.Items[0]), p.Items[0].ID)), p.HasPrevious
					}
					if !slices.Equal(forward, items) {
						t.Errorf("forward: got %v, want %v", forward, items)
					}
					if !slices.Equal(backward, items) {
						t.Errorf("backward: got %v, want %v", backward, items)
					}
				})
			}
		}
	}
}

// compare compares two tickets by the key. It treats all titles as equal: Postgres collates them.
func compare(key page.Key, a, b ticket.Ticket) int {
	var c int
	switch key.Name {
	case ticket.ByCreation.Name:
		c = a.CreatedAt.Compare(b.CreatedAt)
	case ticket.ByPrice.Name:
		c = a.Price.MinorUnits - b.Price.MinorUnits
	default:
		return 0
	}
	if c == 0 {
		c = strings.Compare(a.ID, b.ID)
	}
	if key.Desc {
		return -c
	}
	return c
}

func TestListFilters(t *testing.T) {
	w := newWorld(t)
	seller := user()
	w.sell(seller, "cheap", usd(10))
	w.sell(seller, "middle", usd(20))
	w.sell(user(), "dear", usd(30))
	w.sell(user(), "yen", money.Money{MinorUnits: 20, Currency: "JPY"})
	for _, a := range []events.Availability{events.Reserved, events.Sold, events.Withdrawn} {
		w.in(a) // its title is Front row
	}
	rows := func(n int) []string { return slices.Repeat([]string{"Front row"}, n) }
	for name, c := range map[string]struct {
		f    ticket.Filter
		want []string
	}{
		"available":          {forSale, []string{"cheap", "dear", "middle", "yen"}},
		"reserved or sold":   {ticket.Filter{Availabilities: []events.Availability{events.Reserved, events.Sold}}, rows(2)},
		"every availability": {ticket.Filter{Availabilities: all}, []string{"cheap", "dear", "Front row", "Front row", "Front row", "middle", "yen"}},
		"a seller's":         {ticket.Filter{SellerID: &seller}, []string{"cheap", "middle"}},
		"at least":           {ticket.Filter{MinPrice: ptr(usd(20))}, []string{"dear", "middle"}},
		"at most":            {ticket.Filter{MaxPrice: ptr(usd(20))}, []string{"cheap", "middle"}},
		"between":            {ticket.Filter{MinPrice: ptr(usd(11)), MaxPrice: ptr(usd(29))}, []string{"middle"}},
		"above every price":  {ticket.Filter{MinPrice: ptr(usd(1 << 40))}, nil},
		"below every price":  {ticket.Filter{MaxPrice: ptr(usd(-1 << 40))}, nil},
		"all conditions":     {ticket.Filter{SellerID: &seller, Query: ptr("middle"), MinPrice: ptr(usd(1))}, []string{"middle"}},
		"of two sellers":     {ticket.Filter{SellerID: &seller}.Of(user()), nil},
		"of the same seller": {ticket.Filter{SellerID: &seller}.Of(seller), []string{"cheap", "middle"}},
	} {
		t.Run("T12 "+name, func(t *testing.T) {
			if got := w.titles(c.f, ticket.ByTitle, page.Args{}); !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 {
				t.Errorf("got %q, want %q", got, c.want)
			}
			n, err := w.Count(t.Context(), c.f)
			if err != nil || n == nil || *n != len(c.want) {
				t.Errorf("got count %v, error %v, want %d", n, err, len(c.want))
			}
		})
	}
	t.Run("T12 several sellers in one round trip", func(t *testing.T) {
		window, err := page.Parse(page.Args{First: ptr(1)}, ticket.ByTitle)
		if err != nil {
			t.Fatal(err)
		}
		pages, err := w.List(t.Context(), window, forSale.Of(user()), forSale.Of(seller), forSale)
		if err != nil {
			t.Fatal(err)
		}
		if len(pages) != 3 || len(pages[0].Items) != 0 || pages[1].Items[0].Title != "cheap" || !pages[1].HasNextPage || len(pages[2].Items) != 1 {
			t.Errorf("got %+v", pages)
		}
	})
	for name, f := range map[string]ticket.Filter{
		"id of another type":    {SellerID: ptr(id.New(id.Ticket))},
		"malformed id":          {SellerID: ptr("\x00")},
		"two currencies":        {MinPrice: ptr(usd(1)), MaxPrice: ptr(money.Money{MinorUnits: 2, Currency: "EUR"})},
		"long query":            {Query: ptr(strings.Repeat("x", 101))},
		"query with NUL":        {Query: ptr("a\x00")},
		"no availability":       {Availabilities: []events.Availability{}},
		"an availability twice": {Availabilities: []events.Availability{events.Sold, events.Available, events.Sold}},
	} {
		t.Run("T12 refused: "+name, func(t *testing.T) {
			window, _ := page.Parse(page.Args{}, ticket.ByCreation)
			_, err := w.List(t.Context(), window, forSale, f)
			wantError(t, err, apperr.New(apperr.BadUserInput, ""))
			_, err = w.Count(t.Context(), f)
			wantError(t, err, apperr.New(apperr.BadUserInput, ""))
		})
	}
}

func TestListSearch(t *testing.T) {
	w := newWorld(t)
	for _, title := range []string{"Jazz night: Blue Note", "Blue Monday", "Rock am Ring", "O'Brien's jazz", "Ümläut live", "日本 武道館"} {
		w.sell(user(), title, price)
	}
	for query, want := range map[string][]string{
		"blue":              {"Blue Monday", "Jazz night: Blue Note"},
		"BLUE jazz":         {"Jazz night: Blue Note"},
		"night jazz":        {"Jazz night: Blue Note"},
		"jaz":               {"Jazz night: Blue Note", "O'Brien's jazz"},
		"azz":               nil,
		"bl not":            nil, // only the last word may be incomplete
		"note bl":           {"Jazz night: Blue Note"},
		"night -bl":         nil,
		"o'b":               {"O'Brien's jazz"},
		"blue -monday":      {"Jazz night: Blue Note"},
		`"blue note"`:       {"Jazz night: Blue Note"},
		`"note blue"`:       nil,
		"monday or ring":    {"Blue Monday", "Rock am Ring"},
		"ümläut":            {"Ümläut live"},
		"UMLAUT":            {"Ümläut live"},
		"umlä":              {"Ümläut live"},
		"武道館":               {"日本 武道館"},
		"o'brien":           {"O'Brien's jazz"},
		"   ":               {"Blue Monday", "Jazz night: Blue Note", "O'Brien's jazz", "Rock am Ring", "Ümläut live", "日本 武道館"},
		"nothing":           nil,
		"!!!":               nil,
		`-"blue note" jazz`: {"O'Brien's jazz"},
		`jazz -"blue note"`: {"O'Brien's jazz"},
		`jazz -"blue`:       {"O'Brien's jazz"},
	} {
		t.Run("T12 "+query, func(t *testing.T) {
			got := w.titles(ticket.Filter{Query: &query}, ticket.ByTitle, page.Args{})
			if !slices.Equal(got, want) && len(got)+len(want) > 0 {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	t.Run("T12 any text", func(t *testing.T) {
		for _, query := range []string{
			`'`, `"`, `\`, `\'`, `'':*`, `a:*`, `a & | ! b`, `((`, `<->`, `a <-> <2> b`, `-`, `--`, `-"`, `-"a b" -"c d"`, `or`, `or or`, `or -`,
			`a or -"b c"`, `%`, `100% 'x\`, `a\`, `http://x.y/z?q='`, `1e9 -1.5`, `$1`, `; DROP TABLE tickets`, "\u200b", "\ufffd", "🎸", strings.Repeat("'", 100),
		} {
			f := ticket.Filter{Query: &query}
			window, _ := page.Parse(page.Args{}, ticket.ByCreation)
			if _, err := w.List(t.Context(), window, f); err != nil {
				t.Errorf("%q: %v", query, err)
			}
			if _, err := w.Count(t.Context(), f); err != nil {
				t.Errorf("count %q: %v", query, err)
			}
		}
	})
}

func TestByID(t *testing.T) {
	w := newWorld(t)
	a, b := w.create(), w.in(events.Sold)
	got, err := w.ByID(t.Context(), []string{b.ID, "", "x", "tkt_\x00", id.New(id.Ticket), id.New(id.User), a.ID, b.ID})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[a.ID] != a || got[b.ID] != b {
		t.Errorf("T4 got %+v, want %+v and %+v", got, a, b)
	}
	if none, err := w.ByID(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("got %v, error %v", none, err)
	}
}

// Lists of a big table are read from its indexes. A plan reads at most a page for each availability, or the index of
// a filter that matches few rows.
func TestListPlans(t *testing.T) {
	t.Parallel()
	plans := &planner{}
	config, err := pgxpool.ParseConfig(pgtest.NewURL(t, outbox.Migrations(), inbox.Migrations(), ticket.Migrations()))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = plans
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	const rows = 50_000
	// Many titles share words, as in production: the planner estimates prefixes from the statistics of common words.
	if _, err := pool.Exec(t.Context(), `
		INSERT INTO tickets (id, version, title, price_minor_units, currency, seller_id, availability, order_id, created_at, updated_at, request)
		SELECT 'tkt_' || n, 1, 'Row ' || n % 300 || ' of show' || n % 211 || ' ' || md5(n::text), 1 + n * 7919 % 10007, 'USD', 'usr_' || n % 500, state,
			CASE WHEN state IN ('sold', 'reserved') THEN 'ord_' || n END, now() - n * interval '1 s', now(), ''
		FROM (SELECT n, CASE WHEN n % 10 = 0 THEN 'available' WHEN n % 1000 = 1 THEN 'reserved' WHEN n % 1000 = 2 THEN 'withdrawn' ELSE 'sold' END AS state
			FROM generate_series(1, $1::int) n) made`, rows); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `ANALYZE tickets`); err != nil {
		t.Fatal(err)
	}
	service := ticket.NewService(pool, outbox.New(pool), time.Now)
	list := func(t *testing.T, f ticket.Filter, key page.Key, args page.Args) plan {
		t.Helper()
		window, err := page.Parse(args, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := service.List(t.Context(), window, f); err != nil {
			t.Fatal(err)
		}
		return explain(t, pool, plans)
	}
	for _, key := range []page.Key{ticket.ByCreation, ticket.ByPrice, ticket.ByTitle} {
		for _, desc := range []bool{false, true} {
			key.Desc = desc
			index := map[string]string{"created": "tickets_by_creation", "price": "tickets_by_price", "title": "tickets_by_title"}[key.Name]
			for name, f := range map[string]ticket.Filter{
				"for sale": forSale, "any": {Availabilities: all}, "rare": {Availabilities: []events.Availability{events.Reserved, events.Withdrawn}},
			} {
				middle := key.Cursor(map[string]string{
					"created": time.Now().Add(-rows / 2 * time.Second).Format(time.RFC3339), "price": "5000", "title": "Row 7",
				}[key.Name], "tkt_1")
				for end, args := range map[string]page.Args{
					"first": {First: ptr(100)}, "last": {Last: ptr(100)}, "middle": {First: ptr(100), After: &middle}, "before": {Last: ptr(100), Before: &middle},
				} {
					t.Run(fmt.Sprintf("T12 %s, %s, desc %v, %s", name, key.Name, desc, end), func(t *testing.T) {
						p := list(t, f, key, args)
						if !p.uses(index) || p.uses("") || p.read() > 4*101 {
							t.Errorf("reads %d rows by %v, want at most 101 of each availability by %s", p.read(), p.scans(), index)
						}
					})
				}
			}
		}
	}
	t.Run("T12 a seller's", func(t *testing.T) {
		f := ticket.Filter{SellerID: ptr(id.New(id.User)), Availabilities: all}
		p := list(t, f, ticket.ByPrice, page.Args{})
		if !p.uses("tickets_by_seller") || p.uses("") {
			t.Errorf("reads by %v, want tickets_by_seller", p.scans())
		}
	})
	for _, query := range []string{"row c4ca4238a0b923820dcc509a6f75849b", "row c4ca42", "c4ca42"} {
		t.Run("T12 rare words: "+query, func(t *testing.T) {
			p := list(t, ticket.Filter{Query: &query, Availabilities: all}, ticket.ByPrice, page.Args{})
			if !p.uses("tickets_by_words") || p.read() > 10 {
				t.Errorf("reads %d rows by %v, want one or so by tickets_by_words", p.read(), p.scans())
			}
		})
	}
	for _, query := range []string{"row", "ro"} {
		t.Run("T12 words of every title: "+query, func(t *testing.T) {
			p := list(t, ticket.Filter{Query: &query, Availabilities: all}, ticket.ByPrice, page.Args{})
			if !p.uses("tickets_by_price") || p.read() > 4*101 {
				t.Errorf("reads %d rows by %v, want few by tickets_by_price", p.read(), p.scans())
			}
		})
	}
	t.Run("T12 rare prices", func(t *testing.T) {
		p := list(t, ticket.Filter{MinPrice: ptr(usd(10_007)), Availabilities: all}, ticket.ByCreation, page.Args{})
		if !p.uses("tickets_by_price") || p.read() > 4*101 {
			t.Errorf("reads %d rows by %v, want few by tickets_by_price", p.read(), p.scans())
		}
	})
	t.Run("totalCount stops", func(t *testing.T) {
		if n, err := service.Count(t.Context(), ticket.Filter{Availabilities: all}); n != nil || err != nil {
			t.Errorf("got %v, error %v, want nil", n, err)
		}
		if n, err := service.Count(t.Context(), forSale); n == nil || *n != rows/10 || err != nil {
			t.Errorf("got %v, error %v, want %d", n, err, rows/10)
		}
	})
}

// planner records the last statement of a batch.
type planner struct {
	sql  string
	args []any
}

func (*planner) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (*planner) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (*planner) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (p *planner) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	p.sql, p.args = q.SQL, q.Args
}
func (*planner) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// plan is a node of EXPLAIN (ANALYZE, FORMAT JSON).
type plan struct {
	NodeType  string  `json:"Node Type"`
	Relation  string  `json:"Relation Name"`
	Index     string  `json:"Index Name"`
	Rows      float64 `json:"Actual Rows"`
	Loops     float64 `json:"Actual Loops"`
	Filtered  float64 `json:"Rows Removed by Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Plans     []plan
}

func explain(t *testing.T, pool *pgxpool.Pool, p *planner) plan {
	t.Helper()
	var text []byte
	if err := pool.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+p.sql, p.args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var explained []struct{ Plan plan }
	if err := json.Unmarshal(text, &explained); err != nil {
		t.Fatal(err)
	}
	return explained[0].Plan
}

// scans returns the nodes that read the table or one of its indexes.
func (p plan) scans() []plan {
	var found []plan
	if p.Relation == "tickets" || p.Index != "" {
		found = append(found, p)
	}
	for _, below := range p.Plans {
		found = append(found, below.scans()...)
	}
	return found
}

// uses reports whether the plan scans the index, or with "" whether it scans the whole table.
func (p plan) uses(index string) bool {
	return slices.ContainsFunc(p.scans(), func(s plan) bool {
		if index == "" {
			return s.NodeType == "Seq Scan"
		}
		return s.Index == index
	})
}

// read returns how many rows the plan reads from the table.
func (p plan) read() int {
	var n float64
	for _, s := range p.scans() {
		n += (s.Rows + s.Filtered + s.Rechecked) * s.Loops
	}
	return int(n)
}
