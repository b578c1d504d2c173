package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// latencies are the durations of a number of calls.
type latencies []time.Duration

// at returns the quantile q (0 to 1) by nearest rank, and 0 when there are none.
func (l latencies) at(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (l latencies) String() string { return ms(l.at(0.5)) + " / " + ms(l.at(0.99)) }

// load is the result of a number of requests.
type load struct {
	latencies  // of the successful ones
	failed     int
	begin, end time.Time
}

func (l load) rate() float64 { return float64(len(l.latencies)) / l.end.Sub(l.begin).Seconds() }

// outcome returns the rate, and the number of failures if there are any.
func (l load) outcome() string {
	if l.failed == 0 {
		return fmt.Sprintf("%.0f", l.rate())
	}
	return fmt.Sprintf("%.0f, %d failed", l.rate(), l.failed)
}

// closedLoop calls do for 0 to n-1 from several workers, each of which makes its next call when the last one has
// returned: it finds out the highest rate. The first error ends it.
func closedLoop(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) (load, error) {
	l := load{latencies: make(latencies, n), begin: time.Now()}
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range workers {
		group.Go(func() error {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				begin := time.Now()
				if err := do(ctx, i); err != nil {
					return err
				}
				l.latencies[i] = time.Since(begin)
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	l.end = time.Now()
	return l, err
}

// openLoop calls do for 0 to n-1 at a constant rate per second, however long the calls take. A latency counts from
// the time at which the call was due, so that a stall is not hidden. More than one failure in ten calls is an error.
func openLoop(ctx context.Context, rate float64, n int, do func(ctx context.Context, i int) error) (load, error) {
	l := load{begin: time.Now()}
	var mu sync.Mutex
	var last error
	var calls sync.WaitGroup
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		due := l.begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			calls.Wait()
			return l, ctx.Err()
		case <-timer.C:
		}
		calls.Go(func() {
			err := do(ctx, i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				l.failed, last = l.failed+1, err
				return
			}
			l.latencies = append(l.latencies, time.Since(due))
		})
	}
	calls.Wait()
	l.end = time.Now()
	if l.failed > n/10 {
		return l, fmt.Errorf("%d of %d failed, such as: %w", l.failed, n, last)
	}
	return l, nil
}
