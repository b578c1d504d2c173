package gatewaytest

import (
	"net/http"
	"sync"
	"testing"

	"boxoffice.dev/router/internal/subgraphtest"
)

// Hold delays the responses of a subgraph until release is called.
func Hold(t testing.TB, s *subgraphtest.Subgraph) (release func()) {
	t.Helper()
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	s.Watch(func(subgraphtest.Request) { <-held })
	return release
}

// AnswerOnce makes a subgraph answer the next request with h and later ones normally.
func AnswerOnce(s *subgraphtest.Subgraph, h http.HandlerFunc) {
	s.Answer(func(w http.ResponseWriter, r *http.Request) {
		s.Answer(nil)
		h(w, r)
	})
}

// HangUp is a handler that closes the connection without a response.
func HangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Respond returns a handler that always sends the same response.
func Respond(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		w.Write([]byte(body)) //nolint:errcheck // the client may be gone
	}
}
