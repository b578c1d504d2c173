// Package gqltest sends operations to a subgraph as the router would, for tests of the graph packages.
package gqltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/gqlserver"
)

// ServiceToken is the credential of Post.
const ServiceToken = "a-service-token-of-32-characters"

// New serves the schema. Verify verifies its access tokens.
func New(schema graphql.ExecutableSchema) http.Handler {
	return gqlserver.New(gqlserver.Config{Schema: schema, ServiceToken: ServiceToken, Verify: Verify})
}

// Verify takes a user's id for an access token of the user, and the id after "operator " for one of an operator. The
// token "forged" is invalid, and "unverifiable" cannot be verified.
func Verify(_ context.Context, token string) (identity.Caller, error) {
	switch token {
	case "forged":
		return identity.Caller{}, identity.ErrInvalid
	case "unverifiable":
		return identity.Caller{}, errors.New("no keys yet")
	}
	userID, operator := strings.CutPrefix(token, "operator ")
	caller := identity.Caller{UserID: userID}
	if operator {
		caller.Scopes = []string{identity.Operator}
	}
	return caller, nil
}

// Bearer returns the header that carries the access token; "" for none.
func Bearer(token string) string {
	if token == "" {
		return ""
	}
	return "Authorization: Bearer " + token
}

// NewRequest returns the router's request of an operation, with further headers given as "Name: value" or "".
func NewRequest(
	ctx context.Context, t testing.TB, query string, variables map[string]any, headers ...string,
) *http.Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(gqlserver.ServiceTokenHeader, ServiceToken)
	for _, h := range headers {
		if name, value, ok := strings.Cut(h, ": "); ok {
			r.Header.Add(name, value)
		}
	}
	return r
}

// Send returns the handler's response to a request of NewRequest.
func Send(t testing.TB, handler http.Handler, r *http.Request) Response {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	resp := Response{Cookies: map[string]*http.Cookie{}}
	if err := json.Unmarshal(w.Body.Bytes(), &resp); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	for _, c := range w.Result().Cookies() {
		if resp.Cookies[c.Name] != nil {
			t.Errorf("cookie %s is set twice", c.Name)
		}
		resp.Cookies[c.Name] = c
	}
	return resp
}

// Response is a GraphQL response with its cookies.
type Response struct {
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions struct{ Code, RequestID string }
	}
	Cookies map[string]*http.Cookie `json:"-"`
}

// Value returns the value of the data at a dotted path of names and indexes; nil if there is none.
func (r Response) Value(path string) any {
	var value any = r.Data
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// Text returns the string at the path; "" if there is none.
func (r Response) Text(path string) string {
	text, _ := r.Value(path).(string)
	return text
}

// At returns the string at the path, or another value as JSON with sorted keys.
func (r Response) At(path string) string {
	value := r.Value(path)
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Codes returns the codes of the top-level errors, separated by spaces.
func (r Response) Codes() string {
	var codes []string
	for _, e := range r.Errors {
		codes = append(codes, e.Extensions.Code)
	}
	return strings.Join(codes, " ")
}

// Want compares the data at the path with the result of At, and wants no top-level errors.
func (r Response) Want(t testing.TB, path, want string) {
	t.Helper()
	if got := r.At(path); got != want || len(r.Errors) > 0 {
		t.Errorf("%s, errors %+v\ngot  %s\nwant %s", path, r.Errors, got, want)
	}
}
