// Package browser runs storefront/browser/*.spec.mjs: a real browser on the real system. It installs
// Debian's Chromium when there is no browser, and keeps pictures of the pages in .data/pictures.
package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"boxoffice.dev/tools/e2e"
	"boxoffice.dev/tools/internal/shop"
	"boxoffice.dev/tools/internal/stack"
)

// own is the first line of a file that wants a system of its own, with settings.
var own = regexp.MustCompile(`\A// System: (.*)\n`)

// TestPages runs the files one after the other: two browsers at once would only wait for each other. Those
// without settings share a system.
func TestPages(t *testing.T) {
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.TakeTurn(t.Context(), root, t.Logf); err != nil {
		t.Fatal(err)
	}
	browser := chromium(t)
	build, err := shop.Make(t.Context(), root, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "storefront", "browser", "*.spec.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests: %v", err)
	}
	pages := make([]string, 0, 2)
	for _, setting := range build.Settings() {
		pages = append(pages, "router."+setting)
	}
	var shared *e2e.System
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		settings := own.FindSubmatch(text)
		if settings == nil && shared == nil {
			shared = e2e.Private(t, pages...)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".spec.mjs"), func(t *testing.T) {
			system := shared
			environ := []string{"CHROMIUM=" + browser, "PICTURES=" + filepath.Join(root, ".data", "pictures")}
			if settings != nil {
				system = e2e.Private(t, append(strings.Fields(string(settings[1])), pages...)...)
				environ = append(environ, "CONTROL="+control(t, system))
			}
			cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", file)
			cmd.Dir = filepath.Join(root, "storefront")
			cmd.Env = slices.Concat(os.Environ(), environ, []string{"SHOP=http://" + system.Service("router").Addr})
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("node: %v", err)
			}
		})
	}
}

// control lets a test of a system of its own end a service and start it again: POST /orders/stop,
// /orders/kill, /orders/start.
func control(t *testing.T, system *e2e.System) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{service}/{what}", func(w http.ResponseWriter, r *http.Request) {
		service := system.Service(r.PathValue("service"))
		err := fmt.Errorf("nothing to do: %s", r.PathValue("what"))
		switch r.PathValue("what") {
		case "stop":
			err = service.Stop()
		case "kill":
			err = service.Kill()
		case "start":
			err = service.Start(r.Context())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// chromium returns a browser, which is installed first when there is none. The headless shell needs half as much
// of the machine as a browser that keeps a window, unseen, for each page.
func chromium(t *testing.T) string {
	t.Helper()
	find := func(names ...string) string {
		for _, name := range names {
			if path, err := exec.LookPath(name); err == nil {
				return path
			}
		}
		return ""
	}
	const shell = "chromium-headless-shell"
	if path := find(os.Getenv("CHROMIUM"), shell); path != "" {
		return path
	}
	err := stack.Install(t.Context(), []string{shell}, t.Logf)
	path := find(shell, "chromium", "chromium-browser", "google-chrome")
	if path == "" {
		t.Fatalf("there is no Chromium, and it could not be installed: %v", err)
	}
	return path
}
