package e2e

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

	"boxoffice.dev/tools/internal/shop"
	"boxoffice.dev/tools/internal/stack"
)

// specSettings matches the first line of a browser test that needs other settings: "Variant" names those of replicas,
// "System" those of a whole system.
var specSettings = regexp.MustCompile(`\A// (Variant|System): (.*)\n`)

// TestPages runs storefront/browser/*.spec.mjs with a real browser, one after the other: two browsers at once would
// slow each other down. Screenshots are kept in .data/pictures.
func TestPages(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	browser := chromium(t)
	build, err := shop.Make(t.Context(), root, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	pages := make([]string, 0, 2)
	for _, setting := range build.Settings() {
		pages = append(pages, "router."+setting)
	}
	files, err := filepath.Glob(filepath.Join(root, "storefront", "browser", "*.spec.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".spec.mjs"), func(t *testing.T) {
			s := Shared(t)
			environ := []string{"CHROMIUM=" + browser, "PICTURES=" + filepath.Join(root, ".data", "pictures")}
			if first := specSettings.FindSubmatch(text); first != nil {
				settings := slices.Concat(pages, strings.Fields(string(first[2])))
				if string(first[1]) == "System" {
					s = Private(t, settings...)
				} else {
					s = s.Variant(t, settings...)
				}
				environ = append(environ, "CONTROL="+control(t, s))
			}
			cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", file)
			cmd.Dir = filepath.Join(root, "storefront")
			cmd.Env = slices.Concat(os.Environ(), environ, []string{"SHOP=http://" + s.Service("router").Addr})
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("node: %v", err)
			}
		})
	}
}

// control serves requests of a browser test to stop a service and start it again: POST /orders/stop, /orders/kill,
// /orders/start.
func control(t *testing.T, s *System) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{service}/{action}", func(w http.ResponseWriter, r *http.Request) {
		service := s.Service(r.PathValue("service"))
		err := fmt.Errorf("unknown action %q", r.PathValue("action"))
		switch r.PathValue("action") {
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

// chromium returns the path of a browser, after installing one where there is none. The headless shell needs half the
// CPU time and memory of a whole browser.
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
		t.Fatalf("install Chromium: %v", err)
	}
	return path
}
