package supergraphtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/subgraphtest"
)

// Operation is a request of a client.
type Operation struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// NewOperation returns a random operation. It is seldom invalid: two fields of one response name may differ.
func NewOperation(schema *ast.Schema, data subgraphtest.Data, chance *rand.Rand) (op Operation) {
	for range 10 {
		op = newOperation(schema, data, chance)
		if _, errs := gqlparser.LoadQueryWithRules(schema, op.Query, nil); len(errs) == 0 {
			break
		}
	}
	return op
}

func newOperation(schema *ast.Schema, data subgraphtest.Data, chance *rand.Rand) Operation {
	w := &writer{Rand: chance, schema: schema, data: data, variables: map[string]any{}, types: map[string]string{}, responses: map[string]string{}}
	keyword, def := "query", schema.Query
	if schema.Mutation != nil && w.once(12) {
		keyword, def = "mutation", schema.Mutation
	}
	set := w.set(def, 1+w.IntN(5))
	var declared []string
	for _, name := range slices.Sorted(maps.Keys(w.types)) {
		declared = append(declared, "$"+name+": "+w.types[name])
	}
	if len(declared) > 0 {
		keyword += "(" + strings.Join(declared, ", ") + ")"
	}
	if w.selections%7 == 0 {
		keyword += " @note"
	}
	return Operation{strings.Join(append([]string{keyword + " " + set}, w.fragments...), "\n"), w.variables}
}

// maxSelections is the number of selections after which an operation gets no deeper.
const maxSelections = 80

// writer writes one operation.
type writer struct {
	*rand.Rand

	schema     *ast.Schema
	data       subgraphtest.Data
	fragments  []string
	aliases    int
	selections int
	variables  map[string]any
	types      map[string]string // of the variables
	responses  map[string]string // what a name in the response stands for
}

// once reports true once in n times.
func (w *writer) once(n int) bool { return w.IntN(n) == 0 }

func (w *writer) set(def *ast.Definition, depth int) string {
	var selected []string
	n := 1 + w.IntN(4)
	if w.once(12) {
		n = 8
	}
	if w.selections > maxSelections {
		n = 1
	}
	for range n {
		selected = append(selected, w.selection(def, depth))
	}
	return "{ " + strings.Join(selected, " ") + " }"
}

func (w *writer) selection(def *ast.Definition, depth int) string {
	if w.selections++; w.selections > maxSelections {
		depth = 0
	}
	fields := slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
		return strings.HasPrefix(f.Name, "__") || depth == 0 && w.schema.Types[f.Type.Name()].IsCompositeType()
	})
	switch {
	case depth > 0 && def.IsAbstractType() && !w.once(3), depth > 0 && w.once(6):
		return w.fragment(def, depth)
	case len(fields) == 0 || w.once(12):
		return w.alias(def, "__typename") + w.directives()
	}
	f := fields[w.IntN(len(fields))]
	text := w.alias(def, f.Name)
	args := w.arguments(f)
	if args != "" {
		args = "(" + args + ")"
	}
	// Most fields that would be in conflict if they were of one object get another name.
	response, _, _ := strings.Cut(text, ":")
	meaning := f.Name + args + f.Type.String()
	if before, known := w.responses[response]; known && before != meaning && !w.once(6) {
		w.aliases++
		text = fmt.Sprintf("a%d: %s", w.aliases, f.Name)
	} else {
		w.responses[response] = meaning
	}
	text += args
	text += w.directives()
	if t := w.schema.Types[f.Type.Name()]; t.IsCompositeType() {
		text += " " + w.set(t, depth-1)
	}
	return text
}

// alias gives a field another name now and then, also one that another field has.
func (w *writer) alias(def *ast.Definition, name string) string {
	switch {
	case w.once(8):
		w.aliases++
		return fmt.Sprintf("a%d: %s", w.aliases, name)
	case w.once(12) && len(def.Fields) > 0:
		return def.Fields[w.IntN(len(def.Fields))].Name + ": " + name
	case w.once(12):
		return "x: " + name
	}
	return name
}

// directives are a condition and a note, now and then.
func (w *writer) directives() string {
	condition := w.condition()
	switch w.selections % 11 {
	case 3:
		return " @note" + condition
	case 6:
		w.types["note"] = `String = "n"`
		return condition + ` @note(text: "a") @note(text: $note)`
	}
	return condition
}

