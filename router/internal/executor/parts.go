package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/upstream"
)

// Format is the format of a response in parts.
type Format int

// Formats that clients request.
const (
	// Defer20220824 names parts by path and label
	// (https://github.com/graphql/graphql-spec/tree/48cf7263a71a683fab03d45d309fd42d8d9a6659/spec).
	Defer20220824 Format = iota + 1
	// IncrementalV02 announces parts and then refers to them
	// (https://specs.apollo.dev/incremental/v0.2, and the draft of the GraphQL specification).
	IncrementalV02
)

// frame is one part of a response.
type frame struct {
	Errors      []Error         `json:"errors,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	Pending     []pending       `json:"pending,omitempty"`
	Incremental []increment     `json:"incremental,omitempty"`
	Completed   []completed     `json:"completed,omitempty"`
	HasNext     bool            `json:"hasNext"`
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
	Errors  []Error         `json:"errors,omitempty"`
}

type completed struct {
	ID     string  `json:"id"`
	Errors []Error `json:"errors,omitempty"`
}

// instance is a deferred fragment of one object that the client has.
type instance struct {
	part       int
	id         string
	path       []any
	types      []string // of the objects on the path
	projection *projection
	object     *value
	begin      int // where the object was written
}

// defers reports whether requests with the shape have deferred parts.
func (s *shape) defers() bool {
	for i, within := range s.within {
		if i > 0 && within == i {
			return true
		}
	}
	return false
}

// parent returns the part that contains a part.
func (s *shape) parent(part int) int { return s.within[s.plan.Deferred[part].Within] }

// instances notes the deferred fragments of an object that is being written.
func (w *writer) instances(p *projection, v *value) {
	s := p.shape
	for part := 1; part < len(s.within); part++ {
		if s.within[part] != part || s.parent(part) != w.part || !w.matches(s.plan.Deferred[part]) {
			continue
		}
		w.deferred = append(w.deferred, instance{
			part: part, path: w.at(), types: slices.Clone(w.types[:len(w.types)-1]), projection: p, object: v, begin: len(w.buf),
		})
	}
}

// matches reports whether a deferred fragment stands at the current path.
func (w *writer) matches(d planner.Deferred) bool {
	i := 0
	for _, step := range w.path {
		if step.name == "" {
			continue
		}
		if i == len(d.Path) || d.Path[i].Storage != step.name || d.Path[i].On != nil && !has(d.Path[i].On, w.types[i]) {
			return false
		}
		i++
	}
	return i == len(d.Path) && (d.On == nil || has(d.On, w.types[len(w.types)-1]))
}

// parts writes the parts of one response.
type parts struct {
	*run

	format Format
	emit   func(part []byte) error
	begun  bool
	live   []instance // that the client waits for
	shown  []Error
	nulled [][]any    // in what the client has
	had    []instance // that the client has
	ids    int
}

// errEnd ends a run whose response is complete.
var errEnd = errors.New("the response is complete")

// ExecuteInParts calls emit with the parts of a response. The first has what is not deferred. It returns emit's error,
// or that of Execute.
func (x *Executor) ExecuteInParts(ctx context.Context, call Call, format Format, emit func(part []byte) error) error {
	r, err := x.begin(ctx, call, true)
	if err != nil {
		return err
	}
	defer r.end()
	p := &parts{run: r, format: format, emit: emit}
	progress := func() error { return p.progress(ctx) }
	err = r.fetch(ctx, progress)
	if err == nil {
		err = progress()
	}
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// complete reports whether all fetches that a part needs have ended.
func (p *parts) complete(part int) bool {
	for i := range p.done {
		if !p.done[i] && p.needs(part, i) {
			return false
		}
	}
	return true
}

// progress sends what has become complete.
func (p *parts) progress(ctx context.Context) error {
	if !p.begun {
		if !p.complete(0) {
			return nil
		}
		p.begun = true
		if err := p.first(ctx); err != nil {
			return err
		}
	}
	for part := 1; part < len(p.plan.Deferred); part++ {
		waits := slices.ContainsFunc(p.live, func(i instance) bool { return i.part == part })
		if waits && p.complete(part) {
			if err := p.deliver(ctx, part); err != nil {
				return err
			}
			part = 0 // others may have begun
		}
	}
	return nil
}

// first sends what is not deferred.
func (p *parts) first(ctx context.Context) error {
	w := writer{problems: p.problems(ctx, 0)}
	f := frame{Data: json.RawMessage("null")}
	if w.object(p.shape.root, p.root) {
		f.Data = w.buf
		p.announce(&f, w.deferred)
	} else if w.missing != nil {
		w.problems.unexpected(w.missing)
	}
	p.nulled = w.nulled
	f.Errors = p.fresh(ctx, w.problems, false)
	return p.send(&f)
}

// announce adds instances to those that the client waits for.
func (p *parts) announce(f *frame, begun []instance) {
	slices.SortStableFunc(begun, func(a, b instance) int { return a.part - b.part })
	for _, i := range begun {
		i.id = strconv.Itoa(p.ids)
		p.ids++
		p.live = append(p.live, i)
		if p.format == IncrementalV02 {
			f.Pending = append(f.Pending, pending{i.id, i.path, p.plan.Deferred[i.part].Label})
		}
	}
}

// fresh returns the errors that the client does not have yet, or all if it must get one.
func (p *parts) fresh(ctx context.Context, problems *problems, must bool) (errs []Error) {
	problems.report(ctx)
	for _, e := range problems.list {
		if !slices.ContainsFunc(p.shown, e.same) {
			errs = append(errs, e)
		}
	}
	p.shown = append(p.shown, errs...)
	if must && len(errs) == 0 {
		return problems.list
	}
	return errs
}

// deliver sends a part of all objects that have it.
func (p *parts) deliver(ctx context.Context, part int) error {
	var ready []instance
	p.live = slices.DeleteFunc(p.live, func(i instance) bool {
		if i.part == part {
			ready = append(ready, i)
		}
		return i.part == part
	})
	f := &frame{}
	var begun []instance
	for _, i := range ready {
		begun = append(begun, p.write(ctx, f, i)...)
	}
	p.live = slices.DeleteFunc(p.live, func(i instance) bool { // what this part has made null has no further parts
		return p.format == Defer20220824 && slices.ContainsFunc(p.nulled, func(path []any) bool {
			return len(path) <= len(i.path) && slices.Equal(path, i.path[:len(path)])
		})
	})
	p.announce(f, begun)
	return p.send(f)
}

// write adds an instance to a frame and returns the instances of fragments within.
func (p *parts) write(ctx context.Context, f *frame, i instance) []instance {
	w := writer{problems: p.problems(ctx, i.part), part: i.part, path: steps(i.path), types: i.types, nulled: p.nulled}
	if p.format == Defer20220824 {
		n := increment{Path: i.path, Label: p.plan.Deferred[i.part].Label}
		ok := w.object(i.projection, i.object)
		if ok {
			n.Data, p.nulled = w.buf, w.nulled
		} else {
			w.blame(i.path)
			w.deferred = nil
		}
		n.Errors = p.fresh(ctx, w.problems, !ok)
		f.Incremental = append(f.Incremental, n)
		return w.deferred
	}
	w.had = p.had
	changes, ok := w.changes(i.projection, i.object, len(i.path))
	if !ok {
		w.blame(i.path)
		f.Completed = append(f.Completed, completed{i.id, p.fresh(ctx, w.problems, true)})
		return nil
	}
	p.nulled, p.had = w.nulled, append(p.had, i)
	errs := p.fresh(ctx, w.problems, false)
	if len(changes) == 0 && len(errs) > 0 {
		changes = []increment{{Data: json.RawMessage("{}")}}
	}
	for n := range changes {
		changes[n].ID = i.id
		if n == 0 {
			changes[n].Errors = errs
		}
	}
	f.Incremental = append(f.Incremental, changes...)
	f.Completed = append(f.Completed, completed{ID: i.id})
	return w.deferred
}

// steps returns a path as a writer has it.
func steps(path []any) []step {
	all := make([]step, len(path))
	for i, s := range path {
		all[i].name, _ = s.(string)
		all[i].index, _ = s.(int)
	}
	return all
}

// blame makes sure that there is an error for a part that could not be written.
func (w *writer) blame(path []any) {
	if len(w.problems.list) == 0 {
		w.problems.masked(path, upstream.Unavailable, upstream.UnavailableMessage, "null in a field that must not be null")
	}
}

// earlier reports whether the client has a field of the current object from another part.
func (w *writer) earlier(f *field) bool {
	path := w.at()
	return f.in[0] == 0 || slices.ContainsFunc(w.had, func(i instance) bool {
		return slices.Contains(f.in, i.part) && len(i.path) <= len(path) && slices.Equal(i.path, path[:len(i.path)])
	})
}

// changes returns what the current part adds to an object, and to the objects below it that the client already has.
func (w *writer) changes(p *projection, v *value, from int) (all []increment, ok bool) {
	typ, ok := w.typeOf(p, v)
	if !ok {
		return nil, false
	}
	fields := p.of(typ)
	w.types, w.objects = append(w.types, typ), append(w.objects, fields)
	defer func() { w.types, w.objects = w.types[:len(w.types)-1], w.objects[:len(w.objects)-1] }()
	w.instances(p, v)
	own := increment{SubPath: w.at()[from:]}
	w.buf = nil
	if !w.members(fields, typ, v, w.earlier) {
		return nil, false
	}
	if len(w.buf) > len("{}") {
		own.Data = w.buf
		all = append(all, own)
	}
	for _, f := range fields {
		if f.projection == nil || !slices.Contains(f.in, w.part) || !w.earlier(f) {
			continue
		}
		w.path = append(w.path, step{name: f.response})
		more, ok := w.changesIn(f, v.get(f.storage), from)
		w.path = w.path[:len(w.path)-1]
		if !ok {
			return nil, false
		}
		all = append(all, more...)
	}
	return all, true
}

// changesIn returns what the current part adds to a value that the client has.
func (w *writer) changesIn(f *field, v *value, from int) (all []increment, ok bool) {
	switch {
	case v == nil || w.gone():
	case v.kind == object:
		return w.changes(f.projection, v, from)
	case v.kind == list:
		w.path = append(w.path, step{})
		defer func() { w.path = w.path[:len(w.path)-1] }()
		for i, item := range v.members {
			w.path[len(w.path)-1].index = i
			more, ok := w.changesIn(f, item.value, from)
			if !ok {
				return nil, false
			}
			all = append(all, more...)
		}
	}
	return all, true
}

// send sends a frame to the client.
func (p *parts) send(f *frame) error {
	f.HasNext = len(p.live) > 0
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode part: %w", err)
	}
	if err := p.emit(body); err != nil {
		return err
	}
	if !f.HasNext {
		return errEnd
	}
	return nil
}
