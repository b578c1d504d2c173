package executor

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/upstream"
)

// writer completes values (GraphQL specification, sections 6.4.3 and 6.4.4) and writes them as JSON. A null where there
// must not be one is taken back to the nearest value that may be null.
type writer struct {
	buf      []byte
	path     []step
	part     int // of the response, that is written
	problems *problems
	missing  []any    // path of a null that is not an error unless it goes further up than its object
	objects  []fields // of the objects on the path
	types    []string // of the objects on the path, the innermost last; only kept for deferred fragments
	deferred []instance
	had      []instance // that the client has
	nulled   [][]any    // paths of values that are null because of a null further down
}

// step is a name or index of a path.
type step struct {
	name  string // empty for an index
	index int
}

// at returns the current path as responses have it.
func (w *writer) at() []any {
	path := make([]any, len(w.path))
	for i, s := range w.path {
		if s.name != "" {
			path[i] = s.name
		} else {
			path[i] = s.index
		}
	}
	return path
}

// object writes the fields of an object. It returns false when one of them must not be null and is.
func (w *writer) object(p *projection, v *value) bool {
	typ, ok := w.typeOf(p, v)
	if !ok {
		return false
	}
	all := p.of(typ)
	w.objects = append(w.objects, all)
	defer func() { w.objects = w.objects[:len(w.objects)-1] }()
	if p.shape.defers() {
		w.types = append(w.types, typ)
		defer func() { w.types = w.types[:len(w.types)-1] }()
		w.instances(p, v)
	}
	return w.members(all, typ, v, nil)
}

