package supergraphtest

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// Shrink deletes parts of an operation for as long as it remains valid and differs reports true for it.
func Shrink(schema *ast.Schema, op Operation, differs func(Operation) bool) Operation {
	for {
		smaller, found := shrinkOnce(schema, op, differs)
		if !found {
			return op
		}
		op = smaller
	}
}

func shrinkOnce(schema *ast.Schema, op Operation, differs func(Operation) bool) (Operation, bool) {
	for n := 0; ; n++ {
		doc, err := parser.ParseQuery(&ast.Source{Input: op.Query})
		if err != nil {
			return op, false
		}
		c := cutter{left: n}
		for _, o := range doc.Operations {
			c.set(&o.SelectionSet)
		}
		for _, f := range doc.Fragments {
			c.set(&f.SelectionSet)
		}
		if c.left >= 0 {
			return op, false // all were tried
		}
		smaller := Operation{write(doc), maps.Clone(op.Variables)}
		maps.DeleteFunc(smaller.Variables, func(name string, _ any) bool { return !strings.Contains(smaller.Query, "$"+name) })
		if _, errs := gqlparser.LoadQueryWithRules(schema, smaller.Query, nil); len(errs) == 0 && differs(smaller) {
			return smaller, true
		}
	}
}

// write prints a document without the fragments and variables that it does not use.
func write(doc *ast.QueryDocument) string {
	text := ""
	for again := true; again; {
		again = false
		var b strings.Builder
		formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatQueryDocument(doc)
		text = b.String()
		doc.Fragments = slices.DeleteFunc(doc.Fragments, func(f *ast.FragmentDefinition) bool {
			unused := len(regexp.MustCompile(`\b`+f.Name+`\b`).FindAllString(text, 2)) == 1
			again = again || unused
			return unused
		})
		for _, o := range doc.Operations {
			o.VariableDefinitions = slices.DeleteFunc(o.VariableDefinitions, func(v *ast.VariableDefinition) bool {
				unused := len(regexp.MustCompile(`\$`+v.Variable+`\b`).FindAllString(text, 2)) == 1
				again = again || unused
				return unused
			})
		}
	}
	return text
}

// cutter makes one change to a document, the one with the number left.
type cutter struct{ left int }

// next reports whether the next change is the one to make.
func (c *cutter) next() bool {
	c.left--
	return c.left == -1
}

func (c *cutter) set(set *ast.SelectionSet) {
	for i, selected := range *set {
		if len(*set) > 1 && c.next() {
			*set = slices.Delete(*set, i, i+1)
			return
		}
		switch s := selected.(type) {
		case *ast.Field:
			c.directives(&s.Directives)
			if s.Alias != s.Name && c.next() {
				s.Alias = s.Name
			}
			if len(s.Arguments) > 0 && c.next() {
				s.Arguments = nil
			}
			c.set(&s.SelectionSet)
		case *ast.InlineFragment:
			c.directives(&s.Directives)
			if c.next() {
				*set = slices.Replace(*set, i, i+1, s.SelectionSet...)
				return
			}
			c.set(&s.SelectionSet)
		case *ast.FragmentSpread:
			c.directives(&s.Directives)
		}
	}
}

func (c *cutter) directives(list *ast.DirectiveList) {
	for i := range *list {
		if c.next() {
			*list = slices.Delete(*list, i, i+1)
			return
		}
	}
}
