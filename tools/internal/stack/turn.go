package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

var turn struct {
	sync.Mutex
	file *os.File
}

// TakeTurn waits until no other process of this workspace has taken its turn. A turn ends with its process. Two systems
// under test slow each other down until requests time out, so every throw-away system with services takes a turn.
// Tests without such a system run beside it.
func TakeTurn(ctx context.Context, root string, progress func(string, ...any)) error {
	turn.Lock()
	defer turn.Unlock()
	if turn.file != nil {
		return nil
	}
	if err := os.MkdirAll(throwaway(root), 0o755); err != nil { //nolint:gosec // no secrets
		return fmt.Errorf("take turn: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(throwaway(root), "turn"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("take turn: %w", err)
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		progress("waiting for the turn of another process")
		taken := make(chan error, 1)
		go func() { taken <- syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }()
		select {
		case err = <-taken:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("take turn: %w", err), file.Close())
	}
	turn.file = file // closed when the process ends
	return nil
}

// throwaway returns the folder that the throw-away systems of the workspace share.
func throwaway(root string) string { return filepath.Join(root, ".data", "throwaway") }
