package supergraph_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/supergraph"
)

// FuzzParse looks for files that break the loader or the planner's start instead of being read or refused.
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
		//nolint:errcheck // a schema may be wrong, but not break its readers
		validator.LoadSchema(validator.Prelude, &ast.Source{Input: g.ClientSDL})
		planner.New(g) //nolint:errcheck // as above
	})
}
