package server

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// setting is one variable of the environment, as the tags of a configuration describe it: env and
// envDefault (package env), help (what it means), min and max (of a number or duration).
type setting struct {
	name, fallback, help string
	required             bool
	min, max             string
	index                []int // of the field
	typ                  reflect.Type
}

// settingsOf lists the variables of a configuration and the prefixes of its parts.
func settingsOf(t reflect.Type, prefix string, index []int) (list []setting, prefixes []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		name, options, tagged := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case name != "":
			list = append(list, setting{
				name: prefix + name, fallback: f.Tag.Get("envDefault"), help: f.Tag.Get("help"),
				required: tagged && strings.Contains(options, "required"), min: f.Tag.Get("min"), max: f.Tag.Get("max"), index: at, typ: f.Type,
			})
		case f.Type.Kind() == reflect.Struct:
			p := f.Tag.Get("envPrefix")
			more, within := settingsOf(f.Type, prefix+p, at)
			list = append(list, more...)
			if p != "" {
				prefixes = append(prefixes, prefix+p)
			}
			prefixes = append(prefixes, within...)
		}
	}
	return list, prefixes
}

// Usage returns how a service is called, with the arguments it takes besides those of Main, and what
// it can be configured with: every variable, its default and its meaning.
func Usage[C Configured](service Service, arguments string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%[2]s

  %[3]s
        serve until SIGINT or SIGTERM
  %[1]s healthcheck
        exit with 0 if the one that runs is ready, else with 1

Settings are variables of the environment; lists are separated by commas. These are all,
with their defaults:

`, service.Name, service.About, strings.TrimSpace(service.Name+" "+arguments))
	list, _ := settingsOf(reflect.TypeFor[C](), "", nil)
	for _, s := range list {
		switch s.name {
		case "LISTEN_ADDR":
			s.fallback = service.Listen
		case "ADMIN_ADDR":
			s.fallback = service.Admin
		}
		if s.required {
			s.help += " (required)"
		}
		fmt.Fprintf(&b, "  %s=%s\n        %s\n", s.name, s.fallback, s.help)
	}
	return b.String()
}

// configure reads a configuration. The error names every variable that is at fault, each once,
// and never the value of a secret.
func configure[C Configured](environ map[string]string) (C, error) {
	list, prefixes := settingsOf(reflect.TypeFor[C](), "", nil)
	cfg, err := env.ParseAsWithOptions[C](env.Options{Environment: environ})
	faults := map[string]error{} // by variable
	known := map[string]bool{}
	for _, s := range list {
		known[s.name] = true
		if s.required && environ[s.name] == "" { // package env takes an empty one
			faults[s.name] = errors.New("it must be set")
			continue
		}
		if err != nil {
			if fault := parse[C](s, environ); fault != nil {
				faults[s.name] = fault
				continue
			}
		}
		if fault := s.outOfRange(reflect.ValueOf(cfg).FieldByIndex(s.index)); fault != nil {
			faults[s.name] = fault
		}
	}
	for name := range environ {
		if !known[name] && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			faults[name] = errors.New("there is no such variable")
		}
	}
	checks := []error{cfg.base().check(), checkSecrets(cfg)}
	if c, ok := any(cfg).(interface{ Check() error }); ok {
		checks = append(checks, c.Check())
	}
	for _, fault := range split(errors.Join(checks...)) {
		name, text, _ := strings.Cut(fault.Error(), ": ")
		if faults[name] == nil {
			faults[name] = errors.New(text)
		}
	}
	if err != nil && len(faults) == 0 { // not a matter of any variable
		return cfg, err
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		all = append(all, fmt.Errorf("%s: %w", name, faults[name]))
	}
	return cfg, errors.Join(all...)
}

// parse returns what is wrong with one variable, because package env names fields instead.
func parse[C Configured](s setting, environ map[string]string) error {
	value, set := environ[s.name]
	if !set {
		return nil
	}
	_, err := env.ParseAsWithOptions[C](env.Options{Environment: map[string]string{s.name: value}})
	var all env.AggregateError
	if errors.As(err, &all) {
		for _, fault := range all.Errors {
			var parsing env.ParseError
			if errors.As(fault, &parsing) {
				return s.explain(value, parsing.Err)
			}
		}
	}
	return nil
}

// explain says what a variable wants instead of its value.
func (s setting) explain(value string, err error) error {
	switch {
	case s.typ == reflect.TypeFor[time.Duration]():
		return fmt.Errorf("want a duration such as 5s, got %q", value)
	case s.typ.Kind() == reflect.Int, s.typ.Kind() == reflect.Int64:
		return fmt.Errorf("want a whole number, got %q", value)
	case s.typ.Kind() == reflect.Bool, s.typ.Kind() == reflect.Pointer && s.typ.Elem().Kind() == reflect.Bool:
		return fmt.Errorf("want true or false, got %q", value)
	}
	return err
}

// outOfRange compares a number or duration with the smallest and the largest that are allowed.
func (s setting) outOfRange(v reflect.Value) error {
	number := func(text string) (int64, error) {
		if s.typ == reflect.TypeFor[time.Duration]() {
			d, err := time.ParseDuration(text)
			return int64(d), err
		}
		return strconv.ParseInt(text, 10, 64)
	}
	if s.min != "" {
		if least, err := number(s.min); err != nil || v.Int() < least {
			return fmt.Errorf("want at least %s, got %v", s.min, v)
		}
	}
	if s.max != "" {
		if most, err := number(s.max); err != nil || v.Int() > most {
			return fmt.Errorf("want at most %s, got %v", s.max, v)
		}
	}
	return nil
}

// split returns the errors that were joined, at any depth.
func split(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, split(e)...)
	}
	return all
}
