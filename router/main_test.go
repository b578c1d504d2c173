package main

import (
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/pages"
)

var update = flag.Bool("update", false, "write the settings into docs/router.md")

// What router --help prints stands in docs/router.md, too.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	const page, begin, end = "../docs/router.md", "<!-- go test ./router -update writes this -->\n```text\n", "```\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	documented, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the settings", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+usage()+end+after), 0o600); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
		return
	}
	if documented != usage() {
		t.Errorf("%s differs from router --help; go test ./router -update writes it", page)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := config{Supergraph: "internal/gateway/testdata/supergraph.graphql", JWKSURL: "http://127.0.0.1:4001/keys"}
	if err := good.Check(); err != nil {
		t.Errorf("got %v", err)
	}
	bad := config{
		Supergraph: "missing.graphql", JWKSURL: "127.0.0.1:4001", SubgraphURLs: map[string]string{"auth": "http://a.invalid", "orders": "ftp://b.invalid"},
		Documents: []string{"missing.json", "main.go"}, DocumentsOnly: true, Pages: pages.Config{Dir: "internal"},
	}
	var faults []string
	if joined := interface{ Unwrap() []error }(nil); errors.As(bad.Check(), &joined) {
		for _, fault := range joined.Unwrap() {
			name, _, _ := strings.Cut(fault.Error(), ":")
			faults = append(faults, name)
		}
	}
	slices.Sort(faults)
	if got := strings.Join(faults, " "); got != "DOCUMENTS JWKS_URL PAGES_DIR SUBGRAPH_URLS SUPERGRAPH" {
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
