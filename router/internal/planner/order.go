package planner

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// fetches turns groups into fetches: groups of entities of one subgraph that can be sent at the same time are one.
func (e *emitter) fetches(types map[string]string) ([]*Fetch, map[*group]int, error) {
	for _, g := range e.groups {
		g.depth()
	}
	for _, g := range e.groups {
		if slices.ContainsFunc(g.needs, func(need *group) bool { return need.stage >= g.stage }) {
			return nil, nil, fmt.Errorf("fetches from %s and other subgraphs depend on each other", g.subgraph.name)
		}
	}
	ordered := slices.Clone(e.groups)
	slices.SortStableFunc(ordered, func(a, b *group) int { return cmp.Compare(a.stage, b.stage) })
	ids := map[*group]int{}
	var members [][]*group
	for _, g := range ordered {
		i := slices.IndexFunc(members, func(m []*group) bool {
			return g.entities && m[0].entities && m[0].subgraph == g.subgraph && m[0].stage == g.stage && m[0].part == g.part
		})
		if i < 0 {
			i = len(members)
			members = append(members, nil)
		}
		members[i] = append(members[i], g)
		ids[g] = i
	}
	var fetches []*Fetch
	for i, groups := range members {
		f, err := e.fetch(groups, types)
		if err != nil {
			return nil, nil, err
		}
		f.ID = i
		for _, g := range groups {
			for _, need := range g.needs {
				if !slices.Contains(f.DependsOn, ids[need]) {
					f.DependsOn = append(f.DependsOn, ids[need])
				}
			}
		}
		slices.Sort(f.DependsOn)
		fetches = append(fetches, f)
	}
	reduce(fetches)
	return fetches, ids, nil
}

// depth sets the stage of a group: the number of fetches that have to end before, one after the other.
func (g *group) depth() int {
	if g.stage == 0 {
		g.stage = 1
		for _, need := range g.needs {
			g.stage = max(g.stage, need.depth()+1)
		}
	}
	return g.stage
}

// reduce leaves out dependencies that others imply.
func reduce(fetches []*Fetch) {
	all := make([]map[int]bool, len(fetches)) // transitively
	for i, f := range fetches {
		all[i] = map[int]bool{}
		for _, d := range f.DependsOn {
			all[i][d] = true
			for other := range all[d] {
				all[i][other] = true
			}
		}
	}
	for _, f := range fetches {
		f.DependsOn = slices.DeleteFunc(f.DependsOn, func(d int) bool {
			return slices.ContainsFunc(f.DependsOn, func(other int) bool { return other != d && all[other][d] })
		})
	}
}

func (e *emitter) fetch(groups []*group, types map[string]string) (*Fetch, error) {
	first := groups[0]
	f := &Fetch{Subgraph: first.subgraph.name, Operation: ast.Query}
	d := &document{graph: e.graph, subgraph: first.subgraph}
	var representations []string
	if !first.entities {
		f.Path = first.site.path
		if len(f.Path) == 0 {
			f.Operation = e.operation
		}
		d.selection(first.out)
		for _, entry := range first.out.entries {
			if !slices.Contains(f.Fields, entry.storage) {
				f.Fields = append(f.Fields, entry.storage)
			}
		}
	} else {
		d.WriteByte('{')
		f.Entities = e.entities(groups, d)
		for _, part := range f.Entities {
			representations = append(representations, part.Variable)
		}
		d.WriteByte('}')
	}
	if d.full || d.Len() > maxDocument {
		return nil, ErrTooComplex
	}
	h := e.headers[f.Operation]
	d.use(h.variables...)
	f.Query, f.Variables = d.operation(f.Operation, representations, types, h.text), d.variables
	f.Conditions = alternatives(groups)
	return f, nil
}

// entities writes the fields of groups and returns their representations.
func (e *emitter) entities(groups []*group, d *document) []Entities {
	var all []Entities
	var texts []string
	for _, g := range groups {
		one := &document{graph: d.graph, subgraph: d.subgraph}
		one.entities(g)
		text := one.String()
		d.full = d.full || one.full
		d.use(one.variables...)
		representation := Representation{Typename: g.typename, Fields: g.anyType()}
		if g.typename == "" && len(g.site.types) == 1 {
			representation.Typename = g.site.types[0]
		}
		place := Place{Path: g.site.path, Types: g.on, Conditions: g.site.conditions}
		if len(g.on) == len(g.site.types) || g.untyped() {
			place.Types = nil
		}
		i := slices.IndexFunc(texts, func(other string) bool { return other == text })
		if i >= 0 && all[i].Representation.Typename == representation.Typename &&
			sameFields(all[i].Representation.Fields, representation.Fields) {
			all[i].Places = append(all[i].Places, place)
			continue
		}
		suffix := ""
		if len(all) > 0 {
			suffix = strconv.Itoa(len(all))
		}
		part := Entities{
			Alias: "_entities", Variable: "representations" + suffix, Places: []Place{place}, Representation: representation,
		}
		if suffix != "" {
			d.WriteString(" ")
			part.Alias = "_e" + suffix
			d.WriteString(part.Alias + ": ")
		}
		d.WriteString("_entities(representations: $" + part.Variable + ") " + text)
		for _, entry := range g.out.entries {
			field := EntityField{Storage: entry.storage, On: entry.on}
			if len(entry.on) == len(g.site.types) {
				field.On = nil
			}
			part.Fields = append(part.Fields, field)
		}
		all, texts = append(all, part), append(texts, text)
	}
	return all
}

// untyped reports whether the objects' types are unknown when the group is fetched.
func (g *group) untyped() bool {
	return g.site.from.subgraph != nil && !g.site.from.typed() &&
		!slices.ContainsFunc(g.site.waits, func(typed *group) bool { return slices.Contains(g.needs, typed) })
}

// anyType returns the fields of representations, those of all possible types as those of any type.
func (g *group) anyType() []RepresentationField {
	fields := slices.Clone(g.fields)
	for i, f := range fields {
		if len(f.On) == len(g.site.types) || g.untyped() {
			fields[i].On = nil
		}
	}
	return fields
}

// alternatives returns the conditions of which one must hold for groups to be fetched, nil when they always are.
func alternatives(groups []*group) (all []Conditions) {
	for _, g := range groups {
		for _, entry := range g.out.entries {
			if len(entry.conditions) == 0 {
				return nil
			}
			if !slices.ContainsFunc(all, func(c Conditions) bool { return slices.Equal(c, entry.conditions) }) {
				all = append(all, entry.conditions)
			}
		}
		if len(g.out.entries) == 0 || g.always {
			return nil
		}
	}
	return all
}
