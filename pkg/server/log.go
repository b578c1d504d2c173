package server

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/google/uuid"

	"boxoffice.dev/pkg/correlation"
)

// setLog makes the process's default logger: one line per fact on standard error, each with the
// service and, while a request or event is handled, its ids.
func setLog(service string, cfg Config) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil { // it was checked
		panic(err)
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(os.Stderr, options)
	if cfg.LogFormat == "text" {
		handler = slog.NewTextHandler(os.Stderr, options)
	}
	slog.SetDefault(slog.New(withIDs{handler}).With("service", service))
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
	return h.Handler.Handle(ctx, r)
}

func (h withIDs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withIDs{h.Handler.WithAttrs(attrs)}
}
func (h withIDs) WithGroup(name string) slog.Handler { return withIDs{h.Handler.WithGroup(name)} }

var requestID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// logged gives every request an id (the caller's, when it sent a decent one), returns it in
// X-Request-Id and writes a line per request.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids := correlation.IDs{Request: r.Header.Get("X-Request-Id"), TraceParent: r.Header.Get("Traceparent")}
		if !requestID.MatchString(ids.Request) {
			ids.Request = uuid.Must(uuid.NewV7()).String()
		}
		if len(ids.TraceParent) > 55 { // 55 is the length of version 00
			ids.TraceParent = ""
		}
		w.Header().Set("X-Request-Id", ids.Request)
		ctx := correlation.With(r.Context(), ids)
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		begin := time.Now()
		next.ServeHTTP(rec, r.WithContext(ctx))
		slog.InfoContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
			"bytes", rec.bytes, "duration", time.Since(begin))
	})
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
