package operation

import (
	"maps"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Deferred says which parts of an operation may be answered later than the rest. Names are those of the
// response.
type Deferred struct {
	// Fragments are those that are deferred, each behind the one that it stands in. The first stands
	// for what is not deferred.
	Fragments []Fragment
	Fields    *Selection
}

// Fragment is a deferred one.
type Fragment struct {
	Label  string   // the client's, or empty
	Within int      // the fragment that it stands in
	Path   []Step   // from the root to the object that it is of
	Types  []string // that this object has, nil for any
}

// Step is a field on the way to an object.
type Step struct {
	Types []string // that have the field, nil for any
	Name  string
}

// Selection is what is selected of an object.
type Selection struct {
	Fields map[string]*Selected
	Typed  bool // the type of the object decides whether a fragment is of it
}

// Selected is a field.
type Selected struct {
	In []int // the fragments that have it
	Selection
}

// Before reports whether a fragment that encloses the given one has a field.
func (d *Deferred) Before(field *Selected, fragment int) bool {
	for fragment > 0 {
		if fragment = d.Fragments[fragment].Within; slices.Contains(field.In, fragment) {
			return true
		}
	}
	return false
}

// Selection returns what is selected of the objects that a fragment is of.
func (d *Deferred) Selection(fragment int) *Selection {
	at := d.Fields
	for _, step := range d.Fragments[fragment].Path {
		at = &at.Fields[step.Name].Selection
	}
	return at
}

// deferrable is an operation with @defer.
type deferrable struct {
	op *ast.OperationDefinition
	at map[ast.Selection]*ast.Directive
}

// takeDefers removes every @defer from a document and returns where each was. What an operation asks of
// subgraphs does not depend on it, nor does its plan.
func takeDefers(doc *ast.QueryDocument) map[ast.Selection]*ast.Directive {
	at := map[ast.Selection]*ast.Directive{}
	eachSelection(doc, func(s ast.Selection) {
		d := deferOf(s)
		if d == nil {
			return
		}
		at[s] = d
		others := func(list ast.DirectiveList) ast.DirectiveList {
			return slices.DeleteFunc(list, func(other *ast.Directive) bool { return other == d })
		}
		switch s := s.(type) {
		case *ast.InlineFragment:
			s.Directives = others(s.Directives)
		case *ast.FragmentSpread:
			s.Directives = others(s.Directives)
		}
	})
	return at
}

// Deferred returns what of an operation may come later with these variables, nil when nothing may.
func (d *Documents) Deferred(op *Operation, variables Variables) *Deferred {
	if op.deferrable == nil {
		return nil
	}
	c := collector{schema: d.schema, at: op.deferrable.at, variables: map[string]any{}, fragments: make([]Fragment, 1)}
	for _, v := range op.variables {
		if v.DefaultValue != nil { // conditions are literals
			c.variables[v.Variable] = v.DefaultValue.Raw == "true"
		}
	}
	maps.Copy(c.variables, variables.Values)
	root := d.schema.Query
	if op.Kind == ast.Mutation {
		root = d.schema.Mutation
	}
	fields := &Selection{}
	c.set(op.deferrable.op.SelectionSet, place{def: root, over: []*Selection{fields}})
	if len(c.fragments) == 1 {
		return nil
	}
	return &Deferred{Fragments: c.fragments, Fields: fields}
}

// collector finds the fragments of one request.
type collector struct {
	schema    *ast.Schema
	at        map[ast.Selection]*ast.Directive
	variables map[string]any
	fragments []Fragment
}

// place is where a selection stands.
type place struct {
	def      *ast.Definition
	types    []string // that the object has, nil for any of def
	fragment int
	path     []Step
	over     []*Selection // of the objects on the path, and of the object itself
}

// set visits a selection. There are at most Limits.Fields fields in an operation, so writing out its
// fragments is safe.
func (c *collector) set(set ast.SelectionSet, at place) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			if c.included(s.Directives) {
				c.field(s, at)
			}
		case *ast.InlineFragment:
			if c.included(s.Directives) {
				c.fragment(s, s.TypeCondition, s.SelectionSet, at)
			}
		case *ast.FragmentSpread:
			if c.included(s.Directives) {
				c.fragment(s, s.Definition.TypeCondition, s.Definition.SelectionSet, at)
			}
		}
	}
}

