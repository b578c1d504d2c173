package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// mayRepeat reports whether a fetch that failed is sent once more: only a query, which changes nothing,
// only when the subgraph may fare better with it, and not after the time is over.
func mayRepeat(ctx context.Context, request []byte, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errUnfit) {
		return false
	}
	op := asked(request)
	return op != nil && op.Operation == ast.Query
}

// pause lets a subgraph that restarts or drops connections come to itself, and spreads out those whom
// it has left. It reports false when the time is over.
func pause(ctx context.Context) bool {
	const mean = 100 * time.Millisecond
	select {
	case <-ctx.Done():
		return false
	case <-time.After(mean/2 + rand.N(mean)): //nolint:gosec // nothing secret
		return true
	}
}

// budget bounds how many fetches are sent again, because a subgraph in trouble must not be asked twice
// as much: each fetch adds its share of a repetition, up to a few that may be spent at once.
type budget struct {
	share float64

	mu   sync.Mutex
	left float64
}

const mostAtOnce = 10

func newBudget(percent int) *budget {
	b := &budget{share: float64(percent) / 100}
	if percent > 0 {
		b.left = mostAtOnce
	}
	return b
}

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+b.share, mostAtOnce)
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
