package subgraphtest

import (
	"context"
	"net/http"
)

type headerKey struct{}

func withHeader(ctx context.Context, h http.Header) context.Context {
	return context.WithValue(ctx, headerKey{}, h)
}

// SetCookie adds a Set-Cookie line to the response to the request of a Field.
func SetCookie(r *http.Request, line string) {
	header, _ := r.Context().Value(headerKey{}).(http.Header)
	header.Add("Set-Cookie", line)
}
