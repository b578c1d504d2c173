package server

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

// startTracing sends the spans of this process to the collector that the settings name; without one,
// spans cost nothing and go nowhere. Call stop at the end, for those still under way.
func startTracing(ctx context.Context, service string, cfg Config) (stop func(context.Context) error, err error) {
	if cfg.TraceEndpoint == "" {
		return func(context.Context) error { return nil }, nil
	}
	var options []otlptracehttp.Option // besides those in the standard variables, OTEL_EXPORTER_OTLP_…
	if os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		traces, err := url.JoinPath(cfg.TraceEndpoint, "v1/traces") // it may come from a file
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		options = append(options, otlptracehttp.WithEndpointURL(traces))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("traces not sent", "error", err) })) //nolint:sloglint // it brings no context
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(cfg.TraceRatio))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", service), attribute.String("deployment.environment.name", cfg.Environment))),
	)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}
