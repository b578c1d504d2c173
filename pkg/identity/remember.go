package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"sync"
	"time"
)

// maxRemembered bounds the tokens of one generation. There are two.
const maxRemembered = 4096

// digest identifies a token, so that tokens do not stay in memory.
type digest [sha256.Size]byte

// verified is a token whose signature and claims have been verified.
type verified struct {
	caller Caller
	kid    string
	key    ed25519.PublicKey
}

// memory remembers verified tokens, because verifying a signature takes most of the time of a known request. When a
// generation is full, the one before it is forgotten. The zero memory is ready for use.
type memory struct {
	mu        sync.RWMutex
	now, last map[digest]verified
}

func (m *memory) get(d digest) (verified, bool) {
	m.mu.RLock()
	v, ok := m.now[d]
	old := false
	if !ok {
		v, old = m.last[d]
	}
	m.mu.RUnlock()
	if old {
		m.put(d, v)
	}
	return v, ok || old
}

func (m *memory) put(d digest, v verified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now == nil || len(m.now) >= maxRemembered {
		m.now, m.last = map[digest]verified{}, m.now
	}
	m.now[d] = v
}

// valid reports whether a remembered token is still valid with the key that is published now.
func (v verified) valid(key ed25519.PublicKey, now time.Time) bool {
	return v.key.Equal(key) && now.Before(v.caller.ExpiresAt.Add(leeway))
}
