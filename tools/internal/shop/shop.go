// Package shop builds the storefront, once for each content of its files.
package shop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrNoNode is returned when the storefront cannot be built.
var ErrNoNode = errors.New("no Node.js with npm is on the PATH")

// Build is a build of the storefront. The zero value is no build.
type Build struct{ dir string }

// Made reports whether b is a build.
func (b Build) Made() bool { return b.dir != "" }

// Settings returns the router's settings that serve the build.
func (b Build) Settings() []string {
	if !b.Made() {
		return nil
	}
	return []string{"PAGES_DIR=" + filepath.Join(b.dir, "pages"), "DOCUMENTS=" + filepath.Join(b.dir, "persisted-documents.json")}
}

// Make builds the storefront of the workspace, or returns the build of the same files. Builds are kept in .data of the
// workspace, old ones for a day.
func Make(ctx context.Context, root string, progress func(string, ...any)) (_ Build, err error) {
	source, builds := filepath.Join(root, "storefront"), filepath.Join(root, ".data", "storefront")
	sum, err := digest(source)
	if err != nil {
		return Build{}, err
	}
	if err := os.MkdirAll(builds, 0o755); err != nil { //nolint:gosec // nothing secret
		return Build{}, fmt.Errorf("make folder of the storefront: %w", err)
	}
	release, err := lock(filepath.Join(builds, "lock"))
	if err != nil {
		return Build{}, err
	}
	defer func() { err = errors.Join(err, release()) }()

	b := Build{filepath.Join(builds, sum)}
	if _, err := os.Stat(b.dir); err == nil {
		return b, nil
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return Build{}, ErrNoNode
		}
	}
	progress("building the storefront; this takes a minute or two when its packages are not installed yet")
	fresh := filepath.Join(builds, "new")
	if err := os.RemoveAll(fresh); err != nil {
		return Build{}, fmt.Errorf("remove unfinished build: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(source, "run"), "build", "--outDir", filepath.Join(fresh, "pages"))
	// npm's child processes hold the pipe and survive it, so the whole group is stopped.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return Build{}, fmt.Errorf("build the storefront: %w\n%s", err, out)
	}
	if err := errors.Join(removeOld(builds), os.Rename(fresh, b.dir)); err != nil {
		return Build{}, fmt.Errorf("keep the build: %w", err)
	}
	return b, nil
}

// removeOld removes builds that are older than a day.
func removeOld(builds string) error {
	entries, err := os.ReadDir(builds)
	for _, entry := range entries {
		info, statErr := entry.Info()
		if err = errors.Join(err, statErr); statErr == nil && entry.IsDir() && entry.Name() != "new" && time.Since(info.ModTime()) > 24*time.Hour {
			err = errors.Join(err, os.RemoveAll(filepath.Join(builds, entry.Name())))
		}
	}
	return err
}

// lock waits until no other process builds.
func lock(name string) (release func() error, err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the storefront: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the storefront: %w", err), file.Close())
	}
	return file.Close, nil
}

// digest returns a hash of the files that go into a build.
func digest(source string) (string, error) {
	all, files := sha256.New(), os.DirFS(source)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "node_modules" || name == "dist" || name == "browser"):
			return fs.SkipDir
		case !entry.Type().IsRegular() || strings.HasSuffix(name, ".md") || strings.Contains(name, ".test."):
			return nil
		}
		content, err := fs.ReadFile(files, name)
		fmt.Fprintf(all, "%s %x\n", name, sha256.Sum256(content))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the storefront: %w", err)
	}
	return fmt.Sprintf("%x", all.Sum(nil))[:16], nil
}
