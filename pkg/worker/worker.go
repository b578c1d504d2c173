// Package worker runs background tasks that poll for work.
package worker

import (
	"context"
	"log/slog"
	"time"
)

const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// Wake starts a worker's next step early. It is safe for concurrent use.
type Wake chan struct{}

// NewWake returns a Wake for one worker.
func NewWake() Wake { return make(Wake, 1) }

// Send wakes the worker. It never blocks. Signals that are sent during a step cause one more step.
func (w Wake) Send() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// Step does the work that is due and returns the time until the next step.
type Step func(ctx context.Context) (next time.Duration, err error)

// Run calls step at once, and again whenever the time that it returned has passed or wake, which may be nil, is sent.
// After an error it logs that the work called name failed, and backs off for up to two seconds regardless of wake. Run
// returns nil once ctx has ended and the current step has returned.
func Run(ctx context.Context, name string, wake Wake, step Step) error {
	retry := firstRetry
	for {
		next, err := step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		early := wake
		if err != nil {
			//nolint:sloglint // a constant of the worker
			slog.WarnContext(ctx, name+" failed, retrying", "error", err)
			next, early = retry, nil
			retry = min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-early:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// Every calls do at once and then at the interval, like Run, until ctx ends.
func Every(ctx context.Context, name string, interval time.Duration, do func(context.Context) error) error {
	return Run(ctx, name, nil, func(ctx context.Context) (time.Duration, error) { return interval, do(ctx) })
}
