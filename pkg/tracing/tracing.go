// Package tracing exports the process's spans with OpenTelemetry.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Config is the settings of traces.
type Config struct {
	Endpoint string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT" restart:"true" help:"collector that receives traces as OTLP over HTTP: http://127.0.0.1:4318; unset: no traces"`
	Ratio    float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1" min:"0" max:"1" restart:"true" help:"share of traces that are recorded, from 0 to 1; a trace that the client began keeps the client's decision"`
}

// Check returns an error that begins with the variable at fault.
func (c Config) Check() error {
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: want http://… or https://…, got %q", c.Endpoint)
	}
	return nil
}

// Start exports spans until stop, which flushes those that are not sent yet. Without an endpoint spans
// are not recorded. The exporter also reads OpenTelemetry's standard variables, OTEL_EXPORTER_OTLP_….
func Start(ctx context.Context, service, environment string, cfg Config) (stop func(context.Context) error, err error) {
	if cfg.Endpoint == "" {
		return func(context.Context) error { return nil }, nil
	}
	var options []otlptracehttp.Option
	if os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		// The exporter reads only the environment, and the endpoint may be from a settings file.
		traces, err := url.JoinPath(cfg.Endpoint, "v1/traces")
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		options = append(options, otlptracehttp.WithEndpointURL(traces))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		slog.WarnContext(ctx, "export traces failed", "error", err)
	}))
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(cfg.Ratio))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", service), attribute.String("deployment.environment.name", environment))),
	)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}
