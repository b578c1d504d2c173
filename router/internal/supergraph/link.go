package supergraph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// names maps directives of specifications to their names in a supergraph, which may import them under other names
// (https://specs.apollo.dev/link/v1.0).
type names map[string]string // "cost.listSize" → "listSize"

// specified lists the directives that may have other names, by specification.
var specified = map[string][]string{
	"inaccessible":   {"inaccessible"},
	"authenticated":  {"authenticated"},
	"requiresScopes": {"requiresScopes"},
	"policy":         {"policy"},
	"cost":           {"cost", "listSize"},
}

// versions lists the versions of Apollo's specifications that are supported, up to those of Federation 2.13. The
// versions of join begin with that of Federation 2.0.
var versions = map[string][]string{
	"link":           {"v1.0"},
	"join":           {"v0.2", "v0.3", "v0.4", "v0.5"},
	"tag":            {"v0.1", "v0.2", "v0.3"},
	"inaccessible":   {"v0.1", "v0.2"},
	"authenticated":  {"v0.1"},
	"requiresScopes": {"v0.1"},
	"policy":         {"v0.1"},
	"cost":           {"v0.1"},
	"cacheTag":       {"v0.1"},
	"context":        nil,
	"connect":        nil,
}

const apolloSpecs = "https://specs.apollo.dev/"

// feature is a specification that a supergraph links.
type feature struct {
	url     string
	name    string // of a specification of Apollo, otherwise empty
	version string
	needed  bool // for execution or security (link specification, section Purpose)
	link    *ast.Directive
}

func features(doc *ast.SchemaDocument) (list []feature) {
	for _, schema := range slices.Concat(doc.Schema, doc.SchemaExtension) {
		for _, d := range schema.Directives {
			if d.Name != "link" && d.Name != "core" { // core is the former name
				continue
			}
			f := feature{url: cmp.Or(argument(d, "url"), argument(d, "feature")), needed: argument(d, "for") != "", link: d}
			if id, ok := strings.CutPrefix(f.url, apolloSpecs); ok {
				f.name, f.version, _ = strings.Cut(id, "/")
			}
			list = append(list, f)
		}
	}
	return list
}

// checkFeatures refuses a supergraph with an unsupported version of a known specification, or with another one that is
// needed.
func checkFeatures(doc *ast.SchemaDocument) error {
	for _, f := range features(doc) {
		supported, known := versions[f.name]
		if known && !slices.Contains(supported, f.version) || !known && f.needed {
			return fmt.Errorf("parse supergraph: %s is not supported", f.url)
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
	for _, f := range features(doc) {
		namespace := cmp.Or(argument(f.link, "as"), f.name)
		for _, name := range specified[f.name] {
			n[f.name+"."+name] = namespace + "__" + name
			if name == f.name {
				n[f.name+"."+name] = namespace
			}
		}
		if imports := f.link.Arguments.ForName("import"); imports != nil {
			for _, item := range imports.Value.Children {
				name, as := imported(item.Value)
				if _, known := n[f.name+"."+name]; known {
					n[f.name+"."+name] = as
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
