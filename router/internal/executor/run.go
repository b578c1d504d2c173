package executor

import (
	"context"
	"errors"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/upstream"
)

// run is one execution of a plan. Only its goroutine changes the tree; others only wait for subgraphs.
type run struct {
	*prepared

	x         *Executor
	call      Call
	shape     *shape
	variables *value
	arena     *arena
	root      *value
	done      []bool // by fetch
	loose     []loose
	received  int  // bytes of all answers: the response is about as long
	aborted   bool // a mutation's data is null: nothing more is sent
}

// loose is an error about a whole fetch: about objects at a path, or about nothing in particular.
type loose struct {
	fetch int
	fault *fault
	path  planner.Path
}

// answer is what came of one request.
type answer struct {
	fetch   int
	batches []batch // of a fetch of entities: what the request asked for
	body    []byte
	err     error
}

func (x *Executor) newRun(call Call, p *prepared, variables []byte) (*run, error) {
	r := &run{prepared: p, x: x, call: call, done: make([]bool, len(p.plan.Fetches))}
	r.arena, _ = x.arenas.Get().(*arena)
	var err error
	r.variables = &value{kind: object}
	if len(variables) > 0 {
		if r.variables, err = r.arena.parse(variables); err != nil {
			return nil, err
		}
	}
	r.root = r.arena.new(object)
	if len(call.Initial) > 0 {
		if r.root, err = r.arena.parse(call.Initial); err != nil {
			return nil, err
		}
	}
	r.shape = p.shape(r.variables)
	return r, nil
}

// fetch sends all requests of the plan, each as soon as what it depends on is there. It calls progress after each.
// The error is the context's.
func (r *run) fetch(ctx context.Context, progress func() error) error {
	var answers chan answer
	started := make([]bool, len(r.requests))
	waiting, left := 0, make([]int, len(r.requests)) // requests in progress, of all and by fetch
	stop := func() {}
	defer func() { // nothing is in progress when the run ends
		stop()
		for ; waiting > 0; waiting-- {
			<-answers
		}
	}()
	for {
		var ready []answer
		for again := true; again; {
			again = false
			for id := range r.requests {
				if started[id] || r.done[id] || !r.free(id) {
					continue
				}
				started[id] = true
				calls := r.calls(id)
				left[id] = len(calls)
				ready = append(ready, calls...)
				if len(calls) == 0 {
					r.done[id], again = true, true
				}
			}
		}
		if err := progress(); err != nil {
			return err
		}
		if len(ready)+waiting == 0 {
			return ctx.Err()
		}
		var got answer
		if len(ready) == 1 && waiting == 0 {
			got = r.send(ctx, ready[0])
		} else {
			if answers == nil {
				answers = make(chan answer)
				cancelled, cancel := context.WithCancel(ctx)
				ctx, stop = cancelled, cancel
			}
			for _, one := range ready {
				waiting++
				go func() { answers <- r.send(ctx, one) }()
			}
			got = <-answers
			waiting--
		}
		if got.err != nil {
			return got.err
		}
		r.take(got)
		left[got.fetch]--
		r.done[got.fetch] = left[got.fetch] == 0
	}
}

// free reports whether all that a fetch depends on is there.
func (r *run) free(id int) bool {
	for _, d := range r.requests[id].DependsOn {
		if !r.done[d] {
			return false
		}
	}
	return true
}

// calls returns the requests of a fetch: none if there is nothing to fetch.
func (r *run) calls(id int) []answer {
	req := &r.requests[id]
	if r.aborted || !r.holds(req.Conditions) {
		return nil
	}
	if len(req.Entities) == 0 {
		if r.plan.Operation == ast.Mutation && req.Operation == ast.Mutation && id > 0 && r.failed() {
			r.aborted = true
			return nil
		}
		if len(req.Path) > 0 && !r.exists(req.Path) {
			return nil
		}
		return []answer{{fetch: id, body: req.body(r.variables, nil)}}
	}
	batches, total := make([]batch, len(req.Entities)), 0
	for i := range req.Entities {
		batches[i] = r.batch(&req.Entities[i])
		total += len(batches[i].objects)
	}
	if total == 0 {
		return nil
	}
	var all []answer
	for _, part := range split(batches, r.x.cfg.MaxRepresentations) {
		texts := make([][][]byte, len(part))
		for i, b := range part {
			texts[i] = b.representations
		}
		all = append(all, answer{fetch: id, batches: part, body: req.body(r.variables, texts)})
	}
	return all
}

