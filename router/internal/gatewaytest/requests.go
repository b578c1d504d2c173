package gatewaytest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gateway"
)

// Compact returns a value as JSON with sorted keys.
func Compact(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Discard is an http.ResponseWriter that discards the body.
type Discard http.Header

// Header returns the header of the response.
func (d Discard) Header() http.Header { return http.Header(d) }

func (d Discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader does nothing.
func (d Discard) WriteHeader(int) {}

// Hash returns the SHA-256 hash of a document.
func Hash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// ByHash returns the extensions with which Apollo Client sends the hash of a document.
func ByHash(hash string) string {
	return `{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
}

// Automatic is an Option that enables automatic persisted queries.
func Automatic(c *gateway.Config) { c.Persisted.Automatic = true }

// Send posts a request with the given members, which are JSON.
func (w *World) Send(members map[string]string, header ...string) Response {
	w.t.Helper()
	header = append([]string{"Content-Type", "application/json"}, header...)
	return w.Do(w.Raw(http.MethodPost, "/graphql", []byte(Object(members)), header...))
}

// Object returns the JSON object with the given members.
func Object(members map[string]string) string {
	var lines []string
	for name, value := range members {
		lines = append(lines, `"`+name+`":`+value)
	}
	return "{" + strings.Join(lines, ",") + "}"
}