func (w *writer) condition() string {
	if !w.once(10) {
		return ""
	}
	value := []string{"true", "false", "$yes", "$no"}[w.IntN(4)]
	if name, ok := strings.CutPrefix(value, "$"); ok {
		w.types[name] = fmt.Sprintf("Boolean! = %v", name == "yes")
	}
	return fmt.Sprintf(" @%s(if: %s)", []string{"skip", "include"}[w.IntN(2)], value)
}

// fragment selects from what an object may be besides.
func (w *writer) fragment(def *ast.Definition, depth int) string {
	types := []*ast.Definition{def}
	for _, possible := range w.schema.GetPossibleTypes(def) {
		types = append(types, possible)
		types = append(types, w.schema.GetImplements(possible)...)
	}
	on := types[w.IntN(len(types))]
	set := w.set(on, depth-w.IntN(2))
	switch {
	case w.once(4):
		name := fmt.Sprintf("F%d", len(w.fragments))
		w.fragments = append(w.fragments, "fragment "+name+" on "+on.Name+" "+set)
		return "..." + name + w.directives()
	case on == def && w.once(2):
		return "..." + w.directives() + " " + set
	}
	return "... on " + on.Name + w.directives() + " " + set
}

// arguments are those that the data knows, or any.
func (w *writer) arguments(f *ast.FieldDefinition) string {
	if len(f.Arguments) == 0 {
		return ""
	}
	var known []string
	for _, o := range w.data {
		for name := range o {
			if args, ok := strings.CutPrefix(name, f.Name+"("); ok && w.fits(f, strings.TrimSuffix(args, ")")) {
				known = append(known, strings.TrimSuffix(args, ")"))
			}
		}
	}
	slices.Sort(known)
	if known = slices.Compact(known); len(known) > 0 && w.once(2) {
		return known[w.IntN(len(known))]
	}
	var args []string
	for _, a := range f.Arguments {
		if !a.Type.NonNull && w.once(2) || a.DefaultValue != nil && w.once(2) {
			continue
		}
		args = append(args, a.Name+": "+w.argument(a))
	}
	return strings.Join(args, ", ")
}

// argument is a literal or a variable.
func (w *writer) argument(a *ast.ArgumentDefinition) string {
	literal := w.value(a.Type, 2)
	if def := w.schema.Types[a.Type.Name()]; a.Type.Elem != nil || def.Kind == ast.InputObject || w.once(2) {
		return literal
	}
	name := fmt.Sprintf("v%d", len(w.types))
	w.types[name] = a.Type.String()
	switch {
	case w.once(4):
		w.types[name] += " = " + literal
	case w.once(6) && !a.Type.NonNull: // no value
	default:
		var value any
		if json.Unmarshal([]byte(literal), &value) != nil {
			value = literal // an enum's
		}
		w.variables[name] = value
	}
	return "$" + name
}

// fits reports whether arguments of the data are literals of the field's.
func (w *writer) fits(f *ast.FieldDefinition, args string) bool {
	for _, a := range f.Arguments {
		t := w.schema.Types[a.Type.Name()]
		if t.Kind != ast.Scalar || a.Type.NonNull && a.DefaultValue == nil && !strings.Contains(args, a.Name+":") {
			return false
		}
	}
	return args != ""
}

func (w *writer) value(t *ast.Type, depth int) string {
	if t.Elem != nil {
		return "[" + w.value(t.Elem, depth) + "]"
	}
	def := w.schema.Types[t.NamedType]
	switch {
	case !t.NonNull && w.once(4):
		return "null"
	case def.Kind == ast.Enum:
		return def.EnumValues[w.IntN(len(def.EnumValues))].Name
	case def.Kind == ast.InputObject:
		var members []string
		for _, f := range def.Fields {
			if f.Type.NonNull || depth > 0 && w.once(2) {
				members = append(members, f.Name+": "+w.value(f.Type, depth-1))
			}
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	values := map[string][]string{"Boolean": {"true", "false"}, "Int": {"1", "2"}, "Float": {"1.5"}}[def.Name]
	if values == nil {
		values = []string{`"1"`, `"EUR"`, `"a"`}
	}
	return values[w.IntN(len(values))]
}
