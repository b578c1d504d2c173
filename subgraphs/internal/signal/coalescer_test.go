package signal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"boxoffice.dev/subgraphs/internal/signal"
)

func TestCoalescer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := map[string]int{"a": 1, "b": 1}
		down := errors.New("database is down")
		var reads []string
		begun, end := make(chan struct{}), make(chan error)
		coalescer := signal.Coalescer[int]{Read: func(_ context.Context, keys []string) (map[string]int, error) {
			found := maps.Clone(stored)
			reads = append(reads, fmt.Sprint(keys))
			begun <- struct{}{}
			return found, <-end
		}}
		type result struct {
			found int
			ok    bool
			err   error
		}
		get := func(ctx context.Context, key string) <-chan result {
			got := make(chan result, 1)
			go func() {
				var r result
				r.found, r.ok, r.err = coalescer.Get(ctx, key)
				got <- r
			}()
			synctest.Wait()
			return got
		}
		first := get(t.Context(), "a")
		<-begun
		stored["a"], stored["b"] = 2, 2 // later readers must get these
		ctx, cancel := context.WithCancel(t.Context())
		later := []<-chan result{get(t.Context(), "b"), get(t.Context(), "a"), get(t.Context(), "c"), get(t.Context(), "a"), get(ctx, "a")}
		cancel()
		end <- nil
		<-begun
		failing := get(t.Context(), "a")
		end <- nil
		<-begun
		end <- down
		if got := <-first; got != (result{1, true, nil}) {
			t.Errorf("the first reader got %+v", got)
		}
		for i, want := range []result{{2, true, nil}, {2, true, nil}, {0, false, nil}, {2, true, nil}, {0, false, context.Canceled}} {
			if got := <-later[i]; got != want {
				t.Errorf("later reader %d: got %+v, want %+v", i, got, want)
			}
		}
		if got := <-failing; !errors.Is(got.err, down) {
			t.Errorf("the last reader got %+v", got)
		}
		if want := []string{"[a]", "[a b c]", "[a]"}; !slices.Equal(reads, want) {
			t.Errorf("read %v, want %v", reads, want)
		}
	})
}
