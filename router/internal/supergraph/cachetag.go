package supergraph

import "github.com/vektah/gqlparser/v2/ast"

// tag adds the formats of @cacheTag to the types and fields of subgraphs (https://specs.apollo.dev/cacheTag/v0.1).
func tag(doc *ast.SchemaDocument, subgraphs map[string]*Subgraph) {
	each := func(list ast.DirectiveList, typ string, add func(m *member, format string)) {
		for _, d := range list.ForNames("join__directive") {
			args := d.Arguments.ForName("args")
			if argument(d, "name") != "federation__cacheTag" || args == nil {
				continue
			}
			format := args.Value.Children.ForName("format")
			for _, graph := range texts(d, "graphs") {
				if s := subgraphs[graph]; s != nil && s.types[typ] != nil && format != nil {
					add(s.types[typ], format.Raw)
				}
			}
		}
	}
	for _, def := range doc.Definitions {
		each(def.Directives, def.Name, func(m *member, format string) { m.cacheTags = append(m.cacheTags, format) })
		for _, f := range def.Fields {
			each(f.Directives, def.Name, func(m *member, format string) {
				for i := range m.fields {
					if m.fields[i].def == f {
						m.fields[i].cacheTags = append(m.fields[i].cacheTags, format)
					}
				}
			})
		}
	}
}
