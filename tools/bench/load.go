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

// latencies are how long things took.
type latencies []time.Duration

// at returns the quantile q (0 to 1) by nearest rank, and 0 when there are none.
func (l latencies) at(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// load is what a number of requests took.
type load struct {
	latencies  // of the answers
	failed     int
	begin, end time.Time
}

// outcome says how fast answers came, and how many did not.
func (l load) outcome() string {
	if l.failed == 0 {
		return fmt.Sprintf("%.0f", l.rate())
	}
	return fmt.Sprintf("%.0f, %d failed", l.rate(), l.failed)
}

func (l load) rate() float64 { return float64(len(l.latencies)) / l.end.Sub(l.begin).Seconds() }

// closedLoop calls do for 0 to n-1 from several workers, each of which makes its next call when
// the last one has answered: it finds out how much the system can do. The first error ends it.
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

// openLoop calls do for 0 to n-1 at a constant rate per second, however long the answers take: as
// users come. A latency counts from when the call was due, so a system that stalls is not spared.
// Users come also when some calls fail; only when one in ten does is that an error.
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

// sampler remembers what came in from many goroutines.
type sampler struct {
	mu  sync.Mutex
	all latencies
}

func (s *sampler) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

func (s *sampler) take() latencies {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}
