package identity

import (
	"encoding/binary"
	"testing"
)

// TestMemoryIsBounded remembers more tokens than fit: the newest, and those that are used, stay.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	token := func(n int) (d digest) {
		binary.BigEndian.PutUint64(d[:], uint64(n)) //nolint:gosec // positive
		return d
	}
	var m memory
	const used, all = 0, 5 * maxRemembered
	for n := range all {
		m.put(token(n), verified{})
		if _, ok := m.get(token(used)); !ok {
			t.Fatalf("a token that is in use was forgotten after %d others", n)
		}
	}
	if n := len(m.now) + len(m.last); n > 2*maxRemembered {
		t.Errorf("%d tokens are remembered, want at most %d", n, 2*maxRemembered)
	}
	if _, ok := m.get(token(all - 1)); !ok {
		t.Error("the newest token was forgotten")
	}
	if _, ok := m.get(token(1)); ok {
		t.Error("an old token is remembered")
	}
}
