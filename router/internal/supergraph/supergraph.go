// Package supergraph parses supergraph SDL (join specification: https://specs.apollo.dev/join/v0.3). The result is
// deterministic, including the order of its lists, because the planner's choices depend on that order.
package supergraph

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Supergraph is a composed schema.
type Supergraph struct {
	Subgraphs []*Subgraph // sorted by name
	Fields    []Field     // fields with arguments or rules, sorted by type and name
	Costs     Costs
	RouterSDL string // the whole schema, with @inaccessible
	ClientSDL string // the clients' schema, without inaccessible members
}

// Field is a field of the supergraph.
type Field struct {
	Type, Name string
	Arguments  []string
	Rules      []Rule // all must be satisfied
}

// PolicyScope is the prefix of scopes for policies: @policy(policies: [["vip"]]) requires the scope policy:vip, so that
// the issuer of access tokens decides about policies.
const PolicyScope = "policy:"

// Rule is an authorization rule of a field. The zero Rule requires a signed-in caller.
type Rule struct {
	Scopes [][]string // the caller needs all scopes of one of these sets
}

// Subgraph is one service's part of the supergraph.
type Subgraph struct {
	Name, URL string

	types      map[string]*member
	members    map[string]*Member
	directives ast.DirectiveDefinitionList // for documents
}

// member is a type of the supergraph as one subgraph declares it.
type member struct {
	def             *ast.Definition
	declared        bool
	cacheTags       []string
	keys            []key
	interfaceObject bool
	interfaces      []string
	union           []string
	values          []string
	fields          []memberField
}

// key is a key of an entity as the supergraph has it.
type key struct {
	fields     string
	resolvable bool
}

type memberField struct {
	def                *ast.FieldDefinition
	typ                *ast.Type // the subgraph's type, when it differs
	external           bool
	requires, provides string
	label              string
	override           bool
	shared             bool
	cacheTags          []string
}

// Parse parses supergraph SDL.
func Parse(sdl string) (*Supergraph, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: "supergraph", Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("parse supergraph: %w", err)
	}
	if err := checkFeatures(doc); err != nil {
		return nil, err
	}
	subgraphs, err := declared(doc)
	if err != nil {
		return nil, err
	}
	if err := distribute(doc, subgraphs); err != nil {
		return nil, err
	}
	for _, s := range subgraphs {
		s.directives = executable(doc)
	}
	tag(doc, subgraphs)
	all := slices.SortedFunc(maps.Values(subgraphs), func(a, b *Subgraph) int { return strings.Compare(a.Name, b.Name) })
	n := namesOf(doc)
	fields, err := fields(doc, n)
	if err != nil {
		return nil, err
	}
	costs, err := costs(doc, n)
	if err != nil {
		return nil, err
	}
	g := &Supergraph{
		Subgraphs: all,
		Fields:    fields,
		Costs:     costs,
		RouterSDL: apiSDL(doc, n, false),
		ClientSDL: apiSDL(doc, n, true),
	}
	return g, g.setMembers(doc)
}

// declared returns the subgraphs by their value of the enum join__Graph.
func declared(doc *ast.SchemaDocument) (map[string]*Subgraph, error) {
	graphs := doc.Definitions.ForName("join__Graph")
	if graphs == nil {
		return nil, fmt.Errorf("parse supergraph: the enum join__Graph is missing")
	}
	subgraphs := map[string]*Subgraph{}
	for _, v := range graphs.EnumValues {
		d := v.Directives.ForName("join__graph")
		if d == nil {
			return nil, fmt.Errorf("parse supergraph: join__Graph.%s has no @join__graph", v.Name)
		}
		subgraphs[v.Name] = &Subgraph{Name: argument(d, "name"), URL: argument(d, "url"), types: map[string]*member{}}
	}
	return subgraphs, nil
}

