package broker

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
)

// Names of the headers: the attributes of CloudEvents 1.0, and extensions to them.
const (
	headerSpecVersion = "specversion"
	headerID          = "id"
	headerType        = "type"
	headerSource      = "source"
	headerSubject     = "subject"
	headerTime        = "time"
	headerVersion     = "aggregateversion"
	headerRequest     = "correlationid"
	headerCause       = "causationid"
	headerTraceParent = "traceparent"
)

// maxBody is the largest body that a consumer decodes, in bytes. The events of this repository stay below 2 kB.
const maxBody = 1 << 20

func toMessage(e events.Event, source string) *message.Message {
	msg := message.NewMessage(e.ID, message.Payload(e.Data))
	msg.Metadata = message.Metadata{
		headerSpecVersion: "1.0",
		headerID:          e.ID,
		headerType:        string(e.Type),
		headerSource:      source,
		headerSubject:     e.Subject,
		headerTime:        e.Time.UTC().Format(time.RFC3339Nano),
		headerVersion:     strconv.Itoa(e.Version),
		headerRequest:     e.IDs.Request,
		headerCause:       e.IDs.Cause,
		headerTraceParent: e.IDs.TraceParent,
	}
	for name, value := range msg.Metadata {
		if value == "" {
			delete(msg.Metadata, name)
		}
	}
	return msg
}

func toEvent(msg *message.Message) (events.Event, error) {
	e := events.Event{
		ID:      msg.Metadata.Get(headerID),
		Type:    events.Type(msg.Metadata.Get(headerType)),
		Subject: msg.Metadata.Get(headerSubject),
		IDs: correlation.IDs{
			Request:     msg.Metadata.Get(headerRequest),
			Cause:       msg.Metadata.Get(headerCause),
			TraceParent: msg.Metadata.Get(headerTraceParent),
		},
		Data: []byte(msg.Payload),
	}
	if v := msg.Metadata.Get(headerSpecVersion); v != "1.0" {
		return e, fmt.Errorf("not a CloudEvents 1.0 message: specversion is %q", v)
	}
	if e.ID == "" || e.Subject == "" {
		return e, errors.New("message without id or subject")
	}
	if len(e.Data) > maxBody {
		return e, fmt.Errorf("body of %d bytes is larger than %d", len(e.Data), maxBody)
	}
	var err error
	if e.Version, err = strconv.Atoi(msg.Metadata.Get(headerVersion)); err != nil {
		return e, fmt.Errorf("read aggregateversion: %w", err)
	}
	if e.Time, err = time.Parse(time.RFC3339Nano, msg.Metadata.Get(headerTime)); err != nil {
		return e, fmt.Errorf("read time: %w", err)
	}
	return e, nil
}

// marshaler translates between Watermill and AMQP. Watermill's own rejects headers that are not strings, such as the
// x-delivery-count that a quorum queue adds to every redelivery, so it could handle no redelivered message.
type marshaler struct{}

func (marshaler) Marshal(msg *message.Message) (amqp.Publishing, error) {
	headers := make(amqp.Table, len(msg.Metadata))
	for name, value := range msg.Metadata {
		headers[name] = value
	}
	return amqp.Publishing{
		MessageId:    msg.UUID,
		ContentType:  "application/json",
		DeliveryMode: amqp.Persistent,
		Headers:      headers,
		Body:         msg.Payload,
	}, nil
}

func (marshaler) Unmarshal(d amqp.Delivery) (*message.Message, error) {
	if d.Acknowledger == nil {
		return nil, errors.New("delivery of a queue that is gone")
	}
	msg := message.NewMessage(d.MessageId, d.Body)
	for name, value := range d.Headers {
		if s, ok := value.(string); ok {
			msg.Metadata.Set(name, s)
		} else {
			msg.Metadata.Set(name, fmt.Sprint(value))
		}
	}
	return msg, nil
}
