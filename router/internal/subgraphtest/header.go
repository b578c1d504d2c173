package subgraphtest

import (
	"context"
	"net/http"
)

type headerKey struct{}

func withHeader(ctx context.Context, h http.Header) context.Context {
	return context.WithValue(ctx, headerKey{}, h)
}

// SetCookie adds a Set-Cookie line to the answer to the request that a Field was called with.
func SetCookie(r *http.Request, line string) {
	header, _ := r.Context().Value(headerKey{}).(http.Header)
	header.Add("Set-Cookie", line)
}
