package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/wundergraph/astjson"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/upstream"
)

// Format is how parts of a response are written.
type Format int

// Formats that clients ask for.
const (
	// Defer20220824 names parts by path and label
	// (https://github.com/graphql/graphql-spec/tree/48cf7263a71a683fab03d45d309fd42d8d9a6659/spec).
	Defer20220824 Format = iota + 1
	// IncrementalV02 announces parts and then refers to them
	// (https://specs.apollo.dev/incremental/v0.2, and the draft of the GraphQL specification).
	IncrementalV02
)

// typeOf is where the type of an object stands, when it matters, until the client gets the object.
const typeOf = "@type"

// frame is one part of a response.
type frame struct {
	Errors      []responseError `json:"errors,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	Pending     []pending       `json:"pending,omitempty"`
	Incremental []increment     `json:"incremental,omitempty"`
	Completed   []completed     `json:"completed,omitempty"`
	HasNext     bool            `json:"hasNext"`

	of int // the fragment that it brings
}

type pending struct {
	ID    string `json:"id"`
	Path  []any  `json:"path"`
	Label string `json:"label,omitempty"`
}

type increment struct {
	ID      string          `json:"id,omitempty"`
	SubPath []any           `json:"subPath,omitempty"`
	Path    any             `json:"path,omitempty"` // []any, which may be empty
	Label   string          `json:"label,omitempty"`
	Data    json.RawMessage `json:"data"`
	Errors  []responseError `json:"errors,omitempty"`
}

type completed struct {
	ID     string          `json:"id"`
	Errors []responseError `json:"errors,omitempty"`
}

// client is what a client knows of a response.
type client struct {
	format   Format
	deferred *operation.Deferred
	data     *astjson.Value
	types    map[*astjson.Value]string // of objects, where they matter
	live     [][]instance              // by fragment: what the client got or waits for
	shown    []responseError
	ids      int // so far
}

// instance is a fragment of one object.
type instance struct {
	id     string
	path   []any // indices are float64, as in errors
	object *astjson.Value
}

// begin takes what is not deferred.
func (c *client) begin(ctx context.Context, a answered) (*frame, error) {
	errs, err := c.read(ctx, a, &c.data)
	if err != nil {
		return nil, err
	}
	if c.data.Type() == astjson.TypeObject {
		c.live[0] = []instance{{path: []any{}, object: c.data}}
	}
	_, fresh := c.news(ctx, errs, 0)
	return &frame{Errors: fresh, Data: c.data.MarshalTo(nil)}, nil
}

// announce begins the fragments that stand in the one that a frame brings, and returns them.
func (c *client) announce(f *frame) (begun []int) {
	for k, fragment := range c.deferred.Fragments {
		if k == 0 || fragment.Within != f.of {
			continue
		}
		c.find(k, c.data, fragment.Path, []any{})
		if len(c.live[k]) == 0 {
			continue
		}
		begun = append(begun, k)
		for i := range c.live[k] {
			c.live[k][i].id = strconv.Itoa(c.ids)
			c.ids++
			if c.format == IncrementalV02 {
				f.Pending = append(f.Pending, pending{c.live[k][i].id, c.live[k][i].path, fragment.Label})
			}
		}
	}
	return begun
}

// find adds the objects at the end of a path that have the fragment.
func (c *client) find(fragment int, value *astjson.Value, path []operation.Step, at []any) {
	f := c.deferred.Fragments[fragment]
	switch value.Type() {
	case astjson.TypeArray:
		for i, item := range value.GetArray() {
			c.find(fragment, item, path, append(slices.Clip(at), float64(i)))
		}
	case astjson.TypeObject:
		types := f.Types
		if len(path) > 0 {
			types = path[0].Types
		}
		if types != nil && !slices.Contains(types, c.types[value]) {
			return
		}
		if len(path) > 0 {
			if next := value.Get(path[0].Name); next != nil {
				c.find(fragment, next, path[1:], append(slices.Clip(at), path[0].Name))
			}
			return
		}
		within := func(outer instance) bool {
			return len(outer.path) <= len(at) && slices.Equal(outer.path, at[:len(outer.path)])
		}
		if slices.ContainsFunc(c.live[f.Within], within) {
			c.live[fragment] = append(c.live[fragment], instance{path: at, object: value})
		}
	}
}

// outcome is what came out for an instance.
type outcome struct {
	instance

	failed  bool
	changes []change
	errors  []responseError
}

// deliver takes what came out for a fragment.
func (c *client) deliver(ctx context.Context, a answered) *frame {
	data := astjson.NullValue
	var errs []responseError
	err := a.err
	if err == nil {
		errs, err = c.read(ctx, a, &data)
	}
	if err != nil {
		slog.ErrorContext(ctx, "fragment failed", "error", err)
		errs = []responseError{masked(ctx, responseError{}, apperr.Internal, "internal error")}
	}
	outcomes := make([]outcome, len(c.live[a.fragment]))
	for i, in := range c.live[a.fragment] {
		changes, ok := compare(in.object, at(data, in.path), nil)
		outcomes[i] = outcome{instance: in, failed: !ok, changes: changes}
	}
	c.live[a.fragment] = nil
	f := &frame{of: a.fragment}
	for _, o := range outcomes {
		if !o.failed {
			c.live[a.fragment] = append(c.live[a.fragment], o.instance)
			for _, change := range o.changes {
				change.apply()
			}
		}
	}
	c.blame(ctx, outcomes, errs, a.fragment)
	for _, o := range outcomes {
		c.write(f, o)
	}
	return f
}

// blame gives each new error to an instance that it concerns, one that failed if possible, and to each that
// failed one at least.
func (c *client) blame(ctx context.Context, outcomes []outcome, errs []responseError, fragment int) {
	all, fresh := c.news(ctx, errs, fragment)
	for _, e := range fresh {
		i := slices.IndexFunc(outcomes, func(o outcome) bool { return o.failed && e.concerns(o.path) })
		if i < 0 {
			i = max(slices.IndexFunc(outcomes, func(o outcome) bool { return e.concerns(o.path) }), 0)
		}
		outcomes[i].errors = append(outcomes[i].errors, e)
	}
	for i := range outcomes {
		o := &outcomes[i]
		if !o.failed || len(o.errors) > 0 {
			continue
		}
		for _, e := range all {
			if e.concerns(o.path) {
				o.errors = append(o.errors, e)
			}
		}
		if len(o.errors) == 0 {
			o.errors = []responseError{masked(ctx, responseError{Path: o.path}, upstream.Unavailable, upstream.UnavailableMessage)}
		}
	}
}

// write adds an outcome to a frame.
func (c *client) write(f *frame, o outcome) {
	if c.format == Defer20220824 {
		n := increment{Path: o.path, Label: c.deferred.Fragments[f.of].Label, Errors: o.errors}
		if !o.failed {
			n.Data = project(o.object, c.deferred.Selection(f.of), f.of).MarshalTo(nil)
		}
		f.Incremental = append(f.Incremental, n)
		return
	}
	if o.failed {
		f.Completed = append(f.Completed, completed{o.id, o.errors})
		return
	}
	if len(o.changes) == 0 && len(o.errors) > 0 {
		o.changes = []change{{added: astjson.ObjectValue(nil)}}
	}
	for i, change := range o.changes {
		n := increment{ID: o.id, SubPath: change.path, Data: change.added.MarshalTo(nil)}
		if i == 0 {
			n.Errors = o.errors
		}
		f.Incremental = append(f.Incremental, n)
	}
	f.Completed = append(f.Completed, completed{ID: o.id})
}

// send gives a frame to the client.
func (c *client) send(f *frame, more bool, emit func([]byte) error) error {
	f.HasNext = more
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode part: %w", err)
	}
	return emit(text)
}

// read returns the errors of what came out and, in data, what else is in it.
func (c *client) read(ctx context.Context, a answered, data **astjson.Value) (errs []responseError, err error) {
	response, err := astjson.ParseBytes(a.body)
	if err != nil {
		return nil, fmt.Errorf("read own response: %w", err)
	}
	if *data = response.Get("data"); *data == nil {
		return nil, fmt.Errorf("read own response: no data")
	}
	c.learn(*data)
	list := response.Get("errors")
	if list == nil {
		return nil, nil
	}
	if err := json.Unmarshal(list.MarshalTo(nil), &errs); err != nil {
		return nil, fmt.Errorf("read own response: %w", err)
	}
	known := plain(*data)
	errs, others := sift(errs, known, a.wanted)
	c.shown = append(c.shown, show(ctx, others, known)...) // later fragments may have them, too
	return errs, nil
}

// plain returns a value as package json reads it.
func plain(value *astjson.Value) (data any) {
	if err := json.Unmarshal(value.MarshalTo(nil), &data); err != nil { // it was JSON before
		panic(err)
	}
	return data
}

// learn takes the types of objects out of a response.
func (c *client) learn(value *astjson.Value) {
	switch value.Type() {
	case astjson.TypeArray:
		for _, item := range value.GetArray() {
			c.learn(item)
		}
	case astjson.TypeObject:
		if name := value.Get(typeOf); name != nil {
			c.types[value] = string(name.GetStringBytes())
			value.Del(typeOf)
		}
		value.GetObject().Visit(func(_ []byte, inner *astjson.Value) { c.learn(inner) })
	}
}

// news returns the errors that people may see, and those of them that the client has not seen yet. What is
// about another fragment, which was asked for by the way, comes with that one.
func (c *client) news(ctx context.Context, errs []responseError, fragment int) (all, fresh []responseError) {
	if len(errs) == 0 {
		return nil, nil
	}
	all = show(ctx, errs, plain(c.data))
	for _, e := range all {
		if c.about(e, fragment) && !slices.ContainsFunc(c.shown, e.same) {
			fresh = append(fresh, e)
		}
	}
	report(ctx, fresh)
	c.shown = append(c.shown, fresh...)
	return all, fresh
}

// about reports whether an error concerns a fragment or what the client had before it.
func (c *client) about(e responseError, fragment int) bool {
	var field *operation.Selected
	at := c.deferred.Fields
	for _, step := range e.Path {
		name, isName := step.(string)
		if !isName {
			continue
		}
		next := at.Fields[name]
		if next == nil {
			break
		}
		field, at = next, &next.Selection
	}
	return field == nil || slices.Contains(field.In, fragment) || c.deferred.Before(field, fragment)
}

// concerns reports whether an error is about an object or what is in it, as far as it says.
func (e responseError) concerns(object []any) bool {
	n := min(len(e.Path), len(object))
	return slices.Equal(e.Path[:n], object[:n])
}

// at returns the value at a path, null when it would be within null, nil when there is none.
func at(value *astjson.Value, path []any) *astjson.Value {
	for _, step := range path {
		if value == nil || value.Type() == astjson.TypeNull {
			break
		}
		switch step := step.(type) {
		case string:
			value = value.Get(step)
		case float64:
			if list := value.GetArray(); int(step) < len(list) {
				value = list[int(step)]
			} else {
				value = nil
			}
		}
	}
	return value
}

// change is what an object gets.
type change struct {
	path   []any // below the fragment's object
	object *astjson.Value
	added  *astjson.Value
}

func (c change) apply() {
	c.added.GetObject().Visit(func(name []byte, value *astjson.Value) { c.object.Set(nil, string(name), value) })
}

// compare returns how what came differs from what is known. It reports false when something that is known
// came as null: then what is new could not be told.
func compare(known, came *astjson.Value, path []any) (changes []change, ok bool) {
	if came == nil {
		return nil, true
	}
	ok = true
	inner := func(step any, known, came *astjson.Value) {
		more, good := compare(known, came, append(slices.Clip(path), step))
		changes, ok = append(changes, more...), ok && good
	}
	switch {
	case known.Type() != astjson.TypeObject && known.Type() != astjson.TypeArray:
	case came.Type() != known.Type():
		return nil, false
	case known.Type() == astjson.TypeArray:
		list := came.GetArray()
		for i, item := range known.GetArray() {
			if i < len(list) {
				inner(float64(i), item, list[i])
			}
		}
	default:
		own := change{path, known, astjson.ObjectValue(nil)}
		came.GetObject().Visit(func(name []byte, value *astjson.Value) {
			if have := known.Get(string(name)); have != nil {
				inner(string(name), have, value)
			} else {
				own.added.Set(nil, string(name), value)
			}
		})
		if own.added.GetObject().Len() > 0 {
			changes = append([]change{own}, changes...)
		}
	}
	return changes, ok
}

// project returns what a fragment has of a value.
func project(value *astjson.Value, of *operation.Selection, fragment int) *astjson.Value {
	switch value.Type() {
	case astjson.TypeArray:
		list := astjson.ArrayValue(nil)
		for i, item := range value.GetArray() {
			list.SetArrayItem(nil, i, project(item, of, fragment))
		}
		return list
	case astjson.TypeObject:
		object := astjson.ObjectValue(nil)
		value.GetObject().Visit(func(name []byte, inner *astjson.Value) {
			if field := of.Fields[string(name)]; field != nil && slices.Contains(field.In, fragment) {
				object.Set(nil, string(name), project(inner, &field.Selection, fragment))
			}
		})
		return object
	default:
		return value
	}
}
