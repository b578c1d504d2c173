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

func TestTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := map[string]int{"a": 1, "b": 1}
		down := errors.New("database is away")
		var reads []string
		begun, end := make(chan struct{}), make(chan error)
		together := signal.Together[int]{Read: func(_ context.Context, keys []string) (map[string]int, error) {
			found := maps.Clone(stored)
			reads = append(reads, fmt.Sprint(keys))
			begun <- struct{}{}
			return found, <-end
		}}
		type answer struct {
			found int
			ok    bool
			err   error
		}
		look := func(ctx context.Context, key string) <-chan answer {
			got := make(chan answer, 1)
			go func() {
				var a answer
				a.found, a.ok, a.err = together.Look(ctx, key)
				got <- a
			}()
			synctest.Wait()
			return got
		}
		first := look(t.Context(), "a")
		<-begun
		stored["a"], stored["b"] = 2, 2 // those who come from now on must see that
		leaving, leave := context.WithCancel(t.Context())
		later := []<-chan answer{look(t.Context(), "b"), look(t.Context(), "a"), look(t.Context(), "c"), look(t.Context(), "a"), look(leaving, "a")}
		leave()
		end <- nil
		<-begun
		failing := look(t.Context(), "a")
		end <- nil
		<-begun
		end <- down
		if got := <-first; got != (answer{1, true, nil}) {
			t.Errorf("the first got %+v", got)
		}
		for i, want := range []answer{{2, true, nil}, {2, true, nil}, {0, false, nil}, {2, true, nil}, {0, false, context.Canceled}} {
			if got := <-later[i]; got != want {
				t.Errorf("who came later, %d: got %+v, want %+v", i, got, want)
			}
		}
		if got := <-failing; !errors.Is(got.err, down) {
			t.Errorf("the last got %+v", got)
		}
		if want := []string{"[a]", "[a b c]", "[a]"}; !slices.Equal(reads, want) {
			t.Errorf("read %v, want %v", reads, want)
		}
	})
}
