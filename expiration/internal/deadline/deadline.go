// Package deadline stores when each unpaid order expires and publishes order.expired once that time has passed,
// and again if orders moves the deadline. Only the database's clock counts, so the clocks of replicas may differ.
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
	"boxoffice.dev/pkg/worker"
)

//go:embed migrations
var files embed.FS

// Migrations creates the table of deadlines. The package needs those of inbox and outbox, too.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "deadlines", Files: files} }

// deadline is the time at which an order expires, with the ids of the work that set it.
type deadline struct {
	orderID string
	dueAt   time.Time
	ids     correlation.IDs
}

// event returns the event that announces that the deadline has passed.
func (d deadline) event() events.Event {
	return events.New(events.OrderExpired, events.OrderDeadline{OrderID: d.orderID, Deadline: d.dueAt})
}

// Service handles the deadlines in one database. Several replicas may share it.
type Service struct {
	pool   *pgxpool.Pool
	outbox *outbox.Outbox
	poll   time.Duration // longest sleep of Run
	wake   worker.Wake
}

// NewService returns a service on a migrated database.
func NewService(pool *pgxpool.Pool, box *outbox.Outbox) *Service {
	return &Service{pool: pool, outbox: box, poll: time.Second, wake: worker.NewWake()}
}

// Reactions returns the service's event handlers. In any order of arrival, the newest version of an
// order decides: one whose end arrives before its creation has no deadline.
func (s *Service) Reactions() events.Handlers {
	return events.Handlers{
		events.OrderCreated:       events.On(s.orderCreated),
		events.OrderCancelled:     events.On(s.orderEnded),
		events.OrderCompleted:     events.On(s.orderEnded),
		events.OrderDeadlineMoved: events.On(s.deadlineMoved),
	}
}

func (s *Service) orderCreated(ctx context.Context, o events.Order) error {
	d := deadline{orderID: o.ID, dueAt: o.ExpiresAt, ids: correlation.From(ctx)}
	soon, err := insert(ctx, s.pool, o.Version, d, s.poll)
	if soon {
		s.wake.Send() // Run may sleep past the deadline
	}
	return err
}

// deadlineMoved stores a later deadline of an order that has not ended, also when the first one was published.
// A redelivery may publish the same deadline twice, which orders tolerates.
func (s *Service) deadlineMoved(ctx context.Context, o events.OrderDeadline) error {
	d := deadline{orderID: o.OrderID, dueAt: o.Deadline, ids: correlation.From(ctx)}
	soon, err := extend(ctx, s.pool, d, s.poll)
	if soon {
		s.wake.Send()
	}
	return err
}

func (s *Service) orderEnded(ctx context.Context, o events.Order) error {
	return remove(ctx, s.pool, o.ID, o.Version)
}

// Pending returns the number of stored deadlines, for metrics.Gauge.
func (s *Service) Pending(ctx context.Context) (map[string]float64, error) {
	return readGauge(ctx, s.pool, `count(*)`)
}

// Overdue returns for how many seconds the oldest deadline has passed without being published, 0 if none has,
// for metrics.Gauge.
func (s *Service) Overdue(ctx context.Context) (map[string]float64, error) {
	return readGauge(ctx, s.pool, `greatest(extract(epoch FROM clock_timestamp() - min(due_at)), 0)`)
}
