// Package introspection answers __schema and __type from the clients' schema.
package introspection

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
)

// Part is the introspecting part of an operation. It is shared between requests.
type Part struct {
	schema *ast.Schema
	op     *ast.OperationDefinition
	whole  bool // the operation selects nothing else
}

// Of returns the introspecting part of a validated operation, nil when there is none.
func Of(schema *ast.Schema, op *ast.OperationDefinition) *Part {
	found, other := fields(op.SelectionSet)
	if !found {
		return nil
	}
	return &Part{schema: schema, op: op, whole: !other}
}

// fields reports whether a root selection has introspecting fields, and whether it has others.
func fields(set ast.SelectionSet) (introspecting, other bool) {
	for _, selected := range set {
		var i, o bool
		switch s := selected.(type) {
		case *ast.Field:
			i = s.Name == "__schema" || s.Name == "__type"
			o = !i
		case *ast.InlineFragment:
			i, o = fields(s.SelectionSet)
		case *ast.FragmentSpread:
			i, o = fields(s.Definition.SelectionSet)
		}
		introspecting, other = introspecting || i, other || o
	}
	return introspecting, other
}

// Whole reports whether the operation selects only introspecting fields.
func (p *Part) Whole() bool { return p.whole }

// Answer returns the part's fields of the response's data, a JSON object. Variables is a valid JSON object, or empty.
func (p *Part) Answer(variables []byte) ([]byte, error) {
	values := map[string]any{}
	for _, v := range p.op.VariableDefinitions {
		if v.DefaultValue != nil {
			value, err := v.DefaultValue.Value(nil)
			if err != nil {
				return nil, fmt.Errorf("default of $%s: %w", v.Variable, err)
			}
			values[v.Variable] = value
		}
	}
	if len(variables) > 0 {
		if err := json.Unmarshal(variables, &values); err != nil {
			return nil, fmt.Errorf("read variables: %w", err)
		}
	}
	w := writer{schema: p.schema, variables: values}
	w.object(root{p.schema}, []ast.SelectionSet{p.op.SelectionSet})
	return w.buf.Bytes(), nil
}

// writer writes selections of the schema as JSON.
type writer struct {
	schema    *ast.Schema
	variables map[string]any
	buf       bytes.Buffer
}

// object is an object of the introspection schema. A field is a string, bool, object, list of these, or nil.
type object interface {
	field(name string, arguments map[string]any) any
}

// hidden is a field that is not part of the response.
type hidden struct{}

func (w *writer) object(o object, sets []ast.SelectionSet) {
	w.buf.WriteByte('{')
	first := true
	for _, f := range w.collect(sets) {
		value := o.field(f.field.Name, f.field.ArgumentMap(w.variables))
		if value == (hidden{}) {
			continue
		}
		if !first {
			w.buf.WriteByte(',')
		}
		first = false
		fmt.Fprintf(&w.buf, "%q:", f.field.Alias)
		w.value(value, f.sets)
	}
	w.buf.WriteByte('}')
}

func (w *writer) value(value any, sets []ast.SelectionSet) {
	switch v := value.(type) {
	case object:
		w.object(v, sets)
	case []object:
		w.buf.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				w.buf.WriteByte(',')
			}
			w.object(item, sets)
		}
		w.buf.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil { // only strings, booleans and nil are left
			panic(err)
		}
		w.buf.Write(text)
	}
}

// collected is a field of the response with the merged selections of all places that select it.
type collected struct {
	field *ast.Field
	sets  []ast.SelectionSet
}

// collect is CollectFields of the GraphQL specification. Every type condition holds, because no
// introspection type is abstract.
func (w *writer) collect(sets []ast.SelectionSet) []*collected {
	var fields []*collected
	byKey := map[string]*collected{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selected := range set {
			switch s := selected.(type) {
			case *ast.Field:
				if !w.included(s.Directives) {
					continue
				}
				c := byKey[s.Alias]
				if c == nil {
					c = &collected{field: s}
					byKey[s.Alias] = c
					fields = append(fields, c)
				}
				c.sets = append(c.sets, s.SelectionSet)
			case *ast.InlineFragment:
				if w.included(s.Directives) {
					walk(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				if w.included(s.Directives) {
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

func (w *writer) included(directives ast.DirectiveList) bool {
	if d := directives.ForName("skip"); d != nil && d.ArgumentMap(w.variables)["if"] == true {
		return false
	}
	if d := directives.ForName("include"); d != nil && d.ArgumentMap(w.variables)["if"] == false {
		return false
	}
	return true
}