func (r *run) exists(path planner.Path) (found bool) {
	follow(r.root, path, func(*value) { found = true })
	return found
}

// holds reports whether one of the conditions holds.
func (r *run) holds(alternatives []planner.Conditions) bool {
	for _, c := range alternatives {
		if r.shape.truth(c) {
			return true
		}
	}
	return alternatives == nil
}

// split distributes batches to requests with at most a number of representations each.
func split(batches []batch, most int) (all [][]batch) {
	free := 0
	for i, b := range batches {
		for len(b.objects) > 0 {
			if free == 0 {
				all = append(all, make([]batch, len(batches)))
				free = most
			}
			n := min(free, len(b.objects))
			last := all[len(all)-1]
			last[i] = batch{b.representations[:n], b.objects[:n]}
			b = batch{b.representations[n:], b.objects[n:]}
			free -= n
		}
	}
	return all
}

func (r *run) send(ctx context.Context, a answer) answer {
	subgraph := r.requests[a.fetch].Subgraph
	got, err := r.x.cfg.Subgraphs[subgraph].Fetch(ctx, r.call.Headers(subgraph), a.body)
	if err != nil {
		a.err = err
		return a
	}
	if r.call.Answered != nil {
		r.call.Answered(subgraph, got.Header)
	}
	a.body = got.Body
	return a
}

// take adds an answer to the tree.
func (r *run) take(a answer) {
	req := &r.requests[a.fetch]
	r.received += len(a.body)
	response, err := r.arena.parse(a.body)
	if err != nil || response.kind != object {
		r.loosen(a.fetch, r.invalid(req.Subgraph, errors.New("the response is not a JSON object")))
		return
	}
	faults := r.x.readFaults(req.Subgraph, response.get("errors"))
	data := response.get("data")
	if len(req.Entities) > 0 {
		r.entities(a, data, faults)
		return
	}
	lost := data == nil || data.kind != object
	if lost {
		data = r.arena.new(object)
	}
	for _, f := range req.Fields {
		if data.get(f) == nil {
			data.set([]byte(f), r.arena.new(null))
		}
	}
	for _, f := range faults {
		name, _ := first(f.rest).(string)
		switch {
		case data.get(name) == nil:
			r.loosen(a.fetch, f)
		case lost: // it explains why the other fields are null, too
			for _, m := range data.members {
				part := f.copy()
				part.whole = true
				m.value.blame(part)
			}
		default:
			f.attach(data)
		}
	}
	if len(req.Path) == 0 {
		r.merge(r.root, data, false)
		return
	}
	again := false
	follow(r.root, req.Path, func(v *value) {
		r.merge(v, data, again)
		again = true
	})
}

func first(path []any) any {
	if len(path) == 0 {
		return nil
	}
	return path[0]
}

func (r *run) invalid(subgraph string, err error) *fault {
	return &fault{
		subgraph: subgraph, message: upstream.UnavailableMessage, code: upstream.Unavailable, hidden: err.Error(),
	}
}

// loosen notes an error about a whole fetch.
func (r *run) loosen(id int, f *fault) {
	req := &r.requests[id]
	if len(req.Entities) == 0 {
		f.rest = nil
		r.loose = append(r.loose, loose{id, f, req.Path})
		return
	}
	for _, e := range req.Entities {
		r.loosenPlaces(id, &e, f)
	}
}

func (r *run) loosenPlaces(id int, e *planner.Entities, f *fault) {
	for _, place := range e.Places {
		found := false
		follow(r.root, place.Path, func(v *value) { found = found || place.Types == nil || isOf(v, place.Types) })
		if found && r.shape.truth(place.Conditions) {
			r.loose = append(r.loose, loose{id, f, place.Path})
		}
	}
}

