package plans

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/planner"
)

// values are the variables of a plan that do not come from the client.
type values struct {
	fixed    []byte                    // members of a JSON object
	defaults []planner.Literal         // of variables that the client may leave out
	open     []planner.Literal         // literals that contain variables
	coerced  []*ast.VariableDefinition // variables with lists or ids, whose JSON may have another form
	lists    bool                      // one of them has a list
	schema   *ast.Schema
}

func newValues(schema *ast.Schema, op *ast.OperationDefinition, literals []planner.Literal) *values {
	v := &values{schema: schema}
	for _, l := range literals {
		if hasVariable(l.Value) {
			v.open = append(v.open, l)
			continue
		}
		v.fixed = appendMember(v.fixed, l, nil)
	}
	for _, d := range op.VariableDefinitions {
		list := has(schema, d.Type, isList, map[string]bool{})
		if list || has(schema, d.Type, isID, map[string]bool{}) {
			v.coerced = append(v.coerced, d)
			v.lists = v.lists || list
		}
		if d.DefaultValue != nil {
			v.defaults = append(v.defaults, planner.Literal{Name: d.Variable, Type: d.Type, Value: d.DefaultValue})
		}
	}
	return v
}

func hasVariable(v *ast.Value) bool {
	if v.Kind == ast.Variable {
		return true
	}
	for _, child := range v.Children {
		if hasVariable(child.Value) {
			return true
		}
	}
	return false
}

// nulls returns those of the names whose variables are null.
func nulls(names []string, variables []byte) (found []string, err error) {
	if len(names) == 0 || len(variables) == 0 {
		return nil, nil
	}
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(variables, &sent); err != nil {
		return nil, fmt.Errorf("read variables: %w", err)
	}
	for _, name := range names {
		if string(sent[name]) == "null" {
			found = append(found, name)
		}
	}
	return found, nil
}

// with returns the variables of a request, a valid JSON object or empty, together with these values.
func (v *values) with(variables []byte) ([]byte, error) {
	members := v.fixed
	coerce := v.lists || len(v.coerced) > 0 && hasNumber(variables)
	if coerce || len(v.defaults)+len(v.open) > 0 {
		sent := map[string]json.RawMessage{}
		if len(variables) > 0 {
			if err := json.Unmarshal(variables, &sent); err != nil {
				return nil, fmt.Errorf("read variables: %w", err)
			}
		}
		if coerce {
			if err := v.coerce(sent); err != nil {
				return nil, err
			}
		}
		members = bytes.Clone(members)
		for _, d := range v.defaults {
			if _, ok := sent[d.Name]; !ok {
				members = appendMember(members, d, nil)
			}
		}
		for _, l := range v.open {
			members = appendMember(members, l, sent)
		}
		if coerce {
			var err error
			if variables, err = json.Marshal(sent); err != nil {
				return nil, fmt.Errorf("write variables: %w", err)
			}
		}
	}
	if len(members) == 0 {
		return variables, nil
	}
	// The first of two members with one name counts. A client must not replace a literal by a variable that it does not
	// declare.
	inner := bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(variables), []byte("{")), []byte("}"))
	all := append(append(make([]byte, 0, len(members)+len(inner)+3), '{'), members...)
	if len(bytes.TrimSpace(inner)) > 0 {
		all = append(append(all, ','), inner...)
	}
	return append(all, '}'), nil
}

// hasNumber reports whether JSON has a number.
func hasNumber(text []byte) bool {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && '0' <= c && c <= '9':
			return true
		}
	}
	return false
}

// coerce makes lists of single items where the type is a list, and strings of integers where it is ID (GraphQL
// specification, "Input Coercion" of List and ID).
func (v *values) coerce(sent map[string]json.RawMessage) error {
	for _, d := range v.coerced {
		raw, ok := sent[d.Variable]
		if !ok {
			continue
		}
		var value any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("read variable %s: %w", d.Variable, err)
		}
		coerced, err := json.Marshal(v.value(value, d.Type))
		if err != nil {
			return fmt.Errorf("write variable %s: %w", d.Variable, err)
		}
		sent[d.Variable] = coerced
	}
	return nil
}

