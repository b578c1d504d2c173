// Package logging sets up the process's log: one line per fact on standard error, each with the service
// and, while a request or event is handled, its ids.
package logging

import (
	"context"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"

	"boxoffice.dev/pkg/correlation"
)

// Config is the settings of the log.
type Config struct {
	Level  string `env:"LOG_LEVEL" envDefault:"info" enum:"debug,info,warn,error" help:"lowest level that is logged: debug, info, warn or error"`
	Format string `env:"LOG_FORMAT" envDefault:"json" enum:"json,text" restart:"true" help:"format of a line: json or text (key=value)"`
}

// level is that of the default logger. Like the logger, the process has one.
var level slog.LevelVar

// Setup makes the default logger of package slog.
func Setup(service string, cfg Config) {
	SetLevel(cfg.Level)
	slog.SetDefault(newLogger(os.Stderr, service, cfg.Format))
}

// SetLevel changes the level of the default logger to one that Config allows; it panics on any other.
func SetLevel(name string) {
	if err := level.UnmarshalText([]byte(name)); err != nil {
		panic(err)
	}
}

func newLogger(w io.Writer, service, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: &level}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return slog.New(withIDs{handler}).With("service", service)
}

// withIDs adds the ids of the context to each line.
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
