package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// mayRetry reports whether a failed fetch is retried: only queries are, only when a second attempt may succeed, and
// not after the timeout.
func mayRetry(ctx context.Context, request []byte, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errInvalidResponse) {
		return false
	}
	op := operationOf(request)
	return op != nil && op.Operation == ast.Query
}

// pause waits before a retry, with jitter, so that a subgraph that restarts can recover. It reports false after the
// timeout.
func pause(ctx context.Context) bool {
	const mean = 100 * time.Millisecond
	select {
	case <-ctx.Done():
		return false
	case <-time.After(mean/2 + rand.N(mean)): //nolint:gosec // nothing secret
		return true
	}
}

// budget limits retries, because they must not double the load of a failing subgraph. Each fetch adds a share of one
// retry, and up to maxBurst retries are saved.
type budget struct {
	share float64

	mu   sync.Mutex
	left float64
}

const maxBurst = 10

func newBudget(percent int) *budget {
	b := &budget{share: float64(percent) / 100}
	if percent > 0 {
		b.left = maxBurst
	}
	return b
}

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+b.share, maxBurst)
}

func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
