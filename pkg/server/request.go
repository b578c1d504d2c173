package server

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
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
	requestID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

	tracer   = otel.Tracer("boxoffice.dev/pkg/server")
	duration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "Time from the headers of a request to the end of its response, without event streams and WebSockets.",
		Buckets: metrics.Buckets,
	}, []string{"method", "route", "status"})
)

// observe adds the id of each request to its context and to the X-Request-Id header of the response, and
// records the request in the log, in a span and in a metric. It keeps the client's id if that is well formed.
func observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids := correlation.IDs{
			Request: r.Header.Get("X-Request-Id"), TraceParent: r.Header.Get(correlation.TraceHeader),
		}
		if !requestID.MatchString(ids.Request) {
			ids.Request = uuid.Must(uuid.NewV7()).String()
		}
		w.Header().Set("X-Request-Id", ids.Request)
		ctx := correlation.With(r.Context(), ids)
		ctx, span := tracer.Start(ctx, r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		added := &attributes{}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		r = r.WithContext(context.WithValue(ctx, attributesKey{}, added))
		start := time.Now()
		next.ServeHTTP(rec, r)

		took := time.Since(start)
		if span.IsRecording() {
			span.SetAttributes(
				attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path),
				attribute.Int("http.response.status_code", rec.status))
			if rec.status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, http.StatusText(rec.status))
			}
		}
		isStream := strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
		if rec.status != http.StatusSwitchingProtocols && !isStream {
			duration.WithLabelValues(methodLabel(r), r.Pattern, strconv.Itoa(rec.status)).Observe(took.Seconds())
		}
		slog.LogAttrs(ctx, slog.LevelInfo, "request", append([]slog.Attr{
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status),
			slog.Int("bytes", rec.bytes), slog.Duration("duration", took),
		}, added.all()...)...)
	})
}

// methodLabel returns the method for a metric. Clients can invent methods, and each would be a time series.
func methodLabel(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// attributes are the attributes that handlers add to the log line of their request.
type attributes struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

type attributesKey struct{}

// Annotate adds attributes to the log line and the span of the request that the context belongs to. Outside
// of a request it does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	a, ok := ctx.Value(attributesKey{}).(*attributes)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attrs = append(a.attrs, attrs...)
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		for _, attr := range attrs {
			span.SetAttributes(attribute.String(attr.Key, attr.Value.String()))
		}
	}
}

func (a *attributes) all() []slog.Attr {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.attrs)
}

// recorder keeps the status and the size of a response.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController flush and hijack the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
