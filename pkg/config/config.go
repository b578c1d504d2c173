package config

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Program is the program that is configured.
type Program struct {
	Name     string            // of its binary
	About    string            // what it does, as a sentence
	Defaults map[string]string // by variable: the settings that have another default in each program
}

// Settings is a struct that Read can fill. Its fields have the tags that setting describes.
type Settings interface {
	// Check returns what is wrong with the settings beyond their types. Each error begins with the
	// variable at fault: "NAME: …".
	Check() error
	// Development reports whether example secrets are allowed.
	Development() bool
}

// setting is one variable of the environment, as the tags of a configuration describe it: env and
// envDefault (package env), help (what it means), min and max (of a number or duration), enum (the texts
// that are allowed), flag (it can also be an argument; what stands for its value in the help) and
// restart (it does not change while the service runs).
type setting struct {
	name, fallback, help string
	key                  string // in a file: limit.depth
	required, restart    bool
	flag, min, max       string
	enum                 []string
	index                []int // of the field
	typ                  reflect.Type
}

// group is a part of a configuration.
type group struct{ prefix, key string } // LIMIT_, limit

// settingsOf lists the settings of a service's configuration and its groups.
func settingsOf[C Settings](program Program) ([]setting, []group) {
	list, groups := settingsIn(reflect.TypeFor[C](), group{}, nil)
	for i, s := range list {
		list[i].fallback = cmp.Or(program.Defaults[s.name], s.fallback)
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
				name: in.prefix + name, key: in.key + strings.ToLower(name), fallback: f.Tag.Get("envDefault"), help: f.Tag.Get("help"),
				required: strings.Contains(options, "required"), restart: f.Tag.Get("restart") != "", flag: f.Tag.Get("flag"),
				min: f.Tag.Get("min"), max: f.Tag.Get("max"), index: at, typ: f.Type,
			}
			if enum := f.Tag.Get("enum"); enum != "" {
				s.enum = strings.Split(enum, ",")
			}
			list = append(list, s)
		case f.Type.Kind() == reflect.Struct:
			within := in
			if prefix := f.Tag.Get("envPrefix"); prefix != "" {
				key := strings.ToLower(strings.TrimSuffix(prefix, "_"))
				within = group{in.prefix + prefix, in.key + key + "."}
				groups = append(groups, group{within.prefix, in.key + key})
			}
			more, deeper := settingsIn(f.Type, within, at)
			list, groups = append(list, more...), append(groups, deeper...)
		}
	}
	return list, groups
}

// AddFlags adds the settings that can also be arguments. An argument sets its variable.
func AddFlags[C Settings](program Program, flags *flag.FlagSet) {
	list, _ := settingsOf[C](program)
	for _, s := range list {
		if s.flag != "" {
			flags.Func(strings.ToLower(s.name), s.help, func(value string) error { return os.Setenv(s.name, value) })
		}
	}
}

// Usage returns how a service is called and what it can be configured with: every variable, its default
// and its meaning.
func Usage[C Settings](program Program) string {
	list, _ := settingsOf[C](program)
	call := program.Name
	for _, s := range list {
		if s.flag != "" {
			call += fmt.Sprintf(" [--%s %s]", strings.ToLower(s.name), s.flag)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `%[2]s

  %[3]s
        serve until SIGINT or SIGTERM
  %[1]s healthcheck
        exit with 0 if the one that runs is ready, else with 1
`, program.Name, program.About, call)
	file := fileSetting(list)
	if file != nil {
		fmt.Fprintf(&b, `  %s schema
        print the JSON Schema of %s, for editors

Settings are variables of the environment; lists are separated by commas. They may also stand
in a YAML file, %[2]s, in lower case and with a level for each group: LIMIT_DEPTH=20
is written limit: {depth: 20}. Variables win. What changes in the file is taken over at once,
unless it says [restart]. These are all settings, with their defaults:

`, program.Name, file.name)
	} else {
		b.WriteString(`
Settings are variables of the environment; lists are separated by commas. These are all,
with their defaults:

`)
	}
	for _, s := range list {
		if s.required {
			s.help += " (required)"
		}
		if s.restart && file != nil {
			s.help += " [restart]"
		}
		fmt.Fprintf(&b, "  %s=%s\n        %s\n", s.name, s.fallback, s.help)
	}
	return b.String()
}

// Read reads a configuration from the environment, in the form of os.Environ, and from the file that it
// names, if any. The error names all that is at fault, each once, and never the value of a secret. A
// service that runs already says with what: then whatever changes with a restart only is at fault, too.
func Read[C Settings](program Program, environ []string, running *C) (C, error) {
	list, groups := settingsOf[C](program)
	variables := env.ToMap(environ)
	var found faults
	written, readable := map[string]given{}, true
	if by := fileSetting(list); by != nil && variables[by.name] != "" {
		keys := map[string]setting{}
		for _, s := range list {
			if s.name != by.name {
				keys[s.key] = s
			}
		}
		f := file{by.name, variables[by.name], keys, groups, check[C], &found, written}
		readable = f.read()
	}
	values, origins := map[string]string{}, map[string]place{}
	for _, s := range list {
		value, at := variables[s.name], place{name: s.name}
		if value != "" { // an empty one counts as not set
			found.add(s.name, at, check[C](s, value))
		}
		if w, ok := written[s.name]; ok && value == "" {
			value, at = w.text, w.at
		}
		if s.required && value == "" && readable && !found.of(s.name) {
			found.add(s.name, at, errors.New("it must be set"))
		}
		values[s.name], origins[s.name] = cmp.Or(value, s.fallback), at
	}
	for name := range variables {
		if _, known := values[name]; !known && slices.ContainsFunc(groups, func(g group) bool { return strings.HasPrefix(name, g.prefix) }) {
			found.add(name, place{name: name}, errors.New("there is no such variable"))
		}
	}
	cfg, err := env.ParseAsWithOptions[C](env.Options{Environment: values})
	if !readable { // the rest would be about what is missing
		return cfg, found.join()
	}
	for _, fault := range split(cfg.Check()) {
		name, text, _ := strings.Cut(fault.Error(), ": ")
		if !found.of(name) {
			found.add(name, cmp.Or(origins[name], place{name: name}), errors.New(text))
		}
	}
	for _, s := range list {
		value := func(c C) any { return reflect.ValueOf(c).FieldByIndex(s.index).Interface() }
		secret, _ := value(cfg).(Secret)
		switch {
		case found.of(s.name):
		case secret.isExample() && !cfg.Development():
			found.add(s.name, origins[s.name], errors.New("this is an example from the repository; make one of your own or set ENVIRONMENT=development"))
		case s.restart && running != nil && value(cfg) != value(*running):
			found.add(s.name, origins[s.name], errors.New("changes with a restart only"))
		}
	}
	if len(found) == 0 {
		return cfg, err // which would not be a matter of any setting
	}
	return cfg, found.join()
}

// place is where somebody has set something: a variable, or a line of a file.
type place struct {
	file string
	line int
	name string // of the variable or the key
}

func (p place) String() string {
	switch {
	case p.file == "":
		return p.name
	case p.name == "":
		return fmt.Sprintf("%s:%d", p.file, p.line)
	}
	return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.name)
}

