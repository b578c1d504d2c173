// Package correlation carries through the context what the current work belongs to: the request
// that began it, the event that caused it and the trace. It is for logs, traces and event headers
// only; nothing may be decided by it, because clients can set it.
package correlation

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceHeader is the header of W3C Trace Context, https://www.w3.org/TR/trace-context/.
const TraceHeader = "traceparent"

// IDs say what the current work belongs to. Any of them may be empty.
type IDs struct {
	Request     string // the X-Request-Id of the HTTP request that began it all
	Cause       string // the id of the event that is being handled
	TraceParent string // the span that this work is part of, as TraceHeader has it
}

type key struct{}

// With returns a context that carries the ids. Spans that are started with it have the trace parent
// as theirs; one that cannot be read is dropped.
func With(ctx context.Context, ids IDs) context.Context {
	remote := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{TraceHeader: ids.TraceParent})
	ctx = trace.ContextWithRemoteSpanContext(ctx, trace.SpanContextFromContext(remote))
	ids.TraceParent = ""
	return context.WithValue(ctx, key{}, ids)
}

// From returns the ids of the context. The trace parent is the current span, or the one given to With
// while nothing is recorded.
func From(ctx context.Context) IDs {
	ids, _ := ctx.Value(key{}).(IDs)
	if trace.SpanContextFromContext(ctx).IsValid() {
		carrier := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, carrier)
		ids.TraceParent = carrier[TraceHeader]
	}
	return ids
}
