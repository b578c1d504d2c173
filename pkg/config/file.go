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

// File names a YAML file with settings. A configuration with one, in a field like any other, is read
// from there, too: LIMIT_DEPTH=20 is written limit: {depth: 20}. Its values are what the schema says
// (Schema), and mean the same as in a variable.
type File string

// fileSetting returns the one that names the file, nil if there is none.
func fileSetting(list []setting) *setting {
	for i := range list {
		if list[i].typ == reflect.TypeFor[File]() {
			return &list[i]
		}
	}
	return nil
}

// given is a setting in a file, as it would be written into its variable.
type given struct {
	text string
	at   place
}

// file is what is known while one is read.
type file struct {
	by       string // the variable that names it
	name     string
	settings map[string]setting // by key
	groups   []group
	check    func(setting, string) error
	found    *faults
	values   map[string]given // by variable
}

// read finds the values in a file and whatever is wrong with them. It returns false when it cannot tell them.
func (f *file) read() bool {
	text, err := os.ReadFile(f.name)
	if err != nil {
		f.found.add(f.by, place{name: f.by}, err)
		return false
	}
	tree, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey()) // they are found below, all of them
	if syntax := yaml.Error(nil); errors.As(err, &syntax) {
		f.found.add("", place{f.name, syntax.GetToken().Position.Line, ""}, errors.New(syntax.GetMessage()))
	} else if err != nil {
		f.found.add("", place{f.name, 1, ""}, err)
	}
	if err != nil {
		return false
	}
	for i, doc := range tree.Docs {
		switch {
		case doc.Body == nil: // nothing but comments
		case i > 0:
			f.found.add("", place{f.name, line(doc.Body), ""}, errors.New("want one document"))
		default:
			f.group(doc.Body, "")
		}
	}
	return true
}

// group reads the settings below a key.
func (f *file) group(node ast.Node, key string) {
	for _, p := range f.pairs("", node, key) {
		s, known := f.settings[p.at.name]
		switch {
		case known:
			if text, ok := f.text(s, p); ok {
				f.values[s.name] = given{text, p.at}
			}
		case slices.ContainsFunc(f.groups, func(g group) bool { return g.key == p.at.name }):
			f.group(p.value, p.at.name)
		default:
			f.found.add("", p.at, errors.New("there is no such setting"))
		}
	}
}

// pair is a key and its value.
type pair struct {
	key   string
	at    place
	value ast.Node
}

// pairs returns what a mapping holds, which is the value of a key, and finds keys that it holds twice.
func (f *file) pairs(setting string, node ast.Node, key string) []pair {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		f.found.add(setting, place{f.name, line(node), key}, fmt.Errorf("want keys with values, got %s", describe(node)))
		return nil
	}
	var all []pair
	for _, value := range mapping.Values {
		p := pair{value.Key.GetToken().Value, place{file: f.name, line: line(value.Key)}, value.Value}
		p.at.name = strings.TrimPrefix(key+"."+p.key, ".")
		if first := slices.IndexFunc(all, func(other pair) bool { return other.key == p.key }); first >= 0 {
			f.found.add(setting, p.at, fmt.Errorf("it stands in line %d already", all[first].at.line))
			continue
		}
		all = append(all, p)
	}
	return all
}

// text returns the value of a setting as its variable would have it, false if something is wrong with it.
func (f *file) text(s setting, p pair) (string, bool) {
	before := len(*f.found)
	var parts []string
	part := func(t reflect.Type, at place, begin string, node ast.Node) {
		text, err := scalar(t, node)
		switch {
		case err != nil:
		case t != s.typ && strings.Contains(text, ","):
			err = errors.New("no comma can stand in it")
		default:
			err = f.check(s, begin+text)
		}
		f.found.add(s.name, at, err)
		parts = append(parts, begin+text)
	}
	switch jsonType(s.typ) {
	case "array":
		list, ok := p.value.(*ast.SequenceNode)
		if !ok {
			f.found.add(s.name, p.at, fmt.Errorf("want a list, got %s", describe(p.value)))
			break
		}
		for _, item := range list.Values {
			part(s.typ.Elem(), place{f.name, line(item), s.key}, "", item)
		}
	case "object":
		for _, entry := range f.pairs(s.name, p.value, s.key) {
			if strings.ContainsAny(entry.key, ",=") {
				f.found.add(s.name, entry.at, errors.New("neither comma nor = can stand in a name"))
				continue
			}
			part(s.typ.Elem(), entry.at, entry.key+"=", entry.value)
		}
	default:
		part(s.typ, p.at, "", p.value)
	}
	return strings.Join(parts, ","), len(*f.found) == before
}

// scalar returns a single value of the type as text.
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
	case got != "" && want == "string" && wants(t) == "":
		return "", errors.New("want text: put it in quotes") // and it may be a secret
	}
	return "", fmt.Errorf("want %s, got %s", cmp.Or(wants(t), "text"), describe(node))
}

// describe says what stands in a file.
func describe(node ast.Node) string {
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
		return "an anchor, alias or tag of YAML"
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
