package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
)

// served tells which fetches of a plan bring which values of the response.
type served struct {
	at    map[string][]int // by path: the fetches that ask for what is there
	needs map[int][]int    // by fetch: the fetches that it depends on
}

func (e *Engine) serves(tree *resolve.FetchTreeNode) (served, error) {
	s := served{at: map[string][]int{}, needs: map[int][]int{}}
	var err error
	each(tree, func(item *resolve.FetchItem) {
		d := item.Fetch.Dependencies()
		s.needs[d.FetchID] = d.DependsOnFetchIDs
		set, failed := asked(item.Fetch)
		if failed != nil {
			err = fmt.Errorf("read query of fetch %d: %w", d.FetchID, failed)
			return
		}
		path := ""
		for _, step := range item.FetchPath {
			path = below(path, step.Path)
		}
		if f, ok := set[0].(*ast.Field); ok && f.Name == "_entities" {
			set = e.withoutTypes(f.SelectionSet)
		}
		s.add(set, path, d.FetchID)
	})
	return s, err
}

// withoutTypes leaves out the types of entities: whoever asks for an entity knows its type, unless an
// interface object stands for it.
func (e *Engine) withoutTypes(entities ast.SelectionSet) (rest ast.SelectionSet) {
	for _, selected := range entities {
		f, ok := selected.(*ast.InlineFragment)
		if !ok || e.disguised[f.TypeCondition] {
			rest = append(rest, selected)
			continue
		}
		for _, inner := range f.SelectionSet {
			if field, ok := inner.(*ast.Field); !ok || field.Name != "__typename" {
				rest = append(rest, inner)
			}
		}
	}
	return rest
}

// add notes what a selection asks for.
func (s served) add(set ast.SelectionSet, path string, id int) {
	for _, selected := range set {
		switch f := selected.(type) {
		case *ast.Field:
			at := below(path, []string{f.Alias})
			if !slices.Contains(s.at[at], id) {
				s.at[at] = append(s.at[at], id)
			}
			s.add(f.SelectionSet, at, id)
		case *ast.InlineFragment:
			s.add(f.SelectionSet, path, id)
		}
	}
}

// below returns a path with further steps. Inner lists are no steps.
func below(path string, steps []string) string {
	for _, step := range steps {
		if step != within {
			path += "." + step
		}
	}
	return path
}

// with adds to a set of fetches all those that bring what is at a path, and what these depend on.
func (s served) with(set map[int]bool, path string) {
	var add func(ids []int)
	add = func(ids []int) {
		for _, id := range ids {
			if !set[id] {
				set[id] = true
				add(s.needs[id])
			}
		}
	}
	add(s.at[path])
}

// asked returns what a fetch asks its subgraph for.
func asked(f resolve.Fetch) (ast.SelectionSet, error) {
	var segments []resolve.TemplateSegment
	switch f := f.(type) {
	case *resolve.SingleFetch:
		segments = f.InputTemplate.Segments
	case *resolve.EntityFetch:
		segments = slices.Concat(f.Input.Header.Segments, f.Input.Item.Segments, f.Input.Footer.Segments)
	case *resolve.BatchEntityFetch:
		segments = slices.Concat(f.Input.Header.Segments, f.Input.Items[0].Segments, f.Input.Footer.Segments)
	default:
		return nil, fmt.Errorf("unexpected %T", f)
	}
	var input strings.Builder
	for _, s := range segments {
		if s.SegmentType == resolve.StaticSegmentType {
			input.Write(s.Data)
		} else {
			input.WriteString("null")
		}
	}
	var request struct {
		Body struct{ Query string }
	}
	if err := json.Unmarshal([]byte(input.String()), &request); err != nil {
		return nil, err
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: request.Body.Query})
	if err != nil {
		return nil, err
	}
	return doc.Operations[0].SelectionSet, nil
}

// once asks a subgraph once, whoever needs the answer.
type once struct {
	resolve.DataSource

	asked  sync.Once
	answer []byte
	err    error
}

func (o *once) Load(ctx context.Context, header http.Header, input []byte) ([]byte, error) {
	if transcriptOf(ctx).again {
		return o.DataSource.Load(ctx, header, input)
	}
	o.asked.Do(func() { o.answer, o.err = o.DataSource.Load(ctx, header, input) })
	return o.answer, o.err
}

// sources are those of a plan's fetches for one request.
type sources map[int]*once

func sourcesOf(tree *resolve.FetchTreeNode) sources {
	s := sources{}
	each(tree, func(item *resolve.FetchItem) {
		var source resolve.DataSource
		switch f := item.Fetch.(type) {
		case *resolve.SingleFetch:
			source = f.DataSource
		case *resolve.EntityFetch:
			source = f.DataSource
		case *resolve.BatchEntityFetch:
			source = f.DataSource
		}
		s[item.Fetch.Dependencies().FetchID] = &once{DataSource: source}
	})
	return s
}

// tree returns the part of a tree of fetches that is needed, nil for none.
func (s sources) tree(whole *resolve.FetchTreeNode, needed map[int]bool) *resolve.FetchTreeNode {
	part := *whole
	if whole.Item != nil {
		id := whole.Item.Fetch.Dependencies().FetchID
		if !needed[id] {
			return nil
		}
		item := *whole.Item
		switch f := item.Fetch.(type) {
		case *resolve.SingleFetch:
			c := *f
			c.DataSource, item.Fetch = s[id], &c
		case *resolve.EntityFetch:
			c := *f
			c.DataSource, item.Fetch = s[id], &c
		case *resolve.BatchEntityFetch:
			c := *f
			c.DataSource, item.Fetch = s[id], &c
		}
		part.Item = &item
	}
	part.ChildNodes = nil
	for _, child := range whole.ChildNodes {
		if c := s.tree(child, needed); c != nil {
			part.ChildNodes = append(part.ChildNodes, c)
		}
	}
	return &part
}
