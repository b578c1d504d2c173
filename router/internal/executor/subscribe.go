package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"boxoffice.dev/router/internal/upstream"
)

// Pauses before a broken stream is resumed; they double.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Subscribe calls emit with the responses to a subscription until ctx ends, the subgraph completes the stream, or emit
// fails. It then returns nil or emit's error.
//
// Each subscriber has a stream of its own, so that a slow one does not hold up others. An event is the result of the
// plan's first fetch. A stream that breaks off is resumed: subscriptions begin with the current state, so nothing is
// lost.
func (x *Executor) Subscribe(ctx context.Context, call Call, emit func(response []byte) error) error {
	r, err := x.begin(ctx, call, false)
	if err != nil {
		return err
	}
	if len(r.requests) == 0 { // nothing but __typename, or a field that is denied
		response, err := r.response(ctx)
		if err != nil {
			return err
		}
		return emit(response)
	}
	s := &subscriber{x: x, call: call, prepared: r.prepared, variables: r.variables, emit: emit}
	s.body = r.requests[0].body(r.variables, nil)
	pause, giveUp := firstPause, time.Now().Add(x.cfg.Resume)
	for {
		before := s.count
		err := s.follow(ctx)
		if s.count > before {
			pause, giveUp = firstPause, time.Now().Add(x.cfg.Resume)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, upstream.ErrCut):
			return err
		case s.count == 0 || time.Now().Add(pause).After(giveUp):
			slog.ErrorContext(ctx, "subscription broke off", "subgraph", r.requests[0].Subgraph, "error", err)
			return s.refuse(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads out the subscribers of one subgraph
		}
		pause = min(2*pause, lastPause)
	}
}

// subscriber is one run of a subscription.
type subscriber struct {
	x         *Executor
	call      Call
	prepared  *prepared
	variables *value
	emit      func(response []byte) error

	body  []byte // of the request that opens the stream
	count int    // events so far
	last  []byte // event
}

// follow answers the events of one stream. The error wraps upstream.ErrCut when it breaks off.
func (s *subscriber) follow(ctx context.Context) error {
	subgraph := s.prepared.requests[0].Subgraph
	stream, err := s.x.cfg.Streams.Open(ctx, s.x.cfg.Subgraphs[subgraph].URL(), s.call.Headers(subgraph), s.body)
	if err != nil {
		return err
	}
	defer stream.Close()
	resumed := s.count > 0
	for {
		event, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.count++
		if resumed && bytes.Equal(event, s.last) {
			resumed = false // nothing has changed meanwhile
			continue
		}
		resumed, s.last = false, bytes.Clone(event)
		response, err := s.respond(ctx, event)
		if err != nil {
			return err
		}
		if err := s.emit(response); err != nil {
			return err
		}
	}
}

// respond executes the plan for an event.
func (s *subscriber) respond(ctx context.Context, event []byte) ([]byte, error) {
	r, err := s.x.newRun(s.call, s.prepared, nil)
	if err != nil {
		return nil, err
	}
	defer r.end()
	r.variables, r.shape = s.variables, s.prepared.shape(s.variables)
	r.take(answer{fetch: 0, body: bytes.Clone(event)})
	r.done[0] = true
	if err := r.fetch(ctx, func() error { return nil }); err != nil {
		return nil, fmt.Errorf("resolve event: %w", err)
	}
	return r.response(ctx)
}

// refuse responds with an error and nothing else.
func (s *subscriber) refuse(ctx context.Context) error {
	p := newProblems(ctx)
	var path []any
	if fields := s.prepared.plan.Selection.Fields; len(fields) > 0 {
		path = []any{fields[0].Response}
	}
	p.masked(path, upstream.Unavailable, upstream.UnavailableMessage, "")
	response, err := json.Marshal(struct {
		Errors []Error `json:"errors"`
		Data   any     `json:"data"`
	}{Errors: p.list})
	if err != nil {
		return fmt.Errorf("encode refusal: %w", err)
	}
	return s.emit(response)
}
