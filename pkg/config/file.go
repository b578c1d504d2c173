package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// File is the name of a YAML file. A program whose settings have a field of this type reads its settings
// from that file, too: LIMIT_DEPTH=20 is limit: {depth: 20} there.
type File string

// fileSetting returns the setting that names the file, nil if there is none.
func fileSetting(list []setting) *setting {
	for i := range list {
		if list[i].field.Type == reflect.TypeFor[File]() {
			return &list[i]
		}
	}
	return nil
}

// fileValue is the value of a setting in a file, as text that its variable could have.
type fileValue struct {
	text string
	at   position
}

// readFile returns the values in the file that a variable names, by variable. It returns false when it
// cannot read or parse the file.
func readFile(
	list []setting, groups []group, variables map[string]string, found *problems,
) (values map[string]fileValue, ok bool) {
	file := fileSetting(list)
	if file == nil || variables[file.variable] == "" {
		return nil, true
	}
	r := fileReader{
		name: variables[file.variable], settings: map[string]setting{}, groups: groups,
		found: found, values: map[string]fileValue{},
	}
	for _, s := range list {
		if s.variable != file.variable {
			r.settings[s.key] = s
		}
	}
	text, err := os.ReadFile(r.name)
	if err != nil {
		found.add(file.variable, position{name: file.variable}, err)
		return nil, false
	}
	return r.values, r.read(text)
}

type fileReader struct {
	name     string
	settings map[string]setting // by key
	groups   []group
	found    *problems
	values   map[string]fileValue // by variable
}

// read reads a whole file. It returns false when the file is no YAML.
func (r *fileReader) read(text []byte) bool {
	tree, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey()) // pairs finds all duplicates
	if syntax := yaml.Error(nil); errors.As(err, &syntax) {
		r.found.add("", position{r.name, syntax.GetToken().Position.Line, ""}, errors.New(syntax.GetMessage()))
		return false
	}
	if err != nil {
		r.found.add("", position{r.name, 1, ""}, err)
		return false
	}
	for i, doc := range tree.Docs {
		switch {
		case doc.Body == nil: // only comments
		case i > 0:
			r.found.add("", position{r.name, line(doc.Body), ""}, errors.New("want one YAML document"))
		default:
			r.readGroup(doc.Body, "")
		}
	}
	return true
}

// readGroup reads the settings below a key.
func (r *fileReader) readGroup(node ast.Node, key string) {
	for _, p := range r.pairs("", node, key) {
		s, known := r.settings[p.at.name]
		switch {
		case known:
			if text, ok := r.readSetting(s, p); ok {
				r.values[s.variable] = fileValue{text, p.at}
			}
		case slices.ContainsFunc(r.groups, func(g group) bool { return g.key == p.at.name }):
			r.readGroup(p.value, p.at.name)
		default:
			r.found.add("", p.at, errors.New("unknown setting"))
		}
	}
}

// pair is a key and its value.
type pair struct {
	key   string
	at    position
	value ast.Node
}

// pairs returns the pairs of a mapping, which is the value of a key. A duplicate key is a problem.
func (r *fileReader) pairs(variable string, node ast.Node, key string) []pair {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		err := fmt.Errorf("want keys with values, got %s", describeNode(node))
		r.found.add(variable, position{r.name, line(node), key}, err)
		return nil
	}
	var pairs []pair
	for _, value := range mapping.Values {
		p := pair{value.Key.GetToken().Value, position{file: r.name, line: line(value.Key)}, value.Value}
		p.at.name = strings.TrimPrefix(key+"."+p.key, ".")
		if first := slices.IndexFunc(pairs, func(other pair) bool { return other.key == p.key }); first >= 0 {
			r.found.add(variable, p.at, fmt.Errorf("duplicate of line %d", pairs[first].at.line))
			continue
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// readSetting returns the value of a setting as its variable would have it, false if there is a problem. It
// checks each item of a list or map by itself, so that the problem has the item's line.
func (r *fileReader) readSetting(s setting, p pair) (string, bool) {
	before := len(*r.found)
	var items []string
	item := func(t reflect.Type, at position, prefix string, node ast.Node) {
		text, err := scalar(t, node)
		switch {
		case err != nil:
		case t != s.field.Type && strings.Contains(text, ","):
			err = errors.New("must not contain a comma")
		default:
			_, err = s.parse(prefix + text)
		}
		r.found.add(s.variable, at, err)
		items = append(items, prefix+text)
	}
	switch jsonType(s.field.Type) {
	case "array":
		list, ok := p.value.(*ast.SequenceNode)
		if !ok {
			r.found.add(s.variable, p.at, fmt.Errorf("want a list, got %s", describeNode(p.value)))
			break
		}
		for _, value := range list.Values {
			item(s.field.Type.Elem(), position{r.name, line(value), s.key}, "", value)
		}
	case "object":
		for _, entry := range r.pairs(s.variable, p.value, s.key) {
			if strings.ContainsAny(entry.key, ",=") {
				r.found.add(s.variable, entry.at, errors.New("a name must not contain a comma or ="))
				continue
			}
			item(s.field.Type.Elem(), entry.at, entry.key+"=", entry.value)
		}
	default:
		item(s.field.Type, p.at, "", p.value)
	}
	return strings.Join(items, ","), len(*r.found) == before
}

// scalar returns the text of a single value, which must have the YAML type that suits the Go type.
func scalar(t reflect.Type, node ast.Node) (string, error) {
	want, got := jsonType(t), ""
	switch node := node.(type) {
	case *ast.LiteralNode:
		return scalar(t, node.Value)
	case *ast.StringNode:
		got = "string"
	case *ast.IntegerNode:
		got = "integer"
	case *ast.FloatNode:
		got = "number"
	case *ast.BoolNode:
		got = "boolean"
	}
	switch {
	case got == want, got == "integer" && want == "number":
		return node.GetToken().Value, nil
	case got != "" && want == "string" && describeType(t) == "":
		return "", errors.New("want text; put it in quotes") // without the value, which may be a secret
	}
	return "", fmt.Errorf("want %s, got %s", cmp.Or(describeType(t), "text"), describeNode(node))
}

// describeNode returns a node for an error message.
func describeNode(node ast.Node) string {
	switch node := node.(type) {
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode:
		return "keys with values"
	case *ast.LiteralNode:
		return "a text of several lines"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return "a YAML anchor, alias or tag"
	case *ast.StringNode:
		if node.Token.Type != token.StringType {
			return strconv.Quote(node.Value) + " in quotes"
		}
		return strconv.Quote(node.Value)
	default:
		return node.GetToken().Value
	}
}

func line(node ast.Node) int { return node.GetToken().Position.Line }
