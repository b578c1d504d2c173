// Package plans finds the plan of a request. Plans are cached by the normalized operation, so that documents that only
// differ in literals or layout share one.
package plans

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/cache"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/supergraph"
)

const (
	cachedOperations = 2_000
	cachedPlans      = 1_000
	cachedBytes      = 16 << 20 // of texts, in each cache
)

// Plans finds plans. Safe for concurrent use.
type Plans struct {
	planner    *planner.Planner
	labels     []string // of progressive overrides, that are active
	operations *cache.Cache[*operation.Operation, *prepared]
	plans      *cache.Cache[string, *planner.Plan]
	planning   singleflight.Group
	slots      chan struct{} // holds one value for each operation that is being planned
	planned    atomic.Int64
}

// Config configures Plans.
type Config struct {
	Supergraph *supergraph.Supergraph
	Planning   int      // operations that are planned concurrently
	Labels     []string // of progressive overrides, that are active, besides percent(n)
}

// maxReported bounds the lines that are logged about unreachable fields.
const maxReported = 20

// New returns Plans with empty caches. It logs fields that cannot be resolved everywhere.
func New(cfg Config) (*Plans, error) {
	p, err := planner.New(cfg.Supergraph)
	if err != nil {
		return nil, err
	}
	for _, field := range p.Unreachable(maxReported) {
		slog.Warn("no subgraph resolves a field everywhere; operations that need it there fail", "field", field)
	}
	return &Plans{
		planner: p, labels: cfg.Labels,
		operations: cache.New[*operation.Operation, *prepared]("operations", cachedOperations, cachedBytes),
		plans:      cache.New[string, *planner.Plan]("plans", cachedPlans, cachedBytes),
		slots:      make(chan struct{}, max(cfg.Planning, 1)),
	}, nil
}

// Planned returns how many operations were planned so far.
func (p *Plans) Planned() int64 { return p.planned.Load() }

// prepared is an operation of a document with its plans.
type prepared struct {
	ruled    []ruled  // the fields that have rules
	labels   []string // that plans depend on, sorted
	nullable []string // variables whose null makes an argument invalid

	mu     sync.Mutex
	shapes map[string]shape
}

// ruled is a field with rules.
type ruled struct {
	typ, field string
	rules      []supergraph.Rule
}

// shape is a prepared operation for callers who may read the same fields and get the same side of each override.
type shape struct {
	plan   *planner.Plan
	values *values
}

// Prepare returns the plan of an operation for the caller (package identity), and the variables that it takes: the
// given ones, a JSON object or empty, with defaults and literals. Without parts, no fragment is deferred.
func (p *Plans) Prepare(
	ctx context.Context, op *operation.Operation, variables []byte, parts bool,
) (*planner.Plan, []byte, error) {
	known, ok := p.operations.Get(op)
	if !ok {
		var err error
		if known, err = p.prepare(op); err != nil {
			return nil, nil, refused(err)
		}
		p.operations.Add(op, known, len(op.Text))
	}
	s, err := p.shape(ctx, op, known, variables, parts)
	if err != nil {
		return nil, nil, refused(err)
	}
	all, err := s.values.with(variables)
	return s.plan, all, err
}

// refused turns the planner's refusal into one for the client.
func refused(err error) error {
	if errors.Is(err, planner.ErrTooComplex) {
		return operation.Refuse(http.StatusBadRequest, operation.TooComplex, "the operation is too complex to plan")
	}
	return err
}

func (p *Plans) prepare(op *operation.Operation) (*prepared, error) {
	known := &prepared{shapes: map[string]shape{}}
	normal, err := p.planner.Normalize(op.Definition, func(typ, field string) bool {
		if !slices.ContainsFunc(known.ruled, func(r ruled) bool { return r.typ == typ && r.field == field }) {
			known.ruled = append(known.ruled, ruled{typ, field, p.planner.Rules(typ, field)})
		}
		return false
	}, func(string) bool { return false }, false)
	if err != nil {
		return nil, err
	}
	known.labels, known.nullable = normal.Labels, normal.Nullable
	return known, nil
}

// shape returns the shape for a caller and variables.
func (p *Plans) shape(
	ctx context.Context, op *operation.Operation, known *prepared, variables []byte, parts bool,
) (s shape, err error) {
	caller := identity.From(ctx)
	denied := make([]byte, len(known.ruled))
	for i, r := range known.ruled {
		denied[i] = '.'
		if !allowed(r.rules, caller) {
			denied[i] = 'x'
		}
	}
	active := p.active(ctx, known.labels)
	nulls, err := nulls(known.nullable, variables)
	if err != nil {
		return s, err
	}
	key := string(denied) + strings.Join(active, " ") + "\n" + strings.Join(nulls, " ")
	if parts {
		key += "\nparts"
	}
	known.mu.Lock()
	s, ok := known.shapes[key]
	known.mu.Unlock()
	if ok {
		return s, nil
	}
	normal, err := p.planner.Normalize(op.Definition, func(typ, field string) bool {
		i := slices.IndexFunc(known.ruled, func(r ruled) bool { return r.typ == typ && r.field == field })
		return i < 0 || denied[i] == 'x'
	}, func(variable string) bool { return slices.Contains(nulls, variable) }, parts)
	if err != nil {
		return s, err
	}
	s.values = newValues(p.planner.Schema(), op.Definition, normal.Literals)
	if s.plan, err = p.plan(ctx, normal, active); err != nil {
		return s, err
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if len(known.shapes) >= maxShapes {
		clear(known.shapes)
	}
	known.shapes[key] = s
	return s, nil
}

// maxShapes bounds the shapes of one operation.
const maxShapes = 100

// plan returns the plan of a normalized operation. Planning is the expensive step: equal operations are planned once,
// and only a few at the same time.
func (p *Plans) plan(ctx context.Context, normal *planner.Operation, active []string) (*planner.Plan, error) {
	active = slices.DeleteFunc(slices.Clone(active), func(l string) bool { return !slices.Contains(normal.Labels, l) })
	key := normal.Text + "\n" + strings.Join(active, " ")
	if known, ok := p.plans.Get(key); ok {
		return known, nil
	}
	planned := p.planning.DoChan(key, func() (any, error) {
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		made, err := p.make(context.WithoutCancel(ctx), normal, func(l string) bool { return slices.Contains(active, l) })
		if err == nil {
			p.plans.Add(key, made, len(key))
		}
		return made, err
	})
	select {
	case r := <-planned:
		made, _ := r.Val.(*planner.Plan)
		return made, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// make plans. A fault of the planner must not end the process.
func (p *Plans) make(
	ctx context.Context, normal *planner.Operation, label func(string) bool,
) (made *planner.Plan, err error) {
	p.planned.Add(1)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("plan: panic: %v\n%s", r, debug.Stack())
		}
	}()
	if made, err = p.planner.Plan(ctx, normal, label); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return made, nil
}

// allowed reports whether a caller satisfies all rules.
func allowed(rules []supergraph.Rule, caller identity.Caller) bool {
	for _, rule := range rules {
		if !caller.SignedIn() {
			return false
		}
		holds := func(scopes []string) bool {
			return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(caller.Scopes, s) })
		}
		if len(rule.Scopes) > 0 && !slices.ContainsFunc(rule.Scopes, holds) {
			return false
		}
	}
	return true
}
