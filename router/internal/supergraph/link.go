package supergraph

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// names says what the directives of specifications are called in a supergraph: a subgraph may have
// imported them under other names (https://specs.apollo.dev/link/v1.0).
type names map[string]string // "cost.listSize" → "listSize"

// specified are the directives that we read, by specification.
var specified = map[string][]string{
	"inaccessible":   {"inaccessible"},
	"authenticated":  {"authenticated"},
	"requiresScopes": {"requiresScopes"},
	"policy":         {"policy"},
	"cost":           {"cost", "listSize"},
}

// understood are the other specifications that a supergraph may need whoever runs it to know.
var understood = []string{"link", "core", "join", "tag"}

// checkNeeds refuses a supergraph that cannot be executed, or not securely, by who does not know one of
// its specifications (link spec, section Purpose).
func checkNeeds(doc *ast.SchemaDocument) error {
	for _, schema := range doc.Schema {
		for _, link := range schema.Directives.ForNames("link") {
			spec := path.Base(path.Dir(argument(link, "url")))
			if argument(link, "for") != "" && specified[spec] == nil && !slices.Contains(understood, spec) {
				return fmt.Errorf("parse supergraph: it needs %s, which this router does not know", argument(link, "url"))
			}
		}
	}
	for _, def := range doc.Definitions {
		for _, f := range def.Fields {
			for _, d := range f.Directives.ForNames("join__field") {
				if d.Arguments.ForName("contextArguments") != nil {
					return fmt.Errorf("parse supergraph: %s.%s takes arguments from a @context, which this router does not know", def.Name, f.Name)
				}
			}
		}
	}
	return nil
}

func namesOf(doc *ast.SchemaDocument) names {
	n := names{}
	for spec, directives := range specified {
		for _, name := range directives {
			n[spec+"."+name] = name // in a supergraph that does not say
		}
	}
	for _, schema := range doc.Schema {
		for _, link := range schema.Directives.ForNames("link") {
			spec := path.Base(path.Dir(argument(link, "url"))) // https://specs.apollo.dev/cost/v0.1
			namespace := spec
			if as := argument(link, "as"); as != "" {
				namespace = as
			}
			for _, name := range specified[spec] {
				n[spec+"."+name] = namespace + "__" + name
				if name == spec {
					n[spec+"."+name] = namespace
				}
			}
			if imports := link.Arguments.ForName("import"); imports != nil {
				for _, item := range imports.Value.Children {
					name, as := imported(item.Value)
					if _, known := n[spec+"."+name]; known {
						n[spec+"."+name] = as
					}
				}
			}
		}
	}
	return n
}

// imported reads "@cost" or {name: "@cost", as: "@price"}.
func imported(v *ast.Value) (name, as string) {
	name, as = v.Raw, v.Raw
	for _, member := range v.Children {
		switch member.Name {
		case "name":
			name = member.Value.Raw
			if as == "" {
				as = name
			}
		case "as":
			as = member.Value.Raw
		}
	}
	return strings.TrimPrefix(name, "@"), strings.TrimPrefix(as, "@")
}

// in returns the application of a specification's directive, nil when there is none.
func (n names) in(list ast.DirectiveList, spec, directive string) *ast.Directive {
	return list.ForName(n[spec+"."+directive])
}

func (n names) inaccessible(list ast.DirectiveList) bool {
	return n.in(list, "inaccessible", "inaccessible") != nil
}
