package planner

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"boxoffice.dev/router/internal/supergraph"
)

// graph is what the planner knows of a supergraph. It is immutable.
type graph struct {
	schema    *ast.Schema // with inaccessible members
	client    *ast.Schema // without
	possible  map[string][]string
	subgraphs []*subgraph // sorted by name
	rules     map[coordinate][]supergraph.Rule
	labelled  map[coordinate]string // labels of progressive overrides
	implicit  []string              // labels of fields in keys and requirements
	declared  map[coordinate][]declaration
	enums     map[string]map[string]bool // values that clients may see
}

// declaration is a field of an object type in one subgraph.
type declaration struct {
	subgraph int
	field    *supergraph.MemberField
}

type coordinate struct{ typ, field string }

// subgraph is one subgraph with the type that stands for an object type there.
type subgraph struct {
	name    string
	index   int
	members map[string]*supergraph.Member
	objects map[string]*supergraph.Member // interface objects, by the object types that they stand for
	owners  map[string][]string           // interfaces with a key that the subgraph resolves, by object type
}

func newGraph(sg *supergraph.Supergraph) (*graph, error) {
	g := &graph{
		possible: map[string][]string{}, rules: map[coordinate][]supergraph.Rule{}, labelled: map[coordinate]string{},
		declared: map[coordinate][]declaration{}, enums: map[string]map[string]bool{},
	}
	var err error
	if g.schema, err = load("router", sg.RouterSDL); err != nil {
		return nil, err
	}
	if g.client, err = load("client", sg.ClientSDL); err != nil {
		return nil, err
	}
	for name, def := range g.schema.Types {
		if !def.IsCompositeType() {
			continue
		}
		for _, object := range g.schema.GetPossibleTypes(def) {
			g.possible[name] = append(g.possible[name], object.Name)
		}
		slices.Sort(g.possible[name])
	}
	for name, def := range g.client.Types {
		if def.Kind == ast.Enum {
			g.enums[name] = map[string]bool{}
			for _, v := range def.EnumValues {
				g.enums[name][v.Name] = true
			}
		}
	}
	for _, f := range sg.Fields {
		g.rules[coordinate{f.Type, f.Name}] = f.Rules
	}
	for i, declared := range sg.Subgraphs {
		s := &subgraph{
			name: declared.Name, index: i, members: declared.Members(),
			objects: map[string]*supergraph.Member{}, owners: map[string][]string{},
		}
		for name, m := range s.members {
			for field, f := range m.Fields {
				if f.Label != "" {
					for _, object := range m.Possible {
						g.labelled[coordinate{object, field}] = f.Label
					}
				}
			}
			for _, object := range m.Possible {
				if m.InterfaceObject {
					s.objects[object] = m
				} else if m.Kind == ast.Interface && len(m.Keys) > 0 {
					s.owners[object] = append(s.owners[object], name)
				}
			}
		}
		for name, def := range g.schema.Types {
			m := s.members[name]
			if def.Kind == ast.Object && m == nil {
				m = s.objects[name]
			}
			if def.Kind != ast.Object || m == nil {
				continue
			}
			for field, f := range m.Fields {
				c := coordinate{name, field}
				g.declared[c] = append(g.declared[c], declaration{i, f})
			}
		}
		for _, owners := range s.owners {
			slices.Sort(owners)
		}
		g.subgraphs = append(g.subgraphs, s)
	}
	g.implicit = g.implicitLabels()
	return g, nil
}

// implicitLabels returns the labels of fields that the planner may add to an operation.
func (g *graph) implicitLabels() (labels []string) {
	if len(g.labelled) == 0 {
		return nil
	}
	added := map[string]bool{} // names of fields
	var add func(ast.SelectionSet)
	add = func(selection ast.SelectionSet) {
		for _, selected := range selection {
			switch s := selected.(type) {
			case *ast.Field:
				added[s.Name] = true
				add(s.SelectionSet)
			case *ast.InlineFragment:
				add(s.SelectionSet)
			}
		}
	}
	for _, s := range g.subgraphs {
		for _, m := range s.members {
			for _, k := range m.Keys {
				add(k.Selection)
			}
			for _, f := range m.Fields {
				add(f.Requires)
			}
		}
	}
	for c, label := range g.labelled {
		if added[c.field] {
			labels = append(labels, label)
		}
	}
	return labels
}

func load(name, sdl string) (*ast.Schema, error) {
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: name, Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("load %s schema: %w", name, err)
	}
	return schema, nil
}

// root returns the type that operations of a kind begin with.
func (g *graph) root(operation ast.Operation) *ast.Definition {
	switch operation {
	case ast.Mutation:
		return g.schema.Mutation
	case ast.Subscription:
		return g.schema.Subscription
	default:
		return g.schema.Query
	}
}

// field returns the definition of a field of an object type.
func (g *graph) field(typ, name string) *ast.FieldDefinition {
	def := g.schema.Types[typ]
	if def == nil {
		return nil
	}
	return def.Fields.ForName(name)
}

// below returns the possible types of the objects of a field, which all the given types have.
func (g *graph) below(types []string, field string) (all []string) {
	for _, typ := range types {
		all = append(all, g.possible[g.field(typ, field).Type.Name()]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// view is how a subgraph sees objects: as values of a type that it declares.
type view struct {
	subgraph *subgraph
	member   *supergraph.Member
}

// typed reports whether the subgraph knows the objects' types.
func (v view) typed() bool { return !v.member.InterfaceObject }

// field returns the field of an object type as the subgraph declares it, nil when it does not.
func (v view) field(object, name string) *supergraph.MemberField {
	if !slices.Contains(v.member.Possible, object) {
		return nil
	}
	if v.member.Kind == ast.Object {
		return v.member.Fields[name]
	}
	m := v.subgraph.members[object]
	if m == nil {
		return nil
	}
	return m.Fields[name]
}

// below returns the view of a field's objects.
func (v view) below(f *supergraph.MemberField) view {
	return view{v.subgraph, v.subgraph.members[f.Type.Name()]}
}

// inKey reports whether a field of an object type is part of a key of its type in the subgraph.
func (v view) inKey(object, name string) bool {
	m := v.member
	if m.Kind != ast.Object {
		m = v.subgraph.members[object]
	}
	return m != nil && slices.ContainsFunc(m.Keys, func(k supergraph.MemberKey) bool { return selects(k.Selection, name) })
}

// selects reports whether a field set has a field at its top.
func selects(selection ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(selection, func(s ast.Selection) bool {
		switch s := s.(type) {
		case *ast.Field:
			return s.Name == name
		case *ast.InlineFragment:
			return selects(s.SelectionSet, name)
		}
		return false
	})
}

// implements reports whether an object type implements an interface in the subgraph.
func (s *subgraph) implements(object string) bool {
	m := s.members[object]
	if m == nil || m.Kind != ast.Object || m.InterfaceObject {
		return false
	}
	for _, i := range s.members {
		if i.Kind == ast.Interface && slices.Contains(i.Possible, object) {
			return true
		}
	}
	return false
}
