package signal_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Time in the bubble advances only while every goroutine is blocked.
func TestFollow(t *testing.T) {
	t.Parallel()
	type result struct {
		version int
		err     error
	}
	down, gone := errors.New("database is down"), apperr.New(apperr.NotFound, "There is no such object.")
	for _, tt := range []struct {
		name    string
		results []result // of one read after the other
		signals int      // the other reads are polls
		want    []int
		err     error
	}{
		{"each version once", []result{{1, nil}, {1, nil}, {2, nil}, {2, nil}, {5, nil}}, 4, []int{1, 2, 5}, nil},
		{"changes without a signal", []result{{1, nil}, {2, nil}, {3, nil}}, 1, []int{1, 2, 3}, nil},
		{"the first read fails", []result{{0, down}}, 0, nil, down},
		{"a later read fails", []result{{1, nil}, {0, down}, {2, nil}}, 2, []int{1, 2}, nil},
		{"a later read is refused", []result{{1, nil}, {0, gone}}, 1, []int{1}, gone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hub signal.Hub
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				reads := 0
				read := func(context.Context) (int, error) {
					if reads == len(tt.results) {
						stop()
						return 0, ctx.Err()
					}
					r := tt.results[reads]
					reads++
					return r.version, r.err
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					for range tt.signals {
						synctest.Wait()
						hub.Changed("key")
					}
				}()
				var got []int
				var err error
				for v, e := range signal.Follow(ctx, &hub, "key", read, func(v int) int { return v }) {
					if err = e; e == nil {
						got = append(got, v)
					}
				}
				<-done
				if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
					t.Errorf("got %v, %v, want %v, %v", got, err, tt.want, tt.err)
				}
			})
		})
	}
}

func TestAllChanged(t *testing.T) {
	t.Parallel()
	var hub signal.Hub
	a, aDone := hub.Subscribe("a")
	b, bDone := hub.Subscribe("b")
	defer aDone()
	defer bDone()
	hub.AllChanged()
	<-a
	<-b
}

func TestAwait(t *testing.T) {
	t.Parallel()
	down := errors.New("database is down")
	for name, tt := range map[string]struct {
		enough int // the read whose result is enough
		fails  int // the read that fails
		cancel bool
		want   int
		err    error
	}{
		"enough at once":           {enough: 1, want: 1},
		"enough later":             {enough: 3, want: 3},
		"a read that fails":        {enough: 3, fails: 2, want: 2, err: down},
		"patience ends first":      {enough: 1000, want: 10}, // at 0, 100, ... 900 ms
		"the request is cancelled": {enough: 1000, cancel: true, want: 1, err: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hub signal.Hub
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				patience, done := context.WithTimeout(ctx, 950*time.Millisecond)
				defer done()
				reads := 0
				got, err := signal.Await(ctx, patience, &hub, "key", func(context.Context) (int, error) {
					if reads++; reads == tt.fails {
						return reads, down
					}
					if tt.cancel {
						cancel()
					}
					return reads, nil
				}, func(n int) bool { return n == tt.enough })
				if got != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("got %d, %v, want %d, %v", got, err, tt.want, tt.err)
				}
			})
		})
	}
	t.Run("a signal causes a read at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var hub signal.Hub
			reads := 0
			begin := time.Now()
			_, err := signal.Await(t.Context(), t.Context(), &hub, "key", func(context.Context) (int, error) {
				reads++
				hub.Changed("key")
				return reads, nil
			}, func(n int) bool { return n == 5 })
			if err != nil || !time.Now().Equal(begin) { // the bubble's time
				t.Errorf("got %v after %s", err, time.Since(begin))
			}
		})
	})
}
