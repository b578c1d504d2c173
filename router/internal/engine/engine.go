// Package engine executes operations over the subgraphs. It is the only package that knows
// graphql-go-tools, and it keeps what that library mixes up apart: requests are never merged, and
// a user's headers reach a subgraph only as arguments of that user's own fetch.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
	"golang.org/x/sync/singleflight"

	"boxoffice.dev/router/internal/cache"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/supergraph"
	"boxoffice.dev/router/internal/upstream"
)

const (
	cachedVariants = 2_000
	cachedPlans    = 1_000
	cachedBytes    = 16 << 20 // of texts, in each of them
)

// Engine plans and executes operations of one supergraph. Safe for concurrent use.
type Engine struct {
	router, client *ast.Document // the schema as the planner and as clients see it
	config         plan.Configuration
	resolver       *resolve.Resolver
	streams        *upstream.Streams
	resume         time.Duration // for a stream that breaks off
	rules          map[coordinate][]supergraph.Rule
	unequal        map[coordinate]bool // fields of interfaces
	names          map[string]bool     // of fields that the planner adds to selections
	disguised      map[string]bool     // types that an interface object stands for somewhere
	disguises      disguises
	keys           keys

	tools    sync.Pool
	bodies   sync.Pool // of buffers in which responses are put together
	shapes   *cache.Cache[variant, shape]
	plans    *cache.Cache[string, plan.Plan] // by the text that is planned
	planning singleflight.Group
	planners chan struct{} // holds one value for each operation that is being planned
	planned  atomic.Int64
	explain  []plan.Opts // how plans are made that can be shown
}

type coordinate struct{ typ, field string }

// New returns an engine that works until ctx ends.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{
		resolver: resolve.New(ctx, resolverOptions()),
		streams:  cfg.Streams,
		resume:   cfg.Resume,
		rules:    map[coordinate][]supergraph.Rule{},
		names:    map[string]bool{}, disguised: map[string]bool{},
		shapes:   cache.New[variant, shape]("variants", cachedVariants, cachedBytes),
		plans:    cache.New[string, plan.Plan]("plans", cachedPlans, cachedBytes),
		planners: make(chan struct{}, max(cfg.Planning, 1)),
	}
	e.tools.New = newTools
	e.bodies.New = func() any { return new(bytes.Buffer) }
	if cfg.Explain {
		e.explain = []plan.Opts{plan.IncludeQueryPlanInResponse()}
	}
	var err error
	if e.router, err = parseSchema(cfg.Supergraph.RouterSDL); err != nil {
		return nil, fmt.Errorf("parse router schema: %w", err)
	}
	if e.client, err = parseSchema(cfg.Supergraph.ClientSDL); err != nil {
		return nil, fmt.Errorf("parse client schema: %w", err)
	}
	for _, s := range cfg.Supergraph.Subgraphs {
		for _, t := range s.Types {
			for _, k := range t.Keys {
				e.addNames(k.Selection)
			}
			for _, r := range t.Requires {
				e.addNames(r.Selection)
			}
			if t.InterfaceObject {
				e.disguised[t.Name] = true
				for _, name := range t.Implementations {
					e.disguised[name] = true
				}
			}
		}
	}
	if e.disguises, err = disguisesOf(cfg.Supergraph.Subgraphs); err != nil {
		return nil, err
	}
	if e.keys, err = keysOf(cfg.Supergraph.Subgraphs); err != nil {
		return nil, err
	}
	if e.config, err = planConfig(ctx, cfg); err != nil {
		return nil, err
	}
	for _, f := range cfg.Supergraph.Fields {
		if len(f.Rules) > 0 {
			e.rules[coordinate{f.Type, f.Name}] = f.Rules
		}
	}
	e.unequal = e.unequalFields()
	return e, nil
}

// addNames notes every word of a field set: its fields and a few types and arguments, which do no
// harm.
func (e *Engine) addNames(selection string) {
	for _, name := range strings.FieldsFunc(selection, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		e.names[name] = true
	}
}

