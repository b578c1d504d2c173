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
	JSON   []byte         // an object that names nothing twice, at any depth; or empty
	Values map[string]any // the same; numbers are json.Number
}

// ReadVariables reads a JSON object or null. What it returns is written anew, so that whoever reads
// it later sees each name once: parsers disagree on which of two values counts. It reports false
// for anything else.
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
	var anew bytes.Buffer
	enc := json.NewEncoder(&anew)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v.Values); err != nil { // it was JSON before
		panic(err)
	}
	v.JSON = bytes.TrimSuffix(anew.Bytes(), []byte("\n"))
	return v, true
}

// depth returns how many objects and lists are nested in JSON.
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

// checkVariables refuses values that do not fit the types of their variables, as the section
// "Coercing Variable Values" of the GraphQL specification wants it. Messages say where the fault
// is and never repeat what was sent: passwords are variables.
func (d *Documents) checkVariables(op *Operation, variables Variables) error {
	if depth(variables.JSON)-1 > d.limits.InputDepth {
		return exceeded(DepthLimit, "depth of the variables", d.limits.InputDepth)
	}
	for _, def := range op.variables {
		fault := &misfit{at: []string{def.Variable}}
		value, sent := variables.Values[def.Variable]
		if !sent {
			if def.DefaultValue == nil && def.Type.NonNull {
				return fault.refuse("a value is needed")
			}
			continue
		}
		if !d.fits(value, def.Type, fault) {
			return fault.refuse(fault.wanted)
		}
	}
	return nil
}

// misfit is where a value does not fit, and what would.
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

// fits reports whether the value can be coerced to the type, and if not tells the misfit why.
func (d *Documents) fits(value any, typ *ast.Type, m *misfit) bool {
	if value == nil {
		return !typ.NonNull || m.wants("a value is needed")
	}
	if typ.Elem != nil {
		list, ok := value.([]any)
		if !ok { // one item stands for a list of it
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
		return ok && def.EnumValues.ForName(name) != nil || m.wants("a value of %s is needed", def.Name)
	}
	return fitsScalar(value, def.Name) || m.wants("%s is needed", article(def.Name))
}

func (d *Documents) fitsInput(value any, def *ast.Definition, m *misfit) bool {
	members, ok := value.(map[string]any)
	if !ok {
		return m.wants("an object is needed")
	}
	for name := range members {
		if def.Fields.ForName(name) == nil {
			return m.wants("it has a field that %s does not define", def.Name)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		if len(members) != 1 {
			return m.wants("exactly one field is needed")
		}
		for _, v := range members {
			if v == nil {
				return m.wants("a value is needed")
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
			return m.wants("a value is needed")
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
	return true // a scalar of the subgraph, which knows what it takes
}

func article(name string) string {
	if strings.ContainsRune("AEIOU", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
