package supergraph

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// names maps directives of specifications to their names in a supergraph, which may import them under other names
// (https://specs.apollo.dev/link/v1.0).
type names map[string]string // "cost.listSize" → "listSize"

// specified lists the supported directives by specification.
var specified = map[string][]string{
	"inaccessible":   {"inaccessible"},
	"authenticated":  {"authenticated"},
	"requiresScopes": {"requiresScopes"},
	"policy":         {"policy"},
	"cost":           {"cost", "listSize"},
}

// understood lists the other supported specifications.
var understood = []string{"link", "core", "join", "tag"}

// checkNeeds refuses a supergraph with an unsupported specification that is needed for execution or security (link
// specification, section Purpose).
func checkNeeds(doc *ast.SchemaDocument) error {
	for _, schema := range doc.Schema {
		for _, link := range schema.Directives.ForNames("link") {
			spec := path.Base(path.Dir(argument(link, "url")))
			if argument(link, "for") != "" && specified[spec] == nil && !slices.Contains(understood, spec) {
				return fmt.Errorf("parse supergraph: %s is not supported", argument(link, "url"))
			}
		}
	}
	for _, def := range doc.Definitions {
		for _, f := range def.Fields {
			for _, d := range f.Directives.ForNames("join__field") {
				if d.Arguments.ForName("contextArguments") != nil {
					return fmt.Errorf("parse supergraph: %s.%s has arguments from @context, which is not supported", def.Name, f.Name)
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
			n[spec+"."+name] = name // the default
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
