// Package logtest collects log lines for tests.
package logtest

import (
	"bytes"
	"sync"
)

// Buffer is a bytes.Buffer for concurrent use: tests run in parallel, and all write to the default logger.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
