package subgraphtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Data is the data of all subgraphs of a graph: root objects by their type ("Query") and entities by a unique name that
// begins with their type ("Product:1"). A value "@Product:1" refers to that entity, "!text" is an error, and "=text" is
// the text with the arguments of the field. A field with arguments is named like price(currency: "EUR"); price applies to
// all other arguments.
type Data map[string]Object

// ParseData reads Data from JSON.
func ParseData(text []byte) (Data, error) {
	d := Data{}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	for name, o := range d {
		if _, ok := o["__typename"]; !ok {
			o["__typename"], _, _ = strings.Cut(name, ":")
		}
	}
	return d, nil
}

// at returns the value of a field with its arguments.
func (d Data) at(o Object, name string, args map[string]any) any {
	value, ok := o[signature(name, args)]
	if !ok {
		value = o[name]
	}
	if text, ok := value.(string); ok && strings.HasPrefix(text, "=") {
		return text[1:] + signature("", args)
	}
	return value
}

// resolve follows references and converts JSON objects to Objects.
func (d Data) resolve(value any) any {
	switch v := value.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, "@"); ok {
			if o, known := d[name]; known {
				return o
			}
			return nil
		}
	case map[string]any:
		return Object(v)
	}
	return value
}

// entity returns the name of the entity of a representation, all of whose fields must match.
func (d Data) entity(typename string, representation map[string]any) string {
	known := false // an interface object does not have the implementations
	for _, o := range d {
		known = known || o["__typename"] == typename
	}
	for name, o := range d {
		if strings.Contains(name, ":") && (o["__typename"] == typename || !known) && d.agrees(o, representation) {
			return name
		}
	}
	return ""
}

// agrees reports whether all fields of a representation match.
func (d Data) agrees(o Object, said map[string]any) bool {
	for name, value := range said {
		if name == "__typename" {
			continue
		}
		right := value == nil && o[name] == nil
		for field, actual := range o {
			if field == name || strings.HasPrefix(field, name+"(") {
				right = right || d.same(d.resolve(actual), value)
			}
		}
		if !right {
			return false
		}
	}
	return true
}

func (d Data) same(actual, said any) bool {
	switch s := said.(type) {
	case map[string]any:
		o, ok := actual.(Object)
		return ok && d.agrees(o, s)
	case []any:
		list, ok := actual.([]any)
		if !ok || len(list) != len(s) {
			return false
		}
		for i := range s {
			if !d.same(d.resolve(list[i]), s[i]) {
				return false
			}
		}
		return true
	}
	text, ok := actual.(string)
	if value, isText := said.(string); ok && isText && strings.HasPrefix(text, "=") {
		return strings.HasPrefix(value, text[1:])
	}
	return reflect.DeepEqual(actual, said) || said == nil && ok && strings.HasPrefix(text, "!") // it could not be fetched
}

// maxObjects limits the objects of a response of Execute.
const maxObjects = 5000

// TooLarge is the error of Execute for a response with too many objects.
var TooLarge = gqlerror.Errorf("the response is too large")

// Execute executes an operation over the whole graph, like one server that has all data. Denied lists fields, such as
// "Product.price", for which clients have to sign in.
func (d Data) Execute(schema *ast.Schema, query string, variables map[string]any, denied []string) (data any, errs gqlerror.List) {
	doc, errs := load(schema, query)
	if len(errs) > 0 {
		return nil, errs
	}
	op := doc.Operations[0]
	values := map[string]any{}
	for _, v := range op.VariableDefinitions {
		if v.DefaultValue != nil {
			value, err := v.DefaultValue.Value(nil)
			if err != nil {
				return nil, gqlerror.List{gqlerror.Wrap(fmt.Errorf("default of $%s: %w", v.Variable, err))}
			}
			values[v.Variable] = value
		}
	}
	for name, value := range variables {
		values[name] = value
	}
	e := execution{schema: schema, variables: values, data: d, denied: denied}
	data = e.operation(op)
	if e.objects > maxObjects {
		return nil, gqlerror.List{TooLarge}
	}
	return data, e.errs
}
