package deadline

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/worker"
)

const (
	batchSize  = 1000
	contention = 2 * time.Millisecond // pause while another replica holds the rows that are due
)

// Run publishes each deadline when it passes, until ctx ends, and sleeps in between. While the database is
// unavailable nothing is lost: deadlines that pass meanwhile are published afterwards.
//
// A deadline that this process stores wakes it. If the process ends, another one finds the deadline by polling.
func (s *Service) Run(ctx context.Context) error {
	return worker.Run(ctx, "publishing expirations", s.wake, s.expireDue)
}

// expireDue publishes every deadline that has passed and returns the time until the next one.
func (s *Service) expireDue(ctx context.Context) (time.Duration, error) {
	for {
		n, err := s.expireBatch(ctx)
		if err != nil {
			return 0, err
		}
		if n < batchSize {
			break
		}
	}
	next, err := untilNext(ctx, s.pool, s.poll)
	return max(next, contention), err
}

// expireBatch turns up to batchSize deadlines that have passed into events, in one transaction.
func (s *Service) expireBatch(ctx context.Context) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		due, err := takeDue(ctx, tx, batchSize)
		if err != nil || len(due) == 0 {
			return err
		}
		n = len(due)
		return appendEvents(ctx, tx, due)
	})
	if err != nil || n == 0 {
		return 0, err
	}
	s.outbox.Wake()
	slog.InfoContext(ctx, "orders expired", "orders", n)
	return n, nil
}
