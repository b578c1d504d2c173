package planner

import (
	"fmt"
	"slices"
	"strings"
)

// String returns the plan in the form that users of federation know.
func (p *Plan) String() string {
	var b strings.Builder
	b.WriteString("QueryPlan {\n")
	done := map[int]bool{}
	var stages [][]*Fetch
	for len(done) < len(p.Fetches) {
		var stage []*Fetch
		for _, f := range p.Fetches {
			if !done[f.ID] && !slices.ContainsFunc(f.DependsOn, func(d int) bool { return !done[d] }) {
				stage = append(stage, f)
			}
		}
		for _, f := range stage {
			done[f.ID] = true
		}
		stages = append(stages, stage)
	}
	indent := "  "
	if len(stages) > 1 {
		b.WriteString(indent + "Sequence {\n")
		indent += "  "
	}
	for _, stage := range stages {
		writeStage(&b, stage, indent)
	}
	if len(stages) > 1 {
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func writeStage(b *strings.Builder, stage []*Fetch, indent string) {
	if len(stage) > 1 {
		b.WriteString(indent + "Parallel {\n")
		defer b.WriteString(indent + "}\n")
		indent += "  "
	}
	for _, f := range stage {
		writeFetch(b, f, indent)
	}
}

func writeFetch(b *strings.Builder, f *Fetch, indent string) {
	var paths []string
	for _, e := range f.Entities {
		for _, p := range e.Places {
			if text := p.String(); !slices.Contains(paths, text) {
				paths = append(paths, text)
			}
		}
	}
	if len(f.Path) > 0 {
		paths = append(paths, f.Path.String())
	}
	at := indent
	if len(paths) > 0 {
		fmt.Fprintf(b, "%sFlatten(path: %q) {\n", indent, strings.Join(paths, ", "))
		at += "  "
	}
	fmt.Fprintf(b, "%sFetch(service: %q) {\n%s  %s\n", at, f.Subgraph, at, f.Query)
	for _, e := range f.Entities {
		fmt.Fprintf(b, "%s  $%s: %s\n", at, e.Variable, e.Representation.String())
	}
	b.WriteString(at + "}\n")
	if len(paths) > 0 {
		b.WriteString(indent + "}\n")
	}
}

// String returns the fields with dots.
func (p Path) String() string {
	var steps []string
	for _, s := range p {
		text := s.Storage
		if s.On != nil {
			text = "|[" + strings.Join(s.On, ",") + "]." + text
		}
		steps = append(steps, text)
	}
	return strings.Join(steps, ".")
}

// String returns the path, and the types if they matter.
func (p Place) String() string {
	if p.Types == nil {
		return p.Path.String()
	}
	return p.Path.String() + "|[" + strings.Join(p.Types, ",") + "]"
}

// String returns the template as a selection.
func (r Representation) String() string {
	typ := r.Typename
	if typ == "" {
		typ = "…"
	}
	return "{ __typename: " + typ + writeFields(r.Fields) + " }"
}

func writeFields(fields []RepresentationField) string {
	text := ""
	for _, f := range fields {
		text += " " + f.Name
		if f.Storage != f.Name {
			text += ": " + f.Storage
		}
		if f.On != nil {
			text += "|[" + strings.Join(f.On, ",") + "]"
		}
		if f.Fields != nil {
			text += " {" + writeFields(f.Fields) + " }"
		}
	}
	return text
}
