package operation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
)

// Variables are the values that a request gives to the variables of its operation.
type Variables struct {
	JSON   []byte         // an object without duplicate names at any depth, or empty
	Values map[string]any // the same values; numbers are json.Number
}

// ReadVariables reads a JSON object or null and reports false for anything else. It encodes the object again to remove
// duplicate names, because parsers disagree on which of two values applies.
func ReadVariables(text []byte) (v Variables, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&v.Values) != nil {
		return v, false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return v, false
	}
	if v.Values == nil {
		return v, true
	}
	var encoded bytes.Buffer
	enc := json.NewEncoder(&encoded)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v.Values); err != nil { // it was JSON before
		panic(err)
	}
	v.JSON = bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))
	return v, true
}

// depth returns how deep objects and lists are nested in JSON.
func depth(text []byte) int {
	deepest, open, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}

// checkVariables validates values by the section "Coercing Variable Values" of the GraphQL specification. Messages name
// the place of an error and never contain values, which may be passwords.
func (d *Documents) checkVariables(op *Operation, variables Variables) error {
	if depth(variables.JSON)-1 > d.limits.InputDepth {
		return exceeded(DepthLimit, "depth of the variables", d.limits.InputDepth)
	}
	for _, def := range op.Definition.VariableDefinitions {
		fault := &misfit{at: []string{def.Variable}}
		value, sent := variables.Values[def.Variable]
		if !sent {
			if def.DefaultValue == nil && def.Type.NonNull {
				return fault.refuse("a value is required")
			}
			continue
		}
		if !d.fits(value, def.Type, fault) {
			return fault.refuse(fault.wanted)
		}
	}
	return nil
}

// misfit is the place of an invalid value and the reason.
type misfit struct {
	at     []string
	wanted string
}

func (m *misfit) refuse(wanted string) error {
	at := ""
	if len(m.at) > 1 {
		at = " at " + strings.Join(m.at, ".")
	}
	return RefuseDocument(apperr.BadUserInput, fmt.Sprintf(`Variable "$%s" has an invalid value%s: %s.`, m.at[0], at, wanted))
}

func (m *misfit) wants(format string, args ...any) bool {
	m.wanted = fmt.Sprintf(format, args...)
	return false
}

// fits reports whether the value can be coerced to the type. If not, it sets the misfit.
func (d *Documents) fits(value any, typ *ast.Type, m *misfit) bool {
	if value == nil {
		return !typ.NonNull || m.wants("a value is required")
	}
	if typ.Elem != nil {
		list, ok := value.([]any)
		if !ok { // a single item is coerced to a list
			return d.fits(value, typ.Elem, m)
		}
		for i, item := range list {
			m.at = append(m.at, strconv.Itoa(i))
			if !d.fits(item, typ.Elem, m) {
				return false
			}
			m.at = m.at[:len(m.at)-1]
		}
		return true
	}
	def := d.schema.Types[typ.NamedType]
	switch def.Kind {
	case ast.InputObject:
		return d.fitsInput(value, def, m)
	case ast.Enum:
		name, ok := value.(string)
		return ok && def.EnumValues.ForName(name) != nil || m.wants("a value of %s is required", def.Name)
	}
	return fitsScalar(value, def.Name) || m.wants("%s is required", article(def.Name))
}

func (d *Documents) fitsInput(value any, def *ast.Definition, m *misfit) bool {
	members, ok := value.(map[string]any)
	if !ok {
		return m.wants("an object is required")
	}
	for name := range members {
		if def.Fields.ForName(name) == nil {
			return m.wants("it has a field that is not defined by %s", def.Name)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		if len(members) != 1 {
			return m.wants("exactly one field is required")
		}
		for _, v := range members {
			if v == nil {
				return m.wants("a value is required")
			}
		}
	}
	for _, f := range def.Fields {
		member, sent := members[f.Name]
		m.at = append(m.at, f.Name)
		switch {
		case sent && !d.fits(member, f.Type, m):
			return false
		case !sent && f.DefaultValue == nil && f.Type.NonNull:
			return m.wants("a value is required")
		}
		m.at = m.at[:len(m.at)-1]
	}
	return true
}

func fitsScalar(value any, name string) bool {
	number, isNumber := value.(json.Number)
	_, isString := value.(string)
	_, isBool := value.(bool)
	switch name {
	case "Int":
		_, err := strconv.ParseInt(number.String(), 10, 32)
		return err == nil
	case "Float":
		_, err := number.Float64()
		return err == nil
	case "String":
		return isString
	case "Boolean":
		return isBool
	case "ID":
		return isString || isNumber && !strings.ContainsAny(number.String(), ".eE")
	}
	return true // a custom scalar is validated by its subgraph
}

func article(name string) string {
	if strings.ContainsRune("AEIOU", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
