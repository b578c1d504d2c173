package payment

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

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

// Migrations makes the service's tables, except the outbox.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "payments", Files: files} }

// Config is what an operator may set.
type Config struct {
	PaymentFailure  string        `env:"PAYMENT_FAILURE" envDefault:"cancel" help:"what orders makes of a failed payment: cancel ends the order, retry leaves it alive for another card"`
	Patience        time.Duration `env:"PAYMENT_WAIT" envDefault:"3s" help:"how long payOrder and refundPayment wait for the end before they answer"`
	GiveUp          time.Duration `env:"PAYMENT_GIVE_UP" envDefault:"2m" min:"1s" help:"how long an attempt is tried that the processor cannot be brought to hear of"`
	FailuresPerHour int           `env:"FAILED_PAYMENTS_PER_HOUR" envDefault:"20" min:"1" help:"of one buyer before more are refused, so that nobody tries out stolen cards"`
}

// Check returns what is wrong with the configuration.
func (c Config) Check() error {
	if c.PaymentFailure != "cancel" && c.PaymentFailure != "retry" {
		return fmt.Errorf("PAYMENT_FAILURE: want cancel or retry, got %q", c.PaymentFailure)
	}
	return nil
}

// keepsOrder reports whether a failed payment leaves its order alive.
func (c Config) keepsOrder() bool { return c.PaymentFailure == "retry" }

// Service has the use cases of payments. Each owns its transactions.
type Service struct {
	cfg       Config
	pool      *pgxpool.Pool
	outbox    *outbox.Outbox
	processor Processor
	now       func() time.Time
	wake      chan struct{} // there is a step to take
	changes   signal.Hub    // by order id, and by payment id of a refund
}

// NewService returns the use cases on a migrated database.
func NewService(cfg Config, pool *pgxpool.Pool, box *outbox.Outbox, processor Processor, now func() time.Time) *Service {
	return &Service{
		cfg: cfg, pool: pool, outbox: box, processor: processor,
		now:  func() time.Time { return now().UTC().Truncate(time.Millisecond) }, // what the schema's DateTime shows
		wake: make(chan struct{}, 1),
	}
}

// PayInput is how a buyer wants to pay.
type PayInput struct {
	OrderID        string
	Token          string       // of the card
	ExpectedAmount *money.Money // refuse any other price
	IdempotencyKey string       // the same key again returns the first payment
}

// request is the input as it is kept to recognise a repetition.
func (in PayInput) request() string {
	amount := "any"
	if in.ExpectedAmount != nil {
		amount = fmt.Sprintf("%d %s", in.ExpectedAmount.MinorUnits, in.ExpectedAmount.Currency)
	}
	return hash(in.OrderID, in.Token, amount)
}

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}

// Pay pays for an order, and waits for the end of it for as long as Config.Patience. It returns
// the payment as it is then, with its order.
//
// Errors: OrderNotFound, NotAuthorized, OrderNotPayable (Detail: order id), OrderAlreadyPaid,
// PaymentInProgress and PaymentDeclined (Detail: the Payment), IdempotencyKeyReused, RateLimited
// (Detail: the seconds to wait), ValidationFailed.
func (s *Service) Pay(ctx context.Context, buyerID string, in PayInput) (Payment, Order, error) {
	if err := in.validate(); err != nil {
		return Payment{}, Order{}, err
	}
	patience, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	paymentID, err := s.begin(ctx, patience, buyerID, in)
	if err != nil {
		return Payment{}, Order{}, err
	}
	p, o, err := s.settled(ctx, patience, paymentID, in.OrderID)
	switch {
	case err != nil:
		return Payment{}, Order{}, err
	case p.Status == Failed:
		return Payment{}, Order{}, apperr.New(apperr.PaymentDeclined, p.Decline.Message).With(p)
	case p.Status == Voided:
		return Payment{}, Order{}, orderNotPayable(p.OrderID)
	}
	return p, o, nil
}

func (in PayInput) validate() error {
	if !id.Valid(id.Order, in.OrderID) {
		return orderNotFound()
	}
	if !visibleASCII(in.Token) {
		return apperr.Invalid("input.paymentMethodToken", "token", "The card's token must be 1 to 255 visible ASCII characters.")
	}
	return apperr.CheckIdempotencyKey(in.IdempotencyKey, "input.idempotencyKey")
}

