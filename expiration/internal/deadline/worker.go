package deadline

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	batchSize  = 1000
	contention = 2 * time.Millisecond   // pause when what is due is in another worker's hands
	backOff    = 250 * time.Millisecond // pause after a failure, such as a database that is down
)

// Run tells of every deadline as it passes, until ctx ends. Between deadlines it sleeps. It
// survives the loss of the database: nothing is lost, and what came due meanwhile is told then.
//
// A deadline set by this process wakes it. One set by another process is that one's to tell; should
// it have died, the others find the deadline at their next poll.
func (s *Service) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-timer.C:
		}
		pause, err := s.expireAll(ctx)
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "deadlines not told, will try again", "error", err)
		}
		timer.Reset(pause)
	}
}

// expireAll tells of everything that is due and says how long to pause then.
func (s *Service) expireAll(ctx context.Context) (time.Duration, error) {
	for {
		n, err := s.expire(ctx)
		if err != nil {
			return backOff, err
		}
		if n < batchSize {
			break
		}
	}
	next, err := untilNext(ctx, s.pool, s.poll)
	if err != nil {
		return backOff, err
	}
	return max(next, contention), nil
}

// expire turns up to batchSize due deadlines into events, in one transaction.
func (s *Service) expire(ctx context.Context) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		due, err := takeDue(ctx, tx, batchSize)
		if err != nil || len(due) == 0 {
			return err
		}
		n = len(due)
		return tell(ctx, tx, due)
	})
	if err != nil || n == 0 {
		return 0, err
	}
	s.outbox.Wake()
	slog.InfoContext(ctx, "deadlines passed", "orders", n)
	return n, nil
}
