package cache_test

import (
	"testing"

	"boxoffice.dev/router/internal/cache"
)

// left returns which of the keys 0 to 999 the cache holds.
func left(c *cache.Cache[int, string]) (keys []int) {
	for key := range 1000 {
		if _, ok := c.Get(key); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	c := cache.New[int, string]("test", 10, 1<<20)
	for key := range 1000 {
		c.Add(key, "v", 1)
	}
	if got := left(c); len(got) != 10 || got[0] != 990 {
		t.Errorf("got %v, want the last ten", got)
	}
}

func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	c := cache.New[int, string]("test", 1000, 500)
	for key := range 1000 {
		c.Add(key, "v", 5)
	}
	if got := left(c); len(got) != 100 || got[0] != 900 {
		t.Errorf("got %v, want the last hundred", got)
	}
	for range 100 {
		c.Add(999, "again", 5)
	}
	if got := left(c); len(got) != 100 {
		t.Errorf("got %v: one entry was counted several times", got)
	}
	c.Add(7, "too large", 6)
	if _, ok := c.Get(7); ok {
		t.Error("what is larger than a hundredth of the cache was kept")
	}
}

func TestWhatIsUsedStays(t *testing.T) {
	t.Parallel()
	c := cache.New[int, string]("test", 3, 1<<20)
	for key := range 1000 {
		c.Add(key, "v", 1)
		c.Get(0)
	}
	if got := left(c); len(got) != 3 || got[0] != 0 || got[1] != 998 {
		t.Errorf("got %v, want 0 and the last two", got)
	}
}
