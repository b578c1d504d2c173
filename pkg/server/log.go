package server

import (
	"context"
	"log/slog"
	"net/http"
	"os"
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

// setLog makes the process's default logger: one line per fact on standard error, each with the
// service and, while a request or event is handled, its ids.
func (s *Server) setLog(service string) {
	s.SetLogLevel(s.cfg.LogLevel)
	options := &slog.HandlerOptions{Level: &s.level}
	var handler slog.Handler = slog.NewJSONHandler(os.Stderr, options)
	if s.cfg.LogFormat == "text" {
		handler = slog.NewTextHandler(os.Stderr, options)
	}
	slog.SetDefault(slog.New(withIDs{handler}).With("service", service))
}

// SetLogLevel changes it to a level that Config allows.
func (s *Server) SetLogLevel(level string) {
	if err := s.level.UnmarshalText([]byte(level)); err != nil { // it was checked
		panic(err)
	}
}

type withIDs struct{ slog.Handler }

func (h withIDs) Handle(ctx context.Context, r slog.Record) error {
	ids := correlation.From(ctx)
	if ids.Request != "" {
		r.AddAttrs(slog.String("request", ids.Request))
	}
	if ids.Cause != "" {
		r.AddAttrs(slog.String("cause", ids.Cause))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withIDs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withIDs{h.Handler.WithAttrs(attrs)}
}
func (h withIDs) WithGroup(name string) slog.Handler { return withIDs{h.Handler.WithGroup(name)} }

var (
	requestID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

	tracer   = otel.Tracer("boxoffice.dev/pkg/server")
	duration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "Time to answer a request, without streams and WebSockets.",
		Buckets: metrics.Buckets,
	}, []string{"method", "route", "status"})
)

// observed gives every request an id (the caller's, when it sent a decent one), returns it in
// X-Request-Id, and tells of the request in a line of the log, a span and a metric.
func observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids := correlation.IDs{Request: r.Header.Get("X-Request-Id"), TraceParent: r.Header.Get(correlation.TraceHeader)}
		if !requestID.MatchString(ids.Request) {
			ids.Request = uuid.Must(uuid.NewV7()).String()
		}
		w.Header().Set("X-Request-Id", ids.Request)
		ctx := correlation.With(r.Context(), ids)
		ctx, span := tracer.Start(ctx, r.Method+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		known := &notes{}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		r = r.WithContext(context.WithValue(ctx, notesKey{}, known))
		begin := time.Now()
		next.ServeHTTP(rec, r)

		took := time.Since(begin)
		if span.IsRecording() {
			span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path),
				attribute.Int("http.response.status_code", rec.status))
			if rec.status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, http.StatusText(rec.status))
			}
		}
		if rec.status != http.StatusSwitchingProtocols && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
			duration.WithLabelValues(method(r), r.Pattern, strconv.Itoa(rec.status)).Observe(took.Seconds())
		}
		slog.LogAttrs(ctx, slog.LevelInfo, "request", append([]slog.Attr{
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status),
			slog.Int("bytes", rec.bytes), slog.Duration("duration", took),
		}, known.all()...)...)
	})
}

// method returns the request's method as a label: clients can make up any.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// notes are what the handlers of a request add to its line in the log.
type notes struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

type notesKey struct{}

// Note adds to the log line of the request that the context belongs to, and to its span. Nothing
// happens outside of one.
func Note(ctx context.Context, attrs ...slog.Attr) {
	n, ok := ctx.Value(notesKey{}).(*notes)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attrs = append(n.attrs, attrs...)
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		for _, a := range attrs {
			span.SetAttributes(attribute.String(a.Key, a.Value.String()))
		}
	}
}

func (n *notes) all() []slog.Attr {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.attrs)
}

// recorder remembers what was answered.
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

// Unwrap lets http.ResponseController reach the connection, to flush and to hijack.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
