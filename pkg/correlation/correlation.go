// Package correlation carries through the context what the current work belongs to: the request
// that began it, the event that caused it and the caller's trace. It is for logs and event
// headers only; nothing may be decided by it, because clients can set it.
package correlation

import "context"

// IDs say what the current work belongs to. Any of them may be empty.
type IDs struct {
	Request     string // the X-Request-Id of the HTTP request that began it all
	Cause       string // the id of the event that is being handled
	TraceParent string // W3C Trace Context, https://www.w3.org/TR/trace-context/
}

type key struct{}

// With returns a context that carries the ids.
func With(ctx context.Context, ids IDs) context.Context { return context.WithValue(ctx, key{}, ids) }

// From returns the ids of the context.
func From(ctx context.Context) IDs {
	ids, _ := ctx.Value(key{}).(IDs)
	return ids
}
