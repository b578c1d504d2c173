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

// Every look lasts a second of a clock that stands still while the test does something.
func TestFilesAreWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, text string) {
		t.Helper()
		do(os.MkdirAll(filepath.Dir(path(name)), 0o700))
		do(os.WriteFile(path(name), []byte(text), 0o600))
	}
	link := func(to, name string) {
		t.Helper()
		do(os.Symlink(to, path(name)+".new"))
		do(os.Rename(path(name)+".new", path(name)))
	}
	// As Kubernetes lays out a ConfigMap: supergraph → ..data/supergraph, ..data → ..1
	put("..1/supergraph", "one")
	put("..2/supergraph", "two")
	link("..1", "..data")
	link("..data/supergraph", "supergraph")
	put("documents", "a")

	synctest.Test(t, func(t *testing.T) {
		files := []string{path("supergraph"), path("documents")}
		ctx, stop := context.WithCancel(t.Context())
		var calls atomic.Int64
		r := router{files: files, known: digests(files), running: settings{Reload: time.Second}}
		put("documents", "b") // before anybody looks
		go func() {
			for r.waitForChange(ctx) {
				r.known = digests(files)
				calls.Add(1)
			}
		}()
		looks := func(n int, want int64) {
			t.Helper()
			time.Sleep(time.Duration(n) * time.Second) //nolint:forbidigo // the clock of the bubble
			synctest.Wait()
			if got := calls.Load(); got != want {
				t.Errorf("called %d times, want %d", got, want)
			}
		}
		looks(1, 0)
		looks(1, 1)
		looks(9, 1)
		link("..2", "..data")
		looks(2, 2)
		put("half", "thr") // another file takes its place
		do(os.Rename(path("half"), path("supergraph")))
		looks(1, 2)
		put("supergraph", "three") // written in place, in two parts
		looks(1, 2)
		looks(1, 3)
		do(os.Remove(path("documents"))) // for a moment
		looks(1, 3)
		put("documents", "b")
		looks(5, 3)
		do(os.Remove(path("documents"))) // for good
		looks(5, 4)
		stop()
	})
}
