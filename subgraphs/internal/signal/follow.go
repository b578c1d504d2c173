package signal

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"boxoffice.dev/pkg/apperr"
)

// lookAnyway bounds how late a change is seen that no signal told of.
const lookAnyway = 30 * time.Second

// Follow yields what look finds, at once and then each time that its version is another one, until
// ctx ends. It looks again after the key has changed. When the first look fails, or a later one with
// an error that is meant for people, it yields that error and ends; after other errors it goes on.
func Follow[T any, V comparable](ctx context.Context, hub *Hub, key string, look func(context.Context) (T, error), version func(T) V) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		changed, done := hub.Subscribe(key)
		defer done()
		again := time.NewTicker(lookAnyway)
		defer again.Stop()
		var seen *V
		for {
			found, err := look(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && (seen == nil || apperr.All(err) != nil || apperr.Split(err) != nil):
				yield(found, err)
				return
			case err != nil:
				slog.WarnContext(ctx, "change not read, will look again", "key", key, "error", err)
			default:
				if v := version(found); seen == nil || *seen != v {
					if !yield(found, nil) {
						return
					}
					seen = &v
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-again.C:
			}
		}
	}
}
