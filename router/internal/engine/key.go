package engine

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/router/internal/supergraph"
)

// keys are those by which entities can be found, by subgraph and type.
type keys map[string]map[string][]fieldSet

// fieldSet is the fields of a selection, with those below them.
type fieldSet map[string]fieldSet

func keysOf(subgraphs []*supergraph.Subgraph) (keys, error) {
	all := keys{}
	for _, s := range subgraphs {
		all[s.Name] = map[string][]fieldSet{}
		for _, t := range s.Types {
			for _, k := range t.Keys {
				if !k.Resolvable {
					continue
				}
				set, err := parseFieldSet(k.Selection)
				if err != nil {
					return nil, fmt.Errorf("parse key of %s: %w", t.Name, err)
				}
				all[s.Name][t.Name] = append(all[s.Name][t.Name], set)
			}
		}
	}
	return all, nil
}

func parseFieldSet(selection string) (fieldSet, error) {
	doc, err := parser.ParseQuery(&ast.Source{Input: "{" + selection + "}"})
	if err != nil {
		return nil, err
	}
	return fieldSetOf(doc.Operations[0].SelectionSet), nil
}

func fieldSetOf(selected ast.SelectionSet) fieldSet {
	set := fieldSet{}
	for _, s := range selected {
		if f, ok := s.(*ast.Field); ok {
			set[f.Name] = fieldSetOf(f.SelectionSet)
		}
	}
	return set
}

// common returns the fields of both sets.
func (set fieldSet) common(other fieldSet) fieldSet {
	both := fieldSet{}
	for name, below := range set {
		if otherBelow, ok := other[name]; ok {
			both[name] = below.common(otherBelow)
		}
	}
	return both
}

// require lets fetches leave out the entities whose key is null: nothing can be found by it. A representation may have
// several keys; then what belongs to all of them must not be null.
func (k keys) require(response *resolve.GraphQLResponse) {
	each(response.Fetches, func(item *resolve.FetchItem) {
		inputs, _ := entityInputs(item.Fetch)
		for _, representation := range representations(inputs) {
			members := map[string]map[string]resolve.Node{} // by type and name
			for _, f := range representation.Fields {
				for _, typ := range f.OnTypeNames {
					if members[string(typ)] == nil {
						members[string(typ)] = map[string]resolve.Node{}
					}
					members[string(typ)][string(f.Name)] = f.Value
				}
			}
			for typ, nodes := range members {
				var needed fieldSet
				for _, key := range k[item.Fetch.FetchInfo().DataSourceName][typ] {
					switch {
					case !key.in(nodes):
					case needed == nil:
						needed = key
					default:
						needed = needed.common(key)
					}
				}
				for name, below := range needed {
					notNull(nodes[name], below)
				}
			}
		}
	})
}

// in reports whether all fields have a node.
func (set fieldSet) in(nodes map[string]resolve.Node) bool {
	for name := range set {
		if nodes[name] == nil {
			return false
		}
	}
	return true
}

// notNull makes a member of a representation, and some fields below it, mandatory.
func notNull(node resolve.Node, below fieldSet) {
	switch n := node.(type) {
	case *resolve.Object:
		n.Nullable = false
		for _, f := range n.Fields {
			if further, ok := below[string(f.Name)]; ok {
				notNull(f.Value, further)
			}
		}
	case *resolve.Array:
		n.Nullable = false
	case *resolve.String:
		n.Nullable = false
	case *resolve.Integer:
		n.Nullable = false
	case *resolve.Float:
		n.Nullable = false
	case *resolve.Boolean:
		n.Nullable = false
	case *resolve.Scalar:
		n.Nullable = false
	}
}
