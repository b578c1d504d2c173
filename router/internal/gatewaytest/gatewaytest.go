// Package gatewaytest runs the router for the tests of its packages: a gateway over the three subgraphs of testdata,
// and clients for all of its transports.
package gatewaytest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/stream"
	"boxoffice.dev/router/internal/subgraphtest"
	"boxoffice.dev/router/internal/supergraph"
	"boxoffice.dev/router/internal/upstream"
)

// SDL is the supergraph.
//
//go:embed testdata/supergraph.graphql
var SDL string

// ServiceToken authenticates the router to its subgraphs.
const ServiceToken = "service-token-of-at-least-32-chars"

// World is a router over three subgraphs.
type World struct {
	t       testing.TB
	Router  *httptest.Server
	Gateway *gateway.Gateway
	Config  gateway.Config

	Auth, Tickets, Orders *subgraphtest.Subgraph
}

// Option changes the configuration of the router.
type Option func(*gateway.Config)

// New runs a router until the test ends.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	graph, err := supergraph.Parse(SDL)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{t: t}
	for _, s := range graph.Subgraphs {
		switch s.Name {
		case "auth":
			w.Auth = subgraphtest.Start(t, authService(s.SDL()))
		case "tickets":
			w.Tickets = subgraphtest.Start(t, ticketsService(s.SDL()))
		case "orders":
			w.Orders = subgraphtest.Start(t, ordersService(s.SDL()))
		}
	}
	cfg := gateway.Config{
		SDL: SDL, ServiceToken: ServiceToken, SessionSubgraph: "auth", Introspection: true, Compression: true,
		SubgraphURLs: map[string]string{"auth": w.Auth.URL, "tickets": w.Tickets.URL, "orders": w.Orders.URL},
		Verify:       Verify,
		Limits:       env.Must(env.ParseAs[operation.Limits]()),
		Upstream: upstream.Config{
			Timeout: time.Minute, MaxBytes: 1 << 20, Concurrency: 64, Wait: time.Minute, Resume: time.Minute,
		},
		Live: env.Must(env.ParseAs[stream.Config]()),
	}
	for _, o := range options {
		o(&cfg)
	}
	w.Config = cfg
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	if w.Gateway, err = gateway.New(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	w.Router = httptest.NewServer(w.Gateway)
	t.Cleanup(w.Router.Close)
	return w
}

// Verify accepts "token-anna" as a valid token of anna, and gives olga the scope operator. It stands in for
// identity.Verifier, which has its own tests.
func Verify(_ context.Context, token string) (identity.Caller, error) {
	name, ok := strings.CutPrefix(token, "token-")
	if !ok {
		return identity.Caller{}, fmt.Errorf("%w: %s", identity.ErrInvalid, token)
	}
	caller := identity.Caller{UserID: name, SessionID: "session-of-" + name}
	if name == "olga" {
		caller.Scopes = []string{"operator"}
	}
	return caller, nil
}

// Response is a response of the router.
type Response struct {
	Status int         `json:"-"`
	Header http.Header `json:"-"`
	Body   string      `json:"-"`
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, RequestID string }
	}
}

// Code returns the code of the only error. Without exactly one error it returns a description of the response.
func (a Response) Code() string {
	if len(a.Errors) != 1 {
		return fmt.Sprintf("%d errors: %s", len(a.Errors), a.Body)
	}
	return a.Errors[0].Extensions.Code
}

// Do sends a request.
func (w *World) Do(req *http.Request) Response {
	w.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := Response{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && resp.Header.Get("Content-Encoding") == "" {
		if err := json.Unmarshal(body, &a); err != nil {
			w.t.Fatalf("not JSON: %v\n%s", err, body)
		}
	}
	return a
}

// Request returns a POST request with a document. Header alternates names and values.
func (w *World) Request(query string, variables map[string]any, header ...string) *http.Request {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.Raw(http.MethodPost, "/graphql", body, append([]string{"Content-Type", "application/json"}, header...)...)
}

// Raw returns a request with any method, path and body.
func (w *World) Raw(method, path string, body []byte, header ...string) *http.Request {
	w.t.Helper()
	req, err := http.NewRequest(method, w.Router.URL+path, bytes.NewReader(body)) //nolint:noctx // tests set their own
	if err != nil {
		w.t.Fatal(err)
	}
	for pair := range slices.Chunk(header, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	return req
}

// Query posts a document.
func (w *World) Query(query string, variables map[string]any, header ...string) Response {
	w.t.Helper()
	return w.Do(w.Request(query, variables, header...))
}

// ExpectNoFetches fails the test if a subgraph received a request or the router planned an operation.
func (w *World) ExpectNoFetches() {
	w.t.Helper()
	for name, s := range map[string]*subgraphtest.Subgraph{"auth": w.Auth, "tickets": w.Tickets, "orders": w.Orders} {
		if n := len(s.Requests()); n > 0 {
			w.t.Errorf("%s was asked %d times, want none: %s", name, n, s.Requests()[0].Query)
		}
	}
	if n := w.Gateway.Planned(); n > 0 {
		w.t.Errorf("planned %d operations, want none", n)
	}
}

// As returns the header that authenticates a user.
func As(name string) []string { return []string{"Authorization", "Bearer token-" + name} }
