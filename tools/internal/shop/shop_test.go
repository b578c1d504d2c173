package shop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"boxoffice.dev/tools/internal/stack"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCheck runs the storefront's type check and unit tests.
func TestCheck(t *testing.T) {
	t.Parallel()
	if err := stack.TakeTurn(t.Context(), root(t), t.Logf); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(root(t), "storefront", "run"), "check").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestMakeBuildsOnce(t *testing.T) {
	t.Parallel()
	first, err := Make(t.Context(), root(t), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range first.Settings() {
		_, path, _ := strings.Cut(setting, "=")
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
	}
	second, err := Make(t.Context(), root(t), func(format string, args ...any) { t.Errorf("second build: "+format, args...) })
	if err != nil || second != first {
		t.Errorf("got %v, %v, want %v", second, err, first)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum, err := digest(dir)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	known := put("src/main.tsx", "a()")
	for _, c := range []struct {
		name, text string
		changes    bool
	}{
		{"src/main.tsx", "b()", true},
		{"src/new.ts", "", true},
		{"src/new.test.ts", "", false},
		{"README.md", "", false},
		{"node_modules/react/index.js", "", false},
		{"dist/pages/index.html", "", false},
		{"browser/browse.spec.mjs", "", false},
		{"package-lock.json", "{}", true},
	} {
		sum := put(c.name, c.text)
		if (sum != known) != c.changes {
			t.Errorf("a change of %s changes the digest: %v, want %v", c.name, sum != known, c.changes)
		}
		known = sum
	}
}
