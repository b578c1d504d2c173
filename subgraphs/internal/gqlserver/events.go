package gqlserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	heartbeat    = 10 * time.Second // after which a silent stream sends something
	writeTimeout = 10 * time.Second // for one event to be taken
)

// events answers a POST that accepts text/event-stream, as graphql-sse describes it for distinct
// connections (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): one event "next"
// for each response, and "complete" at the end. A stream that breaks off without it was cut short.
// gqlgen's own transport lets its heartbeat outlive the request, and waits forever for a dead peer.
type events struct{ stop <-chan struct{} }

var _ graphql.Transport = events{}

func (events) Supports(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
}

func (t events) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	params := &graphql.RawParams{Headers: r.Header}
	params.ReadTime.Start = graphql.Now()
	if err := json.NewDecoder(r.Body).Decode(params); err != nil {
		http.Error(w, "the body is not a GraphQL request", http.StatusBadRequest)
		return
	}
	params.ReadTime.End = graphql.Now()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	operation, errs := exec.CreateOperationContext(ctx, params)
	if errs == nil && operation.Operation.Operation != ast.Subscription {
		err := gqlerror.Errorf("only subscriptions are answered as events")
		errcode.Set(err, errcode.ValidationFailed)
		errs = gqlerror.List{err}
	}
	if errs != nil {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs)) //nolint:errcheck,errchkjson // the router is gone then
		return
	}
	s := &stream{w: w, control: http.NewResponseController(w), cancel: cancel}
	s.control.SetReadDeadline(time.Time{}) //nolint:errcheck // it was for the request, which has arrived
	w.Header().Set("Content-Type", "text/event-stream")
	s.send(":\n\n")
	s.beat = time.AfterFunc(heartbeat, s.heartbeat)
	defer s.end()
	if t.stop != nil {
		stopped := make(chan struct{})
		defer close(stopped)
		go func() {
			select {
			case <-t.stop:
				cancel()
			case <-stopped:
			}
		}()
	}
	responses, ctx := exec.DispatchOperation(graphql.WithOperationContext(ctx, operation), operation)
	for {
		response := responses(ctx)
		if ctx.Err() != nil {
			return // cut short
		}
		if response == nil {
			s.send("event: complete\ndata:\n\n")
			return
		}
		body, err := json.Marshal(response)
		if err != nil {
			slog.ErrorContext(ctx, "event not encoded", "error", err)
			return
		}
		s.send("event: next\ndata: " + string(bytes.TrimSpace(body)) + "\n\n")
	}
}

// stream is a response of which parts are sent from several goroutines.
type stream struct {
	control *http.ResponseController
	cancel  context.CancelFunc // ends the subscription
	beat    *time.Timer

	mu    sync.Mutex
	w     http.ResponseWriter
	ended bool
}

func (s *stream) send(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.control.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // else it takes longer to notice a dead peer
	_, err := fmt.Fprint(s.w, text)
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		s.ended = true
		s.cancel()
	}
	if s.beat != nil {
		s.beat.Reset(heartbeat)
	}
}

func (s *stream) heartbeat() { s.send(":\n\n") }

// end lets nothing more be sent once the handler has returned.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.beat.Stop()
	s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // the connection may serve other requests
}

// Stream gives a subscription what a use case yields, as the schema shows it. An error of the first
// is the subscription's; a later one ends it.
func Stream[T, S any](ctx context.Context, updates iter.Seq2[T, error], show func(T) S) (<-chan S, error) {
	shown := make(chan S)
	begun := make(chan error, 1)
	go func() {
		defer close(shown)
		first := true
		for update, err := range updates {
			if first {
				first = false
				begun <- err
			}
			if err != nil {
				return
			}
			select {
			case shown <- show(update):
			case <-ctx.Done():
				return
			}
		}
		if first {
			begun <- ctx.Err()
		}
	}()
	return shown, <-begun
}
