package executor

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/planner"
	"boxoffice.dev/router/internal/upstream"
)

const maxErrors = 50 // in one response

// fault is an error of a subgraph about a value of the tree.
type fault struct {
	message  string
	code     apperr.Code
	rest     []any  // the path from the value on: storage names and indices
	subgraph string // for the log
	hidden   string // the message that a mask stands for
	whole    bool   // about the object that has the value as a field
}

func (f *fault) copy() *fault {
	c := *f
	return &c
}

// Error is an error of a response.
type Error struct {
	Message    string     `json:"message"`
	Path       []any      `json:"path,omitempty"`
	Extensions extensions `json:"extensions"`

	hidden, subgraph string
}

type extensions struct {
	Code      apperr.Code `json:"code"`
	RequestID string      `json:"requestId,omitempty"`
}

func (e Error) same(other Error) bool {
	return e.Extensions.Code == other.Extensions.Code && e.Message == other.Message && slices.Equal(e.Path, other.Path)
}

// explains reports whether an error is about the same field as a path, or one above or below. An error without a path
// is about a whole fetch and may explain any.
func (e Error) explains(path []any) bool {
	n := min(len(e.Path), len(path))
	return slices.Equal(e.Path[:n], path[:n])
}

// problems are the errors of one response.
type problems struct {
	signedIn bool   // the caller
	request  string // id
	list     []Error
}

func newProblems(ctx context.Context) *problems {
	return &problems{signedIn: identity.From(ctx).SignedIn(), request: correlation.From(ctx).Request}
}

func (p *problems) add(e Error) {
	if len(p.list) < maxErrors && !slices.ContainsFunc(p.list, e.same) {
		p.list = append(p.list, e)
	}
}

func (p *problems) explained(path []any) bool {
	return slices.ContainsFunc(p.list, func(e Error) bool { return e.explains(path) })
}

// fault adds an error of a subgraph.
func (p *problems) fault(f *fault, path []any) {
	e := Error{
		Message: f.message, Path: path, Extensions: extensions{Code: f.code}, hidden: f.hidden, subgraph: f.subgraph,
	}
	if f.hidden != "" {
		e.Extensions.RequestID = p.request
	}
	p.add(e)
}

// masked adds an error whose reason is only logged.
func (p *problems) masked(path []any, code apperr.Code, message, reason string) {
	p.add(Error{
		Message: message, Path: path, hidden: reason,
		Extensions: extensions{code, p.request},
	})
}

// unexpected adds an error for a null where there must not be one.
func (p *problems) unexpected(path []any) {
	if !p.explained(path) {
		p.masked(path, upstream.Unavailable, upstream.UnavailableMessage, "null in a field that must not be null")
	}
}

// refused adds the error of a field that is not fetched.
func (p *problems) refused(refusal planner.Refusal, path []any) {
	if refusal == planner.NullArgument {
		message := "An argument has a variable with null, and must not be null."
		p.add(Error{Message: message, Path: path, Extensions: extensions{Code: apperr.BadUserInput}})
		return
	}
	if p.signedIn {
		p.add(Error{Message: "You may not do this.", Path: path, Extensions: extensions{Code: apperr.Forbidden}})
		return
	}
	p.add(Error{Message: "Sign in first.", Path: path, Extensions: extensions{Code: apperr.Unauthenticated}})
}

// report logs what masks hide, unless the client has cancelled the request.
func (p *problems) report(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	for _, e := range p.list {
		if e.hidden != "" {
			slog.ErrorContext(ctx, "subgraph failed", "error", e.hidden, "subgraph", e.subgraph, "path", e.Path)
		}
	}
}

// readFaults reads the errors of a subgraph's response. Entries that are malformed become masked errors without a path.
func (x *Executor) readFaults(subgraph string, errs *value) (faults []*fault) {
	if errs == nil || errs.kind == null {
		return nil
	}
	entries := errs.members
	if errs.kind != list {
		entries = []member{{value: errs}}
	}
	for _, m := range entries {
		entry := m.value
		f := &fault{subgraph: subgraph, message: "malformed error"}
		if entry.kind == object {
			f.read(entry)
		}
		if f.code == "" || !x.shown(f.code) {
			f.hidden, f.message, f.code = f.message, "internal error", apperr.Internal
		}
		faults = append(faults, f)
	}
	return faults
}

func (f *fault) read(entry *value) {
	if m := entry.get("message"); m != nil && m.kind == text {
		f.message = m.string()
	}
	if e := entry.get("extensions"); e != nil && e.kind == object {
		if code := e.get("code"); code != nil {
			f.code = apperr.Code(code.string())
		}
	}
	path := entry.get("path")
	if path == nil || path.kind != list {
		return
	}
	for _, m := range path.members {
		switch step := m.value; step.kind {
		case text:
			f.rest = append(f.rest, step.string())
		case number:
			var n int
			if json.Unmarshal(step.raw, &n) != nil {
				f.rest = nil
				return
			}
			f.rest = append(f.rest, n)
		default:
			f.rest = nil
			return
		}
	}
}

// hiddenCodes are codes of errors that say something about the router's own requests.
var hiddenCodes = []apperr.Code{apperr.Internal, "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}

// shown reports whether clients get errors with a code.
func (x *Executor) shown(code apperr.Code) bool {
	return !slices.Contains(hiddenCodes, code) && (x.cfg.Codes == nil || slices.Contains(x.cfg.Codes, code))
}

// attach adds a fault to the value at its path, or to the null or the last value on the way.
func (f *fault) attach(to *value) {
	for len(f.rest) > 0 {
		var next *value
		switch step := f.rest[0].(type) {
		case string:
			if to.kind == object {
				next = to.get(step)
			}
		case int:
			if to.kind == list && step >= 0 && step < len(to.members) {
				next = to.members[step].value
			}
		}
		if next == nil {
			break
		}
		to, f.rest = next, f.rest[1:]
	}
	to.blame(f)
}
