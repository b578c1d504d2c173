package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// setting is one field of the settings.
type setting struct {
	variable string              // LIMIT_DEPTH
	key      string              // limit.depth, in a file
	field    reflect.StructField // with the tags that package env reads
	index    []int               // of the field
	fallback string
	help     string
	flag     string
	min, max string
	enum     []string
	required bool
	restart  bool
}

// group is a struct whose settings have a prefix.
type group struct{ prefix, key string } // LIMIT_, limit

// settingsOf lists a program's settings and groups.
func settingsOf[C Settings](program Program) ([]setting, []group) {
	list, groups := settingsIn(reflect.TypeFor[C](), group{}, nil)
	for i, s := range list {
		list[i].fallback = cmp.Or(program.Defaults[s.variable], s.fallback)
	}
	return list, groups
}

func settingsIn(t reflect.Type, in group, index []int) (list []setting, groups []group) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		name, options, _ := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case name != "":
			s := setting{
				variable: in.prefix + name, key: in.key + strings.ToLower(name), field: f, index: at,
				fallback: f.Tag.Get("envDefault"), help: f.Tag.Get("help"), flag: f.Tag.Get("flag"),
				min: f.Tag.Get("min"), max: f.Tag.Get("max"),
				required: strings.Contains(options, "required"), restart: f.Tag.Get("restart") != "",
			}
			if enum := f.Tag.Get("enum"); enum != "" {
				s.enum = strings.Split(enum, ",")
			}
			list = append(list, s)
		case f.Type.Kind() == reflect.Struct:
			within := in
			if prefix := f.Tag.Get("envPrefix"); prefix != "" {
				key := in.key + strings.ToLower(strings.TrimSuffix(prefix, "_"))
				within = group{in.prefix + prefix, key + "."}
				groups = append(groups, group{within.prefix, key})
			}
			more, deeper := settingsIn(f.Type, within, at)
			list, groups = append(list, more...), append(groups, deeper...)
		}
	}
	return list, groups
}

// parse returns the value of the text. Package env parses it into a struct that has this one field.
func (s setting) parse(text string) (reflect.Value, error) {
	if s.enum != nil && !slices.Contains(s.enum, text) {
		return reflect.Value{}, fmt.Errorf("want %s, got %q", oneOf(s.enum), text)
	}
	holder := reflect.New(reflect.StructOf([]reflect.StructField{s.field}))
	name, _, _ := strings.Cut(s.field.Tag.Get("env"), ",")
	err := env.ParseWithOptions(holder.Interface(), env.Options{Environment: map[string]string{name: text}})
	if parseErr := (env.ParseError{}); errors.As(err, &parseErr) {
		if want := describeType(s.field.Type); want != "" {
			return reflect.Value{}, fmt.Errorf("want %s, got %q", want, text)
		}
		return reflect.Value{}, parseErr.Err
	}
	value := holder.Elem().Field(0)
	return value, cmp.Or(err, s.checkRange(value))
}

func oneOf(texts []string) string {
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// describeType returns what a value of the type looks like, or an empty text for types whose own errors say it.
func describeType(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 5s"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Pointer:
		return describeType(t.Elem())
	case t.Kind() == reflect.Map && describeType(t.Elem()) != "":
		return "names, each with " + describeType(t.Elem())
	}
	return ""
}

// checkRange compares a number or duration, or each of a map, with min and max.
func (s setting) checkRange(v reflect.Value) error {
	if s.min == "" && s.max == "" {
		return nil
	}
	if v.Kind() == reflect.Map {
		var errs []error
		for _, each := range v.Seq2() {
			errs = append(errs, s.checkRange(each))
		}
		return errors.Join(errs...)
	}
	limit := func(text string) float64 {
		if v.Type() == reflect.TypeFor[time.Duration]() {
			return float64(must(time.ParseDuration(text)))
		}
		return must(strconv.ParseFloat(text, 64))
	}
	var number float64
	if v.CanFloat() {
		number = v.Float()
	} else {
		number = float64(v.Int())
	}
	switch { // NaN is not in any range
	case s.min != "" && !(number >= limit(s.min)):
		return fmt.Errorf("want at least %s, got %v", s.min, v)
	case s.max != "" && !(number <= limit(s.max)):
		return fmt.Errorf("want at most %s, got %v", s.max, v)
	}
	return nil
}

// must panics for an error in a tag.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
