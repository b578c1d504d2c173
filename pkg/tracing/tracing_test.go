package tracing_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/tracing"
)

// These tests replace OpenTelemetry's global provider and the default logger, so they are not parallel.

// collector records the bodies of the requests to /v1/traces and responds with the status.
func collector(t *testing.T, status int) (url string, received *bytes.Buffer) {
	t.Helper()
	received = new(bytes.Buffer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(received, r.Body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, received
}

// export starts tracing, ends one span as a child of parent, and stops.
func export(t *testing.T, cfg tracing.Config, parent string) trace.SpanContext {
	t.Helper()
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	stop, err := tracing.Start(t.Context(), "orders", "production", cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx := correlation.With(t.Context(), correlation.IDs{TraceParent: parent})
	_, span := otel.Tracer("test").Start(ctx, "create order")
	span.End()
	if err := stop(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return span.SpanContext()
}

func TestStart(t *testing.T) {
	const traceID, spanID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	const recorded, notRecorded = "00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-00"
	for _, test := range []struct {
		name     string
		ratio    float64
		parent   string
		exported bool
	}{
		{"the service begins the trace", 1, "", true},
		{"the service begins the trace, none is recorded", 0, "", false},
		{"the client began the trace and records it", 0, recorded, true},
		{"the client began the trace and does not record it", 1, notRecorded, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, received := collector(t, http.StatusOK)
			span := export(t, tracing.Config{Endpoint: url, Ratio: test.ratio}, test.parent)
			id := span.TraceID()
			if test.parent != "" && id.String() != traceID {
				t.Errorf("got trace %s, want that of the client, %s", id, traceID)
			}
			complete := true
			for _, part := range []string{string(id[:]), "create order", "orders", "production"} {
				complete = complete && strings.Contains(received.String(), part)
			}
			if complete != test.exported || !test.exported && received.Len() > 0 {
				t.Errorf("the collector received %q, want the span: %t", received, test.exported)
			}
		})
	}
}

func TestStartWithoutEndpoint(t *testing.T) {
	url, received := collector(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url+"/v1/traces")
	if span := export(t, tracing.Config{Ratio: 1}, ""); span.IsSampled() || received.Len() > 0 {
		t.Errorf("the span was recorded: sampled %t, the collector received %q", span.IsSampled(), received)
	}
}

func TestEndpointOfTraces(t *testing.T) {
	url, received := collector(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url+"/v1/traces")
	export(t, tracing.Config{Endpoint: "http://127.0.0.1:1", Ratio: 1}, "")
	if !strings.Contains(received.String(), "create order") {
		t.Errorf("the collector received %q, want the span", received)
	}
}

func TestFailuresToExportAreLogged(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	url, _ := collector(t, http.StatusBadRequest)
	export(t, tracing.Config{Endpoint: url, Ratio: 1}, "")
	if !strings.Contains(logged.String(), `level=WARN msg="export traces failed" error=`) {
		t.Errorf("got the log %q", logged.String())
	}
}

func TestCheck(t *testing.T) {
	for endpoint, valid := range map[string]bool{
		"": true, "http://127.0.0.1:4318": true, "https://traces.example/base": true,
		"127.0.0.1:4318": false, "localhost:4318": false, "http://": false, "http://[": false, "/v1/traces": false,
		"grpc://127.0.0.1:4317": false,
	} {
		err := tracing.Config{Endpoint: endpoint}.Check()
		if valid != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT: ") {
			t.Errorf("%q: got %v, want valid: %t", endpoint, err, valid)
		}
	}
}
