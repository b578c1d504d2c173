package planner_test

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestUnreachable(t *testing.T) {
	t.Parallel()
	g := load(t, read(t, "testdata", "unreachable.graphql"))
	want := []string{"Size.weight below Query.size", "Stock.place below Query.stock"}
	if got := g.Unreachable(10); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := g.Unreachable(1); !slices.Equal(got, want[:1]) {
		t.Errorf("at most one: got %q, want %q", got, want[:1])
	}
	files, err := filepath.Glob(filepath.Join("..", "conformance", "testdata", "*", "supergraph*.graphql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no supergraphs: %v", err)
	}
	for _, file := range files {
		if got := load(t, read(t, file)).Unreachable(10); len(got) > 0 {
			t.Errorf("%s: got %q", file, got)
		}
	}
}
