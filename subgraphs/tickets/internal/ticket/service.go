package ticket

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/subgraphs/internal/signal"
)

//go:embed migrations
var files embed.FS

// Migrations returns the migrations of the service's tables, except the outbox and the inbox.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "tickets", Files: files} }

// maxTitle is the longest title, in characters.
const maxTitle = 200

// Service implements the use cases of tickets. Each method runs its own transaction.
type Service struct {
	pool    *pgxpool.Pool
	outbox  *outbox.Outbox
	now     func() time.Time
	changed signal.Hub // by ticket id
	reads   signal.Coalescer[Ticket]
}

// NewService returns a Service on a migrated database.
func NewService(pool *pgxpool.Pool, box *outbox.Outbox, now func() time.Time) *Service {
	s := &Service{pool: pool, outbox: box, now: func() time.Time {
		return now().UTC().Truncate(time.Millisecond) // the precision of the schema's DateTime
	}}
	s.reads.Read = s.ByID
	return s
}

// CreateInput describes a new ticket.
type CreateInput struct {
	Title          string
	Price          money.Money
	IdempotencyKey *string // a repeated key returns the ticket that it created
}

// request returns the input in the form that is stored to recognise a repeated request.
func (in CreateInput) request() string {
	return fmt.Sprintf("%d %s for %s", in.Price.MinorUnits, in.Price.Currency, in.Title)
}

// Create lists a ticket for sale, with leading and trailing spaces of the title removed. Errors: a ValidationError for
// each invalid field, IdempotencyKeyReusedError.
func (s *Service) Create(ctx context.Context, sellerID string, in CreateInput) (Ticket, error) {
	in.Title = strings.TrimSpace(in.Title)
	if err := in.validate(); err != nil {
		return Ticket{}, err
	}
	c := create(Ticket{ID: id.New(id.Ticket), Title: in.Title, Price: in.Price, SellerID: sellerID, CreatedAt: s.now()})
	err := insertTicket(ctx, s.pool, c, in)
	if postgres.Violated(err) == "tickets_one_per_idempotency_key" {
		return s.repeated(ctx, sellerID, in)
	}
	if err != nil {
		return Ticket{}, err
	}
	s.outbox.Wake()
	return c.ticket, nil
}

func (in CreateInput) validate() error {
	faults := append([]error{validateTitle(in.Title)}, in.Price.ValidatePrice("price")...)
	if in.IdempotencyKey != nil {
		faults = append(faults, apperr.ValidateIdempotencyKey(*in.IdempotencyKey))
	}
	return errors.Join(faults...)
}

// validateTitle returns a ValidationError unless the title is one line of at most maxTitle characters, one of them
// visible.
func validateTitle(title string) error {
	invalid := func(rule, message string) error {
		return apperr.ValidationError{Field: "title", Rule: rule, Message: message}
	}
	switch {
	case !utf8.ValidString(title) || strings.ContainsFunc(title, control):
		return invalid("text", "The title must not contain line breaks or other control characters.")
	case !strings.ContainsFunc(title, visible):
		return invalid("blank", "The title must not be blank.")
	case utf8.RuneCountInString(title) > maxTitle:
		return invalid("maxLength", fmt.Sprintf("The title must have at most %d characters.", maxTitle))
	}
	return nil
}

