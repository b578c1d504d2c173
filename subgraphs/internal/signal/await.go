package signal

import (
	"context"
	"time"
)

// pollInterval bounds the delay of Await when a change comes without a signal.
const pollInterval = 100 * time.Millisecond

// Await calls read, and again after each change of the key, until the result is enough or patience ends. It returns
// the last result. Errors: those of read, at once, and that of ctx after it ends.
func Await[T any](
	ctx, patience context.Context, hub *Hub, key string, read func(context.Context) (T, error), enough func(T) bool,
) (T, error) {
	changed, done := hub.Subscribe(key)
	defer done()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		found, err := read(ctx)
		if err != nil || enough(found) {
			return found, err
		}
		select {
		case <-patience.Done():
			return found, ctx.Err()
		case <-changed:
		case <-poll.C:
		}
	}
}
