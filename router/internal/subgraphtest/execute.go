package subgraphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// execution executes one operation by the GraphQL specification.
type execution struct {
	schema    *ast.Schema
	variables map[string]any
	request   *http.Request
	fields    map[string]Field
	entities  func(typename string, representation map[string]any) (any, error)
	data      Data
	refuse    []string
	denied    []string
	errs      gqlerror.List
	objects   int // so far
}

// place is an object with the context of its selection.
type place struct {
	object         Object // nil at the root
	def            *ast.Definition
	representation map[string]any    // of an entity, otherwise nil
	provided       *ast.SelectionSet // the fields of @provides
	external       bool              // only provided fields may be requested
	path           ast.Path
}

func (e *execution) operation(op *ast.OperationDefinition) any {
	root := e.schema.Query
	switch op.Operation {
	case ast.Mutation:
		root = e.schema.Mutation
	case ast.Subscription:
		root = e.schema.Subscription
	}
	data, _ := e.set(place{def: root}, op.SelectionSet)
	return data
}

// set resolves a selection on an object. It reports false when a non-null field is null.
func (e *execution) set(at place, sets ...ast.SelectionSet) (any, bool) {
	result := map[string]any{}
	if e.objects++; e.objects > maxObjects && e.entities == nil {
		return nil, true
	}
	for _, same := range e.collect(at.def, sets) {
		f := same[0]
		def := at.def.Fields.ForName(f.Name)
		if def == nil {
			def = f.Definition
		}
		var inner []ast.SelectionSet
		for _, s := range same {
			inner = append(inner, s.SelectionSet)
		}
		below := at
		below.path = append(slices.Clone(at.path), ast.PathName(f.Alias))
		value, err := e.field(at, f, def)
		if err != nil {
			e.fail(below.path, err)
		}
		below.provided, below.representation, below.external = e.provides(at, f, def), nil, e.isExternal(at, def)
		completed, ok := e.complete(value, def.Type, inner, below, err != nil)
		if !ok {
			return nil, false
		}
		result[f.Alias] = completed
	}
	return result, true
}

