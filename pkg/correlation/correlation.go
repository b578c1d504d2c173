// Package correlation carries the ids of the current request, event and trace in the context. They are for logs, traces
// and the headers of events only. Clients can set them, so no decision may depend on them.
package correlation

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// TraceHeader is the header of W3C Trace Context, https://www.w3.org/TR/trace-context/.
const TraceHeader = "traceparent"

// IDs identify the origin of the current work. Any of them may be empty.
type IDs struct {
	Request     string // the X-Request-Id of the first HTTP request
	Cause       string // the id of the event that is being handled
	TraceParent string // the parent span, in the format of TraceHeader
}

type key struct{}

// With returns a context with the ids. Spans started from it are children of the trace parent. An invalid trace parent
// is ignored.
func With(ctx context.Context, ids IDs) context.Context {
	carrier := propagation.MapCarrier{TraceHeader: ids.TraceParent}
	remote := propagation.TraceContext{}.Extract(context.Background(), carrier)
	ctx = trace.ContextWithRemoteSpanContext(ctx, trace.SpanContextFromContext(remote))
	ids.TraceParent = ""
	return context.WithValue(ctx, key{}, ids)
}

// From returns the ids of the context. The trace parent is the current span, or the one passed to With when there
// is none.
func From(ctx context.Context) IDs {
	ids, _ := ctx.Value(key{}).(IDs)
	if trace.SpanContextFromContext(ctx).IsValid() {
		carrier := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, carrier)
		ids.TraceParent = carrier[TraceHeader]
	}
	return ids
}