func visibleASCII(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func orderNotFound() error {
	return apperr.New(apperr.OrderNotFound, "There is no such order.").At("input.orderId")
}

func orderNotPayable(orderID string) error {
	return apperr.New(apperr.OrderNotPayable, "The order has ended. Nothing was charged.").At("input.orderId").With(orderID)
}

// begin stores a new attempt to pay, or finds the one with the same idempotency key, and returns
// its id. Unique indexes decide between attempts that come at the same instant; whoever loses
// reads again and learns why.
func (s *Service) begin(ctx, patience context.Context, buyerID string, in PayInput) (paymentID string, err error) {
	look := func(ctx context.Context) (facts, error) {
		return readFacts(ctx, s.pool, buyerID, in, s.now().Add(-time.Hour))
	}
	// An order that is too young to be known to be unknown: orders may not have told of it yet.
	enough := func(f facts) bool { return f.order != nil || s.now().Sub(id.Time(in.OrderID)) >= time.Minute }
	for {
		f, err := signal.Await(ctx, patience, &s.changes, in.OrderID, look, enough)
		if err != nil {
			return "", err
		}
		if f.repeated != nil {
			if f.repeated.request != in.request() {
				return "", idempotencyKeyReused()
			}
			return f.repeated.id, nil
		}
		if err := f.admit(buyerID, in, s.cfg.FailuresPerHour, s.now()); err != nil {
			return "", err
		}
		now := s.now()
		p := Payment{
			ID: id.New(id.Payment), Version: 1, OrderID: in.OrderID, BuyerID: buyerID, SellerID: f.order.SellerID,
			Status: Processing, Step: Authorize, Amount: f.order.Price, Description: f.order.Title, Token: in.Token,
			CreatedAt: now, UpdatedAt: now,
		}
		begun, err := s.insert(ctx, p, in)
		switch postgres.Violated(err) {
		case "payments_one_live_per_order", "payments_one_per_idempotency_key":
			continue // somebody was faster, which the next look shows
		}
		if err != nil {
			return "", err
		}
		if begun {
			return p.ID, nil
		} // else the order has ended meanwhile, which the next look shows
	}
}

func idempotencyKeyReused() error {
	return apperr.New(apperr.IdempotencyKeyReused, "This key was used for another request.").At("input.idempotencyKey")
}

// insert stores a new payment unless its order has ended, and tells of it.
func (s *Service) insert(ctx context.Context, p Payment, in PayInput) (begun bool, err error) {
	err = s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		if begun, err = insertPayment(ctx, tx, p, in); err != nil || !begun {
			return err
		}
		started, _ := p.event()
		return outbox.Append(ctx, tx, started)
	})
	if err == nil && begun {
		s.wakeUp()
	}
	return begun, err
}

// settled waits until the payment and its order have reached the state that this payment leads to,
// until the buyer has to act, or until patience ends, and returns both as they are then.
func (s *Service) settled(ctx, patience context.Context, paymentID, orderID string) (Payment, Order, error) {
	type outcome struct {
		payment Payment
		order   Order
	}
	look := func(ctx context.Context) (out outcome, err error) {
		out.payment, out.order, err = paymentWithOrder(ctx, s.pool, paymentID)
		return out, err
	}
	out, err := signal.Await(ctx, patience, &s.changes, orderID, look, func(out outcome) bool { return s.isSettled(out.payment, out.order) })
	return out.payment, out.order, err
}