func (c *collector) field(f *ast.Field, at place) {
	of := at.over[len(at.over)-1]
	if of.Fields == nil {
		of.Fields = map[string]*Selected{}
	}
	field := of.Fields[f.Alias]
	if field == nil {
		field = &Selected{}
		of.Fields[f.Alias] = field
	}
	if !slices.Contains(field.In, at.fragment) {
		field.In = append(field.In, at.fragment)
	}
	c.set(f.SelectionSet, place{
		def: c.schema.Types[f.Definition.Type.Name()], fragment: at.fragment,
		path: append(slices.Clip(at.path), Step{at.types, f.Alias}), over: append(slices.Clip(at.over), &field.Selection),
	})
}

func (c *collector) fragment(s ast.Selection, condition string, set ast.SelectionSet, at place) {
	if def := c.schema.Types[condition]; def != nil && def != at.def && at.def.IsAbstractType() {
		at.types, at.def = c.both(at, def), def
	}
	if d := c.at[s]; d != nil && d.ArgumentMap(c.variables)["if"] == true {
		label, _ := d.ArgumentMap(nil)["label"].(string)
		c.fragments = append(c.fragments, Fragment{Label: label, Within: at.fragment, Path: at.path, Types: at.types})
		at.fragment = len(c.fragments) - 1
		for i, step := range at.path {
			at.over[i].Typed = at.over[i].Typed || step.Types != nil
		}
		at.over[len(at.path)].Typed = at.over[len(at.path)].Typed || at.types != nil
	}
	c.set(set, at)
}

// both returns the types that a place and a condition have in common.
func (c *collector) both(at place, condition *ast.Definition) []string {
	types := []string{}
	for _, def := range c.schema.GetPossibleTypes(condition) {
		if at.types == nil || slices.Contains(at.types, def.Name) {
			types = append(types, def.Name)
		}
	}
	return types
}

func (c *collector) included(directives ast.DirectiveList) bool {
	holds := func(name string) any {
		if d := directives.ForName(name); d != nil {
			return d.ArgumentMap(c.variables)["if"]
		}
		return nil
	}
	return holds("skip") != true && holds("include") != false
}

// checkDefers refuses uses of @defer that the specification's draft does not allow: at the root of what
// changes something, in a subscription, and with labels that do not tell fragments apart.
func checkDefers(doc *ast.QueryDocument) (errs gqlerror.List) {
	fail := func(d *ast.Directive, format string, args ...any) {
		errs = append(errs, gqlerror.ErrorPosf(d.Position, format, args...))
	}
	labels := map[string]bool{}
	eachSelection(doc, func(s ast.Selection) {
		d := deferOf(s)
		if d == nil {
			return
		}
		label := d.Arguments.ForName("label")
		switch {
		case label == nil || label.Value.Kind == ast.NullValue:
		case label.Value.Kind == ast.Variable:
			fail(d, `Argument "label" of "@defer" must be a static string.`)
		case labels[label.Value.Raw]:
			fail(d, `Labels of "@defer" must be unique.`)
		default:
			labels[label.Value.Raw] = true
		}
	})
	for _, op := range doc.Operations {
		if op.Operation == ast.Query {
			continue
		}
		seen := map[*ast.FragmentDefinition]bool{}
		var walk func(set ast.SelectionSet, root bool)
		walk = func(set ast.SelectionSet, root bool) {
			for _, selected := range set {
				if d := deferOf(selected); d != nil && root {
					fail(d, `"@defer" must not be used on fields of the %s type.`, op.Operation)
				} else if d != nil && op.Operation == ast.Subscription && !optional(d) {
					fail(d, `"@defer" must not be used in subscriptions, unless its argument "if" disables it.`)
				}
				switch s := selected.(type) {
				case *ast.Field:
					if op.Operation == ast.Subscription {
						walk(s.SelectionSet, false)
					}
				case *ast.InlineFragment:
					walk(s.SelectionSet, root)
				case *ast.FragmentSpread:
					if !seen[s.Definition] {
						seen[s.Definition] = true
						walk(s.Definition.SelectionSet, root)
					}
				}
			}
		}
		walk(op.SelectionSet, true)
	}
	return errs
}

// optional reports whether a client can do without what the directive asks for.
func optional(d *ast.Directive) bool {
	when := d.Arguments.ForName("if")
	return when != nil && (when.Value.Kind == ast.Variable || when.Value.Raw == "false")
}

func deferOf(s ast.Selection) *ast.Directive {
	switch s := s.(type) {
	case *ast.InlineFragment:
		return s.Directives.ForName("defer")
	case *ast.FragmentSpread:
		return s.Directives.ForName("defer")
	}
	return nil
}
