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

// TakeTurn waits until no other process of this workspace has its turn, which ends with the process. Two systems
// under test at once slow each other down until what is in time is late. So whatever keeps a whole machine busy
// takes its turn, as every throw-away system with services does, and the tests of packages that don't go on beside.
func TakeTurn(ctx context.Context, root string, progress func(string, ...any)) error {
	turn.Lock()
	defer turn.Unlock()
	if turn.file != nil {
		return nil
	}
	if err := os.MkdirAll(throwaway(root), 0o755); err != nil { //nolint:gosec // nothing secret
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
	turn.file = file // closed, and so given on, when the process ends
	return nil
}

// throwaway returns the folder for what throw-away systems of the workspace have in common.
func throwaway(root string) string { return filepath.Join(root, ".data", "throwaway") }
