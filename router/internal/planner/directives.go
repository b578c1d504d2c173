package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// executed lists the directives that the router executes itself.
var executed = []string{"skip", "include", "defer"}

// directives are the other executable directives of a field, which its subgraph is sent.
type directives struct {
	around string // begin of the fragments with directives that enclose the field
	depth  int    // number of these fragments
	own    string
}

// header holds the directives of an operation as operations of one kind have them.
type header struct {
	text      string
	variables []string
}

// directives writes the directives of a list that may stand at a location, with the variables in them. Invalid means that
// an argument must not be null and is.
func (n *normalizer) directives(
	list ast.DirectiveList, location ast.DirectiveLocation,
) (text string, variables []string, invalid bool) {
	for _, d := range list {
		if slices.Contains(executed, d.Name) || !slices.Contains(d.Definition.Locations, location) {
			continue
		}
		arguments, used := n.arguments(d.Arguments, d.Definition.Arguments)
		text += " @" + d.Name + arguments
		variables = append(variables, used...)
		invalid = n.anyInvalid(d.Arguments) || invalid
	}
	return text, variables, invalid
}

// enclose adds the directives of a fragment to those of its fields. Spreads are written as inline fragments.
func (n *normalizer) enclose(at *place, list ast.DirectiveList) {
	text, variables, invalid := n.directives(list, ast.LocationInlineFragment)
	if text == "" {
		return
	}
	at.directives.around += "..." + text + " {"
	at.directives.depth++
	at.variables = append(slices.Clip(at.variables), variables...)
	at.invalid = at.invalid || invalid
}

// absorb reports whether an entry selects all that another does, so that the other need not be written, and adds its
// directives. A field that is a key and the client's selection, too, is one field to the subgraph, of which some servers
// only see the first directives.
func (e *entry) absorb(other *entry) bool {
	switch {
	case e.storage != other.storage || e.below != nil || !other.leaf || !slices.Equal(e.conditions, other.conditions):
		return false
	case e.directives == other.directives:
		e.on = names(e.on, other.on)
		return true
	case other.directives == directives{}:
		return len(intersect(other.on, e.on)) == len(other.on)
	case e.directives == directives{} && len(intersect(e.on, other.on)) == len(e.on):
		e.on, e.directives, e.variables = other.on, other.directives, other.variables
		return true
	}
	return false
}
