package operation

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/supergraph"
)

// mutationWeight is the cost of a mutation besides that of its fields.
const mutationWeight = 10

// price is the cost of an operation by the specification of GraphQL Cost Directives
// (https://ibm.github.io/graphql-specs/cost-spec.html) with the default weights of Apollo's routers: an object costs 1,
// a leaf 0, an input object 1, and a list the sum of its items. The part that does not depend on variables is computed
// once per operation.
type price struct {
	fixed  float64
	lists  []list
	inputs []input
	pages  []pages
}

// list is a part that is multiplied by the number of items.
type list struct {
	pages
	item price
}

// pages determines the number of items that a field returns.
type pages struct {
	counts  []count // the largest one applies
	assumed int     // applies when no argument is sent
	onlyOne bool    // exactly one argument must be sent
}

// count is a slicing argument.
type count struct {
	argument string
	value    *ast.Value
	fallback *ast.Value // applies when value is a variable that is not sent
}

// input is an argument that has a cost.
type input struct {
	value  *ast.Value
	typ    *ast.Type
	weight float64
}

// pricing computes prices.
type pricing struct {
	schema  *ast.Schema
	costs   supergraph.Costs
	assumed int // length of a list when it is unknown
}

// price returns the price of a validated operation. It has at most Limits.Fields fields with its fragments expanded.
func (p pricing) price(op *ast.OperationDefinition) price {
	var total price
	if op.Operation == ast.Mutation {
		total.fixed = mutationWeight
	}
	p.set(&total, op.SelectionSet, sizing{})
	return total
}

// set adds the fields of a selection. Above is the sizing of their parent.
func (p pricing) set(total *price, set ast.SelectionSet, above sizing) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			if !strings.HasPrefix(s.Name, "__") { // answered by the router
				p.field(total, s, above)
			}
		case *ast.InlineFragment:
			p.set(total, s.SelectionSet, above)
		case *ast.FragmentSpread:
			p.set(total, s.Definition.SelectionSet, above)
		}
	}
}

func (p pricing) field(total *price, f *ast.Field, above sizing) {
	coordinate := f.ObjectDefinition.Name + "." + f.Name
	for _, a := range f.Arguments {
		typ := f.Definition.Arguments.ForName(a.Name).Type
		if weight := p.costs.Weights[coordinate+"("+a.Name+":)"]; weight != 0 || p.weighs(typ) {
			total.inputs = append(total.inputs, input{a.Value, typ, weight})
		}
	}
	own := p.sizing(f, coordinate)
	if len(own.counts) > 0 {
		total.pages = append(total.pages, own.pages)
	}
	item := price{fixed: p.weight(coordinate, f.Definition.Type)}
	p.set(&item, f.SelectionSet, own)
	switch {
	case f.Definition.Type.Elem == nil:
		total.fixed += item.fixed
		total.lists = append(total.lists, item.lists...)
		total.inputs = append(total.inputs, item.inputs...)
		total.pages = append(total.pages, item.pages...)
	case slices.Contains(above.fields, f.Name):
		total.lists = append(total.lists, list{above.pages, item})
	case len(own.fields) == 0:
		total.lists = append(total.lists, list{own.pages, item})
	default:
		total.lists = append(total.lists, list{pages{assumed: p.assumed}, item})
	}
}

func (p pricing) weight(coordinate string, typ *ast.Type) float64 {
	for _, name := range []string{coordinate, typ.Name()} {
		if w, ok := p.costs.Weights[name]; ok {
			return w
		}
	}
	if p.schema.Types[typ.Name()].IsCompositeType() {
		return 1
	}
	return 0
}

// weighs reports whether values of an input type may have a cost.
func (p pricing) weighs(typ *ast.Type) bool {
	_, weighted := p.costs.Weights[typ.Name()]
	return weighted || p.schema.Types[typ.Name()].Kind == ast.InputObject
}

// sizing is the size of a field, or of some list fields of its object.
type sizing struct {
	pages
	fields []string // the list fields; empty when it applies to the field itself
}

