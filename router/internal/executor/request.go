package executor

import (
	"encoding/json"
	"slices"
	"strconv"

	"boxoffice.dev/router/internal/planner"
)

// request is a fetch with what can be computed before it is sent.
type request struct {
	*planner.Fetch

	head []byte // of the body, up to the variables
}

func newRequest(f *planner.Fetch) request {
	query, err := json.Marshal(f.Query)
	if err != nil { // strings can always be encoded
		panic(err)
	}
	return request{Fetch: f, head: append([]byte(`{"query":`), query...)}
}

// body returns a request's body with the variables that have a value, and representations.
func (r *request) body(variables *value, representations [][][]byte) []byte {
	size := len(r.head) + 32
	for _, list := range representations {
		for _, one := range list {
			size += len(one) + 1
		}
	}
	b := append(make([]byte, 0, size), r.head...)
	begin := len(b)
	name := func(s string) {
		if len(b) == begin {
			b = append(b, `,"variables":{`...)
		} else {
			b = append(b, ',')
		}
		b = append(appendName(b, []byte(s)), ':')
	}
	for i, list := range representations {
		name(r.Entities[i].Variable)
		b = append(b, '[')
		for j, one := range list {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, one...)
		}
		b = append(b, ']')
	}
	for _, v := range r.Variables {
		if sent := variables.get(v); sent != nil {
			name(v)
			b = appendJSON(b, sent)
		}
	}
	if len(b) > begin {
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendName writes a name as a JSON string.
func appendName(b, name []byte) []byte {
	for _, c := range name {
		if c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			quoted, err := json.Marshal(string(name))
			if err != nil { // strings can always be encoded
				panic(err)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), name...), '"')
}

// follow calls visit with each object at a path.
func follow(v *value, path planner.Path, visit func(*value)) {
	switch v.kind {
	case list:
		for _, item := range v.members {
			follow(item.value, path, visit)
		}
	case object:
		if len(path) == 0 {
			visit(v)
			return
		}
		if on := path[0].On; on != nil && !isOf(v, on) {
			return
		}
		if next := v.get(path[0].Storage); next != nil {
			follow(next, path[1:], visit)
		}
	}
}

// isOf reports whether an object has one of the types.
func isOf(v *value, types []string) bool {
	name := v.get(typename)
	return name != nil && has(types, name.string())
}

// batch is the entities of one _entities field: each representation with the objects that it stands for.
type batch struct {
	representations [][]byte
	objects         [][]*value
}

// batch collects the representations of entities. Objects that cannot be represented get the errors that are the reason.
func (r *run) batch(e *planner.Entities) (b batch) {
	known := map[string]int{}
	var text []byte
	for i := range e.Places {
		place := &e.Places[i]
		if !r.shape.truth(place.Conditions) {
			continue
		}
		follow(r.root, place.Path, func(v *value) {
			if place.Types != nil && !isOf(v, place.Types) {
				return
			}
			var reasons []*fault
			var ok bool
			if text, reasons, ok = represent(text[:0], &e.Representation, v); !ok {
				unfetched(e, v, reasons)
				return
			}
			at, found := known[string(text)]
			if !found {
				at = len(b.objects)
				known[string(text)] = at
				b.representations = append(b.representations, slices.Clone(text))
				b.objects = append(b.objects, nil)
			}
			b.objects[at] = append(b.objects[at], v)
		})
	}
	return b
}

// unfetched gives the fields of an entity that cannot be fetched the errors that are the reason.
func unfetched(e *planner.Entities, v *value, reasons []*fault) {
	if len(reasons) == 0 {
		return
	}
	for _, f := range e.Fields {
		if f.On != nil && !isOf(v, f.On) || v.get(f.Storage) != nil {
			continue
		}
		failed := &value{}
		for _, reason := range reasons {
			part := reason.copy()
			part.rest, part.whole = nil, false
			failed.blame(part)
		}
		v.set([]byte(f.Storage), failed)
	}
}

// represent writes the representation of an object. It returns false when a part of a key is null or a requirement
// failed, with the errors that are the reason.
func represent(b []byte, r *planner.Representation, v *value) ([]byte, []*fault, bool) {
	b = append(b, `{"__typename":`...)
	if r.Typename != "" {
		b = strconv.AppendQuote(b, r.Typename)
	} else {
		name := v.get(typename)
		if name == nil || name.kind != text {
			return b, nil, false
		}
		b = append(b, name.raw...)
	}
	b, reasons, ok := representFields(b, r.Fields, v, true)
	return append(b, '}'), reasons, ok
}

func representFields(b []byte, fields []planner.RepresentationField, v *value, comma bool) ([]byte, []*fault, bool) {
	for i := range fields {
		f := &fields[i]
		if f.On != nil && !isOf(v, f.On) {
			continue
		}
		inner := v.get(f.Storage)
		if f.Name == typename && inner == nil {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(appendName(b, []byte(f.Name)), ':')
		var reasons []*fault
		var ok bool
		if b, reasons, ok = representValue(b, f, inner); !ok {
			return b, reasons, false
		}
	}
	return b, nil, true
}

func representValue(b []byte, f *planner.RepresentationField, v *value) ([]byte, []*fault, bool) {
	switch {
	case v == nil:
		return append(b, "null"...), nil, !f.Key
	case v.kind == null:
		return append(b, "null"...), v.faults(), !f.Key && v.about == nil
	case v.kind == list:
		b = append(b, '[')
		for i, item := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			var reasons []*fault
			var ok bool
			if b, reasons, ok = representValue(b, f, item.value); !ok {
				return b, reasons, false
			}
		}
		return append(b, ']'), nil, true
	case f.Fields != nil && v.kind == object:
		b = append(b, '{')
		b, reasons, ok := representFields(b, f.Fields, v, false)
		return append(b, '}'), reasons, ok
	}
	return appendJSON(b, v), nil, true
}