// control reports whether r is a control character, which includes those that override the direction of text: they can
// make a title read as another one, and right-to-left scripts work without them.
func control(r rune) bool {
	return unicode.IsControl(r) || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

func visible(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }

// repeated returns the ticket that was created with the input's idempotency key, as it is now.
func (s *Service) repeated(ctx context.Context, sellerID string, in CreateInput) (Ticket, error) {
	t, request, err := ticketByIdempotencyKey(ctx, s.pool, sellerID, *in.IdempotencyKey)
	if err != nil {
		return Ticket{}, err
	}
	if request != in.request() {
		return Ticket{}, apperr.IdempotencyKeyReusedError{}
	}
	return t, nil
}

// UpdateInput describes a change of a ticket.
type UpdateInput struct {
	TicketID        string
	Title           *string      // nil: unchanged
	Price           *money.Money // nil: unchanged
	ExpectedVersion *int         // nil: any version
}

// Update changes a ticket for its seller, with leading and trailing spaces of the title removed. Errors, in this order:
// NotFoundError, NotAuthorizedError, a ValidationError for each invalid field, ReservedError, SoldError or
// WithdrawnError, StaleVersionError.
func (s *Service) Update(ctx context.Context, viewerID string, in UpdateInput) (Ticket, error) {
	if in.Title != nil {
		trimmed := strings.TrimSpace(*in.Title)
		in.Title = &trimmed
	}
	return s.change(ctx, in.TicketID, func(t Ticket) (change, bool, error) {
		reasons := t.CannotUpdateReasons(viewerID)
		if t.SellerID != viewerID {
			return change{}, false, reasons[0].refuse(t)
		}
		if err := in.validate(); err != nil {
			return change{}, false, err
		}
		if len(reasons) > 0 {
			return change{}, false, reasons[0].refuse(t)
		}
		if err := t.expect(in.ExpectedVersion); err != nil {
			return change{}, false, err
		}
		return t.edit(in.Title, in.Price, s.now()), true, nil
	})
}

func (in UpdateInput) validate() error {
	if in.Title == nil && in.Price == nil {
		return apperr.ValidationError{Rule: "required", Message: "Enter a new title, a new price, or both."}
	}
	var faults []error
	if in.Title != nil {
		faults = append(faults, validateTitle(*in.Title))
	}
	if in.Price != nil {
		faults = append(faults, in.Price.ValidatePrice("price")...)
	}
	return errors.Join(faults...)
}

// Withdraw takes a ticket off sale for its seller or an operator. Withdrawing a withdrawn ticket succeeds and changes
// nothing. Errors, in this order: NotFoundError, NotAuthorizedError, ReservedError or SoldError, StaleVersionError.
func (s *Service) Withdraw(ctx context.Context, v Viewer, ticketID string, expectedVersion *int) (Ticket, error) {
	byOperator := false
	t, err := s.change(ctx, ticketID, func(t Ticket) (change, bool, error) {
		if t.SellerID != v.UserID && !v.Operator {
			return change{}, false, NotAuthorizedError{}
		}
		switch t.Availability {
		case events.Withdrawn:
			return change{}, false, nil
		case events.Reserved, events.Sold:
			return change{}, false, Reason(t.Availability).refuse(t)
		}
		if err := t.expect(expectedVersion); err != nil {
			return change{}, false, err
		}
		byOperator = t.SellerID != v.UserID
		return t.withdraw(s.now()), true, nil
	})
	if err == nil && byOperator {
		slog.InfoContext(ctx, "ticket withdrawn by an operator",
			"operator", v.UserID, "ticket", t.ID, "seller", t.SellerID)
	}
	return t, err
}

// expect returns a StaleVersionError unless the ticket has the version; nil stands for any version.
func (t Ticket) expect(version *int) error {
	if version == nil || *version == t.Version {
		return nil
	}
	return StaleVersionError{t}
}

// change locks a ticket, calls decide, and stores the change that decide returns, if any, with its event. It returns
// the ticket as it is then. Errors: NotFoundError, those of decide.
func (s *Service) change(
	ctx context.Context, ticketID string, decide func(Ticket) (change, bool, error),
) (Ticket, error) {
	if !id.Valid(id.Ticket, ticketID) {
		return Ticket{}, NotFoundError{}
	}
	var result Ticket
	err := s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		t, err := lockTicket(ctx, tx, ticketID)
		if err != nil {
			return err
		}
		result = t
		c, ok, err := decide(t)
		if err != nil || !ok {
			return err
		}
		result = c.ticket
		return updateTicket(ctx, tx, c)
	})
	if err != nil {
		return Ticket{}, err
	}
	return result, nil
}
