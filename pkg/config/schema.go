package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Schema returns the JSON Schema (draft 2020-12) of the settings file, nil if the program reads none. Required
// settings are optional in it, because they may be variables.
func Schema[C Settings](program Program) []byte {
	list, groups := settingsOf[C](program)
	if fileSetting(list) == nil {
		return nil
	}
	schema := groupSchema(list, groups, "")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Settings of the " + program.Name
	schema["description"] = program.About
	return append(must(json.MarshalIndent(schema, "", "  ")), '\n')
}

// groupSchema returns what may stand below a key.
func groupSchema(list []setting, groups []group, key string) map[string]any {
	properties := map[string]any{}
	add := func(below string, schema func() map[string]any) {
		if name, ok := strings.CutPrefix(below, key); ok && !strings.Contains(name, ".") {
			properties[name] = schema()
		}
	}
	for _, s := range list {
		if s.typ != reflect.TypeFor[File]() {
			add(s.key, s.schema)
		}
	}
	for _, g := range groups {
		add(g.key, func() map[string]any { return groupSchema(list, groups, g.key+".") })
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// schema returns what a setting may be in a file.
func (s setting) schema() map[string]any {
	is := schemaOf(s.typ)
	one := is // of a map's values
	if values, ok := is["additionalProperties"].(map[string]any); ok {
		one = values
	}
	about := s.name + ": " + s.help
	if s.enum != nil {
		one["enum"] = s.enum
	}
	for _, limit := range []struct{ word, phrase, text string }{{"minimum", "at least", s.min}, {"maximum", "at most", s.max}} {
		switch {
		case limit.text == "":
		case one["type"] == "string": // JSON Schema knows no durations
			about += "; " + limit.phrase + " " + limit.text
		default:
			one[limit.word] = json.Number(limit.text)
		}
	}
	if s.restart {
		about += " [restart]"
	}
	is["description"] = about
	switch {
	case s.fallback == "":
	case is["type"] == "string":
		is["default"] = s.fallback
	default:
		is["default"] = json.RawMessage(s.fallback)
	}
	return is
}

// durations are what time.ParseDuration takes, without those that look odd.
const durations = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

func schemaOf(t reflect.Type) map[string]any {
	is := map[string]any{"type": jsonType(t)}
	switch {
	case is["type"] == "array":
		is["items"] = schemaOf(t.Elem())
	case is["type"] == "object":
		is["additionalProperties"] = schemaOf(t.Elem())
	case t == reflect.TypeFor[time.Duration]():
		is["pattern"] = durations
	case t == reflect.TypeFor[Secret]():
		is["minLength"] = minSecret
	}
	return is
}

// jsonType returns the type of JSON Schema for a setting's.
func jsonType(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "array"
	case reflect.Map:
		return "object"
	}
	panic(fmt.Sprintf("a setting cannot be a %s", t)) // of a programmer
}
