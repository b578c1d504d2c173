package gqlserver

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"boxoffice.dev/pkg/sse"
)

// life is often enough for the router, which waits 30 s for something.
var life = sse.Config{Heartbeat: 10 * time.Second, WriteTimeout: 10 * time.Second}

// events answers a POST that accepts text/event-stream, by package sse.
// gqlgen's own transport lets its heartbeat outlive the request, and waits forever for a dead peer.
type events struct{ stop <-chan struct{} }

var _ graphql.Transport = events{}

func (events) Supports(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
}

func (t events) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	params := &graphql.RawParams{Headers: r.Header}
	params.ReadTime.Start = graphql.Now()
	body := json.NewDecoder(r.Body)
	body.UseNumber() // an Int of the variables is no float
	if err := body.Decode(params); err != nil {
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
	stream := sse.Open(w, life, func(error) { cancel() })
	defer stream.Close()
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
			stream.Complete() //nolint:errcheck // the router is gone then
			return
		}
		body, err := json.Marshal(response)
		if err != nil {
			slog.ErrorContext(ctx, "event not encoded", "error", err)
			return
		}
		stream.Next(bytes.TrimSpace(body)) //nolint:errcheck // ctx has ended then
	}
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
