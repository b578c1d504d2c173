package signal

import (
	"context"
	"time"
)

// lookOften bounds how late a change is seen, by who waits, that no signal told of.
const lookOften = 100 * time.Millisecond

// Await looks, and again after each change of the key, until what it finds is enough or patience
// ends. It returns what it found last. Errors: look's, at once, and ctx's when that has ended.
func Await[T any](ctx, patience context.Context, hub *Hub, key string, look func(context.Context) (T, error), enough func(T) bool) (T, error) {
	changed, done := hub.Subscribe(key)
	defer done()
	again := time.NewTicker(lookOften)
	defer again.Stop()
	for {
		found, err := look(ctx)
		if err != nil || enough(found) {
			return found, err
		}
		select {
		case <-patience.Done():
			return found, ctx.Err()
		case <-changed:
		case <-again.C:
		}
	}
}
