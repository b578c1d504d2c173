package main

import (
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/router/internal/pages"
)

var update = flag.Bool("update", false, "write docs/router.md and settings.schema.json")

// docs/router.md contains the output of router --help and the example settings; settings.schema.json is the
// output of router schema.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	const page, schema, example = "../docs/router.md", "settings.schema.json", "settings.example.yaml"
	read := func(name string) string {
		text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	text := read(page)
	for _, block := range []struct{ language, content string }{{"yaml", read(example)}, {"text", config.Usage[settings](program)}} {
		begin, end := "<!-- go test ./router -update writes this -->\n```"+block.language+"\n", "```\n"
		before, rest, ok := strings.Cut(text, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no %s block to update", page, block.language)
		}
		text = before + begin + block.content + end + after
	}
	for name, want := range map[string]string{page: text, schema: string(config.Schema[settings](program))} {
		switch {
		case read(name) == want:
		case *update:
			if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is not up to date; go test ./router -update writes it", name)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := settings{Supergraph: "internal/gatewaytest/testdata/supergraph.graphql", JWKSURL: "http://127.0.0.1:4001/keys"}
	if err := good.Check(); err != nil {
		t.Errorf("got %v", err)
	}
	bad := settings{
		Supergraph: "missing.graphql", JWKSURL: "127.0.0.1:4001", Subgraphs: subgraphs{URLs: map[string]string{"auth": "http://a.invalid", "orders": "ftp://b.invalid"}},
		Documents: []string{"missing.json", "main.go"}, DocumentsOnly: true, Pages: pages.Config{Dir: "internal"},
	}
	var variables []string
	if joined := interface{ Unwrap() []error }(nil); errors.As(bad.Check(), &joined) {
		for _, err := range joined.Unwrap() {
			name, _, _ := strings.Cut(err.Error(), ":")
			variables = append(variables, name)
		}
	}
	slices.Sort(variables)
	if got := strings.Join(variables, " "); got != "DOCUMENTS JWKS_URL PAGES_DIR SUBGRAPH_URLS SUPERGRAPH" {
		t.Errorf("got %s", got)
	}
	if err := bad.Check(); !strings.Contains(err.Error(), "missing.json") || !strings.Contains(err.Error(), "main.go") {
		t.Errorf("got %v, want both files", err)
	}
	good.DocumentsOnly = true
	if err := good.Check(); err == nil || !strings.HasPrefix(err.Error(), "DOCUMENTS_ONLY: ") {
		t.Errorf("got %v", err)
	}
}