// sizing reads @listSize. Without it, the arguments first, last and ids determine the size of the field if it is a
// list, or else of all list fields of its object.
func (p pricing) sizing(f *ast.Field, coordinate string) sizing {
	size, ok := p.costs.Lists[coordinate]
	if !ok {
		for _, def := range f.Definition.Arguments {
			page := (def.Name == "first" || def.Name == "last") && def.Type.Name() == "Int"
			if page || def.Name == "ids" && def.Type.Elem != nil {
				size.Slicing = append(size.Slicing, def.Name)
			}
		}
		if len(size.Slicing) > 0 && f.Definition.Type.Elem == nil {
			for _, below := range p.schema.Types[f.Definition.Type.Name()].Fields {
				if below.Type.Elem != nil {
					size.Sized = append(size.Sized, below.Name)
				}
			}
		}
	}
	s := sizing{pages{assumed: p.assumed, onlyOne: size.OnlyOne && len(size.Slicing) > 0}, size.Sized}
	if size.Assumed != nil {
		s.assumed = *size.Assumed
	}
	for _, name := range size.Slicing {
		c := count{argument: name}
		if def := f.Definition.Arguments.ForName(name); def != nil {
			c.value, c.fallback = def.DefaultValue, def.DefaultValue
		}
		if sent := f.Arguments.ForName(name); sent != nil {
			c.value = sent.Value
		}
		s.counts = append(s.counts, c)
	}
	return s
}

// Check validates the variables of an operation and returns its cost. It refuses invalid variables and page sizes
// (BAD_USER_INPUT) and a cost above the limit (COST_LIMIT_EXCEEDED).
func (d *Documents) Check(op *Operation, variables Variables) (cost float64, err error) {
	if err := d.checkVariables(op, variables); err != nil {
		return 0, err
	}
	m := meter{pricing: d.pricing, largest: d.limits.PageSize, variables: variables.Values}
	cost = m.total(op.price)
	switch {
	case m.fault != "":
		return cost, Refuse(http.StatusBadRequest, apperr.BadUserInput, m.fault)
	case cost > float64(d.limits.Cost):
		return cost, exceeded(CostLimit, "cost", d.limits.Cost)
	}
	return cost, nil
}

// meter computes the cost of an operation with the variables of one request.
type meter struct {
	pricing
	largest   int
	variables map[string]any // validated
	fault     string         // an invalid page size
}

func (m *meter) total(p price) float64 {
	sum := p.fixed
	for _, in := range p.inputs {
		sum += m.input(m.value(in.value), in.typ, in.weight)
	}
	for _, pages := range p.pages {
		m.items(pages)
	}
	for _, l := range p.lists {
		sum += float64(m.items(l.pages)) * m.total(l.item)
	}
	return max(sum, 0)
}

// items returns the largest possible number of items.
func (m *meter) items(p pages) int {
	largest, sent := 0, 0
	for _, c := range p.counts {
		n, ok := m.count(c)
		if !ok {
			continue
		}
		if n < 0 || n > float64(m.largest) {
			m.fault = fmt.Sprintf("%s must be between 0 and %d", c.argument, m.largest)
			return 0
		}
		largest, sent = max(largest, int(n)), sent+1
	}
	if p.onlyOne && sent != 1 {
		var names []string
		for _, c := range p.counts {
			names = append(names, c.argument)
		}
		m.fault = "exactly one of these arguments is required: " + strings.Join(names, ", ")
	}
	if sent == 0 {
		return p.assumed
	}
	return largest
}

// count returns the value of a slicing argument, or its length if it is a list, and whether it was sent.
func (m *meter) count(c count) (n float64, sent bool) {
	if c.value == nil {
		return 0, false
	}
	value := m.value(c.value)
	if value == nil && c.value.Kind == ast.Variable && !m.sent(c.value) && c.fallback != nil {
		value = m.value(c.fallback)
	}
	switch v := value.(type) {
	case nil:
		return 0, false
	case []any:
		return float64(len(v)), true
	case int64:
		return float64(v), true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	}
	return 1, true // a single item is coerced to a list
}

func (m *meter) sent(variable *ast.Value) bool {
	_, ok := m.variables[variable.Raw]
	return ok
}

// value returns a value of the document with its variables filled in.
func (m *meter) value(v *ast.Value) any {
	value, err := v.Value(m.variables)
	if err != nil { // an integer out of range
		return int64(math.MaxInt64)
	}
	return value
}

// input returns the cost of a value: the weight of the argument or field, or that of its type.
func (m *meter) input(value any, typ *ast.Type, weight float64) float64 {
	if value == nil {
		return 0
	}
	if items, ok := value.([]any); ok && typ.Elem != nil {
		sum := weight
		for _, item := range items {
			sum += m.input(item, typ.Elem, 0)
		}
		return sum
	}
	def := m.schema.Types[typ.Name()]
	if weight == 0 {
		weight = m.costs.Weights[def.Name]
	}
	if def.Kind != ast.InputObject {
		return weight
	}
	if weight == 0 {
		weight = 1
	}
	members, _ := value.(map[string]any)
	for _, f := range def.Fields {
		weight += m.input(members[f.Name], f.Type, m.costs.Weights[def.Name+"."+f.Name])
	}
	return weight
}
