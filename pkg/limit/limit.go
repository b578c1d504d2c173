// Package limit bounds how many places are taken at a time, by key.
package limit

import "sync"

// Limiter counts the places that are taken of each key. The zero value has none taken.
type Limiter struct {
	mu    sync.Mutex
	taken map[string]int
}

// Acquire takes a place of the key until release is called. It returns false if limit places of the key are taken.
func (l *Limiter) Acquire(key string, limit int) (release func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[key] >= limit {
		return nil, false
	}
	if l.taken == nil {
		l.taken = map[string]int{}
	}
	l.taken[key]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.taken[key]--; l.taken[key] == 0 {
			delete(l.taken, key)
		}
	}, true
}
