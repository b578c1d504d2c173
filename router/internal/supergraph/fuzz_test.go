package supergraph_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"boxoffice.dev/router/internal/supergraph"
)

// FuzzParse looks for files that break the loader instead of being read or refused.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../conformance/testdata/*/supergraph*.graphql")
	if err != nil || len(files) == 0 {
		f.Fatalf("no supergraphs: %v", err)
	}
	for _, file := range append(files, "../gatewaytest/testdata/supergraph.graphql", "../operation/testdata/supergraph.graphql") {
		text, err := os.ReadFile(file) //nolint:gosec // a file of the test
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(_ *testing.T, sdl string) {
		g, err := supergraph.Parse(sdl)
		if err != nil {
			return
		}
		validator.LoadSchema(validator.Prelude, &ast.Source{Input: g.ClientSDL}) //nolint:errcheck // a client schema may be wrong, but not break its reader
	})
}