// faults are all that is wrong with a configuration.
type faults []fault

type fault struct {
	setting string // its variable, or empty
	at      place
	err     error
}

func (f *faults) add(setting string, at place, err error) {
	if err != nil {
		*f = append(*f, fault{setting, at, err})
	}
}

// of reports whether something is wrong with a setting.
func (f *faults) of(setting string) bool {
	return slices.ContainsFunc(*f, func(one fault) bool { return one.setting == setting })
}

// join returns all as one error: variables by name, then the file from top to bottom.
func (f *faults) join() error {
	slices.SortStableFunc(*f, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.name, b.at.name))
	})
	all := make([]error, len(*f))
	for i, one := range *f {
		all[i] = fmt.Errorf("%s: %w", one.at, one.err)
	}
	return errors.Join(all...)
}

// check returns what is wrong with a text for the setting.
func check[C Settings](s setting, text string) error {
	cfg, err := env.ParseAsWithOptions[C](env.Options{Environment: map[string]string{s.name: text}})
	var all env.AggregateError
	if errors.As(err, &all) { // other settings may be missing
		for _, one := range all.Errors {
			var parsing env.ParseError
			if errors.As(one, &parsing) {
				return s.explain(text, parsing.Err)
			}
		}
	}
	if s.enum != nil && !slices.Contains(s.enum, text) {
		return fmt.Errorf("want %s, got %q", oneOf(s.enum), text)
	}
	return s.outOfRange(reflect.ValueOf(cfg).FieldByIndex(s.index))
}

func oneOf(texts []string) string {
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// explain says what a setting wants instead of its value.
func (s setting) explain(value string, err error) error {
	if want := wants(s.typ); want != "" {
		return fmt.Errorf("want %s, got %q", want, value)
	}
	return err
}

// wants says what a value of the type looks like, empty for those that say so themselves.
func wants(t reflect.Type) string {
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
		return wants(t.Elem())
	case t.Kind() == reflect.Map && wants(t.Elem()) != "":
		return "names, each with " + wants(t.Elem())
	}
	return ""
}

// outOfRange compares a number or duration, or those of a map, with the smallest and the largest that are allowed.
func (s setting) outOfRange(v reflect.Value) error {
	if v.Kind() == reflect.Map {
		var all []error
		for _, each := range v.Seq2() {
			all = append(all, s.outOfRange(each))
		}
		return errors.Join(all...)
	}
	number := func(limit string) float64 {
		if v.Type() == reflect.TypeFor[time.Duration]() {
			d, err := time.ParseDuration(limit)
			return must(float64(d), err)
		}
		return must(strconv.ParseFloat(limit, 64))
	}
	value := func() float64 {
		if v.CanFloat() {
			return v.Float()
		}
		return float64(v.Int())
	}
	switch {
	case s.min != "" && !(value() >= number(s.min)): // nor is it without being a number
		return fmt.Errorf("want at least %s, got %v", s.min, v)
	case s.max != "" && !(value() <= number(s.max)):
		return fmt.Errorf("want at most %s, got %v", s.max, v)
	}
	return nil
}

// must returns what a programmer has written.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
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
