// Package config reads the settings of a program from variables of the environment and, if the program
// has one, from a YAML file. It also prints them as help and as a JSON Schema.
//
// Settings are a struct. Each field with an env tag is a setting, and its tags describe it: env and
// envDefault as in package github.com/caarlos0/env, which parses the values, and
//
//	help     its meaning, for operators
//	min, max the range of a number or duration
//	enum     the allowed values, separated by commas
//	flag     the setting can also be an argument; the tag names its value in the help
//	restart  a change takes effect only after a restart
//
// A struct with envPrefix is a group: its settings begin with the prefix, and have a level of their own in a file.
package config

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Program describes the program that has the settings.
type Program struct {
	Name     string            // of its binary
	About    string            // what it does, as a sentence
	Defaults map[string]string // by variable: defaults of settings that programs share
}

// Settings is a struct that Read can fill.
type Settings interface {
	// Check returns what is wrong with settings beyond their own types and ranges. Each error begins
	// with the variable at fault: "NAME: …".
	Check() error
	// Development reports whether the example secrets of the repository are allowed.
	Development() bool
}

// Read reads settings from the environment, in the form of os.Environ, and from the file that they name, if
// any; variables win. The error lists every problem and never contains a secret; the settings without
// problems are returned with it. In a running program, running is its settings, and changes that need a
// restart are problems.
func Read[C Settings](program Program, environ []string, running *C) (C, error) {
	var cfg C
	var found problems
	list, groups := settingsOf[C](program)
	variables := env.ToMap(environ)
	inFile, fileOK := readFile(list, groups, variables, &found)
	positions := map[string]position{}
	for _, s := range list {
		text, at := variables[s.variable], position{name: s.variable}
		if v, ok := inFile[s.variable]; ok && text == "" { // an empty variable counts as unset
			text, at = v.text, v.at
		}
		positions[s.variable] = at
		text = cmp.Or(text, s.fallback)
		switch {
		case text != "":
			value, err := s.parse(text)
			found.add(s.variable, at, err)
			if err == nil {
				reflect.ValueOf(&cfg).Elem().FieldByIndex(s.index).Set(value)
			}
		case s.required && fileOK && !found.has(s.variable):
			found.add(s.variable, at, errors.New("must be set"))
		}
	}
	for name := range variables {
		_, known := positions[name]
		if !known && slices.ContainsFunc(groups, func(g group) bool { return strings.HasPrefix(name, g.prefix) }) {
			found.add(name, position{name: name}, errors.New("unknown variable"))
		}
	}
	if !fileOK { // most of the other checks would fail for what is in the file
		return cfg, found.join()
	}
	for _, err := range split(cfg.Check()) {
		name, text, _ := strings.Cut(err.Error(), ": ")
		if !found.has(name) {
			found.add(name, cmp.Or(positions[name], position{name: name}), errors.New(text))
		}
	}
	for _, s := range list {
		secret, _ := valueOf(cfg, s).(Secret)
		switch {
		case found.has(s.variable):
		case secret.isExample() && !cfg.Development():
			found.add(s.variable, positions[s.variable],
				errors.New("is an example from the repository; generate a secret, or set ENVIRONMENT=development"))
		case s.restart && running != nil && !reflect.DeepEqual(valueOf(cfg, s), valueOf(*running, s)):
			found.add(s.variable, positions[s.variable], errors.New("takes effect only after a restart"))
		}
	}
	return cfg, found.join()
}

func valueOf[C Settings](cfg C, s setting) any {
	return reflect.ValueOf(cfg).FieldByIndex(s.index).Interface()
}

// AddFlags adds the settings that can also be arguments. An argument sets the variable of its setting.
func AddFlags[C Settings](program Program, flags *flag.FlagSet) {
	list, _ := settingsOf[C](program)
	for _, s := range list {
		if s.flag != "" {
			setVariable := func(value string) error { return os.Setenv(s.variable, value) }
			flags.Func(strings.ToLower(s.variable), s.help, setVariable)
		}
	}
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

// position is where a setting was set: a variable, or a line of a file.
type position struct {
	file string
	line int
	name string // of the variable or the key
}

func (p position) String() string {
	switch {
	case p.file == "":
		return p.name
	case p.name == "":
		return fmt.Sprintf("%s:%d", p.file, p.line)
	}
	return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.name)
}

// problems is everything that is wrong with a program's settings.
type problems []problem

type problem struct {
	variable string // of the setting, or empty
	at       position
	err      error
}

// add adds a problem, unless err is nil.
func (p *problems) add(variable string, at position, err error) {
	if err != nil {
		*p = append(*p, problem{variable, at, err})
	}
}

// has reports whether there is a problem with the setting.
func (p *problems) has(variable string) bool {
	return slices.ContainsFunc(*p, func(one problem) bool { return one.variable == variable })
}

// join returns one error: the variables by name, then the file from top to bottom.
func (p *problems) join() error {
	slices.SortStableFunc(*p, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.name, b.at.name))
	})
	errs := make([]error, len(*p))
	for i, one := range *p {
		errs[i] = fmt.Errorf("%s: %w", one.at, one.err)
	}
	return errors.Join(errs...)
}
