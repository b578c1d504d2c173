// Package executor runs query plans: it fetches from subgraphs, puts what comes into one tree, and writes responses from
// it. A user's headers reach a subgraph only with that user's own fetches, which are never shared.
package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/cache"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/upstream"
)

const (
	cachedPlans = 2_000
	cachedBytes = 16 << 20 // of plans' documents
)

// Config configures an Executor.
type Config struct {
	// Prepare returns the plan of an operation for the caller in the context (package identity), and its variables: a
	// JSON object or nothing. Without parts, no fragment is deferred.
	Prepare func(
		ctx context.Context, op *operation.Operation, variables []byte, parts bool,
	) (*planner.Plan, []byte, error)
	Subgraphs map[string]*upstream.Subgraph // by name
	Streams   *upstream.Streams
	Resume    time.Duration // for which a broken stream is resumed

	MaxRepresentations int           // in one request
	Codes              []apperr.Code // of subgraphs' errors that clients get; nil for all
}

// Executor executes operations. Safe for concurrent use.
type Executor struct {
	cfg    Config
	plans  *cache.Cache[*planner.Plan, *prepared]
	arenas sync.Pool
}

// New returns an Executor.
func New(cfg Config) *Executor {
	if cfg.MaxRepresentations == 0 {
		cfg.MaxRepresentations = 500
	}
	return &Executor{
		cfg: cfg, plans: cache.New[*planner.Plan, *prepared]("shapes", cachedPlans, cachedBytes),
		arenas: sync.Pool{New: func() any { return new(arena) }},
	}
}

// end makes the memory of a run available to others, after its response has been written.
func (r *run) end() {
	r.arena.reset()
	r.x.arenas.Put(r.arena)
}

// Call is one request to execute.
type Call struct {
	Operation *operation.Operation
	Variables []byte // a JSON object that fits the operation, or empty
	// Initial is a part of the response's data that the router itself knows, a JSON object or nil.
	Initial []byte
	// Headers returns the headers of one fetch, a new map each time. May be called concurrently.
	Headers func(subgraph string) http.Header
	// Answered receives the headers of each subgraph's response. May be called concurrently, but for the root fields of
	// a mutation in their order.
	Answered func(subgraph string, header http.Header)
}

// begin returns a run of the operation's plan.
func (x *Executor) begin(ctx context.Context, call Call, parts bool) (*run, error) {
	plan, variables, err := x.cfg.Prepare(ctx, call.Operation, call.Variables, parts)
	if err != nil {
		return nil, err
	}
	p, ok := x.plans.Get(plan)
	if !ok {
		p = prepare(plan)
		x.plans.Add(plan, p, len(call.Operation.Text))
	}
	return x.newRun(call, p, variables)
}

// Execute returns the response to the call: {"data": …}, with "errors" first if something went wrong. The caller comes
// from the context (package identity). After an error it is not known what was done.
func (x *Executor) Execute(ctx context.Context, call Call) ([]byte, error) {
	r, err := x.begin(ctx, call, false)
	if err != nil {
		return nil, err
	}
	defer r.end()
	if err := r.fetch(ctx, func() error { return nil }); err != nil {
		return nil, fmt.Errorf("execute: %w", err)
	}
	return r.response(ctx)
}

// response writes the whole response.
func (r *run) response(ctx context.Context) ([]byte, error) {
	w := writer{problems: r.problems(ctx, 0), buf: make([]byte, 0, r.received+r.received/8+512)}
	w.buf = append(w.buf, `{"data":`...)
	begin := len(w.buf)
	if !w.object(r.shape.root, r.root) {
		if w.missing != nil {
			w.problems.unexpected(w.missing)
		}
		w.buf = append(w.buf[:begin], "null"...)
	}
	w.problems.report(ctx)
	w.buf = append(w.buf, '}')
	if len(w.problems.list) == 0 {
		return w.buf, nil
	}
	errs, err := json.Marshal(w.problems.list)
	if err != nil {
		return nil, fmt.Errorf("encode errors: %w", err)
	}
	whole := make([]byte, 0, len(w.buf)+len(errs)+16)
	whole = append(append(whole, `{"errors":`...), errs...)
	return append(append(whole, ','), w.buf[1:]...), nil
}

// Explain returns the plan of an operation for people, with deferred parts or without. The text names the subgraphs.
func (x *Executor) Explain(ctx context.Context, op *operation.Operation, variables []byte, parts bool) (string, error) {
	plan, _, err := x.cfg.Prepare(ctx, op, variables, parts)
	if err != nil {
		return "", err
	}
	return plan.String(), nil
}