func (v *values) value(value any, typ *ast.Type) any {
	if value == nil {
		return nil
	}
	if typ.Elem != nil {
		items, ok := value.([]any)
		if !ok {
			items = []any{value}
		}
		for i, item := range items {
			items[i] = v.value(item, typ.Elem)
		}
		return items
	}
	if n, ok := value.(json.Number); ok && typ.NamedType == "ID" {
		return n.String()
	}
	members, ok := value.(map[string]any)
	def := v.schema.Types[typ.NamedType]
	if !ok || def.Kind != ast.InputObject {
		return value
	}
	for name, inner := range members {
		if f := def.Fields.ForName(name); f != nil {
			members[name] = v.value(inner, f.Type)
		}
	}
	return members
}

func isList(typ *ast.Type) bool { return typ.Elem != nil }

func isID(typ *ast.Type) bool { return typ.Name() == "ID" }

// has reports whether an input type, or the type of one of its fields, is of a kind.
func has(schema *ast.Schema, typ *ast.Type, is func(*ast.Type) bool, seen map[string]bool) bool {
	if is(typ) {
		return true
	}
	def := schema.Types[typ.Name()]
	if def == nil || def.Kind != ast.InputObject || seen[def.Name] {
		return false
	}
	seen[def.Name] = true
	for _, f := range def.Fields {
		if has(schema, f.Type, is, seen) {
			return true
		}
	}
	return false
}

func appendMember(b []byte, l planner.Literal, sent map[string]json.RawMessage) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(strconv.AppendQuote(b, l.Name), ':')
	return appendValue(b, l.Value, l.Type, sent)
}

// appendValue writes a value of the document as JSON, coerced as GraphQL's "Input Coercion" requires where JSON would
// lose the type: integers for ID become strings, and single values for lists are lists.
func appendValue(b []byte, v *ast.Value, typ *ast.Type, sent map[string]json.RawMessage) []byte {
	if typ != nil && typ.Elem != nil && v.Kind != ast.ListValue && v.Kind != ast.NullValue && v.Kind != ast.Variable {
		return append(appendValue(append(b, '['), v, typ.Elem, sent), ']')
	}
	switch v.Kind {
	case ast.Variable:
		switch value, ok := sent[v.Raw]; {
		case ok:
			return append(b, value...)
		case v.VariableDefinition != nil && v.VariableDefinition.DefaultValue != nil:
			return appendValue(b, v.VariableDefinition.DefaultValue, v.VariableDefinition.Type, nil)
		}
		return append(b, "null"...)
	case ast.IntValue:
		if typ != nil && typ.NamedType == "ID" {
			return strconv.AppendQuote(b, v.Raw)
		}
		return append(b, v.Raw...)
	case ast.StringValue, ast.BlockValue, ast.EnumValue:
		text, err := json.Marshal(v.Raw)
		if err != nil { // strings can always be encoded
			panic(err)
		}
		return append(b, text...)
	case ast.ListValue:
		b = append(b, '[')
		var elem *ast.Type
		if typ != nil {
			elem = typ.Elem
		}
		for i, child := range v.Children {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, child.Value, elem, sent)
		}
		return append(b, ']')
	case ast.ObjectValue:
		return appendObject(b, v, sent)
	}
	return append(b, v.Raw...) // a number, Boolean or null
}

func appendObject(b []byte, v *ast.Value, sent map[string]json.RawMessage) []byte {
	b = append(b, '{')
	first := true
	for _, child := range v.Children {
		if unset(child.Value, sent) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(strconv.AppendQuote(b, child.Name), ':')
		b = appendValue(b, child.Value, child.Value.ExpectedType, sent)
	}
	return append(b, '}')
}

// unset reports whether a value is a variable without a value: the field of an object is then left out.
func unset(v *ast.Value, sent map[string]json.RawMessage) bool {
	if v.Kind != ast.Variable {
		return false
	}
	_, ok := sent[v.Raw]
	return !ok && (v.VariableDefinition == nil || v.VariableDefinition.DefaultValue == nil)
}
