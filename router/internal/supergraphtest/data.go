package supergraphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"boxoffice.dev/router/internal/subgraphtest"
)

// instances is the number of entities of each type. One has the key null if the type allows it, and another one is missing
// in a subgraph.
const instances, keyless, lost = 3, 2, 1

// errNoValue is returned for a supergraph with a non-null field that no value fits.
var errNoValue = errors.New("no type that all subgraphs know fits a non-null field")

// data makes the data of all subgraphs.
func (m *maker) data() (data subgraphtest.Data, err error) {
	defer func() {
		if failure := recover(); failure != nil {
			if failure != errNoValue { //nolint:errorlint // the value itself
				panic(failure)
			}
			err = errNoValue
		}
	}()
	made := map[string]map[string]any{"Query": m.object(m.query, 0), "Mutation": m.object(m.mutate, 0)}
	for i, t := range m.of(entity) {
		for n := range instances {
			o := m.object(t, 0)
			m.identify(t, o, i, n)
			made[fmt.Sprintf("%s:%d", t.name, n)] = o
		}
	}
	m.fail(made)
	text, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	return subgraphtest.ParseData(text)
}

// identify gives the nth entity of the ith type keys that no other entity of the type has.
func (m *maker) identify(t *typ, o map[string]any, i, n int) {
	number := n + 1
	if !m.sameIDs {
		number += 10 * i
	}
	if m.hidden(t, nil, n) { // the key is not
		for _, f := range t.fields {
			if m.hidden(t, f, n) {
				for name := range o {
					if name == f.name || strings.HasPrefix(name, f.name+"(") {
						o[name] = nil
					}
				}
			}
		}
	}
	for _, f := range t.fields {
		switch {
		case f.name == "id" && t.nullKey && n == keyless:
			o["id"] = nil
		case f.name == "id" && f.typ.name == "Int":
			o["id"] = number
		case f.name == "id" || f.name == "sku":
			o[f.name] = fmt.Sprint(number)
		case f.name == "region":
			o["region"] = []string{"north", "south", "north"}[n]
		case f.name == "dims":
			first, second := m.object(f.typ, 0), m.object(f.typ, 0)
			first["w"], second["w"] = n, 7
			o["dims"] = []any{first, second}
		case f.name == "tags":
			o["tags"] = []string{"all", fmt.Sprint("t", n)}
		case f.name == "org":
			o["org"] = fmt.Sprintf("@%s:%d", f.typ.name, n)
		}
	}
}

// lose decides which entities have the key null and which ones are missing, where the schema allows that.
func (m *maker) lose(subgraphs []Subgraph) {
	for _, t := range m.of(entity) {
		t.missing = -1
		single := len(t.keys) == 1 && t.keys[0].text == "id"
		member := slices.ContainsFunc(m.of(abstraction), func(i *typ) bool { return i.keyed && slices.Contains(i.members, t) })
		if !single || member {
			t.nullKey = false
			continue
		}
		if t.nullKey {
			t.home = m.IntN(m.n)
			t.nullKey = t.in[t.home] != nil && !slices.ContainsFunc(t.fields, func(f *field) bool {
				return !m.inKey(f) && !f.local(t.home) && !f.nullable()
			})
			continue
		}
		s := m.IntN(m.n)
		if t.in[s] == nil || m.once(2) {
			continue
		}
		alone := !slices.ContainsFunc(t.fields, func(f *field) bool {
			return slices.Contains(f.resolvers(), s) && !m.inKey(f) && (len(f.resolvers()) > 1 || !f.nullable() || f.progressive)
		})
		if alone {
			t.missing = s
			subgraphs[s].Missing = append(subgraphs[s].Missing, fmt.Sprintf("%s:%d", t.name, lost))
		}
	}
}

