package engine

import (
	"context"
	"net/http"
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
)

// within is the member in which an inner list stands while a response is put together.
const within = "_l"

// reachNested lets the engine fetch for items of lists of lists. It looks for them one list deep: to
// it, the items of [[a, b], [c]] are lists, and it leaves them alone. So the answers of subgraphs are
// read as [{"_l": [a, b]}, {"_l": [c]}], through which it finds its way.
func reachNested(response *resolve.GraphQLResponse) {
	lists := map[string]bool{} // names of fields
	each(response.Fetches, func(item *resolve.FetchItem) {
		item.FetchPath = pathWithin(response.Data, item.FetchPath, lists)
	})
	if len(lists) == 0 {
		return
	}
	readWithin(response.Data, lists)
	each(response.Fetches, func(item *resolve.FetchItem) {
		switch f := item.Fetch.(type) {
		case *resolve.SingleFetch:
			f.DataSource = nestedSource{f.DataSource, lists}
		case *resolve.EntityFetch:
			f.DataSource = nestedSource{f.DataSource, lists}
		case *resolve.BatchEntityFetch:
			f.DataSource = nestedSource{f.DataSource, lists}
		}
	})
}

func each(tree *resolve.FetchTreeNode, visit func(*resolve.FetchItem)) {
	if tree == nil {
		return
	}
	if tree.Item != nil {
		visit(tree.Item)
	}
	for _, child := range tree.ChildNodes {
		each(child, visit)
	}
}

// pathWithin adds a step for each inner list on a path, and notes the names of the fields that have
// them.
func pathWithin(data *resolve.Object, path []resolve.FetchItemPathElement, lists map[string]bool) (longer []resolve.FetchItemPathElement) {
	at := []resolve.Node{data} // one step may be a field of several types
	for _, step := range path {
		longer = append(longer, step)
		var below []resolve.Node
		levels := 0
		for _, node := range at {
			for _, value := range valuesAt(node, step.Path) {
				level := 0
				for list, ok := value.(*resolve.Array); ok; list, ok = value.(*resolve.Array) {
					if level > 0 {
						list.Path = []string{within}
						lists[step.Path[len(step.Path)-1]] = true
					}
					value = list.Item
					level++
				}
				below, levels = append(below, value), max(levels, level)
			}
		}
		for range max(levels-1, 0) {
			longer = append(longer, resolve.FetchItemPathElement{Kind: resolve.FetchItemPathElementKindArray, Path: []string{within}})
		}
		at = below
	}
	return longer
}

// readWithin finds the inner lists wherever a field of such a name is read: all are wrapped.
func readWithin(node resolve.Node, lists map[string]bool) {
	switch n := node.(type) {
	case *resolve.Object:
		for _, f := range n.Fields {
			readWithin(f.Value, lists)
		}
	case *resolve.Array:
		inner := n.Item
		for list, ok := inner.(*resolve.Array); ok; list, ok = inner.(*resolve.Array) {
			if len(n.Path) > 0 && lists[n.Path[len(n.Path)-1]] {
				list.Path = []string{within}
			}
			inner = list.Item
		}
		readWithin(inner, lists)
	}
}

// valuesAt returns the values that the fields of an object read at a path.
func valuesAt(node resolve.Node, path []string) (values []resolve.Node) {
	object, ok := node.(*resolve.Object)
	if !ok || len(path) == 0 {
		return nil
	}
	for _, f := range object.Fields {
		if slices.Equal(f.Value.NodePath(), path) {
			values = append(values, f.Value)
		}
	}
	return values
}

// nestedSource asks a subgraph and wraps the inner lists of some fields in its answer.
type nestedSource struct {
	resolve.DataSource
	lists map[string]bool
}

func (s nestedSource) Load(ctx context.Context, headers http.Header, input []byte) ([]byte, error) {
	data, err := s.DataSource.Load(ctx, headers, input)
	return wrapInner(data, s.lists), err
}

// wrapInner writes JSON with {"_l": […]} for each list within a list that is the value of one of the
// names.
func wrapInner(text []byte, names map[string]bool) []byte {
	var out []byte
	var open []container
	var key string // of the value that comes next
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			end := i + 1
			for ; end < len(text) && text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			end = min(end, len(text)-1)
			key = string(text[i+1 : end])
			out = append(out, text[i:end+1]...)
			i = end
			continue
		case '{':
			open = append(open, container{})
		case '[':
			inner := len(open) > 0 && open[len(open)-1].named
			if inner {
				out = append(out, `{"`+within+`":`...)
			}
			open = append(open, container{named: inner || names[key] && !isList(open), wrapped: inner, list: true})
		case '}', ']':
			out = append(out, c)
			if len(open) > 0 {
				if open[len(open)-1].wrapped {
					out = append(out, '}')
				}
				open = open[:len(open)-1]
			}
			continue
		}
		out = append(out, text[i])
	}
	return out
}

// container is an object or list that is not closed yet.
type container struct {
	list    bool
	named   bool // a list that is the value of one of the names, or within such
	wrapped bool
}

func isList(open []container) bool { return len(open) > 0 && open[len(open)-1].list }