// collect is CollectFields of the GraphQL specification.
func (e *execution) collect(def *ast.Definition, sets []ast.SelectionSet) (fields [][]*ast.Field) {
	index := map[string]int{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selected := range set {
			switch s := selected.(type) {
			case *ast.Field:
				if !e.included(s.Directives) {
					continue
				}
				i, known := index[s.Alias]
				if !known {
					i = len(fields)
					index[s.Alias] = i
					fields = append(fields, nil)
				}
				fields[i] = append(fields[i], s)
			case *ast.InlineFragment:
				if e.included(s.Directives) && e.applies(s.TypeCondition, def) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if e.included(s.Directives) && e.applies(s.Definition.TypeCondition, def) {
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return fields
}

func (e *execution) included(directives ast.DirectiveList) bool {
	holds := func(name string) any {
		if d := directives.ForName(name); d != nil {
			return d.ArgumentMap(e.variables)["if"]
		}
		return nil
	}
	return holds("skip") != true && holds("include") != false
}

func (e *execution) applies(condition string, def *ast.Definition) bool {
	return condition == "" || condition == def.Name ||
		slices.ContainsFunc(e.schema.PossibleTypes[condition], func(d *ast.Definition) bool { return d.Name == def.Name })
}

func (e *execution) field(at place, f *ast.Field, def *ast.FieldDefinition) (any, error) {
	args := f.ArgumentMap(e.variables)
	for name, value := range args { // a single item is coerced to a list
		if _, isList := value.([]any); !isList && value != nil && def.Arguments.ForName(name).Type.Elem != nil {
			args[name] = []any{value}
		}
	}
	switch f.Name {
	case "__typename":
		return at.def.Name, nil
	case "_entities":
		return e.find(args["representations"])
	}
	if slices.Contains(e.denied, at.def.Name+"."+f.Name) {
		return nil, &Error{Code: "UNAUTHENTICATED", Message: "Sign in first."}
	}
	if err := e.mayAnswer(at, def); err != nil {
		return nil, err
	}
	object := at.object
	if object == nil {
		root := "Query" // under any name
		if at.def == e.schema.Mutation {
			root = "Mutation"
		}
		if at.def == e.schema.Subscription {
			root = "Subscription"
		}
		if compute, ok := e.fields[root+"."+f.Name]; ok {
			return compute(e.request, args)
		}
		object = e.data[root]
	}
	value := e.data.at(object, f.Name, args)
	if compute, ok := value.(Field); ok {
		return compute(e.request, args)
	}
	return failing(e.data.resolve(value))
}

// failing returns the error that a value of Data stands for.
func failing(value any) (any, error) {
	if text, ok := value.(string); ok && strings.HasPrefix(text, "!") {
		return nil, &Error{Code: "FAILED", Message: text[1:]}
	}
	return value, nil
}

// signature returns a field with its arguments in the format of Data: price(currency: "EUR").
func signature(name string, args map[string]any) string {
	if len(args) == 0 {
		return name
	}
	var list []string
	for _, arg := range slices.Sorted(maps.Keys(args)) {
		value, err := json.Marshal(args[arg])
		if err != nil { // it came as JSON or GraphQL
			panic(err)
		}
		list = append(list, arg+": "+string(value))
	}
	return name + "(" + strings.Join(list, ", ") + ")"
}

// find resolves _entities. Entities keep their representation.
func (e *execution) find(representations any) (any, error) {
	all, _ := representations.([]any)
	found := make([]any, len(all))
	for i, one := range all {
		representation, _ := one.(map[string]any)
		typename, _ := representation["__typename"].(string)
		if def := e.schema.Types[typename]; def != nil && !hasKey(def, representation) {
			return found[:i], fmt.Errorf("there is no key of %s in %v", typename, representation)
		}
		entity, err := e.entities(typename, representation)
		if err != nil {
			return found[:i], err
		}
		if o, ok := entity.(Object); ok {
			found[i] = reached{o, typename, representation}
		}
	}
	return found, nil
}

// hasKey reports whether a representation has all fields of a key of its type.
func hasKey(def *ast.Definition, representation map[string]any) bool {
	var has func(set ast.SelectionSet, in any) bool
	has = func(set ast.SelectionSet, in any) bool {
		if list, ok := in.([]any); ok {
			return !slices.ContainsFunc(list, func(item any) bool { return !has(set, item) })
		}
		object, _ := in.(map[string]any)
		return !slices.ContainsFunc(flat(set), func(f *ast.Field) bool {
			value := object[f.Name]
			return value == nil || len(f.SelectionSet) > 0 && !has(f.SelectionSet, value)
		})
	}
	return slices.ContainsFunc(def.Directives.ForNames("key"), func(d *ast.Directive) bool { return has(selection(d), representation) })
}

// reached is an entity with the representation that it was found by.
type reached struct {
	Object
	typename       string
	representation map[string]any
}

// mayAnswer refuses fields that a planner must not request from a subgraph: overridden ones, external fields that are
// neither keys nor provided, and fields whose requirements are missing in the representation.
func (e *execution) mayAnswer(at place, def *ast.FieldDefinition) error {
	coordinate := at.def.Name + "." + def.Name
	if slices.Contains(e.refuse, coordinate) {
		return fmt.Errorf("%s is overridden", coordinate)
	}
	if e.isExternal(at, def) && (at.provided == nil || !selects(*at.provided, def.Name)) {
		return fmt.Errorf("%s is external", coordinate)
	}
	if d := def.Directives.ForName("requires"); d != nil && (at.provided == nil || !covers(*at.provided, selection(d))) {
		if missing := e.missing(selection(d), at.def, at.object, at.representation); missing != "" {
			return fmt.Errorf("%s requires %s", coordinate, missing)
		}
	}
	return nil
}

// isExternal reports whether another subgraph resolves a field and this one does not.
func (e *execution) isExternal(at place, def *ast.FieldDefinition) bool {
	isKey := slices.ContainsFunc(at.def.Directives.ForNames("key"), func(d *ast.Directive) bool {
		return selects(selection(d), def.Name)
	})
	external := def.Directives.ForName("external") != nil || at.def.Directives.ForName("external") != nil
	return !isKey && (external || at.external && len(at.def.Directives.ForNames("key")) == 0)
}

// missing returns the first required field that a representation lacks, or has with a value of other arguments.
func (e *execution) missing(required ast.SelectionSet, def *ast.Definition, actual Object, sent any) string {
	if list, ok := sent.([]any); ok { // its items are compared when the entity is looked up
		for _, item := range list {
			if missing := e.missing(required, def, nil, item); missing != "" {
				return missing
			}
		}
		return ""
	}
	object, ok := sent.(map[string]any)
	if sent != nil && !ok {
		return "an object of " + def.Name
	}
	for _, selected := range required {
		switch s := selected.(type) {
		case *ast.Field:
			value, found := object[s.Name]
			if !found && sent != nil {
				return def.Name + "." + s.Name
			}
			field := def.Fields.ForName(s.Name)
			if field == nil { // __typename
				continue
			}
			s.Definition = field
			right := e.data.resolve(e.data.at(actual, s.Name, s.ArgumentMap(nil)))
			if e.data != nil && actual != nil && !e.data.same(right, value) {
				return fmt.Sprintf("%s.%s of its arguments, and got %v", def.Name, s.Name, value)
			}
			inner, _ := right.(Object)
			if missing := e.missing(s.SelectionSet, e.schema.Types[field.Type.Name()], inner, value); len(s.SelectionSet) > 0 && missing != "" {
				return missing
			}
		case *ast.InlineFragment:
			typename, _ := object["__typename"].(string)
			if on := e.schema.Types[typename]; on != nil && e.applies(s.TypeCondition, on) {
				if missing := e.missing(s.SelectionSet, on, actual, sent); missing != "" {
					return missing
				}
			}
		}
	}
	return ""
}

// provides returns the external fields that may be requested below a field.
func (e *execution) provides(at place, f *ast.Field, def *ast.FieldDefinition) *ast.SelectionSet {
	if d := def.Directives.ForName("provides"); d != nil {
		set := selection(d)
		return &set
	}
	if at.provided != nil {
		for _, selected := range flat(*at.provided) {
			if selected.Name == f.Name && len(selected.SelectionSet) > 0 {
				return &selected.SelectionSet
			}
		}
	}
	return nil
}

func selection(d *ast.Directive) ast.SelectionSet {
	doc, err := parser.ParseQuery(&ast.Source{Input: "{" + d.Arguments.ForName("fields").Value.Raw + "}"})
	if err != nil {
		panic(err)
	}
	return doc.Operations[0].SelectionSet
}

// flat returns the fields of a selection, including those in inline fragments.
func flat(set ast.SelectionSet) (fields []*ast.Field) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			fields = append(fields, s)
		case *ast.InlineFragment:
			fields = append(fields, flat(s.SelectionSet)...)
		}
	}
	return fields
}

func selects(set ast.SelectionSet, name string) bool {
	return slices.ContainsFunc(flat(set), func(f *ast.Field) bool { return f.Name == name })
}

// covers reports whether a selection has everything that is required.
func covers(set, required ast.SelectionSet) bool {
	for _, f := range flat(required) {
		i := slices.IndexFunc(flat(set), func(g *ast.Field) bool { return g.Name == f.Name })
		if i < 0 || len(f.SelectionSet) > 0 && !covers(flat(set)[i].SelectionSet, f.SelectionSet) {
			return false
		}
	}
	return true
}

func (e *execution) complete(value any, typ *ast.Type, sets []ast.SelectionSet, at place, failed bool) (any, bool) {
	if value == nil {
		if typ.NonNull && !failed {
			e.fail(at.path, errors.New("must not be null"))
		}
		return nil, !typ.NonNull
	}
	if typ.Elem != nil {
		list := []any{}
		for i, item := range items(value) {
			below := at
			below.path = append(slices.Clone(at.path), ast.PathIndex(i))
			value, err := failing(e.data.resolve(item))
			if err != nil {
				e.fail(below.path, err)
			}
			completed, ok := e.complete(value, typ.Elem, sets, below, err != nil)
			if !ok {
				return nil, !typ.NonNull
			}
			list = append(list, completed)
		}
		return list, true
	}
	at.def = e.schema.Types[typ.NamedType]
	switch o := value.(type) {
	case reached:
		at.object, at.representation = o.Object, o.representation
		at.def = e.schema.Types[o.typename]
	case Object:
		at.object = o
	default:
		return value, true
	}
	if at.def.IsAbstractType() {
		name, _ := at.object["__typename"].(string)
		if at.def = e.schema.Types[name]; at.def == nil {
			e.fail(at.path, fmt.Errorf("no type %q", name))
			return nil, !typ.NonNull
		}
	}
	completed, ok := e.set(at, sets...)
	if !ok {
		return nil, !typ.NonNull
	}
	return completed, true
}

func (e *execution) fail(path ast.Path, err error) {
	code := "INTERNAL_SERVER_ERROR"
	if coded := new(Error); errors.As(err, &coded) {
		code = coded.Code
	}
	e.errs = append(e.errs, &gqlerror.Error{Message: err.Error(), Path: path, Extensions: map[string]any{"code": code}})
}

func items(value any) []any {
	switch list := value.(type) {
	case []any:
		return list
	case []Object:
		var all []any
		for _, o := range list {
			all = append(all, o)
		}
		return all
	}
	return nil
}
