package order

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"time"

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

// Migrations returns the migrations of the service's tables, except the outbox.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "orders", Files: files} }

// Config has the settings of orders.
type Config struct {
	Hold           time.Duration        `env:"HOLD" envDefault:"15m" min:"1s" help:"how long an unpaid order holds its ticket"`
	MaxUnpaid      int                  `env:"MAX_UNPAID_ORDERS" envDefault:"5" min:"1" help:"limit of unpaid orders per buyer"`
	PaymentFailure events.FailurePolicy `env:"PAYMENT_FAILURE" envDefault:"cancel" help:"effect of a failed payment: cancel cancels the order, retry lets the buyer try again until the deadline"`
	PaymentGrace   time.Duration        `env:"PAYMENT_GRACE" envDefault:"60s" help:"how long a payment that began before the deadline may go on after it"`
	Wait           time.Duration        `env:"ORDER_WAIT" envDefault:"3s" help:"how long the order query waits for atLeastVersion"`
}

// Check returns an error if a setting is invalid.
func (c Config) Check() error {
	switch c.PaymentFailure {
	case events.CancelOnFailure, events.RetryOnFailure:
		return nil
	}
	return fmt.Errorf("PAYMENT_FAILURE: want %s or %s, got %q",
		events.CancelOnFailure, events.RetryOnFailure, c.PaymentFailure)
}

func (c Config) rules() rules { return rules{policy: c.PaymentFailure, grace: c.PaymentGrace} }

// Service has the use cases of orders. Each owns its transaction.
type Service struct {
	cfg     Config
	pool    *pgxpool.Pool
	outbox  *outbox.Outbox
	now     func() time.Time
	changed signal.Hub // by order id
	waiters waiterLimiter
}

// NewService returns the use cases on a migrated database.
func NewService(cfg Config, pool *pgxpool.Pool, box *outbox.Outbox, now func() time.Time) *Service {
	return &Service{cfg: cfg, pool: pool, outbox: box, now: func() time.Time {
		return now().UTC().Truncate(time.Millisecond) // the precision of the schema's DateTime
	}}
}

// CreateInput is a request to reserve a ticket.
type CreateInput struct {
	TicketID       string
	ExpectedPrice  *money.Money // refuse any other price
	IdempotencyKey *string      // the same key again returns the first order
}

// request returns the input in the form that is stored to recognize a repetition.
func (in CreateInput) request() string {
	if in.ExpectedPrice == nil {
		return in.TicketID
	}
	return fmt.Sprintf("%s at %d %s", in.TicketID, in.ExpectedPrice.MinorUnits, in.ExpectedPrice.Currency)
}

// Create reserves a ticket for the buyer in two round trips: one reads the facts that decide, the other stores order,
// history and event together. Unique indexes decide between concurrent requests. A request that loses reads the facts
// again, and admit then returns the reason.
//
// Errors: apperr.ValidationError, apperr.IdempotencyKeyReusedError, TicketNotFoundError, OwnTicketError,
// TicketReservedError, TicketSoldError, TicketNotForSaleError, PriceChangedError, TooManyActiveOrdersError.
func (s *Service) Create(ctx context.Context, buyerID string, in CreateInput) (Order, error) {
	if err := in.validate(); err != nil {
		return Order{}, err
	}
	for {
		f, err := readFacts(ctx, s.pool, buyerID, in, s.cfg.MaxUnpaid)
		if err != nil {
			return Order{}, err
		}
		if f.repeated != nil {
			if f.repeated.request != in.request() {
				return Order{}, apperr.IdempotencyKeyReusedError{}
			}
			return s.Get(ctx, Viewer{UserID: buyerID}, f.repeated.orderID)
		}
		if err := f.admit(buyerID, in, s.cfg.MaxUnpaid); err != nil {
			return Order{}, err
		}
		now := s.now()
		c := create(Order{
			ID: id.New(id.Order), BuyerID: buyerID, SellerID: f.ticket.SellerID,
			TicketID: f.ticket.ID, TicketVersion: f.ticket.Version, Title: f.ticket.Title, Price: f.ticket.Price,
			CreatedAt: now, ExpiresAt: now.Add(s.cfg.Hold),
		})
		err = insertOrder(ctx, s.pool, c, s.cfg.PaymentFailure, f.freeSlot, in)
		switch postgres.Violated(err) {
		case "orders_one_live_per_ticket", "orders_one_per_slot", "orders_one_per_idempotency_key":
			continue // another request was faster
		}
		if err != nil {
			return Order{}, err
		}
		s.outbox.Wake()
		return c.order, nil
	}
}

func (in CreateInput) validate() error {
	if !id.Valid(id.Ticket, in.TicketID) {
		return TicketNotFoundError{}
	}
	if in.IdempotencyKey != nil {
		return apperr.ValidateIdempotencyKey(*in.IdempotencyKey)
	}
	return nil
}

// Cancel ends an unpaid order for its buyer or for an operator. Cancelling a cancelled order changes nothing and
// succeeds. Errors: NotFoundError, NotAuthorizedError, NotCancellableError.
func (s *Service) Cancel(ctx context.Context, v Viewer, orderID string) (Order, error) {
	if !id.Valid(id.Order, orderID) {
		return Order{}, NotFoundError{}
	}
	actor, reason := events.Buyer, events.ReasonBuyerCancelled
	cancelled := false
	after, err := s.change(ctx, orderID, nil, func(o orderWithPayments) (change, error) {
		switch {
		case !v.sees(o.Order):
			return change{}, NotAuthorizedError{}
		case o.Status == events.Complete || o.Frozen():
			return change{}, NotCancellableError{o.Order}
		case !v.buys(o.Order):
			actor, reason = events.Operator, events.ReasonOperator
		}
		c := o.cancel(actor, reason, s.now())
		cancelled = c.statusChanged()
		return c, nil
	})
	if cancelled && err == nil && actor == events.Operator {
		slog.InfoContext(ctx, "order cancelled by an operator", "operator", v.UserID, "order", orderID)
	}
	return after, err
}

// change locks an order, calls decide with it, and stores the returned change in one transaction with its history
// entry, the decisions about payments that follow from it, and its events. If preload is not nil, the statements
// that it queues run before the order's payments are read. It returns the changed order. Errors: NotFoundError,
// and those of decide.
func (s *Service) change(
	ctx context.Context, orderID string, preload func(*pgx.Batch), decide func(orderWithPayments) (change, error),
) (Order, error) {
	var locked orderWithPayments
	var after Order
	lock := func(batch *pgx.Batch) { queueLock(batch, orderID, preload, &locked) }
	err := s.outbox.TxAfter(ctx, lock, func(tx pgx.Tx) error {
		c, err := decide(locked)
		if err != nil {
			return err
		}
		c = locked.decide(c, s.cfg.rules(), s.now())
		after = c.order
		return storeChange(ctx, tx, c, s.cfg.PaymentFailure)
	})
	if err != nil {
		return Order{}, err
	}
	s.changed.Changed(orderID)
	return after, nil
}
