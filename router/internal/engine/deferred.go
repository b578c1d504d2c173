package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/wundergraph/astjson"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/router/internal/operation"
)

// ExecuteInParts emits the response to a call in parts of a format: first what is not deferred, then each
// deferred fragment when it is ready. It returns emit's error, or the context's when that ends.
//
// Nothing is asked of subgraphs that the whole response would not need. The engine's own way to defer is
// not used: what a fragment takes from the subgraph that its parent comes from, it gets by asking for the
// root field once more, even if that is a mutation. Here a fragment is the same operation, executed with
// this fragment in it and without what is already known, and each fetch of the plan is made once for all.
func (e *Engine) ExecuteInParts(ctx context.Context, call Call, deferred *operation.Deferred, format Format, emit func(part []byte) error) error {
	p, err := e.prepare(ctx, call.Operation, call.Variables)
	if err != nil {
		return err
	}
	made, ok := p.plan.(*plan.SynchronousResponsePlan)
	if !ok {
		return fmt.Errorf("execute in parts: unexpected %T", p.plan)
	}
	r := &parts{
		engine: e, call: call, prepared: p, whole: made.Response, deferred: deferred,
		sources: sourcesOf(made.Response.Fetches), done: make(chan answered, len(deferred.Fragments)),
		client: client{format: format, deferred: deferred, types: map[*astjson.Value]string{}, live: make([][]instance, len(deferred.Fragments))},
	}
	if err := r.divide(); err != nil {
		return fmt.Errorf("execute in parts: %w", err)
	}
	ctx, stop := context.WithCancel(transcribe(ctx, call))
	defer r.running.Wait()
	defer stop()

	first := r.answer(ctx, 0)
	if first.err != nil {
		return first.err
	}
	frame, err := r.client.begin(ctx, first)
	for open := 0; err == nil; {
		for _, fragment := range r.client.announce(frame) {
			open++
			r.running.Go(func() { r.done <- r.answer(ctx, fragment) })
		}
		if err = r.client.send(frame, open > 0, emit); err != nil || open == 0 {
			break
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case next := <-r.done:
			open--
			frame = r.client.deliver(ctx, next)
		}
	}
	return err
}

// parts is one run of an operation with deferred fragments.
type parts struct {
	engine    *Engine
	call      Call
	prepared  *prepared
	whole     *resolve.GraphQLResponse
	deferred  *operation.Deferred
	sources   sources
	needed    []map[int]bool // by fragment: fetches that it waits for
	variables []byte

	running sync.WaitGroup
	done    chan answered
	client  client
}

// answered is a fragment with what came out when it was executed.
type answered struct {
	fragment int
	body     []byte
	wanted   *resolve.Object // see sift
	err      error
}

// divide says which fetches each fragment waits for.
func (r *parts) divide() error {
	s, err := r.engine.serves(r.whole.Fetches)
	if err != nil {
		return err
	}
	r.variables = r.prepared.variables.MarshalTo(nil)
	r.needed = make([]map[int]bool, len(r.deferred.Fragments))
	for fragment, f := range r.deferred.Fragments {
		r.needed[fragment] = map[int]bool{}
		if fragment > 0 {
			for id := range r.needed[f.Within] {
				r.needed[fragment][id] = true
			}
		}
		r.need(s, r.whole.Data, r.deferred.Fields, fragment, "")
	}
	return nil
}

func (r *parts) need(s served, node resolve.Node, of *operation.Selection, fragment int, path string) {
	switch n := node.(type) {
	case *resolve.Object:
		for _, f := range n.Fields {
			field := of.Fields[string(f.Name)]
			if field == nil {
				continue
			}
			at := below(path, f.Value.NodePath())
			if slices.Contains(field.In, fragment) {
				s.with(r.needed[fragment], at)
				if field.Typed {
					s.with(r.needed[fragment], below(at, []string{"__typename"}))
				}
			}
			r.need(s, f.Value, &field.Selection, fragment, at)
		}
	case *resolve.Array:
		r.need(s, n.Item, of, fragment, path)
	}
}

// answer executes the operation with a fragment in it.
func (r *parts) answer(ctx context.Context, fragment int) (a answered) {
	a.fragment = fragment
	defer func() {
		if p := recover(); p != nil {
			a.err = fmt.Errorf("execute fragment: panic: %v\n%s", p, debug.Stack())
		}
	}()
	response := *r.whole
	response.Data = r.object(r.whole.Data, r.deferred.Fields, fragment, fragment > 0)
	a.wanted = r.engine.wanted(&response)
	response.Fetches = r.sources.tree(r.whole.Fetches, r.needed[fragment])
	p := *r.prepared
	if p.variables, a.err = astjson.ParseBytes(r.variables); a.err != nil { // reading changes them
		return a
	}
	if a.body, a.err = r.engine.resolve(ctx, r.call, &p, &response, r.whole.Data); a.err != nil {
		a.err = fmt.Errorf("execute: %w", a.err)
	}
	return a
}

// object returns the part of an object that comes with a fragment. Of one that the client knows it is only
// what is new: null then means that the fragment failed, but not what is known.
func (r *parts) object(o *resolve.Object, of *operation.Selection, fragment int, known bool) *resolve.Object {
	part := *o
	part.Fields = nil
	part.Nullable = part.Nullable || known
	for _, f := range o.Fields {
		field := of.Fields[string(f.Name)]
		if field == nil {
			continue
		}
		knows := known && r.deferred.Before(field, fragment)
		if !knows && !slices.Contains(field.In, fragment) {
			continue
		}
		if value := r.value(f.Value, &field.Selection, fragment, knows); value != nil {
			c := *f
			c.Value = value
			part.Fields = append(part.Fields, &c)
		}
	}
	if of.Typed && !known {
		part.Fields = append(part.Fields, &resolve.Field{Name: []byte(typeOf), Value: &resolve.String{Path: []string{"__typename"}, Nullable: true}})
	}
	return &part
}

// value returns the part of a value that comes with a fragment, nil for none.
func (r *parts) value(node resolve.Node, of *operation.Selection, fragment int, known bool) resolve.Node {
	switch n := node.(type) {
	case *resolve.Object:
		if o := r.object(n, of, fragment, known); !known || len(o.Fields) > 0 {
			return o
		}
		return nil
	case *resolve.Array:
		item := r.value(n.Item, of, fragment, known)
		if item == nil {
			return nil
		}
		part := *n
		part.Item = item
		part.Nullable = part.Nullable || known
		return &part
	}
	if known {
		return nil
	}
	return node
}
