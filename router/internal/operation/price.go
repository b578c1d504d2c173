package operation

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
)

// unsized is how many items a page is taken to have when the client does not say.
const unsized = 20

// price is what a selection may cost: one for each field, and under a field with first, last or
// ids as often as it may repeat. It is computed once per operation, except for the variables.
type price struct {
	own    int // of a set: its fields
	inner  []price
	counts []count // of a field: how often its inner prices are paid; none means once
}

// count is an argument that says how many items come back.
type count struct {
	argument string
	literal  int    // when variable is empty
	variable string // name
	fallback int    // when the variable is not sent
	list     bool   // the items themselves are sent, as in ids
}

// priceOf prices a validated operation. There are at most Limits.Fields fields in it, so writing
// out its fragments is safe.
func priceOf(op *ast.OperationDefinition) price { return priceOfSet(op, op.SelectionSet) }

func priceOfSet(op *ast.OperationDefinition, set ast.SelectionSet) price {
	var p price
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			p.own++
			inner := priceOfSet(op, s.SelectionSet)
			inner.counts = countsOf(op, s)
			p.inner = append(p.inner, inner)
		case *ast.InlineFragment:
			inner := priceOfSet(op, s.SelectionSet)
			p.own += inner.own
			p.inner = append(p.inner, inner.inner...)
		case *ast.FragmentSpread:
			inner := priceOfSet(op, s.Definition.SelectionSet)
			p.own += inner.own
			p.inner = append(p.inner, inner.inner...)
		}
	}
	return p
}

func countsOf(op *ast.OperationDefinition, f *ast.Field) []count {
	if f.Definition == nil {
		return nil
	}
	var counts []count
	paged := false
	for _, def := range f.Definition.Arguments {
		isPage := (def.Name == "first" || def.Name == "last") && def.Type.Name() == "Int"
		isList := def.Name == "ids" && def.Type.Elem != nil
		if !isPage && !isList {
			continue
		}
		paged = paged || isPage
		value := def.DefaultValue
		if sent := f.Arguments.ForName(def.Name); sent != nil {
			value = sent.Value
		}
		if value == nil || value.Kind == ast.NullValue {
			continue
		}
		c := count{argument: def.Name, list: isList}
		if value.Kind == ast.Variable {
			c.variable = value.Raw
			c.fallback = unsized
			if v := op.VariableDefinitions.ForName(value.Raw); v != nil && v.DefaultValue != nil {
				c.fallback = literal(v.DefaultValue, isList)
			}
		} else {
			c.literal = literal(value, isList)
		}
		counts = append(counts, c)
	}
	if paged && len(counts) == 0 {
		counts = append(counts, count{literal: unsized})
	}
	return counts
}

func literal(v *ast.Value, list bool) int {
	switch {
	case v.Kind == ast.NullValue:
		return unsized
	case list && v.Kind == ast.ListValue:
		return len(v.Children)
	case list:
		return 1
	}
	n, err := strconv.Atoi(v.Raw)
	if err != nil {
		return math.MaxInt // does not even fit: over every limit
	}
	return n
}

// Check refuses the operation when its variables (a JSON object that names nothing twice, or empty)
// do not fit, or when with them it asks for a page of an impossible size (BAD_USER_INPUT) or for
// too much in all (COST_LIMIT_EXCEEDED).
func (d *Documents) Check(op *Operation, variables []byte) error {
	var values map[string]json.RawMessage
	if len(variables) > 0 {
		if err := json.Unmarshal(variables, &values); err != nil {
			return RefuseDocument(apperr.BadUserInput, "variables must be an object")
		}
	}
	if err := d.checkVariables(op, values); err != nil {
		return err
	}
	m := meter{limits: d.limits, variables: values}
	total := m.total(op.price)
	switch {
	case m.badArgument != "":
		return Refuse(http.StatusBadRequest, apperr.BadUserInput,
			fmt.Sprintf("%s must be between 0 and %d", m.badArgument, d.limits.PageSize))
	case total > d.limits.Cost:
		return exceeded(CostLimit, "cost", d.limits.Cost)
	}
	return nil
}

type meter struct {
	limits      Limits
	variables   map[string]json.RawMessage // that fit their types
	badArgument string
}

func (m *meter) total(p price) int {
	sum := p.own
	for _, inner := range p.inner {
		times := 1
		if len(inner.counts) > 0 {
			times = 0
			for _, c := range inner.counts {
				n := m.value(c)
				if n < 0 || n > m.limits.PageSize {
					m.badArgument = c.argument
					return 0
				}
				times = max(times, n)
			}
		}
		sum = min(sum+min(m.total(inner), most)*times, most)
	}
	return sum
}

func (m *meter) value(c count) int {
	if c.variable == "" {
		return c.literal
	}
	sent, ok := m.variables[c.variable]
	switch {
	case !ok:
		return c.fallback
	case string(sent) == "null":
		return unsized
	case c.list:
		var items []json.RawMessage
		if json.Unmarshal(sent, &items) != nil {
			return 1 // one item stands for a list of it
		}
		return len(items)
	}
	n, err := strconv.Atoi(string(sent))
	if err != nil {
		return math.MaxInt
	}
	return n
}
