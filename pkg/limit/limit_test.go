package limit_test

import (
	"testing"

	"boxoffice.dev/pkg/limit"
)

func TestLimiter(t *testing.T) {
	var l limit.Limiter
	first, ok := l.Acquire("a", 2)
	if !ok {
		t.Fatal("the first place is refused")
	}
	if _, ok := l.Acquire("a", 2); !ok {
		t.Error("the second place is refused")
	}
	if _, ok := l.Acquire("a", 2); ok {
		t.Error("got a third place of two")
	}
	if _, ok := l.Acquire("b", 1); !ok {
		t.Error("the place of another key is refused")
	}
	first()
	if _, ok := l.Acquire("a", 2); !ok {
		t.Error("a released place is refused")
	}
}