// entities adds the answer to a request for entities.
func (r *run) entities(a answer, data *value, faults []*fault) {
	req := &r.requests[a.fetch]
	for i := range req.Entities {
		e, b := &req.Entities[i], a.batches[i]
		if len(b.objects) == 0 {
			continue
		}
		var found []member
		if data != nil && data.kind == object {
			if l := data.get(e.Alias); l != nil && l.kind == list {
				found = l.members
			}
		}
		whole := map[int][]*fault{} // about entities that are null
		failed, explained := false, false
		for _, f := range faults {
			name, ok := first(f.rest).(string)
			if ok && name != e.Alias {
				continue
			}
			f := f.copy()
			explained = true
			n := -1
			if ok = false; len(f.rest) > 1 {
				n, ok = f.rest[1].(int)
			}
			switch {
			case !ok || n < 0 || n >= len(b.objects):
				failed = true
				r.loosenPlaces(a.fetch, e, f)
			case n < len(found) && found[n].value.kind == object:
				f.rest = f.rest[2:]
				f.attach(found[n].value)
			default:
				f.rest = f.rest[2:]
				whole[n] = append(whole[n], f)
			}
		}
		if len(found) != len(b.objects) && !explained {
			r.loosenPlaces(a.fetch, e, r.invalid(req.Subgraph, errors.New("the number of entities is wrong")))
			failed = true
		}
		for n, objects := range b.objects {
			r.entity(e, objects, at(found, n), whole[n], failed)
		}
	}
}

func at(items []member, n int) *value {
	if n < len(items) {
		return items[n].value
	}
	return nil
}

// entity adds an entity to its objects.
func (r *run) entity(e *planner.Entities, objects []*value, found *value, faults []*fault, failed bool) {
	for i, v := range objects {
		if found != nil && found.kind == object {
			r.merge(v, found, i > 0)
			continue
		}
		r.absent(e, v, faults, failed)
	}
}

// absent sets the fields of an entity that its subgraph did not give.
func (r *run) absent(e *planner.Entities, v *value, faults []*fault, failed bool) {
	for _, f := range e.Fields {
		if f.On != nil && !isOf(v, f.On) || v.get(f.Storage) != nil {
			continue
		}
		to := r.arena.new(null)
		to.missing = !failed && len(faults) == 0
		for _, about := range faults {
			part := about.copy()
			part.whole = true
			to.blame(part)
		}
		v.set([]byte(f.Storage), to)
	}
}

// merge adds the members of an object to another one. If it is merged more than once, it is copied.
func (r *run) merge(to, from *value, again bool) {
	to.blame(from.faults()...)
	for _, m := range from.members {
		have := to.get(string(m.name))
		switch {
		case have == nil || have.kind == null && m.value.kind != null:
			if again {
				to.set(m.name, r.arena.clone(m.value))
			} else {
				to.set(m.name, m.value)
			}
		case have.kind == object && m.value.kind == object:
			r.merge(have, m.value, again)
		case have.kind == list && m.value.kind == list:
			r.mergeItems(have, m.value, again)
		case have.kind == null && have != m.value:
			have.blame(m.value.faults()...)
		}
	}
}

func (r *run) mergeItems(to, from *value, again bool) {
	for i, m := range to.members {
		if i == len(from.members) {
			return
		}
		item, other := m.value, from.members[i].value
		switch {
		case item.kind == object && other.kind == object:
			r.merge(item, other, again)
		case item.kind == list && other.kind == list:
			r.mergeItems(item, other, again)
		}
	}
}

// failed reports whether the root fields that are there already make data null.
func (r *run) failed() bool {
	w := writer{problems: &problems{}}
	for _, f := range r.shape.root.of(r.shape.root.types[0]) {
		if v := r.root.get(f.storage); v != nil && !f.typename && !w.field(f, v) {
			return true
		}
	}
	return false
}

// problems returns the errors about whole fetches, of those that a part of the response needs.
func (r *run) problems(ctx context.Context, part int) *problems {
	p := newProblems(ctx)
	for _, l := range r.loose {
		if r.needs(part, l.fetch) {
			p.fault(l.fault, r.position(l.path))
		}
	}
	return p
}

func (r *run) needs(part, fetch int) bool {
	for i, d := range r.plan.Deferred {
		if r.shape.within[i] == part {
			for _, f := range d.Fetches {
				if f == fetch {
					return true
				}
			}
		}
	}
	return false
}

// position returns a path in the response up to the first list.
func (r *run) position(path planner.Path) (position []any) {
	at, v := r.shape.root, r.root
	for _, step := range path {
		if v == nil || v.kind != object || at == nil {
			break
		}
		f := at.response(step.Storage)
		if f == nil {
			break
		}
		position, at, v = append(position, f.response), f.projection, v.get(step.Storage)
	}
	return position
}
