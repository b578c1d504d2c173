package main

import (
	"context"
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
	latencies
	begin, end time.Time
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
func openLoop(ctx context.Context, rate float64, n int, do func(ctx context.Context, i int) error) (load, error) {
	l := load{latencies: make(latencies, n), begin: time.Now()}
	group, ctx := errgroup.WithContext(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		due := l.begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return l, group.Wait()
		case <-timer.C:
		}
		group.Go(func() error {
			err := do(ctx, i)
			l.latencies[i] = time.Since(due)
			return err
		})
	}
	err := group.Wait()
	l.end = time.Now()
	return l, err
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
