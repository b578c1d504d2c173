package engine

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/router/internal/supergraph"
)

// disguises are the interfaces that some subgraph knows as one type, an interface object, by subgraph and interface.
type disguises map[string]map[string]disguise

type disguise struct {
	implementations []string
	requires        map[string]fieldSet // by field: what a representation must have
}

func disguisesOf(subgraphs []*supergraph.Subgraph) (disguises, error) {
	all := disguises{}
	for _, s := range subgraphs {
		for _, t := range s.Types {
			if !t.InterfaceObject {
				continue
			}
			d := disguise{t.Implementations, map[string]fieldSet{}}
			for _, r := range t.Requires {
				set, err := parseFieldSet(r.Selection)
				if err != nil {
					return nil, fmt.Errorf("parse what %s.%s requires: %w", t.Name, r.Field, err)
				}
				d.requires[r.Field] = set
			}
			if all[s.Name] == nil {
				all[s.Name] = map[string]disguise{}
			}
			all[s.Name][t.Name] = d
		}
	}
	return all, nil
}

// somewhere reports whether some subgraph knows an interface as one type.
func (d disguises) somewhere(name string) bool {
	for _, known := range d {
		if _, ok := known[name]; ok {
			return true
		}
	}
	return false
}

// lift makes fetches right that the planner has made for objects of which a subgraph knows no more than that
// they are of some interface. Another subgraph that is asked for parts of them tells what they really are,
// for all of them. From then on they are found by that name, too, and go by the interface's where nothing else is known.
func (d disguises) lift(response *resolve.GraphQLResponse) {
	if len(d) == 0 {
		return
	}
	each(response.Fetches, func(item *resolve.FetchItem) {
		inputs, header := entityInputs(item.Fetch)
		if header == nil {
			return
		}
		here := d[item.Fetch.FetchInfo().DataSourceName]
		for _, representation := range representations(inputs) {
			for _, f := range representation.Fields {
				for _, name := range f.OnTypeNames {
					known, disguised := here[string(name)]
					switch {
					case disguised && len(f.OnTypeNames) == 1:
						reveal(f, string(name), known.implementations)
						replace(header, "... on "+string(name)+" {__typename ", "... on "+string(name)+" {") // what it really is, is known better
					case !disguised && d.somewhere(string(name)):
						replace(header, "_entities(representations: $representations){... on ", "_entities(representations: $representations){__typename ... on ")
					}
				}
			}
			onlyOnce(representation)
		}
	})
}

// typesFirst moves __typename to the front of every selection. The planner forgets parts of an interface object
// that are asked for before its type.
func (d disguises) typesFirst(doc *ast.Document) {
	if len(d) == 0 {
		return
	}
	isType := func(selection int) int {
		s := doc.Selections[selection]
		if s.Kind == ast.SelectionKindField && doc.FieldNameString(s.Ref) == "__typename" {
			return 0
		}
		return 1
	}
	for _, set := range doc.SelectionSets {
		slices.SortStableFunc(set.SelectionRefs, func(a, b int) int { return isType(a) - isType(b) })
	}
}

// wanted returns what sift needs to know of a response, nil when a subgraph always knows what an object is.
func (e *Engine) wanted(response *resolve.GraphQLResponse) *resolve.Object {
	if len(e.disguises) == 0 {
		return nil
	}
	return response.Data
}

// sift divides the errors of a response with this data into those of what clients want, and those of fields that they want of
// other types: a subgraph that does not know what an object really is was asked for them all the same.
func sift(failures []responseError, data any, wanted *resolve.Object) (mine, others []responseError) {
	if wanted == nil {
		return failures, nil
	}
	for _, e := range failures {
		if ofOthers(e.Path, data, []resolve.Node{wanted}) {
			others = append(others, e)
		} else {
			mine = append(mine, e)
		}
	}
	return mine, others
}

// ofOthers reports whether a path leads to a field that only other types have.
func ofOthers(path []any, data any, nodes []resolve.Node) bool {
	if len(path) == 0 {
		return false
	}
	var inner []resolve.Node
	switch at := data.(type) {
	case map[string]any:
		step, _ := path[0].(string)
		for _, node := range nodes {
			if o, ok := node.(*resolve.Object); ok {
				for _, f := range o.Fields {
					if string(f.Name) == unshift(step) {
						inner = append(inner, f.Value)
					}
				}
			}
		}
		value, ok := at[unshift(step)]
		if !ok {
			return len(inner) > 0
		}
		return ofOthers(path[1:], value, inner)
	case []any:
		index, ok := path[0].(float64)
		if !ok || index < 0 || int(index) >= len(at) {
			return false
		}
		for _, node := range nodes {
			if list, ok := node.(*resolve.Array); ok {
				inner = append(inner, list.Item)
			}
		}
		return ofOthers(path[1:], at[int(index)], inner)
	}
	return false
}

// reveal lets a field of a representation hold for all implementations of an interface, under whose name the
// subgraph knows them.
func reveal(f *resolve.Field, name string, implementations []string) {
	for _, implementation := range implementations {
		f.OnTypeNames = append(f.OnTypeNames, []byte(implementation))
	}
	if _, dynamic := f.Value.(*resolve.String); dynamic && string(f.Name) == "__typename" {
		f.Value = &resolve.StaticString{Path: []string{"__typename"}, Value: name}
	}
}

// onlyOnce leaves each type one field of a name.
func onlyOnce(representation *resolve.Object) {
	type member struct{ field, typ string }
	seen := map[member]bool{}
	representation.Fields = slices.DeleteFunc(representation.Fields, func(f *resolve.Field) bool {
		if len(f.OnTypeNames) == 0 {
			return false
		}
		f.OnTypeNames = slices.DeleteFunc(f.OnTypeNames, func(typ []byte) bool {
			m := member{string(f.Name), string(typ)}
			twice := seen[m]
			seen[m] = true
			return twice
		})
		return len(f.OnTypeNames) == 0
	})
}

// replace writes something else into the text of a request.
func replace(header *resolve.InputTemplate, text, by string) {
	for i, segment := range header.Segments {
		if segment.SegmentType == resolve.StaticSegmentType {
			header.Segments[i].Data = bytes.Replace(segment.Data, []byte(text), []byte(by), 1)
		}
	}
}

// entityInputs returns what makes up the request for entities, and how it begins; nil for other fetches.
func entityInputs(fetch resolve.Fetch) (items []resolve.InputTemplate, header *resolve.InputTemplate) {
	switch f := fetch.(type) {
	case *resolve.EntityFetch:
		return []resolve.InputTemplate{f.Input.Item}, &f.Input.Header
	case *resolve.BatchEntityFetch:
		return f.Input.Items, &f.Input.Header
	}
	return nil, nil
}

// representations returns what entities are described with.
func representations(items []resolve.InputTemplate) (all []*resolve.Object) {
	for _, item := range items {
		for _, segment := range item.Segments {
			if r, ok := segment.Renderer.(*resolve.GraphQLVariableResolveRenderer); ok {
				if o, ok := r.Node.(*resolve.Object); ok {
					all = append(all, o)
				}
			}
		}
	}
	return all
}
