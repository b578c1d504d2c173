package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// FuzzOperations executes operations that are generated from a number. The responses are checked as in TestConformance.
func FuzzOperations(f *testing.F) {
	files, err := filepath.Glob("testdata/*/supergraph*.graphql")
	if err != nil || len(files) == 0 {
		f.Fatalf("no supergraphs: %v", err)
	}
	var graphs []*graph
	for _, file := range files {
		graphs = append(graphs, start(f, file, nil))
	}
	for n := range 20 * len(files) {
		f.Add(uint8(n%len(files)), uint64(n)) //nolint:gosec // small
	}
	f.Fuzz(func(t *testing.T, n uint8, seed uint64) {
		file, g := files[int(n)%len(files)], graphs[int(n)%len(files)]
		query := compose(g, rand.New(rand.NewPCG(seed, 0)))
		if _, errs := gqlparser.LoadQueryWithRules(g.client, query, nil); len(errs) > 0 {
			return // fields of one name that differ
		}
		if a := g.ask(t, query, ""); len(a.Errors) > 0 && strings.HasSuffix(a.Errors[0].Extensions.Code, "_LIMIT_EXCEEDED") {
			return
		}
		if g.conforms(t, query, "", ""); t.Failed() {
			t.Fatalf("of %s", file)
		}
	})
}

// composer makes up an operation.
type composer struct {
	*graph

	chance    *rand.Rand
	fragments []string
	aliases   int
	variables map[string]bool
}

func compose(g *graph, chance *rand.Rand) string {
	c := &composer{graph: g, chance: chance, variables: map[string]bool{}}
	set := c.set(g.client.Query, 1+chance.IntN(5))
	var variables string
	for _, name := range []string{"yes", "no"} {
		if c.variables[name] {
			variables += fmt.Sprintf("$%s: Boolean! = %v ", name, name == "yes")
		}
	}
	if variables != "" {
		variables = "(" + variables + ")"
	}
	return strings.Join(append([]string{"query" + variables + " " + set}, c.fragments...), "\n")
}

// once reports true once in n times.
func (c *composer) once(n int) bool { return c.chance.IntN(n) == 0 }

func (c *composer) set(def *ast.Definition, depth int) string {
	var selected []string
	for range 1 + c.chance.IntN(4) {
		selected = append(selected, c.selection(def, depth))
	}
	return "{ " + strings.Join(selected, " ") + " }"
}

func (c *composer) selection(def *ast.Definition, depth int) string {
	fields := slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
		return strings.HasPrefix(f.Name, "__") || depth == 0 && c.client.Types[f.Type.Name()].IsCompositeType()
	})
	switch {
	case depth > 0 && def.IsAbstractType() && !c.once(3), depth > 0 && c.once(6):
		return c.fragment(def, depth)
	case len(fields) == 0 || c.once(12):
		return c.alias(def, "__typename") + c.condition()
	}
	f := fields[c.chance.IntN(len(fields))]
	text := c.alias(def, f.Name)
	if args := c.arguments(f); args != "" {
		c.aliases++
		text = fmt.Sprintf("a%d: %s(%s)", c.aliases, f.Name, args)
	}
	text += c.condition()
	if t := c.client.Types[f.Type.Name()]; t.IsCompositeType() {
		text += " " + c.set(t, depth-1)
	}
	return text
}

// alias gives a field another name now and then, also one that another field has.
func (c *composer) alias(def *ast.Definition, name string) string {
	switch {
	case c.once(5):
		c.aliases++
		return fmt.Sprintf("a%d: %s", c.aliases, name)
	case c.once(10) && len(def.Fields) > 0:
		return def.Fields[c.chance.IntN(len(def.Fields))].Name + ": " + name
	}
	return name
}

// condition is a directive now and then.
func (c *composer) condition() string {
	if !c.once(10) {
		return ""
	}
	value := []string{"true", "false", "$yes", "$no"}[c.chance.IntN(4)]
	if name, ok := strings.CutPrefix(value, "$"); ok {
		c.variables[name] = true
	}
	return fmt.Sprintf(" @%s(if: %s)", []string{"skip", "include"}[c.chance.IntN(2)], value)
}

// fragment selects from what an object may be besides.
func (c *composer) fragment(def *ast.Definition, depth int) string {
	types := []*ast.Definition{def}
	for _, possible := range c.client.GetPossibleTypes(def) {
		types = append(types, possible)
		types = append(types, c.client.GetImplements(possible)...)
	}
	on := types[c.chance.IntN(len(types))]
	set := c.set(on, depth-c.chance.IntN(2))
	switch {
	case c.once(4):
		name := fmt.Sprintf("F%d", len(c.fragments))
		c.fragments = append(c.fragments, "fragment "+name+" on "+on.Name+" "+set)
		return "..." + name + c.condition()
	case on == def && c.once(2):
		return "..." + c.condition() + " " + set
	}
	return "... on " + on.Name + c.condition() + " " + set
}

// arguments are those that the data know of, or any.
func (c *composer) arguments(f *ast.FieldDefinition) string {
	if len(f.Arguments) == 0 {
		return ""
	}
	var known []string
	for _, o := range c.data {
		for name := range o {
			if args, ok := strings.CutPrefix(name, f.Name+"("); ok && c.fits(f, strings.TrimSuffix(args, ")")) {
				known = append(known, strings.TrimSuffix(args, ")"))
			}
		}
	}
	slices.Sort(known)
	if known = slices.Compact(known); len(known) > 0 && !c.once(4) {
		return known[c.chance.IntN(len(known))]
	}
	var args []string
	for _, a := range f.Arguments {
		if !a.Type.NonNull && c.once(2) || a.DefaultValue != nil {
			continue
		}
		args = append(args, a.Name+": "+c.value(a.Type, 2))
	}
	return strings.Join(args, ", ")
}

// fits reports whether arguments of the data are literals of the field's.
func (c *composer) fits(f *ast.FieldDefinition, args string) bool {
	for _, a := range f.Arguments {
		if t := c.client.Types[a.Type.Name()]; t.Kind != ast.Scalar {
			return false
		}
	}
	return args != ""
}

func (c *composer) value(t *ast.Type, depth int) string {
	if t.Elem != nil {
		return "[" + c.value(t.Elem, depth) + "]"
	}
	def := c.client.Types[t.NamedType]
	switch {
	case !t.NonNull && c.once(4):
		return "null"
	case def.Kind == ast.Enum:
		return def.EnumValues[c.chance.IntN(len(def.EnumValues))].Name
	case def.Kind == ast.InputObject:
		var members []string
		for _, f := range def.Fields {
			if f.Type.NonNull || depth > 0 && c.once(2) {
				members = append(members, f.Name+": "+c.value(f.Type, depth-1))
			}
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return map[string]string{"Boolean": "true", "Int": "1", "Float": "1.5"}[def.Name] + map[bool]string{true: `"1"`}[def.Name == "ID" || def.Name == "String"]
}
