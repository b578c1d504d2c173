package planner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// ErrTooComplex is the error of an operation that would take too much work to plan.
var ErrTooComplex = errors.New("the operation is too complex")

// maxNodes bounds the size of a normalized operation. Limits of documents keep most far below.
const maxNodes = 20_000

// set is a selection with its fragments written out. It belongs to one position of the response.
type set struct {
	types []string // possible types of the objects, sorted
	nodes []*node
	table *table // nil in a template of a key or requirement
}

// node is a field of some object types, selected by the client or added by the planner.
type node struct {
	field      *Field // nil unless selected by the client
	name       string
	arguments  string   // as written in a document, with parentheses
	variables  []string // in the arguments and directives
	directives directives
	on         []string // object types, sorted
	conditions Conditions
	sub        *set // nil for a leaf
}

// Literal is a value of the document that the plan takes as a variable, so that documents that only differ in values
// share a plan.
type Literal struct {
	Name  string
	Type  *ast.Type
	Value *ast.Value // may contain variables
}

// normalizer writes out the fragments of an operation.
type normalizer struct {
	graph     *graph
	denied    func(typ, field string) bool
	null      func(variable string) bool
	parts     bool            // deferred fragments are parts of their own
	nullable  []string        // variables whose null is invalid somewhere
	taken     map[string]bool // names of the client's variables
	literals  []Literal
	types     map[string]string // of all variables, with their defaults
	headers   map[ast.Operation]header
	deferred  []Deferred
	selection map[*set]*Selection
	labels    []string
	count     int
}

// place is where a selection stands.
type place struct {
	set        *set
	types      []string // of the objects that it applies to
	parent     string   // static type
	conditions Conditions
	deferred   int
	path       Path       // of response names
	directives directives // of the fragments within the set
	variables  []string   // in these directives
	invalid    bool       // an argument of these directives must not be null and is
}

func (n *normalizer) operation(op *ast.OperationDefinition) (*set, error) {
	n.taken, n.types = map[string]bool{}, map[string]string{}
	for _, v := range op.VariableDefinitions {
		n.taken[v.Variable] = true
		n.types[v.Variable] = v.Type.String()
		if v.DefaultValue != nil { // it allows the variable where null is not
			n.types[v.Variable] += " = " + v.DefaultValue.String()
		}
	}
	n.selection, n.deferred = map[*set]*Selection{}, make([]Deferred, 1)
	n.headers = map[ast.Operation]header{}
	for _, kind := range []ast.Operation{op.Operation, ast.Query} {
		location := ast.DirectiveLocation(strings.ToUpper(string(kind)))
		text, variables, _ := n.directives(op.Directives, location)
		n.headers[kind] = header{text, variables}
	}
	root := n.graph.root(op.Operation).Name
	s := n.newSet([]string{root}, &table{graph: n.graph})
	return s, n.collect(op.SelectionSet, place{set: s, types: s.types, parent: root})
}

func (n *normalizer) newSet(types []string, t *table) *set {
	s := &set{types: types, table: t}
	n.selection[s] = &Selection{Types: types}
	return s
}

