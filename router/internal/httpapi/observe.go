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
		Help:    "Time to execute a query or mutation; errors if the answer has any, failed if there is none.",
		Buckets: metrics.Buckets,
	}, []string{"kind", "outcome"})
	refusals = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "graphql_refusals_total",
		Help: "Requests that were refused before they were executed.",
	}, []string{"code"})
	subscriptions = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "graphql_subscriptions",
		Help: "Subscriptions that are followed at the moment.",
	})
)

// count counts a refusal.
func count(r *operation.Refused) { refusals.WithLabelValues(r.Code()).Inc() }

// observe notes which operation a request executes. Call done with its response or error.
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

// follow notes the operation of a connection that carries several, in a line of its own in the log.
// Call done when it has ended.
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
