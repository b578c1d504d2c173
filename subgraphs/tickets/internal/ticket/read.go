package ticket

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/internal/page"
)

// Filter narrows a list of tickets. All conditions must hold; a nil field is no condition.
type Filter struct {
	Availabilities     []Availability // any of these, each named once; nil means Available
	SellerID           *string
	Query              *string      // words of the title, "a phrase", or, -not; a blank query is no condition
	MinPrice, MaxPrice *money.Money // of one currency, bounds included; tickets in other currencies are left out

	of *string // a seller, besides SellerID
}

// maxQuery bounds a text search, in characters.
const maxQuery = 100

// Orders of a list.
var (
	ByCreation = page.Key{Name: "created", Column: "created_at", Type: "timestamptz"}
	ByPrice    = page.Key{Name: "price", Column: "price_minor_units", Type: "int"} // whatever the currency
	ByTitle    = page.Key{Name: "title", Column: "title", Type: "text"}
)

// CursorValue returns the value of the ticket's column that the key sorts by, for its cursor.
func CursorValue(key page.Key, t Ticket) string {
	switch key.Name {
	case ByPrice.Name:
		return strconv.Itoa(t.Price.MinorUnits)
	case ByTitle.Name:
		return t.Title
	default:
		return t.CreatedAt.Format(time.RFC3339Nano)
	}
}

// countLimit bounds what is counted exactly.
const countLimit = 10_000

// List returns a page of tickets for each of the filters, in their order, in one round trip.
// Errors: BadUserInput for a filter that makes no sense.
func (s *Service) List(ctx context.Context, w page.Window, filters ...Filter) ([]page.Page[Ticket], error) {
	for _, f := range filters {
		if err := f.validate(); err != nil {
			return nil, err
		}
	}
	lists, err := listTickets(ctx, s.pool, filters, w)
	if err != nil {
		return nil, err
	}
	pages := make([]page.Page[Ticket], len(lists))
	for i, tickets := range lists {
		pages[i] = page.Of(w, tickets)
	}
	return pages, nil
}

// Count returns how many tickets List would page through, nil when more than 10 000. Errors: as List.
func (s *Service) Count(ctx context.Context, f Filter) (*int, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	n, err := countTickets(ctx, s.pool, f, countLimit+1)
	if err != nil || n > countLimit {
		return nil, err
	}
	return &n, nil
}

// ByID returns those of the tickets that exist, by id, in one statement.
func (s *Service) ByID(ctx context.Context, ticketIDs []string) (map[string]Ticket, error) {
	valid := make([]string, 0, len(ticketIDs))
	for _, ticketID := range ticketIDs {
		if id.Valid(id.Ticket, ticketID) {
			valid = append(valid, ticketID)
		}
	}
	tickets, err := ticketsByID(ctx, s.pool, valid)
	found := make(map[string]Ticket, len(tickets))
	for _, t := range tickets {
		found[t.ID] = t
	}
	return found, err
}

// Of narrows the filter to one seller's tickets.
func (f Filter) Of(sellerID string) Filter {
	f.of = &sellerID
	return f
}

func (f Filter) validate() error {
	switch {
	case f.SellerID != nil && !id.Valid(id.User, *f.SellerID), f.of != nil && !id.Valid(id.User, *f.of):
		return badInput("A seller's id is the id of a user.")
	case f.Query != nil && (utf8.RuneCountInString(*f.Query) > maxQuery || strings.ContainsRune(*f.Query, 0)):
		return badInput(fmt.Sprintf("Search for at most %d characters of text.", maxQuery))
	case f.MinPrice != nil && f.MaxPrice != nil && f.MinPrice.Currency != f.MaxPrice.Currency:
		return badInput("The lowest and the highest price must be in one currency.")
	case f.Availabilities != nil && len(f.Availabilities) == 0:
		return badInput("Name at least one availability.")
	case len(f.availabilities()) < len(f.Availabilities):
		return badInput("Name each availability once.")
	}
	return nil
}

func badInput(message string) error { return apperr.New(apperr.BadUserInput, message) }

// availabilities returns the availabilities that the filter selects, each once.
func (f Filter) availabilities() []Availability {
	if f.Availabilities == nil {
		return []Availability{Available}
	}
	return slices.Compact(slices.Sorted(slices.Values(f.Availabilities)))
}
