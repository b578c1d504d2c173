// Package clients runs docs/clients.md, the page for frontend teams. What stands there is what is run: each
// block with a file's name is a file, and a block of text behind it is what that file prints.
package clients

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"boxoffice.dev/tools/e2e"
	"boxoffice.dev/tools/internal/stack"
)

// origin is where the page has the API.
const origin = "http://127.0.0.1:4000"

// patience bounds the run of one file.
const patience = 2 * time.Minute

// fence finds a block with its language, its file's name and its text, and what is empty behind it.
var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?)^```\n\\s*")

// A snippet is a file of the page.
type snippet struct {
	name, text string
	prints     string // empty for what others import
}

// snippets reads the page. A block that is neither a file nor what one prints would never be run.
func snippets(t *testing.T, page string) []snippet {
	t.Helper()
	var found []snippet
	last := -1 // end of the block before, when that was a file
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		language, text := page[at[2]:at[3]], page[at[6]:at[7]]
		switch {
		case at[4] >= 0:
			found = append(found, snippet{name: page[at[4]:at[5]], text: text})
			last = at[1]
		case language == "text" && at[0] == last:
			found[len(found)-1].prints = text
			last = -1
		default:
			t.Fatalf("a block of %s has no file name and follows no file:\n%s", language, text)
		}
	}
	return found
}

// TestPage makes a project of the page's files with the storefront's packages, generates its types, checks
// it, and runs the files one after the other, as one browser.
func TestPage(t *testing.T) {
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := snippets(t, string(page))
	if err := stack.TakeTurn(t.Context(), root, t.Logf); err != nil {
		t.Fatal(err)
	}
	p := newProject(t, root)
	for _, file := range files {
		p.write(t, file.name, file.text)
	}
	p.tool(t, "graphql-codegen", "--config", "codegen.ts", "--silent")

	system := e2e.Private(t, "router.DOCUMENTS="+filepath.Join(p.dir, "src", "gql", "persisted-documents.json"))
	p.router = strings.TrimSuffix(system.Endpoint(), "/graphql")
	for _, file := range files {
		p.write(t, file.name, strings.ReplaceAll(file.text, origin, p.router))
	}
	p.tool(t, "tsc")

	ran := 0
	for _, file := range files {
		if file.prints == "" {
			continue
		}
		ran++
		if !t.Run(file.name, func(t *testing.T) {
			if got, want := p.run(t, file.name), strings.TrimSpace(file.prints); got != want {
				t.Errorf("prints\n%s\nbut docs/clients.md says\n%s", got, want)
			}
		}) {
			t.Fatalf("what follows builds on %s", file.name)
		}
	}
	if ran < 12 {
		t.Errorf("only %d files were run", ran)
	}
}

// A project is a folder for the page's files.
type project struct {
	dir, packages string
	router        string // its origin
}

// newProject makes a folder that has all but the page's files.
func newProject(t *testing.T, root string) *project {
	t.Helper()
	p := &project{dir: t.TempDir(), packages: filepath.Join(root, "storefront")}
	if err := os.Symlink(filepath.Join(p.packages, "node_modules"), filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	p.write(t, "package.json", `{ "type": "module" }`)
	for name, source := range map[string]string{
		"schema/api.graphql": filepath.Join(root, "schema", "api.graphql"), "tsconfig.json": "tsconfig.json", "browser.mjs": "browser.mjs",
	} {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		p.write(t, name, string(text))
	}
	return p
}

// write writes a file of the project.
func (p *project) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tool runs one of the packages' programs in the folder. The packages are installed first when needed.
func (p *project) tool(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(p.packages, "run"), append([]string{"here", program}, args...)...)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// run runs a file and returns what it prints.
func (p *project) run(t *testing.T, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience) // one that follows something would wait for ever
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", name)
	if script, ok := strings.CutPrefix(name, "src/"); ok {
		script = strings.TrimSuffix(script, filepath.Ext(script)) + ".js"
		cmd = exec.CommandContext(ctx, "node", "--no-warnings", "--experimental-websocket", "--import", "./browser.mjs", "out/"+script)
	}
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "ROUTER="+p.router, "COOKIES=cookies.json")
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, faults.Bytes())
	}
	return strings.TrimSpace(string(out))
}
