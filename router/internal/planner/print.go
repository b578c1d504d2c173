package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// String returns the plan in the form that users of federation know.
func (p *Plan) String() string {
	w := planWriter{done: map[int]bool{}}
	w.node("QueryPlan", func() {
		switch {
		case p.Operation == ast.Subscription:
			w.node("Subscription", func() {
				w.node("Primary:", func() { w.sequence(p.Fetches[:1]) })
				if len(p.Fetches) > 1 {
					w.node("Rest:", func() { w.sequence(p.Fetches[1:]) })
				}
			})
		case len(p.Deferred) > 1:
			w.node("Defer", func() { w.parts(p) })
		default:
			w.sequence(p.Fetches)
		}
	})
	return w.text.String()
}

// planWriter writes a plan.
type planWriter struct {
	text   strings.Builder
	indent string
	done   map[int]bool // fetches that are written
}

func (w *planWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.text, w.indent+format+"\n", args...)
}

// node writes a node with what inner writes.
func (w *planWriter) node(head string, inner func()) {
	w.line("%s {", head)
	w.indent += "  "
	inner()
	w.indent = w.indent[2:]
	w.line("}")
}

// parts writes the fetches of each part, those of several parts with the first.
func (w *planWriter) parts(p *Plan) {
	for i, d := range p.Deferred {
		var own []*Fetch
		for _, id := range d.Fetches {
			if !w.done[id] {
				own = append(own, p.Fetches[id])
			}
		}
		head := "Primary"
		if i > 0 {
			head = fmt.Sprintf("Deferred(path: %q, label: %q)", d.Path.String(), d.Label)
		}
		w.when([]Conditions{d.If}, func() { w.node(head, func() { w.sequence(own) }) })
	}
}

// when writes a node for each condition around what inner writes.
func (w *planWriter) when(alternatives []Conditions, inner func()) {
	if len(alternatives) == 0 || len(alternatives[0]) == 0 {
		inner()
		return
	}
	if len(alternatives) > 1 {
		var texts []string
		for _, c := range alternatives {
			texts = append(texts, c.String())
		}
		w.node("Condition(if: "+strings.Join(texts, " || ")+")", inner)
		return
	}
	c := alternatives[0][0]
	head := "Include"
	if c.Not {
		head = "Skip"
	}
	w.node(head+"(if: $"+c.Variable+")", func() { w.when([]Conditions{alternatives[0][1:]}, inner) })
}

// String returns the conditions as an expression.
func (c Conditions) String() string {
	var texts []string
	for _, one := range c {
		not := ""
		if one.Not {
			not = "!"
		}
		texts = append(texts, not+"$"+one.Variable)
	}
	return strings.Join(texts, " && ")
}

// sequence writes fetches in stages: those of a stage depend on earlier ones only.
func (w *planWriter) sequence(fetches []*Fetch) {
	var stages [][]*Fetch
	for left := fetches; len(left) > 0; {
		waits := func(f *Fetch) bool {
			return slices.ContainsFunc(f.DependsOn, func(d int) bool {
				return slices.ContainsFunc(left, func(other *Fetch) bool { return other.ID == d })
			})
		}
		var stage, later []*Fetch
		for _, f := range left {
			if waits(f) {
				later = append(later, f)
			} else {
				stage = append(stage, f)
			}
		}
		stages, left = append(stages, stage), later
	}
	inner := func() {
		for _, stage := range stages {
			w.stage(stage)
		}
	}
	if len(stages) > 1 {
		w.node("Sequence", inner)
	} else {
		inner()
	}
}

func (w *planWriter) stage(stage []*Fetch) {
	inner := func() {
		for _, f := range stage {
			w.done[f.ID] = true
			w.when(f.Conditions, func() { w.fetch(f) })
		}
	}
	if len(stage) > 1 {
		w.node("Parallel", inner)
	} else {
		inner()
	}
}

func (w *planWriter) fetch(f *Fetch) {
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
	inner := func() {
		w.node(fmt.Sprintf("Fetch(service: %q)", f.Subgraph), func() {
			w.line("%s", f.Query)
			for _, e := range f.Entities {
				w.line("$%s: %s", e.Variable, e.Representation.String())
			}
		})
	}
	if len(paths) > 0 {
		w.node(fmt.Sprintf("Flatten(path: %q)", strings.Join(paths, ", ")), inner)
	} else {
		inner()
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
