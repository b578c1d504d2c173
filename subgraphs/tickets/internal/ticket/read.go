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
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/subgraphs/internal/page"
)

// Filter narrows a list of tickets. All conditions must hold; a nil field is no condition.
type Filter struct {
	Availabilities     []events.Availability // any of these, each named once; nil means Available
	SellerID           *string
	Query              *string      // words of the title, "a phrase", or, -not; a blank query is no condition
	MinPrice, MaxPrice *money.Money // of one currency, bounds included; tickets in other currencies are left out

	of *string // another condition on the seller, beside SellerID
}

// maxQuery bounds a text search, in characters.
const maxQuery = 100

// The sort orders of lists.
var (
	ByCreation = page.Key{Name: "created", Column: "created_at", Type: "timestamptz"}
	ByPrice    = page.Key{Name: "price", Column: "price_minor_units", Type: "int"} // regardless of the currency
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

// countLimit is the largest exact count.
const countLimit = 10_000

// List returns a page of tickets for each of the filters, in their order, in one round trip.
// Errors: apperr.BadUserInput for an invalid filter.
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

// Count returns how many tickets match the filter, nil when more than 10 000. Errors: those of List.
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

// ByID returns the tickets with the ids, by id, in one statement. It leaves out ids that no ticket has.
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
		return badInput("The seller's id must be the id of a user.")
	case f.Query != nil && (utf8.RuneCountInString(*f.Query) > maxQuery || strings.ContainsRune(*f.Query, 0)):
		return badInput(fmt.Sprintf("The query must be text of at most %d characters.", maxQuery))
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
func (f Filter) availabilities() []events.Availability {
	if f.Availabilities == nil {
		return []events.Availability{events.Available}
	}
	return slices.Compact(slices.Sorted(slices.Values(f.Availabilities)))
}
