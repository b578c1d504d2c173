// Package deadline remembers when each unpaid order expires and tells so, once, when the time has
// come, and again when orders asks for it. The clock of the database decides, so workers with different clocks agree.
package deadline

import (
	"context"
	"embed"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
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
		events.OrderCreated:       events.On(s.orderCreated),
		events.OrderCancelled:     events.On(s.orderEnded),
		events.OrderCompleted:     events.On(s.orderEnded),
		events.OrderDeadlineMoved: events.On(s.deadlineMoved),
	}
}

// orderCreated sets the order's deadline. Run is woken when it could not know of it in time, here
// and in deadlineMoved.
func (s *Service) orderCreated(ctx context.Context, o events.Order) error {
	soon, err := set(ctx, s.pool, o.Version, deadline{orderID: o.ID, dueAt: o.ExpiresAt, ids: correlation.From(ctx)}, s.poll)
	if err == nil && soon {
		s.wakeUp()
	}
	return err
}

// deadlineMoved sets a later deadline of an order that is not over, also when the first one has
// been told. A duplicate may tell the same deadline twice, which orders stands.
func (s *Service) deadlineMoved(ctx context.Context, d events.OrderDeadline) error {
	soon, err := move(ctx, s.pool, deadline{orderID: d.OrderID, dueAt: d.Deadline, ids: correlation.From(ctx)}, s.poll)
	if err == nil && soon {
		s.wakeUp()
	}
	return err
}

// orderEnded drops the order's deadline.
func (s *Service) orderEnded(ctx context.Context, o events.Order) error {
	return remove(ctx, s.pool, o.ID, o.Version)
}

// Pending returns how many deadlines are watched, for a metric without label.
func (s *Service) Pending(ctx context.Context) (map[string]float64, error) {
	return read(ctx, s.pool, `count(*)`)
}

// Overdue returns for how many seconds the oldest deadline has passed without being told, for a metric
// without label; 0 if none has.
func (s *Service) Overdue(ctx context.Context) (map[string]float64, error) {
	return read(ctx, s.pool, `greatest(extract(epoch FROM clock_timestamp() - min(due_at)), 0)`)
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
