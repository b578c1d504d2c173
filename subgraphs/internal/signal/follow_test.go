package signal_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Time in the bubble stands still as long as somebody has something to do.
func TestFollow(t *testing.T) {
	t.Parallel()
	type answer struct {
		version int
		err     error
	}
	down, gone := errors.New("database is away"), apperr.New(apperr.NotFound, "There is no such thing.")
	for _, tt := range []struct {
		name    string
		answers []answer // to one look after the other
		signals int      // all others are looked for anyway
		want    []int
		err     error
	}{
		{"each version once", []answer{{1, nil}, {1, nil}, {2, nil}, {2, nil}, {5, nil}}, 4, []int{1, 2, 5}, nil},
		{"changes that no signal tells of", []answer{{1, nil}, {2, nil}, {3, nil}}, 1, []int{1, 2, 3}, nil},
		{"a first look that fails", []answer{{0, down}}, 0, nil, down},
		{"a later look that fails", []answer{{1, nil}, {0, down}, {2, nil}}, 2, []int{1, 2}, nil},
		{"a later look that is refused", []answer{{1, nil}, {0, gone}}, 1, []int{1}, gone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var hub signal.Hub
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				looks := 0
				look := func(context.Context) (int, error) {
					if looks == len(tt.answers) {
						stop()
						return 0, ctx.Err()
					}
					a := tt.answers[looks]
					looks++
					return a.version, a.err
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
				for v, e := range signal.Follow(ctx, &hub, "key", look, func(v int) int { return v }) {
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