func (n *normalizer) collect(selections ast.SelectionSet, at place) error {
	for _, selected := range selections {
		var err error
		switch s := selected.(type) {
		case *ast.Field:
			err = n.field(s, at)
		case *ast.InlineFragment:
			err = n.fragment(s.TypeCondition, s.Directives, s.SelectionSet, at)
		case *ast.FragmentSpread:
			err = n.fragment(s.Definition.TypeCondition, s.Directives, s.Definition.SelectionSet, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *normalizer) fragment(
	condition string, directives ast.DirectiveList, selections ast.SelectionSet, at place,
) error {
	conditions, ok := withDirectives(at.conditions, directives)
	if !ok {
		return nil
	}
	at.conditions = conditions
	n.enclose(&at, directives)
	if condition != "" {
		at.types = intersect(at.types, n.graph.possible[condition])
		at.parent = condition
	}
	if len(at.types) == 0 {
		return nil
	}
	if d := directives.ForName("defer"); d != nil && n.parts {
		if when, ok := deferCondition(d.Arguments.ForName("if")); ok {
			part := Deferred{Within: at.deferred, Path: at.path, On: n.restricted(at.types, at.set), If: when}
			if label := d.Arguments.ForName("label"); label != nil {
				part.Label = label.Value.Raw
			}
			n.deferred = append(n.deferred, part)
			at.deferred = len(n.deferred) - 1
		}
	}
	return n.collect(selections, at)
}

// deferCondition returns the condition of an argument if:, and false when it never holds.
func deferCondition(when *ast.Argument) (Conditions, bool) {
	switch {
	case when == nil:
		return nil, true
	case when.Value.Kind == ast.Variable:
		return Conditions{{Variable: when.Value.Raw}}, true
	}
	return nil, when.Value.Raw == "true"
}

// withDirectives adds the conditions of @skip and @include. It returns false when they can never hold.
func withDirectives(conditions Conditions, directives ast.DirectiveList) (Conditions, bool) {
	for _, d := range directives {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		value := d.Arguments.ForName("if").Value
		skip := d.Name == "skip"
		if value.Kind != ast.Variable {
			if (value.Raw == "true") == skip {
				return nil, false
			}
			continue
		}
		c := Condition{value.Raw, skip}
		if slices.Contains(conditions, Condition{value.Raw, !skip}) {
			return nil, false
		}
		if !slices.Contains(conditions, c) {
			conditions = append(slices.Clip(conditions), c)
		}
	}
	return conditions, true
}

// restricted returns nil instead of all types of a set.
func (n *normalizer) restricted(types []string, s *set) []string {
	if len(types) == len(s.types) {
		return nil
	}
	return types
}

// field adds a field, for each group of object types that see it alike.
func (n *normalizer) field(f *ast.Field, at place) error {
	conditions, ok := withDirectives(at.conditions, f.Directives)
	if !ok {
		return nil
	}
	at.conditions = conditions
	if f.Name == typename {
		n.add(&node{
			field: &Field{Response: f.Alias, Storage: typename, Name: typename, Parent: at.parent, Deferred: at.deferred},
			name:  typename, on: at.types, conditions: conditions,
		}, at)
		return nil
	}
	if strings.HasPrefix(f.Name, "__") { // introspection, which the router answers
		n.add(&node{
			field: &Field{
				Response: f.Alias, Storage: f.Alias, Name: f.Name, Parent: at.parent, Type: ast.NamedType(f.Name, nil),
				Leaf: Custom, Deferred: at.deferred,
			},
			name: f.Name, on: at.types, conditions: conditions,
		}, at)
		return nil
	}
	arguments, variables := n.arguments(f.Arguments, f.Definition.Arguments)
	own, used, invalid := n.directives(f.Directives, ast.LocationField)
	at.directives.own = own
	at.variables = slices.Concat(variables, at.variables, used)
	at.invalid = n.anyInvalid(f.Arguments) || at.invalid || invalid
	for _, group := range n.groups(f, arguments, at) {
		if err := n.node(f, arguments, group, at); err != nil {
			return err
		}
	}
	return nil
}

// fieldGroup is object types whose field is the same for the planner and the client.
type fieldGroup struct {
	variant *variant
	typ     *ast.Type
	types   []string
	refusal Refusal
}

func (n *normalizer) groups(f *ast.Field, arguments string, at place) []*fieldGroup {
	var groups []*fieldGroup
	for _, object := range at.types {
		def := n.graph.field(object, f.Name)
		if def == nil {
			continue
		}
		if label := n.graph.labelled[coordinate{object, f.Name}]; label != "" {
			n.labels = append(n.labels, label)
		}
		refusal := Allowed
		switch {
		case n.denied(object, f.Name) || object != at.parent && n.denied(at.parent, f.Name):
			refusal = Denied
		case at.invalid:
			refusal = NullArgument
		}
		v := at.set.table.selected(f.Alias, f.Name, arguments, object)
		i := slices.IndexFunc(groups, func(g *fieldGroup) bool {
			return g.variant == v && g.refusal == refusal && sameWrapping(g.typ, def.Type)
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, &fieldGroup{variant: v, typ: def.Type, refusal: refusal})
		}
		groups[i].types = append(groups[i].types, object)
	}
	return groups
}

// sameWrapping reports whether two types have the same lists and the same nullability.
func sameWrapping(a, b *ast.Type) bool {
	if a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	return a.Elem == nil || sameWrapping(a.Elem, b.Elem)
}

func (n *normalizer) node(f *ast.Field, arguments string, g *fieldGroup, at place) error {
	leaf, enum := n.leaf(g.typ.Name())
	field := &Field{
		Response: f.Alias, Storage: g.variant.storage, Name: f.Name, Parent: at.parent, Type: g.typ,
		Leaf: leaf, Enum: enum, Deferred: at.deferred, Refusal: g.refusal,
	}
	added := n.add(&node{
		field: field, name: f.Name, arguments: arguments, variables: at.variables, directives: at.directives,
		on: g.types, conditions: at.conditions,
	}, at)
	if n.count > maxNodes {
		return ErrTooComplex
	}
	if leaf != Composite || g.refusal != Allowed {
		return nil
	}
	if added.sub == nil {
		added.sub = n.newSet(n.graph.below(g.types, f.Name), g.variant.below)
		added.field.Selection = n.selection[added.sub]
	}
	parent := f.Definition.Type.Name()
	types := added.sub.types
	if own := n.graph.possible[parent]; len(own) > 0 {
		types = intersect(types, own)
	}
	step := Step{Storage: f.Alias, On: n.restricted(g.types, at.set)}
	return n.collect(f.SelectionSet, place{
		set: added.sub, types: types, parent: parent, deferred: at.deferred, path: append(slices.Clip(at.path), step),
	})
}

// add adds a node to a set, or returns the node that is already there.
func (n *normalizer) add(added *node, at place) *node {
	for _, other := range at.set.nodes {
		if other.field.Response == added.field.Response && other.field.Storage == added.field.Storage &&
			other.field.Deferred == added.field.Deferred && other.field.Refusal == added.field.Refusal &&
			other.name == added.name && other.directives == added.directives && slices.Equal(other.on, added.on) && slices.Equal(other.conditions, added.conditions) &&
			(added.field.Type == nil || sameWrapping(other.field.Type, added.field.Type)) {
			return other
		}
	}
	n.count++
	added.field.On = n.restricted(added.on, at.set)
	added.field.Conditions = added.conditions
	at.set.nodes = append(at.set.nodes, added)
	selection := n.selection[at.set]
	selection.Fields = append(selection.Fields, added.field)
	return added
}

func (n *normalizer) anyInvalid(list ast.ArgumentList) (found bool) {
	for _, a := range list {
		found = n.invalid(a.Value) || found
	}
	return found
}

// invalid reports whether a value contains a variable with null where null is invalid. Such a variable has a default,
// or stands where one applies (GraphQL specification, section "All Variable Usages Are Allowed").
func (n *normalizer) invalid(v *ast.Value) (found bool) {
	if v.Kind == ast.Variable && v.ExpectedType != nil && v.ExpectedType.NonNull && !v.VariableDefinition.Type.NonNull {
		n.nullable = append(n.nullable, v.Raw)
		return n.null(v.Raw)
	}
	for _, child := range v.Children {
		found = n.invalid(child.Value) || found
	}
	return found
}

var leafs = map[string]Leaf{"Int": Int, "Float": Float, "String": String, "ID": ID, "Boolean": Boolean}

func (n *normalizer) leaf(name string) (Leaf, map[string]bool) {
	def := n.graph.schema.Types[name]
	switch def.Kind {
	case ast.Enum:
		return Enum, n.graph.enums[name]
	case ast.Scalar:
		if leaf, ok := leafs[name]; ok {
			return leaf, nil
		}
		return Custom, nil
	}
	return Composite, nil
}

// arguments returns the arguments of a field or directive as they are sent, and the variables in them. Literals become
// variables.
func (n *normalizer) arguments(
	list ast.ArgumentList, definitions ast.ArgumentDefinitionList,
) (text string, variables []string) {
	var parts []string
	for _, a := range list {
		name := a.Value.Raw
		if a.Value.Kind != ast.Variable {
			name = n.literal(a.Value, definitions.ForName(a.Name).Type)
		}
		variables = append(variables, name)
		parts = append(parts, a.Name+": $"+name)
	}
	if len(parts) == 0 {
		return "", nil
	}
	slices.Sort(parts)
	return "(" + strings.Join(parts, ", ") + ")", variables
}

// literal returns the variable that stands for a literal. Equal literals of one type share it: fields with the same
// response name must have equal arguments.
func (n *normalizer) literal(value *ast.Value, typ *ast.Type) string {
	text := value.String()
	for _, l := range n.literals {
		if l.Value.String() == text && l.Type.String() == typ.String() {
			return l.Name
		}
	}
	name := fmt.Sprintf("l%d", len(n.literals))
	for n.taken[name] {
		name = "_" + name
	}
	n.literals = append(n.literals, Literal{name, typ, value})
	n.types[name] = typ.String()
	return name
}

// intersect returns the names that are in both sorted lists.
func intersect(a, b []string) []string {
	if slices.Equal(a, b) {
		return a
	}
	var all []string
	for _, name := range a {
		if _, ok := slices.BinarySearch(b, name); ok {
			all = append(all, name)
		}
	}
	return all
}

// activeLabels returns the labels that the plan may depend on.
func (n *normalizer) activeLabels() []string { return names(n.labels, n.graph.implicit) }
