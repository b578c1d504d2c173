package httpapi

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/router/internal/operation"
)

var (
	operations = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "graphql_operation_duration_seconds",
		Help:    "Duration of queries and mutations, by outcome: done, errors (the response has errors) or failed (there is no response).",
		Buckets: metrics.Buckets,
	}, []string{"kind", "outcome"})
	refusals = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "graphql_refusals_total",
		Help: "Requests that were refused before execution, by error code.",
	}, []string{"code"})
	subscriptions = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "graphql_subscriptions",
		Help: "Open subscriptions.",
	})
)

// count counts a refusal.
func count(r *operation.Refused) { refusals.WithLabelValues(r.Code()).Inc() }

// observe annotates the request's log line with its operation and measures it. Call done with the response or error.
func observe(ctx context.Context, op *operation.Operation) (done func(response []byte, err error)) {
	server.Annotate(ctx, slog.String("kind", string(op.Kind)), slog.String("operation", op.Name))
	begin := time.Now()
	return func(response []byte, err error) {
		outcome := "done"
		switch {
		case err != nil:
			outcome = "failed"
		case bytes.HasPrefix(response, []byte(`{"errors":`)):
			outcome = "errors"
		}
		operations.WithLabelValues(string(op.Kind), outcome).Observe(time.Since(begin).Seconds())
	}
}

// follow logs an operation of a long-lived connection, which may carry several. Call done when it has ended.
func follow(ctx context.Context, op *operation.Operation, userID string) (done func(responses int)) {
	if op.Kind == ast.Subscription {
		subscriptions.Inc()
	}
	begin := time.Now()
	return func(responses int) {
		if op.Kind == ast.Subscription {
			subscriptions.Dec()
		}
		slog.InfoContext(ctx, "operation", "kind", op.Kind, "operation", op.Name, "user", userID,
			"responses", responses, "duration", time.Since(begin))
	}
}
