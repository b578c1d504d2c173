package order

import "boxoffice.dev/pkg/limit"

// The router sends a subgraph a limited number of requests at a time, 128 by default, and a waiting request is one
// of them.
const (
	maxWaiters          = 32
	maxWaitersPerViewer = 4
)

// waiterLimiter bounds how many requests wait at a time, in all and per viewer. The zero value is ready for use.
type waiterLimiter struct {
	all       limit.Limiter
	perViewer limit.Limiter
}

// acquire takes a place until release is called. It returns false if there is none.
func (l *waiterLimiter) acquire(viewerID string) (release func(), ok bool) {
	releaseOne, ok := l.all.Acquire("", maxWaiters)
	if !ok {
		return nil, false
	}
	releaseOwn, ok := l.perViewer.Acquire(viewerID, maxWaitersPerViewer)
	if !ok {
		releaseOne()
		return nil, false
	}
	return func() { releaseOwn(); releaseOne() }, true
}
