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

// streamConfig has a heartbeat well below the 30 s of silence after which the router takes a stream for broken.
var streamConfig = sse.Config{Heartbeat: 10 * time.Second, WriteTimeout: 10 * time.Second}

// events is the transport of subscriptions: a POST that accepts text/event-stream.
// gqlgen's own transport lets its heartbeat outlive the request, and has no timeout for a dead peer.
type events struct{ stop <-chan struct{} }

var _ graphql.Transport = events{}

func (events) Supports(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
}

func (t events) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	params := &graphql.RawParams{Headers: r.Header}
	params.ReadTime.Start = graphql.Now()
	body := json.NewDecoder(r.Body)
	body.UseNumber() // float64 would lose precision of an Int
	if err := body.Decode(params); err != nil {
		http.Error(w, "the body is not a GraphQL request", http.StatusBadRequest)
		return
	}
	params.ReadTime.End = graphql.Now()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	operation, errs := exec.CreateOperationContext(ctx, params)
	if errs == nil && operation.Operation.Operation != ast.Subscription {
		err := gqlerror.Errorf("only subscriptions are served as event streams")
		errcode.Set(err, errcode.ValidationFailed)
		errs = gqlerror.List{err}
	}
	ctx = graphql.WithOperationContext(ctx, operation)
	if errs != nil {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(exec.DispatchError(ctx, errs)) //nolint:errcheck,errchkjson // disconnected
		return
	}
	stream := sse.Open(w, streamConfig, func(error) { cancel() })
	defer stream.Close()
	go func() {
		select {
		case <-t.stop: // never, if nil
			cancel()
		case <-ctx.Done():
		}
	}()
	send(ctx, stream, exec, operation)
}

// send executes the subscription and writes its responses to the stream. A stream that ends because ctx has
// ended is incomplete, so that the router resumes the subscription elsewhere.
func send(ctx context.Context, stream *sse.Stream, exec graphql.GraphExecutor, operation *graphql.OperationContext) {
	responses, ctx := exec.DispatchOperation(ctx, operation)
	for {
		response := responses(ctx)
		if ctx.Err() != nil {
			return
		}
		if response == nil {
			stream.Complete() //nolint:errcheck // the router has disconnected
			return
		}
		body, err := json.Marshal(response)
		if err != nil {
			slog.ErrorContext(ctx, "encode event failed", "error", err)
			return
		}
		stream.Next(bytes.TrimSpace(body)) //nolint:errcheck // after an error, ctx has ended
	}
}

// Stream returns a channel of the updates, converted by convert, for a subscription resolver. An error of the
// first update is returned; a later one ends the subscription.
func Stream[T, S any](ctx context.Context, updates iter.Seq2[T, error], convert func(T) S) (<-chan S, error) {
	converted := make(chan S)
	started := make(chan error, 1)
	go func() {
		defer close(converted)
		first := true
		for update, err := range updates {
			if first {
				first = false
				started <- err
			}
			if err != nil {
				return
			}
			select {
			case converted <- convert(update):
			case <-ctx.Done():
				return
			}
		}
		if first {
			started <- ctx.Err()
		}
	}()
	return converted, <-started
}
