package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"boxoffice.dev/tools/internal/stack"
)

// documentedOrigin is the router's origin in docs/clients.md.
const documentedOrigin = "http://127.0.0.1:4000"

// fence matches a block of code with its language, its file name, its text, and the empty lines after it.
var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?)^```\n\\s*")

// A snippet is a file of docs/clients.md.
type snippet struct {
	name, text string
	prints     string // empty for a file that others import
}

// snippets returns the files of the page: each block with a file name is a file, and a block of text after it is its
// output. Any other block fails the test, because it would never be run.
func snippets(t *testing.T, page string) []snippet {
	t.Helper()
	var found []snippet
	last := -1 // end of the block before, if that was a file
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

// TestClientRecipes creates a project of the files in docs/clients.md with the storefront's packages, generates its
// types, checks them, and runs the files one after the other as one browser.
func TestClientRecipes(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := snippets(t, string(page))
	p := newProject(t, root)
	for _, file := range files {
		p.write(t, file.name, file.text)
	}
	p.tool(t, "graphql-codegen", "--config", "codegen.ts", "--silent")

	s := Shared(t).Variant(t, "router.DOCUMENTS="+filepath.Join(p.dir, "src", "gql", "persisted-documents.json"))
	p.router = strings.TrimSuffix(s.Endpoint(), "/graphql")
	for _, file := range files {
		p.write(t, file.name, strings.ReplaceAll(file.text, documentedOrigin, p.router))
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
			t.Fatalf("the files after %s depend on it", file.name)
		}
	}
	if ran < 12 {
		t.Errorf("only %d files were run", ran)
	}
}

// A project is a folder with the files of docs/clients.md.
type project struct {
	dir, packages string
	router        string // origin
}

// newProject creates the folder with everything except these files.
func newProject(t *testing.T, root string) *project {
	t.Helper()
	p := &project{dir: t.TempDir(), packages: filepath.Join(root, "storefront")}
	if err := os.Symlink(filepath.Join(p.packages, "node_modules"), filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	p.write(t, "package.json", `{ "type": "module" }`)
	for name, source := range map[string]string{
		"schema/api.graphql": filepath.Join(root, "schema", "api.graphql"), "tsconfig.json": "testdata/tsconfig.json", "browser.mjs": "testdata/browser.mjs",
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

// tool runs a program of the storefront's packages in the folder, after installing them if needed.
func (p *project) tool(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(p.packages, "run"), append([]string{"here", program}, args...)...)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// run runs a file and returns its output.
func (p *project) run(t *testing.T, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience) // a subscription would wait for ever
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", name)
	if script, ok := strings.CutPrefix(name, "src/"); ok {
		script = strings.TrimSuffix(script, filepath.Ext(script)) + ".js"
		cmd = exec.CommandContext(ctx, "node", "--no-warnings", "--experimental-websocket", "--import", "./browser.mjs", "out/"+script)
	}
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "ROUTER="+p.router, "COOKIES=cookies.json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}
