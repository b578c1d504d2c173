// Package deadline remembers when each unpaid order expires and tells so, once, when the time has
// come. The clock of the database decides, so workers with different clocks agree.
package deadline

import (
	"context"
	"embed"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/inbox"
	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
)

//go:embed migrations
var files embed.FS

// Migrations makes the service's table, except inbox and outbox.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "deadlines", Files: files} }

// deadline is when an order expires, and what the order began with.
type deadline struct {
	orderID string
	dueAt   time.Time
	ids     correlation.IDs
}

// event is the deadline as other services hear of it.
func (d deadline) event() events.Event {
	return events.New(events.OrderExpired, events.OrderDeadline{OrderID: d.orderID, Deadline: d.dueAt})
}

// Service keeps the deadlines of one database. Any number of services may share it.
type Service struct {
	pool   *pgxpool.Pool
	outbox *outbox.Outbox
	poll   time.Duration // Run looks at least this often
	wake   chan struct{}
}

// NewService returns the deadlines of a migrated database.
func NewService(pool *pgxpool.Pool, box *outbox.Outbox) *Service {
	return &Service{pool: pool, outbox: box, poll: time.Second, wake: make(chan struct{}, 1)}
}

// Reactions says what the service does when orders tells it something. Whatever the order of the
// events, the newest one decides: an order that was cancelled first and created later has no deadline.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.OrderCreated:   events.On(s.orderCreated),
		events.OrderCancelled: events.On(s.orderEnded),
		events.OrderCompleted: events.On(s.orderEnded),
	}
}

// orderCreated sets the order's deadline. Run is woken when it could not know of it in time.
func (s *Service) orderCreated(ctx context.Context, o events.Order) error {
	soon := false
	err := s.advance(ctx, o, func(tx pgx.Tx) (err error) {
		soon, err = insert(ctx, tx, deadline{orderID: o.ID, dueAt: o.ExpiresAt, ids: correlation.From(ctx)}, s.poll)
		return err
	})
	if err == nil && soon {
		s.wakeUp()
	}
	return err
}

// orderEnded drops the order's deadline.
func (s *Service) orderEnded(ctx context.Context, o events.Order) error {
	return s.advance(ctx, o, func(tx pgx.Tx) error { return remove(ctx, tx, o.ID) })
}

// advance calls change, in a transaction, when o is newer than all that was heard of the order.
func (s *Service) advance(ctx context.Context, o events.Order, change func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		newer, err := inbox.Advance(ctx, tx, events.Expiration, o.ID, o.Version)
		if err != nil || !newer {
			return err
		}
		return change(tx)
	})
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
