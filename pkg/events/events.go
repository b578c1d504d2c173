// Package events has the contracts between services: the catalogue of event types with their publishers and consumers,
// the payloads, and the states that they carry. Types are in the past tense and versioned; fields are only ever added.
package events

import (
	"context"
	"encoding/json"
	"fmt"
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

// Type names an event and its version; it is also the routing key.
type Type string

// Event is one fact about one aggregate, with the attributes of CloudEvents 1.0
// (https://github.com/cloudevents/spec). On the wire the attributes are headers and Data is the body.
type Event struct {
	ID      string    // UUIDv7; a redelivery has the same one
	Type    Type      // ticket.created.v1
	Subject string    // id of the aggregate the event is about
	Version int       // version of that aggregate after the change
	Time    time.Time // when it happened, UTC
	IDs     correlation.IDs
	Data    json.RawMessage
}

// Payload is the data of an event: the state of an aggregate at one version.
type Payload interface {
	aggregate() (subject string, version int)
}

// New returns an event of the type about the payload's aggregate. The outbox sets its time. New panics if the payload
// cannot be encoded, which is a programming error.
func New(t Type, p Payload) Event {
	data, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", t, err))
	}
	subject, version := p.aggregate()
	return Event{ID: uuid.Must(uuid.NewV7()).String(), Type: t, Subject: subject, Version: version, Data: data}
}

// Handler handles one event. It may be called twice for one event, late, or out of order.
type Handler func(ctx context.Context, e Event) error

// Handlers has the handler of each type of event that a service consumes.
type Handlers map[Type]Handler

// On returns a Handler that calls handle with the decoded payload.
func On[P Payload](handle func(ctx context.Context, p P) error) Handler {
	return func(ctx context.Context, e Event) error {
		var p P
		if err := json.Unmarshal(e.Data, &p); err != nil {
			return fmt.Errorf("decode %s %s: %w", e.Type, e.ID, err)
		}
		if subject, version := p.aggregate(); subject != e.Subject || version != e.Version {
			return fmt.Errorf("%s %s: headers say %s version %d, payload says %s version %d",
				e.Type, e.ID, e.Subject, e.Version, subject, version)
		}
		return handle(ctx, p)
	}
}

// Deliver calls the handler of the event's type, with the event as the cause of all that it does. A type without a
// handler is an error.
func (h Handlers) Deliver(ctx context.Context, e Event) error {
	handle, ok := h[e.Type]
	if !ok {
		return fmt.Errorf("no handler for %s", e.Type)
	}
	ids := e.IDs
	ids.Cause = e.ID
	ctx, span := tracer.Start(correlation.With(ctx, ids), "handle "+string(e.Type),
		trace.WithSpanKind(trace.SpanKindConsumer), e.Attributes())
	defer span.End()
	begin, outcome := time.Now(), "done"
	err := handle(ctx, e)
	if err != nil {
		err, outcome = fmt.Errorf("handle %s %s about %s: %w", e.Type, e.ID, e.Subject, err), "failed"
		span.SetStatus(codes.Error, err.Error())
	}
	handling.WithLabelValues(string(e.Type), outcome).Observe(time.Since(begin).Seconds())
	return err
}

// Attributes returns the attributes of the event's spans.
func (e Event) Attributes() trace.SpanStartEventOption {
	return trace.WithAttributes(
		attribute.String("messaging.system", "rabbitmq"), attribute.String("messaging.message.id", e.ID),
		attribute.String("event.type", string(e.Type)),
		attribute.String("event.subject", e.Subject), attribute.Int("event.version", e.Version),
	)
}

var (
	tracer   = otel.Tracer("boxoffice.dev/pkg/events")
	handling = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "event_handling_duration_seconds",
		Help:    "Duration of an attempt to handle an event. After too many failures the event is dead-lettered.",
		Buckets: metrics.Buckets,
	}, []string{"type", "outcome"})
)