// members writes those fields of an object that are in the current part and not left out. It returns false when one of
// them must not be null and is.
func (w *writer) members(all fields, typ string, v *value, leftOut func(*field) bool) bool {
	w.buf = append(w.buf, '{')
	begin := len(w.buf)
	for i, f := range all {
		if !slices.Contains(f.in, w.part) || leftOut != nil && leftOut(f) {
			continue
		}
		if len(w.buf) > begin {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(w.buf, f.name...)
		if f.typename {
			w.buf = strconv.AppendQuote(w.buf, typ)
			continue
		}
		w.path = append(w.path, step{name: f.response})
		ok := w.field(f, v.near(f.storage, i))
		w.path = w.path[:len(w.path)-1]
		if !ok {
			return false
		}
	}
	w.buf = append(w.buf, '}')
	return true
}

// typeOf returns the type of an object. It returns false for types that it cannot have.
func (w *writer) typeOf(p *projection, v *value) (string, bool) {
	if len(p.types) == 1 {
		return p.types[0], true
	}
	name := v.get(typename)
	if name == nil {
		if p.open(w.part) {
			return p.types[0], true
		}
		if v.about == nil {
			w.problems.unexpected(w.at())
		}
		return "", false
	}
	typ := name.string()
	if !has(p.types, typ) {
		w.problems.masked(w.at(), upstream.Unavailable, upstream.UnavailableMessage, "unknown type "+strconv.Quote(typ))
		return "", false
	}
	return typ, true
}

func (w *writer) field(f *field, v *value) bool {
	if f.refusal != planner.Allowed {
		w.problems.refused(f.refusal, w.at())
		w.buf = append(w.buf, "null"...)
		return !f.typ.NonNull
	}
	return w.value(f, f.typ, v)
}

// value writes a value of a type. It returns false when the type does not allow null and the value is null.
func (w *writer) value(f *field, typ *ast.Type, v *value) bool {
	begin := len(w.buf)
	w.faults(f, v)
	switch {
	case w.part > 0 && w.gone():
		return w.null(typ, &value{missing: true})
	case v == nil || v.kind == null:
		return w.null(typ, v)
	case typ.Elem != nil:
		if v.kind != list {
			w.wrong("a list", v)
			return w.back(begin, typ)
		}
		if !w.list(f, typ.Elem, v) {
			return w.back(begin, typ)
		}
		return true
	case f.projection != nil:
		if v.kind != object {
			w.wrong("an object", v)
			return w.back(begin, typ)
		}
		if !w.object(f.projection, v) {
			return w.back(begin, typ)
		}
		return true
	}
	if !w.leaf(f, v) {
		return w.back(begin, typ)
	}
	return true
}

// gone reports whether the client has null for the current value, because of a null further down.
func (w *writer) gone() bool {
	if len(w.nulled) == 0 {
		return false
	}
	here := w.at()
	return slices.ContainsFunc(w.nulled, func(path []any) bool { return slices.Equal(path, here) })
}

// back replaces what was written since begin with null.
func (w *writer) back(begin int, typ *ast.Type) bool {
	if typ.NonNull {
		if w.missing != nil {
			w.problems.unexpected(w.missing)
			w.missing = nil
		}
		return false
	}
	w.missing = nil
	w.buf = append(w.buf[:begin], "null"...)
	if len(w.types) > 0 {
		w.nulled = append(w.nulled, w.at())
	}
	w.deferred = slices.DeleteFunc(w.deferred, func(i instance) bool { return i.begin >= begin })
	return true
}

func (w *writer) null(typ *ast.Type, v *value) bool {
	if !typ.NonNull {
		w.buf = append(w.buf, "null"...)
		return true
	}
	switch {
	case v != nil && v.about != nil:
	case v != nil && v.missing:
		w.missing = w.at()
	default:
		w.problems.unexpected(w.at())
	}
	return false
}

func (w *writer) list(f *field, elem *ast.Type, v *value) bool {
	w.buf = append(w.buf, '[')
	w.path = append(w.path, step{})
	ok := true
	for i, item := range v.members {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.path[len(w.path)-1].index = i
		if ok = w.value(f, elem, item.value); !ok {
			break
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.buf = append(w.buf, ']')
	return ok
}

// faults adds the errors about a value.
func (w *writer) faults(f *field, v *value) {
	if v == nil || v.about == nil {
		return
	}
	for _, fault := range v.about.list {
		path := w.at()
		if fault.whole {
			path = path[:len(path)-1]
			name, _ := first(fault.rest).(string)
			if about := w.objects[len(w.objects)-1].stored(name); about != nil {
				path = about.projection.below(append(path, about.response), fault.rest[1:])
			}
			w.problems.fault(fault, path)
			continue
		}
		w.problems.fault(fault, f.projection.below(path, fault.rest))
	}
}

// below adds the rest of a fault's path as far as it is part of the response.
func (p *projection) below(path, rest []any) []any {
	at := p
	for _, step := range rest {
		name, ok := step.(string)
		if !ok {
			path = append(path, step)
			continue
		}
		if at == nil {
			break
		}
		next := at.response(name)
		if next == nil {
			break
		}
		path, at = append(path, next.response), next.projection
	}
	return path
}

func (w *writer) wrong(want string, v *value) {
	w.problems.masked(w.at(), apperr.Internal, "internal error", "got "+kindNames[v.kind]+" instead of "+want)
}

var kindNames = map[kind]string{
	null: "null", boolean: "a Boolean", number: "a number", text: "a string", list: "a list", object: "an object",
}

// leaf writes a scalar or enum. It returns false, and adds an error, for a value that the type does not have.
func (w *writer) leaf(f *field, v *value) bool {
	want := ""
	switch f.leaf {
	case planner.Int:
		n, err := strconv.ParseFloat(string(v.raw), 64)
		if v.kind != number || err != nil || n != math.Trunc(n) || n < math.MinInt32 || n > math.MaxInt32 {
			want = "an Int"
		} else if bytes.ContainsAny(v.raw, ".eE") {
			w.buf = strconv.AppendInt(w.buf, int64(n), 10)
			return true
		}
	case planner.Float:
		if v.kind != number || !finite(v.raw) {
			want = "a Float"
		}
	case planner.String:
		if v.kind != text {
			want = "a String"
		}
	case planner.ID:
		if v.kind == number && !bytes.ContainsAny(v.raw, ".eE") {
			w.buf = append(append(append(w.buf, '"'), v.raw...), '"')
			return true
		}
		if v.kind != text {
			want = "an ID"
		}
	case planner.Boolean:
		if v.kind != boolean {
			want = "a Boolean"
		}
	case planner.Enum:
		if v.kind != text || !f.enum[v.string()] {
			want = "a value of " + f.typ.Name()
		}
	case planner.Custom:
		w.buf = appendJSON(w.buf, v)
		return true
	}
	if want != "" {
		w.wrong(want, v)
		return false
	}
	w.buf = append(w.buf, v.raw...)
	return true
}

func finite(raw []byte) bool {
	n, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && !math.IsInf(n, 0)
}

// appendJSON writes a value as it came.
func appendJSON(b []byte, v *value) []byte {
	switch v.kind {
	case list:
		b = append(b, '[')
		for i, item := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item.value)
		}
		return append(b, ']')
	case object:
		b = append(b, '{')
		for i, m := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendName(b, m.name), ':')
			b = appendJSON(b, m.value)
		}
		return append(b, '}')
	case null:
		return append(b, "null"...)
	}
	return append(b, v.raw...)
}
