package worker_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice.dev/pkg/worker"
)

// record runs a worker until the test ends and returns when its steps begin, counted from now. The steps return the
// results, and the last of them again and again.
func record(t *testing.T, wake worker.Wake, results ...result) *[]time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	begin := time.Now()
	steps := new([]time.Duration)
	done := make(chan error)
	go func() {
		done <- worker.Run(ctx, "test", wake, func(context.Context) (time.Duration, error) {
			r := results[min(len(*steps), len(results)-1)]
			*steps = append(*steps, time.Since(begin))
			return r.next, r.err
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return steps
}

type result struct {
	next time.Duration
	err  error
}

func TestRun(t *testing.T) {
	failure := errors.New("failure")
	const ms = time.Millisecond
	for _, test := range []struct {
		name    string
		results []result
		wakes   []time.Duration // when the worker is woken, counted from the start
		want    []time.Duration // when its steps begin, within four seconds
	}{
		{"poll", []result{{1500 * ms, nil}}, nil, []time.Duration{0, 1500 * ms, 3000 * ms}},
		{"varying intervals", []result{{100 * ms, nil}, {0, nil}, {time.Hour, nil}}, nil,
			[]time.Duration{0, 100 * ms, 100 * ms}},
		{"wake", []result{{3 * time.Second, nil}}, []time.Duration{500 * ms, 700 * ms},
			[]time.Duration{0, 500 * ms, 700 * ms, 3700 * ms}},
		{"back off", []result{{time.Hour, failure}}, nil, []time.Duration{0, 250 * ms, 750 * ms, 1750 * ms, 3750 * ms}},
		{"a wake-up does not shorten a back-off", []result{{0, failure}, {time.Hour, nil}}, []time.Duration{100 * ms},
			[]time.Duration{0, 250 * ms, 250 * ms}},
		{"a success ends the back-off", []result{{0, failure}, {0, failure}, {0, nil}, {0, failure}, {time.Hour, nil}}, nil,
			[]time.Duration{0, 250 * ms, 750 * ms, 750 * ms, 1000 * ms}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake := worker.NewWake()
				for _, at := range test.wakes {
					time.AfterFunc(at, wake.Send)
				}
				steps := record(t, wake, test.results...)
				<-time.After(4 * time.Second)
				synctest.Wait()
				if !slices.Equal(*steps, test.want) {
					t.Errorf("steps began at %v, want %v", *steps, test.want)
				}
			})
		})
	}
}

func TestRunReturnsNilWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		begun := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- worker.Every(ctx, "test", time.Hour, func(ctx context.Context) error {
				close(begun)
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		<-begun
		cancel()
		if err := <-done; err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestWakeDuringAStepCausesOneMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := worker.NewWake()
		steps := 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			ended <- worker.Run(ctx, "test", wake, func(context.Context) (time.Duration, error) {
				if steps++; steps == 1 {
					wake.Send()
					wake.Send()
				}
				return time.Hour, nil
			})
		}()
		synctest.Wait()
		if steps != 2 {
			t.Errorf("got %d steps, want 2", steps)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
