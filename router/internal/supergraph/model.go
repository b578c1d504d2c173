package supergraph

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Member is a type as one subgraph declares it.
type Member struct {
	Name            string
	Kind            ast.DefinitionKind // Object for an interface object
	InterfaceObject bool
	Keys            []MemberKey
	Fields          map[string]*MemberField // of an object or interface
	Possible        []string                // object types that a value may have, sorted; nil for a leaf type
	CacheTags       []string                // formats of @cacheTag, such as "user-{$key.id}"; nothing uses them
}

// MemberKey is a key of an entity.
type MemberKey struct {
	Selection  ast.SelectionSet
	Resolvable bool // the subgraph resolves the entity by this key
}

// MemberField is a field as one subgraph declares it.
type MemberField struct {
	Type     *ast.Type
	External bool
	Requires ast.SelectionSet
	Provides ast.SelectionSet
	// Label is the label of a progressive @override of the field. The subgraph resolves the field while the label is
	// active if Override is set, and otherwise while it is not.
	Label    string
	Override bool
	// Shared means that the supergraph does not say which type the subgraph gives the field. Some composers leave out
	// that it is an interface where others have an object type that implements it.
	Shared bool
	// CacheTags are the formats of @cacheTag, such as "user-{$args.id}". Nothing uses them.
	CacheTags []string
}

// Members returns the types that the subgraph declares, by name.
func (s *Subgraph) Members() map[string]*Member { return s.members }

// setMembers sets the types of each subgraph.
func (g *Supergraph) setMembers(doc *ast.SchemaDocument) error {
	everywhere := map[string][]string{} // implementations of an interface
	for _, def := range doc.Definitions {
		if def.Kind == ast.Object {
			for _, i := range def.Interfaces {
				everywhere[i] = append(everywhere[i], def.Name)
			}
		}
	}
	for _, s := range g.Subgraphs {
		s.members = map[string]*Member{}
		for _, name := range slices.Sorted(maps.Keys(s.types)) {
			m, err := s.types[name].export()
			if err != nil {
				return fmt.Errorf("parse supergraph: %s of subgraph %s: %w", name, s.Name, err)
			}
			switch {
			case m.InterfaceObject:
				m.Possible = slices.Sorted(slices.Values(everywhere[name]))
			case m.Kind == ast.Object:
				m.Possible = []string{name}
			case m.Kind == ast.Union:
				m.Possible = slices.Sorted(slices.Values(s.unionOf(name)))
			case m.Kind == ast.Interface:
				m.Possible = s.implementing(name)
			}
			s.members[name] = m
		}
	}
	return nil
}

func (s *Subgraph) unionOf(name string) []string {
	m := s.types[name]
	if len(m.union) == 0 { // a supergraph of an early version of the join specification
		return m.def.Types
	}
	return m.union
}

// implementing returns the object types of the subgraph that implement an interface, sorted.
func (s *Subgraph) implementing(name string) (types []string) {
	for typ, m := range s.types {
		if m.def.Kind == ast.Object && slices.Contains(m.interfaces, name) {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	return types
}

func (m *member) export() (*Member, error) {
	out := &Member{
		Name: m.def.Name, Kind: m.def.Kind, InterfaceObject: m.interfaceObject, Fields: map[string]*MemberField{},
		CacheTags: m.cacheTags,
	}
	if m.interfaceObject {
		out.Kind = ast.Object
	}
	for _, k := range m.keys {
		set, err := fieldSet(k.fields)
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, MemberKey{set, k.resolvable})
	}
	for _, f := range m.fields {
		typ := f.def.Type
		if f.typ != nil {
			typ = f.typ
		}
		field := &MemberField{
			Type: typ, External: f.external, Label: f.label, Override: f.override, Shared: f.shared, CacheTags: f.cacheTags,
		}
		var err error
		if field.Requires, err = fieldSet(f.requires); err != nil {
			return nil, err
		}
		if field.Provides, err = fieldSet(f.provides); err != nil {
			return nil, err
		}
		out.Fields[f.def.Name] = field
	}
	out.markRequired()
	return out, nil
}

// fieldSet parses a FieldSet (Federation specification, section FieldSet).
func fieldSet(text string) (ast.SelectionSet, error) {
	if text == "" {
		return nil, nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Name: "FieldSet", Input: "{" + text + "}"})
	if err != nil {
		return nil, err
	}
	return doc.Operations[0].SelectionSet, nil
}