// distribute adds every type and field to the subgraphs that declare it.
func distribute(doc *ast.SchemaDocument, subgraphs map[string]*Subgraph) error {
	var failure error
	in := func(d *ast.Directive, def *ast.Definition) *member {
		s := subgraphs[argument(d, "graph")]
		if s == nil {
			failure = fmt.Errorf("parse supergraph: %s names a subgraph that does not exist: %q", def.Name, argument(d, "graph"))
			s = &Subgraph{types: map[string]*member{}}
		}
		m := s.types[def.Name]
		if m == nil {
			m = &member{def: def}
			s.types[def.Name] = m
		}
		return m
	}
	for _, def := range doc.Definitions {
		if ofSpec(def.Name) {
			continue
		}
		var declaring []*member
		for _, d := range def.Directives.ForNames("join__type") {
			m := in(d, def)
			m.declared = true
			if !slices.Contains(declaring, m) {
				declaring = append(declaring, m)
			}
			if fields := argument(d, "key"); fields != "" {
				m.keys = append(m.keys, key{fields, argument(d, "resolvable") != "false"})
			}
			m.interfaceObject = m.interfaceObject || argument(d, "isInterfaceObject") == "true"
		}
		for _, d := range def.Directives.ForNames("join__implements") {
			m := in(d, def)
			m.interfaces = append(m.interfaces, argument(d, "interface"))
		}
		for _, d := range def.Directives.ForNames("join__unionMember") {
			m := in(d, def)
			m.union = append(m.union, argument(d, "member"))
		}
		for _, v := range def.EnumValues {
			for _, d := range v.Directives.ForNames("join__enumValue") {
				m := in(d, def)
				m.values = append(m.values, v.Name)
			}
		}
		for _, f := range def.Fields {
			joins := f.Directives.ForNames("join__field")
			if len(joins) == 0 { // every subgraph with the type has the field
				for _, m := range declaring {
					m.fields = append(m.fields, memberField{def: f, shared: len(declaring) > 1})
				}
			}
			for _, d := range joins {
				if argument(d, "graph") == "" {
					continue // it comes from an @interfaceObject
				}
				m := in(d, def)
				var typ *ast.Type
				if text := argument(d, "type"); text != "" {
					var err error
					if typ, err = typeOf(text); err != nil {
						return fmt.Errorf("parse supergraph: %s.%s: %w", def.Name, f.Name, err)
					}
				}
				m.fields = append(m.fields, memberField{
					def: f, typ: typ,
					external: argument(d, "external") == "true" ||
						argument(d, "usedOverridden") == "true" && argument(d, "overrideLabel") == "",
					requires: argument(d, "requires"), provides: argument(d, "provides"),
					label: argument(d, "overrideLabel"), override: argument(d, "override") != "",
				})
			}
		}
	}
	return failure
}

// markRequired marks the fields that an interface object requires as external. They always are, but some composers omit
// it there.
func (m *Member) markRequired() {
	if !m.InterfaceObject {
		return
	}
	for _, f := range m.Fields {
		for _, name := range topFields(f.Requires) {
			isKey := slices.ContainsFunc(m.Keys, func(k MemberKey) bool { return slices.Contains(topFields(k.Selection), name) })
			if required := m.Fields[name]; required != nil && !isKey {
				required.External = true
			}
		}
	}
}

// topFields returns the names of the fields at the top of a field set.
func topFields(set ast.SelectionSet) (names []string) {
	for _, selected := range set {
		if f, ok := selected.(*ast.Field); ok {
			names = append(names, f.Name)
		}
	}
	return names
}

