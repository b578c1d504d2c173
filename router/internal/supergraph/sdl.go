package supergraph

import (
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// federationDirectives declares the directives of a subgraph's schema.
const federationDirectives = `
directive @key(fields: federation__FieldSet!, resolvable: Boolean = true) repeatable on INTERFACE | OBJECT
directive @external on FIELD_DEFINITION | OBJECT
directive @requires(fields: federation__FieldSet!) on FIELD_DEFINITION
directive @provides(fields: federation__FieldSet!) on FIELD_DEFINITION
directive @interfaceObject on OBJECT
scalar federation__FieldSet
`

const inaccessibleDirective = `
directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
`

// apiSDL returns the supergraph's schema without federation. For clients, inaccessible members are left out; otherwise
// they are marked.
func apiSDL(doc *ast.SchemaDocument, n names, client bool) string {
	hidden := map[string]bool{}
	if client {
		for _, def := range doc.Definitions {
			if n.inaccessible(def.Directives) {
				hidden[def.Name] = true
			}
		}
	}
	shown := []string{"deprecated", "specifiedBy", "oneOf"}
	visible := func(list ast.DirectiveList) bool { return !client || !n.inaccessible(list) }
	keep := func(list ast.DirectiveList) (kept ast.DirectiveList) {
		for _, d := range list {
			if slices.Contains(shown, d.Name) {
				kept = append(kept, d)
			}
		}
		if n.inaccessible(list) { // only in the router's schema
			kept = append(kept, &ast.Directive{Name: "inaccessible"})
		}
		return kept
	}
	names := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return hidden[name] })
	}
	arguments := func(list ast.ArgumentDefinitionList) (kept ast.ArgumentDefinitionList) {
		for _, a := range list {
			if visible(a.Directives) {
				c := *a
				c.Directives = keep(a.Directives)
				kept = append(kept, &c)
			}
		}
		return kept
	}

	api := &ast.SchemaDocument{}
	for _, s := range doc.Schema {
		c := *s
		c.Directives = nil
		api.Schema = append(api.Schema, &c)
	}
	for _, def := range executable(doc) {
		c := *def
		c.Arguments = arguments(def.Arguments)
		api.Directives = append(api.Directives, &c)
	}
	for _, def := range doc.Definitions {
		if ofSpec(def.Name) || hidden[def.Name] {
			continue
		}
		c := *def
		c.Directives, c.Interfaces, c.Types = keep(def.Directives), names(def.Interfaces), names(def.Types)
		c.Fields, c.EnumValues = nil, nil
		for _, f := range def.Fields {
			if visible(f.Directives) && !hidden[f.Type.Name()] {
				cf := *f
				cf.Directives, cf.Arguments = keep(f.Directives), arguments(f.Arguments)
				c.Fields = append(c.Fields, &cf)
			}
		}
		for _, v := range def.EnumValues {
			if visible(v.Directives) {
				cv := *v
				cv.Directives = keep(v.Directives)
				c.EnumValues = append(c.EnumValues, &cv)
			}
		}
		api.Definitions = append(api.Definitions, &c)
	}
	if client {
		return format(api)
	}
	return inaccessibleDirective + format(api)
}

// executable returns the directives that clients may use in documents, besides those that every schema has.
func executable(doc *ast.SchemaDocument) (list ast.DirectiveDefinitionList) {
	for _, def := range doc.Directives {
		inDocuments := func(l ast.DirectiveLocation) bool { return slices.Contains(documentLocations, l) }
		if !ofSpec(def.Name) && !slices.Contains(builtIn, def.Name) && slices.ContainsFunc(def.Locations, inDocuments) {
			list = append(list, def)
		}
	}
	return list
}

var builtIn = []string{"skip", "include", "defer"}

var documentLocations = []ast.DirectiveLocation{
	ast.LocationQuery, ast.LocationMutation, ast.LocationSubscription, ast.LocationField, ast.LocationFragmentDefinition,
	ast.LocationFragmentSpread, ast.LocationInlineFragment, ast.LocationVariableDefinition,
}

// SDL returns the subgraph's schema, as its service would in _service.
func (s *Subgraph) SDL() string {
	doc := &ast.SchemaDocument{}
	for _, def := range s.directives {
		c := *def
		c.Arguments = undirected(def.Arguments)
		doc.Directives = append(doc.Directives, &c)
	}
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		m := s.types[name]
		if !m.declared {
			continue
		}
		def := &ast.Definition{Name: name, Kind: m.def.Kind, Types: m.union}
		switch m.def.Kind {
		case ast.Enum:
			for _, v := range m.values {
				def.EnumValues = append(def.EnumValues, &ast.EnumValueDefinition{Name: v})
			}
		case ast.Union:
			if len(def.Types) == 0 {
				def.Types = m.def.Types
			}
		case ast.Object, ast.Interface, ast.InputObject:
			if len(m.fields) == 0 {
				continue
			}
			m.describe(def)
		}
		doc.Definitions = append(doc.Definitions, def)
	}
	return federationDirectives + format(doc)
}

// describe adds fields and federation directives to an object, interface or input object.
func (m *member) describe(def *ast.Definition) {
	for _, k := range m.keys {
		key := directive("key", "fields", k.fields)
		if !k.resolvable {
			key.Arguments = append(key.Arguments, &ast.Argument{Name: "resolvable", Value: &ast.Value{Raw: "false", Kind: ast.BooleanValue}})
		}
		def.Directives = append(def.Directives, key)
	}
	if m.interfaceObject {
		def.Kind = ast.Object
		def.Directives = append(def.Directives, directive("interfaceObject"))
	} else {
		def.Interfaces = m.interfaces
	}
	for _, f := range m.fields {
		field := &ast.FieldDefinition{Name: f.def.Name, Type: f.def.Type, DefaultValue: f.def.DefaultValue}
		if f.typ != nil {
			field.Type = f.typ
		}
		field.Arguments = undirected(f.def.Arguments)
		if f.external {
			field.Directives = append(field.Directives, directive("external"))
		}
		if f.requires != "" {
			field.Directives = append(field.Directives, directive("requires", "fields", f.requires))
		}
		if f.provides != "" {
			field.Directives = append(field.Directives, directive("provides", "fields", f.provides))
		}
		def.Fields = append(def.Fields, field)
	}
}

// undirected returns arguments without their directives.
func undirected(list ast.ArgumentDefinitionList) (arguments ast.ArgumentDefinitionList) {
	for _, a := range list {
		arguments = append(arguments, &ast.ArgumentDefinition{Name: a.Name, Type: a.Type, DefaultValue: a.DefaultValue})
	}
	return arguments
}

func directive(name string, argument ...string) *ast.Directive {
	d := &ast.Directive{Name: name}
	if len(argument) == 2 {
		d.Arguments = ast.ArgumentList{{Name: argument[0], Value: &ast.Value{Raw: argument[1], Kind: ast.StringValue}}}
	}
	return d
}

// typeOf parses a type reference such as [Book!]!.
func typeOf(text string) (*ast.Type, error) {
	doc, err := parser.ParseSchema(&ast.Source{Input: "type T { f: " + text + " }"})
	if err != nil {
		return nil, err
	}
	return doc.Definitions[0].Fields[0].Type, nil
}

func format(doc *ast.SchemaDocument) string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchemaDocument(doc)
	return b.String()
}