// hidden reports whether a field of an instance is null because it cannot be reached, or any field when none is given.
func (m *maker) hidden(t *typ, f *field, n int) bool {
	switch {
	case t.nullKey && n == keyless:
		return f == nil || !f.local(t.home)
	case t.missing >= 0 && n == lost && t.missing < m.n:
		return f == nil || slices.Contains(f.resolvers(), t.missing)
	}
	return false
}

// object returns the fields of an object.
func (m *maker) object(t *typ, depth int) map[string]any {
	o := map[string]any{"__typename": t.name}
	fields := slices.Clone(t.fields)
	for _, i := range m.of(abstraction) {
		for _, f := range i.fields { // of an interface object
			if slices.Contains(i.members, t) && t.field(f.name) == nil {
				fields = append(fields, f)
			}
		}
	}
	for _, f := range fields {
		v := m.value(f, f.shape, depth)
		if len(f.args) == 0 {
			o[f.name] = v
			continue
		}
		if text, ok := v.(string); ok && f.typ.name == "String" {
			o[f.name] = "=" + text // with the arguments
			continue
		}
		o[f.name] = v
		for range 2 {
			o[f.name+m.signature(f)] = m.value(f, f.shape, depth)
		}
	}
	return o
}

// signature returns arguments in the format of subgraphtest.Data.
func (m *maker) signature(f *field) string {
	args := map[string]string{}
	for _, a := range f.args {
		name, typ, _ := strings.Cut(a, ": ")
		switch {
		case strings.HasPrefix(typ, "Int"):
			args[name] = pick(m, []string{"1", "2"})
		case strings.HasPrefix(typ, "Level"):
			args[name] = pick(m, []string{`"LOW"`, `"HIGH"`})
		case typ == "String" || typ == "String!":
			args[name] = strings.ReplaceAll(pick(m, literals[typ]), " ", "")
		}
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		list = append(list, name+": "+args[name])
	}
	if len(list) == 0 {
		return "()"
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func (m *maker) value(f *field, s shape, depth int) any {
	if !s[0] && m.once(7) {
		return nil
	}
	if len(s) > 1 {
		list := []any{}
		for range m.IntN(4) {
			list = append(list, m.value(f, s[1:], depth))
		}
		return list
	}
	t := f.typ
	if t.kind == abstraction || t.kind == union {
		known := f.known()
		if len(known) == 0 {
			return m.none(s)
		}
		t = pick(m, known)
	}
	switch t.kind {
	case root:
		return "@Query"
	case entity:
		if !s[0] && m.once(20) {
			return nil
		}
		n := m.IntN(instances)
		if n == keyless && t.nullKey && !f.only(t.home) {
			n = 0
		}
		return fmt.Sprintf("@%s:%d", t.name, n)
	case value:
		if depth > 2 && !s[0] {
			return nil
		}
		if depth > 6 {
			panic(errNoValue)
		}
		return m.object(t, depth+1)
	}
	return m.leaf(t)
}

func (m *maker) none(s shape) any {
	if s[0] {
		panic(errNoValue)
	}
	return nil
}

func (m *maker) leaf(t *typ) any {
	switch t.name {
	case "Int":
		return m.IntN(100)
	case "Float":
		return float64(m.IntN(100)) / 4
	case "Boolean":
		return m.once(2)
	case "Level":
		return pick(m, []string{"LOW", "HIGH"})
	case "Date":
		return pick(m, []any{"2026-01-02", map[string]any{"year": 2026}, 7})
	}
	return fmt.Sprint(pick(m, []string{"x", "y", "ü", `"q"`}), m.IntN(100))
}

// fail makes some fields fail. A field whose requirement fails has the same error.
func (m *maker) fail(made map[string]map[string]any) {
	if m.once(3) {
		return
	}
	failures, needed := 0, false
	for _, at := range slices.Sorted(maps.Keys(made)) {
		name, _, _ := strings.Cut(at, ":")
		for _, t := range append([]*typ{m.query, m.mutate}, m.of(entity)...) {
			if t.name != name {
				continue
			}
			for _, f := range t.fields {
				if made[at][f.name] == nil {
					continue // it may not be reached
				}
				strict := f.shape[0] && (!m.fatal || m.differ || m.nested)
				if !m.once(14) || !f.uniform() || strict || len(f.args) > 0 || m.inKey(f) || f.needed && (needed || f.shape[0]) {
					continue
				}
				failures++
				was := made[at][f.name]
				failure := fmt.Sprintf("!failure %d", failures)
				made[at][f.name] = failure
				if list, ok := was.([]any); ok && len(list) > 0 && len(f.shape) == 2 && (!f.shape[1] || !strict && m.fatal && !f.needed) && m.once(2) {
					items := slices.Clone(list)
					items[m.IntN(len(items))] = failure
					made[at][f.name] = items
				}
				if f.needed && !m.spread(made) {
					made[at][f.name] = was
				} else {
					needed = needed || f.needed
				}
			}
		}
	}
	if needed {
		m.spread(made)
	}
}

func (m *maker) inKey(f *field) bool {
	return slices.ContainsFunc(f.of.keys, func(k key) bool { return slices.Contains(k.uses, f) })
}

// spread gives fields the errors of their requirements. It reports false, and gives none, when one of them is non-null.
func (m *maker) spread(made map[string]map[string]any) bool {
	type place struct {
		at string
		f  *field
	}
	was := map[place]any{}
	for changed := true; changed; {
		changed = false
		for _, at := range slices.Sorted(maps.Keys(made)) {
			for _, f := range m.requiring(made[at]) {
				failure := failureIn(made, made[at], selectionOf(f.requirement))
				if failure == "" || made[at][f.name] == failure {
					continue
				}
				p := place{at, f}
				_, known := was[p]
				if f.shape[0] || !f.uniform() || known || failure == unclear {
					for p, v := range was {
						made[p.at][p.f.name] = v
					}
					return false
				}
				was[p] = made[at][f.name]
				made[at][f.name] = failure
				maps.DeleteFunc(made[at], func(name string, _ any) bool { return strings.HasPrefix(name, f.name+"(") })
				changed = true
			}
		}
	}
	return true
}

// requiring returns the fields of an object that have requirements.
func (m *maker) requiring(o map[string]any) (found []*field) {
	for _, t := range m.all {
		if t.name == o["__typename"] || slices.ContainsFunc(t.members, func(e *typ) bool { return e.name == o["__typename"] }) {
			for _, f := range t.fields {
				if f.requirement != "" {
					found = append(found, f)
				}
			}
		}
	}
	return found
}

func selectionOf(text string) ast.SelectionSet {
	doc, err := parser.ParseQuery(&ast.Source{Input: "{" + text + "}"})
	if err != nil {
		panic(err)
	}
	return doc.Operations[0].SelectionSet
}

// unclear is returned for a requirement that fails with some arguments.
const unclear = "unclear"

// failureIn returns the error of a field that a selection reaches, if there is one.
func failureIn(made map[string]map[string]any, v any, set ast.SelectionSet) string {
	switch v := v.(type) {
	case string:
		if o := made[strings.TrimPrefix(v, "@")]; strings.HasPrefix(v, "@") && o != nil {
			return failureIn(made, o, set)
		}
		if strings.HasPrefix(v, "!") {
			return v
		}
	case []any:
		for _, item := range v {
			if failure := failureIn(made, item, set); failure != "" {
				return failure
			}
		}
	case map[string]any:
		for _, selected := range set {
			failure := ""
			switch s := selected.(type) {
			case *ast.Field:
				failure = failureIn(made, v[s.Name], s.SelectionSet)
				for name, other := range v { // with other arguments
					if strings.HasPrefix(name, s.Name+"(") && failureIn(made, other, s.SelectionSet) != failure {
						failure = unclear
					}
				}
			case *ast.InlineFragment:
				if s.TypeCondition == v["__typename"] {
					failure = failureIn(made, v, s.SelectionSet)
				}
			}
			if failure != "" {
				return failure
			}
		}
	}
	return ""
}
