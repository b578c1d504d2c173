package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/errorcodes"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/upstream"
)

const (
	maxErrors = 50 // in one response
	// codeMissing marks errors that a subgraph sent without a code.
	codeMissing apperr.Code = "CODE_MISSING"
)

var internalError = []byte(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`)

type responseError struct {
	Message    string `json:"message"`
	Path       []any  `json:"path,omitempty"`
	Extensions struct {
		Code      apperr.Code `json:"code"`
		RequestID string      `json:"requestId,omitempty"`
	} `json:"extensions"`

	hidden string // what a mask stands for
}

// ownResponse is what the engine writes.
type ownResponse struct {
	Errors     []responseError `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data"`
	Extensions json.RawMessage `json:"extensions,omitempty"`
}

func readOwn(body []byte) (r ownResponse, err error) {
	if err = json.Unmarshal(body, &r); err != nil {
		err = fmt.Errorf("read own response: %w", err)
	}
	return r, err
}

// present rewrites the errors of a response so that they show what people may see: the errors of
// subgraphs that carry a code, and masks for everything else. The engine's own texts name
// subgraphs and have no codes. What nobody wanted is left out.
func present(ctx context.Context, body []byte, wanted *resolve.Object) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte(`{"errors":`)) { // the engine writes errors first
		return body, nil
	}
	response, err := readOwn(body)
	if err != nil {
		return nil, err
	}
	var data any
	if err := json.Unmarshal(response.Data, &data); err != nil {
		return nil, fmt.Errorf("read own response: %w", err)
	}
	response.Errors, _ = sift(response.Errors, data, wanted)
	response.Errors = show(ctx, response.Errors, data)
	report(ctx, response.Errors)
	return json.Marshal(response)
}

// show turns the errors of a response with this data into what people may see.
func show(ctx context.Context, errs []responseError, data any) []responseError {
	var shown []responseError
	var nulls []responseError // non-null fields that came out null
	for _, e := range errs {
		if len(shown) == maxErrors {
			return shown
		}
		e.Path = reached(e.Path, data)
		switch e.Extensions.Code {
		case "": // the engine's own
			nulls = append(nulls, e)
			continue
		case errorcodes.UnauthorizedFieldOrType:
			e = denied(e, identity.From(ctx))
		case codeMissing, apperr.Internal, "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED":
			e = masked(ctx, e, apperr.Internal, "internal error")
		}
		if !slices.ContainsFunc(shown, e.same) {
			shown = append(shown, e)
		}
	}
	missing := transcriptOf(ctx).missing.Load()
	for _, e := range nulls {
		if missing && isMissing(e.Path, data) || slices.ContainsFunc(shown, e.explainedBy) {
			continue
		}
		if e = masked(ctx, e, upstream.Unavailable, upstream.UnavailableMessage); !slices.ContainsFunc(shown, e.same) {
			shown = append(shown, e)
		}
	}
	return shown[:min(len(shown), maxErrors)]
}

// isMissing reports whether the object of a field that must not be null is itself null, where it may be. When a
// subgraph has no such entity, null is the answer and not an error.
func isMissing(field []any, data any) bool {
	for _, step := range field[:max(len(field)-1, 0)] {
		switch at := data.(type) {
		case map[string]any:
			name, _ := step.(string)
			data = at[name]
		case []any: // reached has checked the index
			index, _ := step.(float64)
			data = at[int(index)]
		default:
			return false
		}
	}
	return len(field) > 1 && data == nil
}

// report logs what masks hide, unless the client has gone: then fetches were given up, which is nobody's fault.
func report(ctx context.Context, shown []responseError) {
	if ctx.Err() != nil {
		return
	}
	for _, e := range shown {
		if e.hidden != "" {
			slog.ErrorContext(ctx, "subgraph failed", "error", e.hidden, "path", e.Path)
		}
	}
}

func denied(e responseError, caller identity.Caller) responseError {
	if caller.SignedIn() {
		e.Message, e.Extensions.Code = "You may not do this.", apperr.Forbidden
	} else {
		e.Message, e.Extensions.Code = "Sign in first.", apperr.Unauthenticated
	}
	return e
}

func masked(ctx context.Context, e responseError, code apperr.Code, message string) responseError {
	e.hidden, e.Message, e.Extensions.Code = e.Message, message, code
	e.Extensions.RequestID = correlation.From(ctx).Request
	return e
}

// reached cuts a path where the engine no longer knows which item of a list was meant, and names
// fields as the client did.
func reached(path []any, data any) []any {
	path = slices.DeleteFunc(path, func(step any) bool { return step == within })
	for i, step := range path {
		name, isName := step.(string)
		_, isList := data.([]any)
		if name == "@" || isName && isList {
			return path[:i]
		}
		switch at := data.(type) {
		case map[string]any:
			path[i] = unshift(name)
			data = at[unshift(name)]
		case []any:
			index, _ := step.(float64)
			if index < 0 || int(index) >= len(at) {
				return path[:i]
			}
			data = at[int(index)]
		default:
			if isName {
				path[i] = unshift(name)
			}
		}
	}
	return path
}

func (e responseError) same(other responseError) bool {
	return e.Extensions.Code == other.Extensions.Code && e.Message == other.Message && slices.Equal(e.Path, other.Path)
}

// explainedBy reports whether the other error is about the same field or one above or below. An
// error without a path is about a whole fetch: it may explain any, and none explains it.
func (e responseError) explainedBy(other responseError) bool {
	n := min(len(e.Path), len(other.Path))
	return len(e.Path) > 0 && slices.Equal(e.Path[:n], other.Path[:n])
}
