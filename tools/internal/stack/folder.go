package stack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// postgresDir returns the folder for the data of Postgres: dir, or a folder below /var/lib if this process is root
// and the unprivileged user that runs Postgres has no access to dir, such as one in /root.
func postgresDir(dir string) (string, error) {
	if os.Geteuid() != 0 {
		return dir, nil
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil {
			return "", fmt.Errorf("find folder for Postgres: %w", err)
		}
		if info.Mode()&0o001 == 0 {
			return fallbackDir(dir), nil
		}
		if parent == filepath.Dir(parent) {
			return dir, nil
		}
	}
}

func fallbackDir(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/var/lib", fmt.Sprintf("boxoffice-%x", sum[:6]))
}

// TempDir creates a folder for a throw-away stack. Remove deletes it.
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("", "boxoffice-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // the user of Postgres needs access
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
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(fallbackDir(filepath.Join(dir, "postgres")))); err != nil {
		return fmt.Errorf("remove data: %w", err)
	}
	return nil
}

// Lock locks the data folder until release is called or the process ends. It fails when another process holds the lock.
func Lock(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the user of Postgres needs access
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
