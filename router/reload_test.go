package main

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The clock of the bubble advances only while the test sleeps, and there is a poll each second.
func TestWaitForChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		check(os.MkdirAll(filepath.Dir(path(name)), 0o700))
		check(os.WriteFile(path(name), []byte(text), 0o600))
	}
	link := func(to, name string) {
		t.Helper()
		check(os.Symlink(to, path(name)+".new"))
		check(os.Rename(path(name)+".new", path(name)))
	}
	// As Kubernetes lays out a ConfigMap: supergraph → ..data/supergraph, ..data → ..1
	write("..1/supergraph", "one")
	write("..2/supergraph", "two")
	link("..1", "..data")
	link("..data/supergraph", "supergraph")
	write("documents", "a")

	synctest.Test(t, func(t *testing.T) {
		files := []string{path("supergraph"), path("documents")}
		ctx, stop := context.WithCancel(t.Context())
		var changes atomic.Int64
		r := router{files: files, known: digests(files), running: settings{Reload: time.Second}}
		write("documents", "b") // before the first poll
		go func() {
			for r.waitForChange(ctx) {
				r.known = digests(files)
				changes.Add(1)
			}
		}()
		polls := func(n int, want int64) {
			t.Helper()
			time.Sleep(time.Duration(n) * time.Second) //nolint:forbidigo // the clock of the bubble
			synctest.Wait()
			if got := changes.Load(); got != want {
				t.Errorf("%d changes, want %d", got, want)
			}
		}
		polls(1, 0)
		polls(1, 1)
		polls(9, 1)
		link("..2", "..data")
		polls(2, 2)
		write("half", "thr") // replaced by renaming
		check(os.Rename(path("half"), path("supergraph")))
		polls(1, 2)
		write("supergraph", "three") // overwritten in two parts
		polls(1, 2)
		polls(1, 3)
		check(os.Remove(path("documents"))) // for a moment
		polls(1, 3)
		write("documents", "b")
		polls(5, 3)
		check(os.Remove(path("documents"))) // for good
		polls(5, 4)
		stop()
	})
}