func (s *Service) isSettled(p Payment, o Order) bool {
	switch p.Status {
	case Processing, Authorized:
		return false
	case Failed:
		return s.cfg.keepsOrder() || !o.unpaid()
	case Succeeded:
		return !o.unpaid()
	default:
		return true
	}
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// RefundInput is what to give back.
type RefundInput struct {
	PaymentID      string
	Amount         *money.Money // nil for all that is left
	ReleaseTicket  bool         // sell the ticket again once all of the money is given back
	IdempotencyKey string       // the same key again returns the first refund
}

func (in RefundInput) request() string {
	amount := "all"
	if in.Amount != nil {
		amount = fmt.Sprintf("%d %s", in.Amount.MinorUnits, in.Amount.Currency)
	}
	return hash(in.PaymentID, amount, fmt.Sprint(in.ReleaseTicket))
}

// Refund gives money back, and waits for the processor for as long as Config.Patience. It returns
// refund and payment as they are then.
//
// Errors: PaymentNotFound, NotAuthorized, PaymentNotRefundable (Detail: the Payment),
// IdempotencyKeyReused, ValidationFailed.
func (s *Service) Refund(ctx context.Context, viewer Viewer, in RefundInput) (Refund, Payment, error) {
	if !id.Valid(id.Payment, in.PaymentID) {
		return Refund{}, Payment{}, paymentNotFound()
	}
	if err := apperr.CheckIdempotencyKey(in.IdempotencyKey, "input.idempotencyKey"); err != nil {
		return Refund{}, Payment{}, err
	}
	patience, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	r, err := s.beginRefund(ctx, viewer, in)
	if err != nil {
		return Refund{}, Payment{}, err
	}
	type outcome struct {
		refund  Refund
		payment Payment
	}
	look := func(ctx context.Context) (out outcome, err error) {
		out.refund, out.payment, err = refundWithPayment(ctx, s.pool, r.ID)
		return out, err
	}
	out, err := signal.Await(ctx, patience, &s.changes, r.PaymentID, look, func(out outcome) bool { return out.refund.Status != RefundPending })
	return out.refund, out.payment, err
}

func paymentNotFound() error {
	return apperr.New(apperr.PaymentNotFound, "There is no such payment.").At("input.paymentId")
}

// beginRefund stores a new refund, or finds the one with the same idempotency key. The lock on the
// payment makes refunds wait for each other, so that together they give back no more than was taken.
func (s *Service) beginRefund(ctx context.Context, viewer Viewer, in RefundInput) (r Refund, err error) {
	err = s.outbox.Tx(ctx, func(tx pgx.Tx) error {
		p, err := lockPayment(ctx, tx, in.PaymentID)
		if err != nil {
			return err
		}
		if err := p.mayRefund(viewer); err != nil {
			return err
		}
		repeated, request, err := refundByKey(ctx, tx, viewer.UserID, in.IdempotencyKey)
		if err != nil {
			return err
		}
		if repeated.ID != "" {
			r = repeated
			if request != in.request() {
				return idempotencyKeyReused()
			}
			return nil
		}
		pending, count, err := pendingRefunds(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		amount, err := p.refundable(in.Amount, pending, count)
		if err != nil {
			return err
		}
		r = Refund{
			ID: id.New(id.Refund), PaymentID: p.ID, Status: RefundPending, Amount: amount,
			ReleaseTicket: in.ReleaseTicket, Actor: Seller, CreatedAt: s.now(),
		}
		if p.SellerID != viewer.UserID {
			r.Actor = Operator
		}
		return insertRefund(ctx, tx, r, viewer.UserID, in.IdempotencyKey, in.request())
	})
	if err == nil {
		s.wakeUp()
	}
	return r, err
}

// mayRefund returns nil when the viewer may give the payment back. To strangers it does not exist.
func (p Payment) mayRefund(viewer Viewer) error {
	switch {
	case viewer.Operator, viewer.UserID == p.SellerID:
		return nil
	case viewer.UserID == p.BuyerID:
		return apperr.New(apperr.NotAuthorized, "Only the seller can give the money back.").At("input.paymentId")
	default:
		return paymentNotFound()
	}
}

// maxRefunds bounds the refunds of one payment.
const maxRefunds = 100

// refundable returns the amount to give back: what was asked for, or all that is left.
func (p Payment) refundable(asked *money.Money, pendingMinorUnits, refunds int) (money.Money, error) {
	left := money.Money{MinorUnits: p.Amount.MinorUnits - p.RefundedMinorUnits - pendingMinorUnits, Currency: p.Amount.Currency}
	amount := left
	if asked != nil {
		amount = *asked
	}
	switch {
	case amount.Currency != left.Currency:
		return amount, apperr.Invalid("input.amount.currency", "currency", "The payment was made in "+left.Currency+".")
	case asked != nil && amount.MinorUnits <= 0:
		return amount, apperr.Invalid("input.amount.minorUnits", "min", "The amount must be greater than 0.")
	case !p.Paid() || left.MinorUnits == 0 || amount.MinorUnits > left.MinorUnits || refunds >= maxRefunds:
		return amount, apperr.New(apperr.PaymentNotRefundable, "There is not so much to give back.").At("input.paymentId").With(p)
	}
	return amount, nil
}
