package planner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/supergraph"
)

// TestPlans plans every query of the conformance suite.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("../conformance/testdata/*/supergraph*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no supergraphs: %v", err)
	}
	for _, file := range files {
		folder, name := filepath.Split(file)
		t.Run(filepath.Base(folder)+" "+name, func(t *testing.T) {
			sdl, err := os.ReadFile(file) //nolint:gosec // a file of the tests
			if err != nil {
				t.Fatal(err)
			}
			sg, err := supergraph.Parse(string(sdl))
			if err != nil {
				t.Fatal(err)
			}
			p, err := planner.New(sg)
			if err != nil {
				t.Fatal(err)
			}
			client := gqlparser.MustLoadSchema(&ast.Source{Input: sg.ClientSDL})
			text, err := os.ReadFile(filepath.Join(folder, "queries.graphql")) //nolint:gosec // a file of the tests
			if err != nil {
				t.Fatal(err)
			}
			doc, errs := gqlparser.LoadQueryWithRules(client, string(text), nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			for _, op := range doc.Operations {
				normal, err := p.Normalize(op, func(string, string) bool { return false }, func(string) bool { return false })
				if err != nil {
					t.Errorf("%s: %v", op.Name, err)
					continue
				}
				plan, err := p.Plan(t.Context(), normal, func(string) bool { return false })
				if err != nil {
					t.Errorf("%s: %v", op.Name, err)
					continue
				}
				if strings.Contains(os.Getenv("SHOW"), filepath.Base(folder)) {
					t.Logf("%s\n%s", op.Name, plan)
				}
			}
		})
	}
}
