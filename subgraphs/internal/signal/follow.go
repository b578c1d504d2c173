package signal

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"boxoffice.dev/pkg/apperr"
)

// fallbackPoll bounds the delay of Follow when a change comes without a signal.
const fallbackPoll = 30 * time.Second

// Follow yields the result of read, and again after each change of the key that gives it another version, until ctx
// ends. An error of the first read, or a later UserError, is yielded and ends it. Other errors are logged, and Follow
// goes on.
func Follow[T any, V comparable](
	ctx context.Context, hub *Hub, key string, read func(context.Context) (T, error), version func(T) V,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		changed, done := hub.Subscribe(key)
		defer done()
		poll := time.NewTicker(fallbackPoll)
		defer poll.Stop()
		var last *V
		for {
			found, err := read(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && (last == nil || apperr.Split(err) != nil):
				yield(found, err)
				return
			case err != nil:
				slog.WarnContext(ctx, "reading a followed object failed, retrying", "key", key, "error", err)
			default:
				if v := version(found); last == nil || *last != v {
					if !yield(found, nil) {
						return
					}
					last = &v
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-poll.C:
			}
		}
	}
}
