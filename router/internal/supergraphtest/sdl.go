package supergraphtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const header = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external", "@requires", "@provides", "@override", "@inaccessible", "@interfaceObject", "@authenticated"])

directive @note(text: String) repeatable on QUERY | MUTATION | FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT`

// name is the name of a subgraph.
func name(s int) string { return "abcde"[s : s+1] }

// print returns a subgraph's schema.
func (m *maker) print(s int) Subgraph {
	result := Subgraph{Name: name(s)}
	types := []string{header}
	leaves := map[string]bool{}
	for _, t := range append([]*typ{m.query, m.mutate}, m.all...) {
		p := t.in[s]
		if p == nil || t.kind == root && len(p.uses) == 0 {
			continue
		}
		types = append(types, m.printType(t, s))
		for _, u := range p.uses {
			if u.overridden {
				result.Refuse = append(result.Refuse, t.name+"."+u.name)
			}
			leaves[u.typ.name] = true
			for _, a := range u.args {
				leaves["Filter"] = leaves["Filter"] || strings.Contains(a, "Filter")
				leaves["Level"] = leaves["Level"] || strings.Contains(a, "Level") || leaves["Filter"]
			}
		}
	}
	if leaves["Level"] {
		types = append(types, "enum Level {\n  LOW\n  HIGH\n}")
	}
	if leaves["Date"] {
		types = append(types, "scalar Date")
	}
	if leaves["Filter"] {
		types = append(types, "input Filter {\n  min: Int!\n  levels: [Level!]\n}")
	}
	if m.renamed[s] && m.query.in[s] != nil {
		operations := "  query: Root\n"
		if m.mutate.in[s] != nil {
			operations += "  mutation: Mutation\n"
		}
		types = append(types, "schema {\n"+operations+"}")
		for i := range types {
			types[i] = queryName.ReplaceAllString(types[i], "Root$1")
		}
	}
	result.SDL = strings.Join(types, "\n\n") + "\n"
	return result
}

// specialises reports whether an interface can implement another one in a subgraph.
func specialises(t, general *typ, s int) bool {
	p, of := t.in[s], general.in[s]
	if t == general || t.kind != abstraction || p.interfaceObject || of.interfaceObject || general.keyed || len(of.uses) == 0 {
		return false
	}
	lacks := slices.ContainsFunc(of.uses, func(u *use) bool {
		f := t.field(u.name)
		return f == nil || f.typ != u.typ || p.use(f) == nil || !slices.Equal(f.shape, u.shape)
	})
	return !lacks && !slices.ContainsFunc(p.members, func(member *typ) bool { return !slices.Contains(of.members, member) })
}

var queryName = regexp.MustCompile(`\bQuery\b( \{|[!\]]|\n| @)`)

func (m *maker) printType(t *typ, s int) string {
	p := t.in[s]
	if t.kind == union {
		var members []string
		for _, member := range p.members {
			members = append(members, member.name)
		}
		return "union " + t.name + " = " + strings.Join(members, " | ")
	}
	text := "type " + t.name
	if t.kind == abstraction && !p.interfaceObject {
		text = "interface " + t.name
	}
	var interfaces []string
	for _, i := range m.of(abstraction) {
		if i.in[s] != nil && (slices.Contains(i.in[s].members, t) || specialises(t, i, s)) {
			interfaces = append(interfaces, i.name)
		}
	}
	if len(interfaces) > 0 {
		text += " implements " + strings.Join(interfaces, " & ")
	}
	for i, k := range p.keys {
		resolvable := ""
		if p.unresolvable[i] {
			resolvable = ", resolvable: false"
		}
		text += fmt.Sprintf(" @key(fields: %q%s)", k.text, resolvable)
	}
	if p.interfaceObject {
		text += " @interfaceObject"
	}
	text += " {\n"
	for _, u := range p.uses {
		text += "  " + u.print() + "\n"
	}
	return text + "}"
}