func fields(doc *ast.SchemaDocument, n names) (all []Field, failure error) {
	read := func(coordinate string, list ast.DirectiveList) []Rule {
		found, err := rules(list, n)
		if err != nil {
			failure = fmt.Errorf("parse supergraph: %s: %w", coordinate, err)
		}
		return found
	}
	of := map[string][]Rule{}                         // a type
	implementations := map[string][]*ast.Definition{} // of an interface
	for _, def := range doc.Definitions {
		of[def.Name] = read(def.Name, def.Directives)
		if def.Kind == ast.Object {
			for _, i := range def.Interfaces {
				implementations[i] = append(implementations[i], def)
			}
		}
	}
	on := func(def *ast.Definition, f *ast.FieldDefinition) []Rule {
		return slices.Concat(of[def.Name], read(def.Name+"."+f.Name, f.Directives), of[f.Type.Name()])
	}
	for _, def := range doc.Definitions {
		if ofSpec(def.Name) || def.Kind != ast.Object && def.Kind != ast.Interface {
			continue
		}
		for _, f := range def.Fields {
			field := Field{Type: def.Name, Name: f.Name, Rules: on(def, f)}
			for _, object := range implementations[def.Name] { // composers copy their rules to the interface
				if implemented := object.Fields.ForName(f.Name); implemented != nil {
					copied := on(object, implemented)
					field.Rules = slices.DeleteFunc(field.Rules, func(r Rule) bool {
						return slices.ContainsFunc(copied, func(c Rule) bool { return reflect.DeepEqual(r, c) })
					})
				}
			}
			for _, a := range f.Arguments {
				field.Arguments = append(field.Arguments, a.Name)
			}
			if len(field.Arguments)+len(field.Rules) > 0 {
				all = append(all, field)
			}
		}
	}
	slices.SortFunc(all, func(a, b Field) int {
		return strings.Compare(a.Type+"."+a.Name, b.Type+"."+b.Name)
	})
	return all, failure
}

func rules(directives ast.DirectiveList, n names) (list []Rule, err error) {
	if n.in(directives, "authenticated", "authenticated") != nil {
		list = append(list, Rule{})
	}
	for _, spec := range []struct{ name, argument, prefix string }{
		{"requiresScopes", "scopes", ""}, {"policy", "policies", PolicyScope},
	} {
		d := n.in(directives, spec.name, spec.name)
		if d == nil {
			continue
		}
		rule := Rule{sets(d.Arguments.ForName(spec.argument), spec.prefix)}
		if len(rule.Scopes) == 0 { // would be a weaker rule
			return nil, fmt.Errorf("@%s has no %s", d.Name, spec.argument)
		}
		list = append(list, rule)
	}
	return list, nil
}

// sets returns an argument of the type [[String!]!]!, with a prefix for its strings.
func sets(a *ast.Argument, prefix string) (all [][]string) {
	if a == nil || a.Value.Kind == ast.NullValue {
		return nil
	}
	for _, set := range items(a.Value) {
		var scopes []string
		for _, scope := range items(set) {
			scopes = append(scopes, prefix+scope.Raw)
		}
		all = append(all, scopes)
	}
	return all
}

// items returns the items of a list. A single value is coerced to a list.
func items(v *ast.Value) (list []*ast.Value) {
	if v.Kind != ast.ListValue {
		return []*ast.Value{v}
	}
	for _, child := range v.Children {
		list = append(list, child.Value)
	}
	return list
}

// argument returns the value of a directive's argument, empty when it is absent or null.
func argument(d *ast.Directive, name string) string {
	if a := d.Arguments.ForName(name); a != nil && a.Value.Kind != ast.NullValue {
		return a.Value.Raw
	}
	return ""
}

// ofSpec reports whether a name belongs to a specification, such as join__FieldSet.
func ofSpec(name string) bool { return strings.Contains(name, "__") }

// Relocate changes the URLs of subgraphs, by name. The error names a subgraph that does not exist.
func (g *Supergraph) Relocate(urls map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		i := slices.IndexFunc(g.Subgraphs, func(s *Subgraph) bool { return s.Name == name })
		if i < 0 {
			return fmt.Errorf("set URLs of subgraphs: there is no subgraph %q", name)
		}
		g.Subgraphs[i].URL = urls[name]
	}
	return nil
}
