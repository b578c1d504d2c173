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
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/subgraphs/internal/signal"
)

//go:embed migrations
var files embed.FS

// Migrations makes the service's tables, except the outbox and the inbox.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "tickets", Files: files} }

// maxTitle is the longest title, in characters.
const maxTitle = 200

// Service has the use cases of tickets. Each owns its transaction.
type Service struct {
	pool     *pgxpool.Pool
	outbox   *outbox.Outbox
	now      func() time.Time
	changed  signal.Hub // by ticket
	together signal.Together[Ticket]
}

// NewService returns the use cases on a migrated database.
func NewService(pool *pgxpool.Pool, box *outbox.Outbox, now func() time.Time) *Service {
	s := &Service{pool: pool, outbox: box, now: func() time.Time {
		return now().UTC().Truncate(time.Millisecond) // what the schema's DateTime shows
	}}
	s.together.Read = s.ByID
	return s
}

// CreateInput is what a seller puts on sale.
type CreateInput struct {
	Title          string
	Price          money.Money
	IdempotencyKey *string // the same key again returns the first ticket
}

// request is the input as it is kept to recognise a repetition.
func (in CreateInput) request() string {
	return fmt.Sprintf("%d %s for %s", in.Price.MinorUnits, in.Price.Currency, in.Title)
}

// Create puts a ticket on sale. Spaces around the title are removed. Errors: ValidationFailed for every field at fault,
// IdempotencyKeyReused.
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
	faults := append([]error{validateTitle(in.Title)}, in.Price.ValidatePrice("input.price")...)
	if in.IdempotencyKey != nil {
		faults = append(faults, apperr.CheckIdempotencyKey(*in.IdempotencyKey, "input.idempotencyKey"))
	}
	return errors.Join(faults...)
}

// validateTitle returns nil for one line of 1 to maxTitle characters with something to see in it.
func validateTitle(title string) error {
	const path = "input.title"
	switch {
	case !utf8.ValidString(title) || strings.ContainsFunc(title, controls):
		return apperr.Invalid(path, "text", "The title must not contain line breaks or other control characters.")
	case !strings.ContainsFunc(title, visible):
		return apperr.Invalid(path, "blank", "The title must not be blank.")
	case utf8.RuneCountInString(title) > maxTitle:
		return apperr.Invalid(path, "maxLength", fmt.Sprintf("The title must have at most %d characters.", maxTitle))
	}
	return nil
}

// controls also what shows text in another order than it stands there. Letters from right to left need none of it.
func controls(r rune) bool {
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
		return Ticket{}, apperr.New(apperr.IdempotencyKeyReused, "This key was used for another request.").At("input.idempotencyKey")
	}
	return t, nil
}

// UpdateInput is what a seller changes.
type UpdateInput struct {
	TicketID        string
	Title           *string      // nil leaves it
	Price           *money.Money // nil leaves it
	ExpectedVersion *int         // refuse any other version
}

// Update edits a ticket for its seller. Spaces around the title are removed. Errors, the first
// that applies: TicketNotFound, NotAuthorized, ValidationFailed for every field at fault,
// TicketReserved and TicketWithdrawn (Detail: the Ticket), StaleVersion (Detail: the Ticket).
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
		return apperr.Invalid("input", "required", "Give a new title, a new price, or both.")
	}
	var faults []error
	if in.Title != nil {
		faults = append(faults, validateTitle(*in.Title))
	}
	if in.Price != nil {
		faults = append(faults, in.Price.ValidatePrice("input.price")...)
	}
	return errors.Join(faults...)
}

// Withdraw takes a ticket off sale for its seller or an operator. Withdrawing a withdrawn ticket
// succeeds and changes nothing. Errors, the first that applies: TicketNotFound, NotAuthorized,
// TicketReserved and TicketSold (Detail: the Ticket), StaleVersion (Detail: the Ticket).
func (s *Service) Withdraw(ctx context.Context, v Viewer, ticketID string, expectedVersion *int) (Ticket, error) {
	byOperator := false
	t, err := s.change(ctx, ticketID, func(t Ticket) (change, bool, error) {
		if t.SellerID != v.UserID && !v.Operator {
			return change{}, false, NotOwner.refuse(t)
		}
		switch t.Availability {
		case Withdrawn:
			return change{}, false, nil
		case Reserved, Sold:
			return change{}, false, Reason(t.Availability).refuse(t)
		}
		if err := t.expect(expectedVersion); err != nil {
			return change{}, false, err
		}
		byOperator = t.SellerID != v.UserID
		return t.withdraw(s.now()), true, nil
	})
	if err == nil && byOperator {
		slog.InfoContext(ctx, "ticket withdrawn by an operator", "operator", v.UserID, "ticket", t.ID, "seller", t.SellerID)
	}
	return t, err
}

// refuse returns the error for somebody who tries to change the ticket in spite of the reason.
func (r Reason) refuse(t Ticket) error {
	switch r {
	case SignedOut:
		return apperr.New(apperr.Unauthenticated, "Sign in first.")
	case NotOwner:
		return apperr.New(apperr.NotAuthorized, "This is not your ticket.").At("input.ticketId")
	case Reason(Withdrawn):
		return apperr.New(apperr.TicketWithdrawn, "This ticket is off sale.").At("input.ticketId").With(t)
	case Reason(Sold):
		return apperr.New(apperr.TicketSold, "This ticket is sold.").At("input.ticketId").With(t)
	default:
		return apperr.New(apperr.TicketReserved, "This ticket is reserved.").At("input.ticketId").With(t)
	}
}

// expect returns nil when the ticket is at the version, or when any will do.
func (t Ticket) expect(version *int) error {
	if version == nil || *version == t.Version {
		return nil
	}
	return apperr.New(apperr.StaleVersion, "The ticket has changed since you read it.").At("input.expectedVersion").With(t)
}

func ticketNotFound() error {
	return apperr.New(apperr.TicketNotFound, "There is no such ticket.").At("input.ticketId")
}

// change locks a ticket and makes the change that decide wants, if any, together with its event.
// It returns the ticket as it is afterwards, or TicketNotFound.
func (s *Service) change(ctx context.Context, ticketID string, decide func(Ticket) (change, bool, error)) (Ticket, error) {
	if !id.Valid(id.Ticket, ticketID) {
		return Ticket{}, ticketNotFound()
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
