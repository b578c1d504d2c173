package stack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// reachable returns the folder for data of Postgres: the wanted one, unless this is root and the
// unprivileged user that Postgres then runs as cannot get there (a checkout in /root). Then it is
// one below /var/lib.
func reachable(wanted string) (string, error) {
	if os.Geteuid() != 0 {
		return wanted, nil
	}
	for dir := filepath.Dir(wanted); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return "", fmt.Errorf("find folder for Postgres: %w", err)
		}
		if info.Mode()&0o001 == 0 {
			return elsewhere(wanted), nil
		}
		if dir == filepath.Dir(dir) {
			return wanted, nil
		}
	}
}

func elsewhere(wanted string) string {
	sum := sha256.Sum256([]byte(wanted))
	return filepath.Join("/var/lib", fmt.Sprintf("boxoffice-%x", sum[:6]))
}

// TempDir makes a new folder for a stack whose data nobody needs later; Remove deletes it.
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("", "boxoffice-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // Postgres's own user passes through
	}
	if err != nil {
		return "", fmt.Errorf("make temporary folder: %w", err)
	}
	return dir, nil
}

// Remove deletes the data folder of a stack that does not run.
func Remove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(elsewhere(filepath.Join(dir, "postgres")))); err != nil {
		return fmt.Errorf("remove data: %w", err)
	}
	return nil
}

// Lock takes the data folder for this process, until release is called or the process ends. It
// fails when another process has it.
func Lock(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // Postgres's own user passes through
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another process", dir), file.Close())
	}
	return file.Close, nil
}
