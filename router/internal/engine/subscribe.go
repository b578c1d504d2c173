package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/datasource/httpclient"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/upstream"
)

// Pauses before a subgraph is asked again for a stream that broke off; they double.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Subscribe gives emit the responses to a subscription until ctx ends, the subgraph says that there
// are no more, or emit fails. It then returns nil or emit's error.
//
// The engine's own subscriptions are not used: in them everybody with the same question shares one
// stream, the slowest reader holds up the others, and a stream that breaks off stays silent. Here each
// subscriber has a stream, and an event is a query whose first fetch has been answered already. A stream
// that breaks off is taken up again: subscriptions begin with the current state, so that nothing is lost.
func (e *Engine) Subscribe(ctx context.Context, call Call, emit func(response []byte) error) error {
	p, err := e.prepare(ctx, call.Operation, call.Variables)
	if err != nil {
		return err
	}
	subscription, ok := p.plan.(*plan.SubscriptionResponsePlan)
	if !ok {
		return fmt.Errorf("subscribe: unexpected %T", p.plan)
	}
	s := &subscriber{engine: e, call: call, prepared: p, plan: subscription.Response, emit: emit}
	root := s.plan.Response.Data.Fields[0]
	if caller := identity.From(ctx); !allowed(e.rules[coordinate{root.Info.ExactParentTypeName, root.Info.Name}], caller) {
		return s.refuse(denied(responseError{Path: []any{string(root.Name)}}, caller))
	}
	if err := s.ask(ctx); err != nil {
		return err
	}
	pause, giveUp := firstPause, time.Now().Add(e.resume)
	for {
		begun := s.count
		err := s.follow(ctx)
		if s.count > begun {
			pause, giveUp = firstPause, time.Now().Add(e.resume)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, upstream.ErrCut):
			return err
		case s.count == 0 || time.Now().Add(pause).After(giveUp):
			slog.ErrorContext(ctx, "subscription broke off", "subgraph", s.plan.Trigger.SourceName, "error", err)
			return s.refuse(masked(ctx, responseError{Path: []any{string(root.Name)}}, upstream.Unavailable, upstream.UnavailableMessage))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads out those whom one subgraph has left
		}
		pause = min(2*pause, lastPause)
	}
}

// subscriber is one run of a subscription.
type subscriber struct {
	engine   *Engine
	call     Call
	prepared *prepared
	plan     *resolve.GraphQLSubscription
	emit     func(response []byte) error

	url   string
	body  []byte
	count int    // events so far
	last  []byte // event
}

// ask makes the request that opens the stream.
func (s *subscriber) ask(ctx context.Context) error {
	var input bytes.Buffer
	if err := s.plan.Trigger.InputTemplate.Render(s.engine.resolveContext(ctx, s.prepared, s.call), nil, &input); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	var request struct {
		URL  string          `json:"url"`
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(input.Bytes(), &request); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	s.url, s.body = request.URL, request.Body
	return nil
}

// follow answers the events of one stream. The error wraps upstream.ErrCut when it breaks off.
func (s *subscriber) follow(ctx context.Context) error {
	stream, err := s.engine.streams.Open(ctx, s.url, s.call.Headers(s.plan.Trigger.SourceName), s.body)
	if err != nil {
		return err
	}
	defer stream.Close()
	resumed := s.count > 0
	for {
		event, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.count++
		if resumed && bytes.Equal(event, s.last) {
			resumed = false // nothing has changed meanwhile
			continue
		}
		resumed, s.last = false, bytes.Clone(event)
		response, err := s.resolve(ctx, event)
		if err != nil {
			return err
		}
		if err := s.emit(response); err != nil {
			return err
		}
	}
}

func (s *subscriber) resolve(ctx context.Context, event []byte) ([]byte, error) {
	ctx = transcribe(context.WithValue(ctx, eventKey{}, event), s.call)
	body, err := s.engine.resolve(ctx, s.call, s.prepared, s.plan.Response, s.plan.Response.Data)
	if err != nil {
		return nil, fmt.Errorf("resolve event: %w", err)
	}
	return present(ctx, body, s.engine.wanted(s.plan.Response))
}

// refuse answers with an error and nothing else.
func (s *subscriber) refuse(e responseError) error {
	response, err := json.Marshal(struct {
		Errors []responseError `json:"errors"`
		Data   any             `json:"data"`
	}{Errors: []responseError{e}})
	if err != nil {
		return fmt.Errorf("encode refusal: %w", err)
	}
	return s.emit(response)
}

type eventKey struct{}

// eventSource answers the first fetch of an event with the event.
type eventSource struct{}

func (eventSource) Load(ctx context.Context, _ http.Header, _ []byte) ([]byte, error) {
	event, _ := ctx.Value(eventKey{}).([]byte)
	return event, nil
}

func (s eventSource) LoadWithFiles(ctx context.Context, header http.Header, input []byte, _ []*httpclient.FileUpload) ([]byte, error) {
	return s.Load(ctx, header, input)
}

// asQuery lets the answer to an event begin with a fetch of the event itself.
func asQuery(s *resolve.GraphQLSubscription) {
	fetch := &resolve.SingleFetch{
		FetchConfiguration: resolve.FetchConfiguration{DataSource: eventSource{}, PostProcessing: s.Trigger.PostProcessing},
		InputTemplate:      resolve.InputTemplate{Segments: []resolve.TemplateSegment{{SegmentType: resolve.StaticSegmentType, Data: []byte("{}")}}},
		Info:               &resolve.FetchInfo{DataSourceID: s.Trigger.SourceID, DataSourceName: s.Trigger.SourceName, OperationType: ast.OperationTypeSubscription},
	}
	if trigger := s.Response.Fetches.Trigger; trigger != nil {
		fetch.FetchDependencies = *trigger.Item.Fetch.Dependencies()
		fetch.Info.QueryPlan = trigger.Item.Fetch.FetchInfo().QueryPlan
	}
	s.Response.Fetches = resolve.Sequence(resolve.Single(fetch), s.Response.Fetches)
}
