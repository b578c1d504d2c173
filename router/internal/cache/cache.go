// Package cache is an LRU cache that is limited by entries and by bytes. Clients determine its contents, and neither
// many small values nor a few large ones may fill the memory.
package cache

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var lookups = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "router_cache_lookups_total",
	Help: "Lookups by cache and result: hit or miss.",
}, []string{"cache", "result"})

// Cache is a bounded map. Safe for concurrent use.
type Cache[K comparable, V any] struct {
	entries, bytes int
	hits, misses   prometheus.Counter

	mu   sync.Mutex
	lru  *simplelru.LRU[K, sized[V]]
	used int // bytes
}

type sized[V any] struct {
	value V
	bytes int
}

// New returns an empty cache with limits of entries and bytes. The name is a label of its metrics.
func New[K comparable, V any](name string, entries, bytes int) *Cache[K, V] {
	c := &Cache[K, V]{
		entries: entries, bytes: bytes,
		hits: lookups.WithLabelValues(name, "hit"), misses: lookups.WithLabelValues(name, "miss"),
	}
	lru, err := simplelru.NewLRU(math.MaxInt, func(_ K, v sized[V]) { c.used -= v.bytes })
	if err != nil { // the size is positive
		panic(err)
	}
	c.lru = lru
	return c
}

// Get returns the value of a key and reports whether there is one.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.lru.Get(key)
	if ok {
		c.hits.Inc()
	} else {
		c.misses.Inc()
	}
	return v.value, ok
}

// Add adds a value of the given size and evicts the least recently used ones as needed. A value larger than a hundredth
// of the cache is not added, because it would evict too many others.
func (c *Cache[K, V]) Add(key K, value V, bytes int) {
	if bytes > c.bytes/100 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.lru.Add(key, sized[V]{value, bytes})
	c.used += bytes
	for c.used > c.bytes || c.lru.Len() > c.entries {
		c.lru.RemoveOldest()
	}
}
