package supergraph

import (
	"fmt"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Costs holds @cost and @listSize by schema coordinate, such as Book, Query.books, Query.books(first:) or
// BookFilter.author (https://specs.apollo.dev/cost/v0.1, after https://ibm.github.io/graphql-specs/cost-spec.html).
type Costs struct {
	Weights map[string]float64
	Lists   map[string]ListSize // by field
}

// ListSize determines the number of items that a field returns.
type ListSize struct {
	Assumed *int     // applies when no slicing argument is sent
	Slicing []string // slicing arguments
	OnlyOne bool     // exactly one slicing argument must be sent
	Sized   []string // list fields of the returned object that have this size; empty for the field itself
}

func costs(doc *ast.SchemaDocument, n names) (Costs, error) {
	c := Costs{Weights: map[string]float64{}, Lists: map[string]ListSize{}}
	var failure error
	weigh := func(coordinate string, list ast.DirectiveList) {
		d := n.in(list, "cost", "cost")
		if d == nil {
			return
		}
		weight, err := strconv.ParseFloat(argument(d, "weight"), 64) // a string in IBM's specification
		if err != nil {
			failure = fmt.Errorf("parse supergraph: weight of %s: %w", coordinate, err)
		}
		c.Weights[coordinate] = weight
	}
	for _, def := range doc.Definitions {
		if ofSpec(def.Name) {
			continue
		}
		weigh(def.Name, def.Directives)
		for _, f := range def.Fields {
			coordinate := def.Name + "." + f.Name
			weigh(coordinate, f.Directives)
			for _, a := range f.Arguments {
				weigh(coordinate+"("+a.Name+":)", a.Directives)
			}
			if d := n.in(f.Directives, "cost", "listSize"); d != nil {
				size, err := listSize(d)
				if err != nil {
					failure = fmt.Errorf("parse supergraph: @listSize of %s: %w", coordinate, err)
				}
				c.Lists[coordinate] = size
			}
		}
	}
	return c, failure
}

func listSize(d *ast.Directive) (ListSize, error) {
	size := ListSize{
		Slicing: texts(d, "slicingArguments"), Sized: texts(d, "sizedFields"),
		OnlyOne: argument(d, "requireOneSlicingArgument") != "false",
	}
	if text := argument(d, "assumedSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return size, err
		}
		size.Assumed = &n
	}
	return size, nil
}

// texts returns the strings in a directive's argument.
func texts(d *ast.Directive, name string) (list []string) {
	if a := d.Arguments.ForName(name); a != nil {
		for _, child := range a.Value.Children {
			list = append(list, child.Value.Raw)
		}
	}
	return list
}
