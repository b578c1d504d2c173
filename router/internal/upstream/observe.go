package upstream

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/metrics"
)

var (
	tracer  = otel.Tracer("boxoffice.dev/router/internal/upstream")
	fetches = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "subgraph_fetch_duration_seconds",
		Help:    "Duration of fetches from a subgraph, including the wait for a slot, by outcome: answered, unavailable or cancelled.",
		Buckets: metrics.Buckets,
	}, []string{"subgraph", "outcome"})
)

// observe starts the span and the timer of a fetch; done ends both. A fetch outside of any trace gets no span, which
// would be a trace of its own.
func (s *Subgraph) observe(ctx context.Context) (_ context.Context, done func(error)) {
	span := trace.SpanFromContext(context.Background()) // records nothing
	if trace.SpanContextFromContext(ctx).IsValid() {
		ctx, span = tracer.Start(ctx, "fetch "+s.name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("subgraph", s.name)))
	}
	begin := time.Now()
	return ctx, func(err error) {
		outcome := "answered"
		switch {
		case ctx.Err() != nil:
			outcome = "cancelled"
		case err != nil:
			outcome = "unavailable"
			span.SetStatus(codes.Error, err.Error())
		}
		fetches.WithLabelValues(s.name, outcome).Observe(time.Since(begin).Seconds())
		span.End()
	}
}

// setTrace propagates the trace to a subgraph.
func setTrace(ctx context.Context, header http.Header) {
	if parent := correlation.From(ctx).TraceParent; parent != "" {
		header.Set(correlation.TraceHeader, parent)
	}
}
