package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Schema returns the JSON Schema (draft 2020-12) of the settings file, nil if the program has none. Required
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

// groupSchema returns the schema of the mapping below a key.
func groupSchema(list []setting, groups []group, key string) map[string]any {
	properties := map[string]any{}
	add := func(child string, schema func() map[string]any) {
		if name, ok := strings.CutPrefix(child, key); ok && !strings.Contains(name, ".") {
			properties[name] = schema()
		}
	}
	for _, s := range list {
		if s.field.Type != reflect.TypeFor[File]() {
			add(s.key, s.schema)
		}
	}
	for _, g := range groups {
		add(g.key, func() map[string]any { return groupSchema(list, groups, g.key+".") })
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// schema returns the schema of the setting.
func (s setting) schema() map[string]any {
	schema := typeSchema(s.field.Type)
	value := schema
	if ofMap, ok := schema["additionalProperties"].(map[string]any); ok {
		value = ofMap
	}
	description := s.variable + ": " + s.help
	if s.enum != nil {
		value["enum"] = s.enum
	}
	for _, limit := range []struct{ keyword, phrase, text string }{
		{"minimum", "at least", s.min}, {"maximum", "at most", s.max},
	} {
		switch {
		case limit.text == "":
		case value["type"] == "string": // JSON Schema cannot compare durations
			description += "; " + limit.phrase + " " + limit.text
		default:
			value[limit.keyword] = json.Number(limit.text)
		}
	}
	if s.restart {
		description += " [restart]"
	}
	schema["description"] = description
	switch {
	case s.fallback == "":
	case schema["type"] == "string":
		schema["default"] = s.fallback
	default:
		schema["default"] = json.RawMessage(s.fallback)
	}
	return schema
}

// durationPattern matches the usual durations of time.ParseDuration, not all.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

func typeSchema(t reflect.Type) map[string]any {
	schema := map[string]any{"type": jsonType(t)}
	switch {
	case schema["type"] == "array":
		schema["items"] = typeSchema(t.Elem())
	case schema["type"] == "object":
		schema["additionalProperties"] = typeSchema(t.Elem())
	case t == reflect.TypeFor[time.Duration]():
		schema["pattern"] = durationPattern
	case t == reflect.TypeFor[Secret]():
		schema["minLength"] = minSecret
	}
	return schema
}

// jsonType returns the JSON Schema type of a setting's Go type. It panics if there is none.
func jsonType(t reflect.Type) string {
	isText := reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	if isText || t == reflect.TypeFor[time.Duration]() {
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
	panic(fmt.Sprintf("config: a setting cannot be a %s", t))
}
