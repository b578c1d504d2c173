package introspection

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// root returns the introspecting fields of the query type.
type root struct{ s *ast.Schema }

func (o root) field(name string, arguments map[string]any) any {
	switch name {
	case "__schema":
		return schema(o)
	case "__type":
		if named, _ := arguments["name"].(string); o.s.Types[named] != nil {
			return typeRef{o.s, ast.NamedType(named, nil)}
		}
		return nil
	}
	return hidden{}
}

type schema struct{ s *ast.Schema }

func (o schema) field(name string, _ map[string]any) any {
	switch name {
	case "__typename":
		return "__Schema"
	case "description":
		return text(o.s.Description)
	case "types":
		return sorted(o.s.Types, func(d *ast.Definition) object { return typeRef{o.s, ast.NamedType(d.Name, nil)} })
	case "queryType":
		return o.root(o.s.Query)
	case "mutationType":
		return o.root(o.s.Mutation)
	case "subscriptionType":
		return o.root(o.s.Subscription)
	case "directives":
		return sorted(o.s.Directives, func(d *ast.DirectiveDefinition) object { return directive{o.s, d} })
	}
	return nil
}

func (o schema) root(def *ast.Definition) any {
	if def == nil {
		return nil
	}
	return typeRef{o.s, ast.NamedType(def.Name, nil)}
}

// typeRef is a type reference: named, a list or non-null.
type typeRef struct {
	s *ast.Schema
	t *ast.Type
}

func (o typeRef) field(name string, arguments map[string]any) any {
	if name == "__typename" {
		return "__Type"
	}
	switch {
	case o.t.NonNull:
		inner := *o.t
		inner.NonNull = false
		return wrapper("NON_NULL", name, typeRef{o.s, &inner})
	case o.t.Elem != nil:
		return wrapper("LIST", name, typeRef{o.s, o.t.Elem})
	}
	def := o.s.Types[o.t.NamedType]
	switch name {
	case "kind":
		return string(def.Kind)
	case "name":
		return def.Name
	case "description":
		return text(def.Description)
	case "specifiedByURL":
		return argument(def.Directives, "specifiedBy", "url")
	case "isOneOf":
		if def.Kind == ast.InputObject {
			return def.Directives.ForName("oneOf") != nil
		}
	case "fields":
		if def.Kind == ast.Object || def.Kind == ast.Interface {
			return o.fields(def.Fields, arguments)
		}
	case "inputFields":
		if def.Kind == ast.InputObject {
			return o.inputFields(def.Fields, arguments)
		}
	case "interfaces":
		if def.Kind == ast.Object || def.Kind == ast.Interface {
			return o.named(def.Interfaces)
		}
	case "possibleTypes":
		if def.Kind == ast.Interface || def.Kind == ast.Union {
			var names []string
			for _, possible := range o.s.GetPossibleTypes(def) {
				names = append(names, possible.Name)
			}
			slices.Sort(names)
			return o.named(names)
		}
	case "enumValues":
		if def.Kind == ast.Enum {
			values := []object{}
			for _, v := range def.EnumValues {
				if shown(v.Directives, arguments) {
					values = append(values, enumValue{v})
				}
			}
			return values
		}
	}
	return nil
}

func wrapper(kind, name string, of object) any {
	switch name {
	case "kind":
		return kind
	case "ofType":
		return of
	}
	return nil
}

func (o typeRef) fields(list ast.FieldList, arguments map[string]any) []object {
	fields := []object{}
	for _, f := range list {
		if !strings.HasPrefix(f.Name, "__") && shown(f.Directives, arguments) {
			fields = append(fields, field{o.s, f})
		}
	}
	return fields
}

func (o typeRef) inputFields(list ast.FieldList, arguments map[string]any) []object {
	values := []object{}
	for _, f := range list {
		if shown(f.Directives, arguments) {
			values = append(values, inputValue{o.s, f.Name, f.Description, f.Type, f.DefaultValue, f.Directives})
		}
	}
	return values
}

func (o typeRef) named(names []string) []object {
	types := []object{}
	for _, name := range names {
		types = append(types, typeRef{o.s, ast.NamedType(name, nil)})
	}
	return types
}

type field struct {
	s *ast.Schema
	f *ast.FieldDefinition
}

func (o field) field(name string, arguments map[string]any) any {
	switch name {
	case "__typename":
		return "__Field"
	case "name":
		return o.f.Name
	case "description":
		return text(o.f.Description)
	case "args":
		return inputValues(o.s, o.f.Arguments, arguments)
	case "type":
		return typeRef{o.s, o.f.Type}
	}
	return deprecation(name, o.f.Directives)
}

type inputValue struct {
	s           *ast.Schema
	name        string
	description string
	typ         *ast.Type
	fallback    *ast.Value
	directives  ast.DirectiveList
}

func inputValues(s *ast.Schema, list ast.ArgumentDefinitionList, arguments map[string]any) []object {
	values := []object{}
	for _, a := range list {
		if shown(a.Directives, arguments) {
			values = append(values, inputValue{s, a.Name, a.Description, a.Type, a.DefaultValue, a.Directives})
		}
	}
	return values
}

func (o inputValue) field(name string, _ map[string]any) any {
	switch name {
	case "__typename":
		return "__InputValue"
	case "name":
		return o.name
	case "description":
		return text(o.description)
	case "type":
		return typeRef{o.s, o.typ}
	case "defaultValue":
		if o.fallback == nil {
			return nil
		}
		return o.fallback.String()
	}
	return deprecation(name, o.directives)
}

type enumValue struct{ v *ast.EnumValueDefinition }

func (o enumValue) field(name string, _ map[string]any) any {
	switch name {
	case "__typename":
		return "__EnumValue"
	case "name":
		return o.v.Name
	case "description":
		return text(o.v.Description)
	}
	return deprecation(name, o.v.Directives)
}

type directive struct {
	s *ast.Schema
	d *ast.DirectiveDefinition
}

func (o directive) field(name string, arguments map[string]any) any {
	switch name {
	case "__typename":
		return "__Directive"
	case "name":
		return o.d.Name
	case "description":
		return text(o.d.Description)
	case "isRepeatable":
		return o.d.IsRepeatable
	case "locations":
		return o.d.Locations
	case "args":
		return inputValues(o.s, o.d.Arguments, arguments)
	}
	return nil
}

func deprecation(name string, directives ast.DirectiveList) any {
	deprecated := directives.ForName("deprecated")
	switch name {
	case "isDeprecated":
		return deprecated != nil
	case "deprecationReason":
		if deprecated == nil {
			return nil
		}
		return cmp.Or(argument(directives, "deprecated", "reason"), any("No longer supported"))
	}
	return nil
}

// shown reports whether the member is listed. Deprecated ones are only listed on request.
func shown(directives ast.DirectiveList, arguments map[string]any) bool {
	return arguments["includeDeprecated"] == true || directives.ForName("deprecated") == nil
}

func argument(directives ast.DirectiveList, name, argument string) any {
	if d := directives.ForName(name); d != nil {
		if a := d.Arguments.ForName(argument); a != nil {
			return a.Value.Raw
		}
	}
	return nil
}

// text returns a description, nil when there is none.
func text(description string) any {
	if description == "" {
		return nil
	}
	return description
}

func sorted[T any](all map[string]T, wrap func(T) object) []object {
	list := []object{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, wrap(all[name]))
	}
	return list
}