// Planned returns how many operations were planned so far.
func (e *Engine) Planned() int64 { return e.planned.Load() }

// Call is one request to execute.
type Call struct {
	Operation *operation.Operation
	Variables []byte // a JSON object that fits the operation, or empty
	// Headers returns the headers of one fetch, a new map each time. May be called concurrently.
	Headers func(subgraph string) http.Header
	// Answered is told the headers of each subgraph's answer. May be called concurrently, but for
	// the root fields of a mutation in their order.
	Answered func(subgraph string, header http.Header)
}

// Execute returns the response to the call: {"data": …} with "errors" when something went wrong.
// The caller comes from the context (package identity). After an error nobody knows what was done.
func (e *Engine) Execute(ctx context.Context, call Call) ([]byte, error) {
	p, err := e.prepare(ctx, call.Operation, call.Variables)
	if err != nil {
		return nil, err
	}
	synchronous, ok := p.plan.(*plan.SynchronousResponsePlan)
	if !ok {
		return nil, fmt.Errorf("execute: unexpected %T", p.plan)
	}
	ctx = transcribe(ctx, call)
	body, err := e.resolve(ctx, call, p, synchronous.Response, synchronous.Response.Data)
	if err != nil {
		return nil, fmt.Errorf("execute: %w", err)
	}
	return present(ctx, body, e.wanted(synchronous.Response))
}

// resolve asks the subgraphs and puts the response, which is a part of the whole, together. The context has a transcript.
func (e *Engine) resolve(ctx context.Context, call Call, p *prepared, response *resolve.GraphQLResponse, whole *resolve.Object) ([]byte, error) {
	body, _ := e.bodies.Get().(*bytes.Buffer)
	defer e.bodies.Put(body)
	body.Reset()
	if _, err := e.resolver.ArenaResolveGraphQLResponse(e.resolveContext(ctx, p, call), response, body); err != nil {
		return nil, err
	}
	again := transcriptOf(ctx).replay()
	if again == nil {
		return bytes.Clone(body.Bytes()), nil
	}
	bare := *response
	bare.Data = markedObject(whole, len(again.faulty))
	var marked bytes.Buffer
	if _, err := e.resolver.ArenaResolveGraphQLResponse(e.resolveContext(context.WithValue(ctx, transcriptKey{}, again), p, call), &bare, &marked); err != nil {
		return nil, err
	}
	return locate(body.Bytes(), marked.Bytes())
}

func (e *Engine) resolveContext(ctx context.Context, p *prepared, call Call) *resolve.Context {
	rc := resolve.NewContext(ctx) // its Request.ID stays 0: the engine keeps the size of each id's answers for good
	rc.Variables = p.variables
	rc.RemapVariables = p.remap
	rc.ExecutionOptions.DisableInboundRequestDeduplication = true
	rc.ExecutionOptions.DisableSubgraphRequestDeduplication = true
	rc.SubgraphHeadersBuilder = headers(call.Headers)
	rc.SetPreFetchFieldAuthorizer(e)
	return rc
}

type headers func(subgraph string) http.Header

// HeadersForSubgraph returns a new map each time, because the engine adds to it. The hash only
// serves de-duplication, which is off.
func (h headers) HeadersForSubgraph(name string) (http.Header, uint64) { return h(name), 0 }

// HashAll only serves de-duplication.
func (h headers) HashAll() uint64 { return 0 }

// asyncErrors answers subscriptions whose event could not be resolved.
type asyncErrors struct{}

func (asyncErrors) WriteError(ctx *resolve.Context, err error, _ *resolve.GraphQLResponse, w io.Writer) {
	if !errors.Is(err, context.Canceled) {
		slog.ErrorContext(ctx.Context(), "resolve event", "error", err)
	}
	w.Write(internalError) //nolint:errcheck // the client is gone then
}
