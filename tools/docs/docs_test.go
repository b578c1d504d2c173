// Package docs has the tests of the documentation: that requirements and tests name each other, and that links lead
// somewhere. Go's test cache does not see the files that it reads: run it with -count=1, as `make test` does.
package docs

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// files returns the repository's files, committed or new, that match git's patterns.
func files(t *testing.T, patterns ...string) []string {
	t.Helper()
	args := append([]string{"-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"}, patterns...)
	out, err := exec.CommandContext(t.Context(), "git", args...).Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var names []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil { // unless it was removed and not committed yet
			names = append(names, name)
		}
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	definition = regexp.MustCompile(`(?m)^\| ([A-Z]{1,2}[0-9]{1,2}) \|`)
	// citations are the ids with which a test's name begins, or a string or comment in it: "P5 P9 success", func TestE4….
	citations = regexp.MustCompile("(?:[\"'`]|// )((?:[AETOPS][0-9]{1,2}[ :])+)|func Test([AETOPS][0-9]{1,2})[A-Z(]")
	id        = regexp.MustCompile(`[A-Z]{1,2}[0-9]{1,2}`)
)

func TestRequirements(t *testing.T) {
	t.Parallel()
	defined := map[string]bool{}
	for _, match := range definition.FindAllStringSubmatch(read(t, "docs/requirements.md"), -1) {
		if defined[match[1]] {
			t.Errorf("docs/requirements.md defines %s twice", match[1])
		}
		defined[match[1]] = true
	}
	if len(defined) < 60 {
		t.Fatalf("docs/requirements.md defines only %d requirements", len(defined))
	}
	cited := map[string]bool{}
	for _, name := range files(t, "*_test.go", "*.spec.mjs", "*.test.ts", "*.test.tsx") {
		if name == "tools/docs/docs_test.go" {
			continue
		}
		for _, match := range citations.FindAllStringSubmatch(read(t, name), -1) {
			for _, cite := range id.FindAllString(match[1]+match[2], -1) {
				cited[cite] = true
				if !defined[cite] {
					t.Errorf("%s cites %s, which docs/requirements.md does not define", name, cite)
				}
			}
		}
	}
	for _, want := range slices.Sorted(maps.Keys(defined)) {
		if !cited[want] {
			t.Errorf("no test cites %s", want)
		}
	}
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]*`")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the fragments that GitHub makes of a page's headings.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(page, ""), -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(match[1]), "")
		found[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return found
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, name := range files(t, "*.md") {
		for _, match := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(read(t, name), ""), -1) {
			path, fragment, _ := strings.Cut(match[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, match[1])
				continue
			}
			if fragment != "" && !anchors(read(t, target))[fragment] {
				t.Errorf("%s links to %s, but %s has no such heading", name, match[1], target)
			}
		}
	}
}
