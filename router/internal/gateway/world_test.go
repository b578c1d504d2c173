package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
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

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

const serviceToken = "service-token-of-at-least-32-chars"

// world is a router over three subgraphs.
type world struct {
	t       testing.TB
	router  *httptest.Server
	gateway *gateway.Gateway
	cfg     gateway.Config

	auth, tickets, orders *subgraphtest.Subgraph
}

type option func(*gateway.Config)

func newWorld(t testing.TB, options ...option) *world {
	t.Helper()
	sdl, err := os.ReadFile("testdata/supergraph.graphql")
	if err != nil {
		t.Fatal(err)
	}
	graph, err := supergraph.Parse(string(sdl))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	for _, s := range graph.Subgraphs {
		switch s.Name {
		case "auth":
			w.auth = subgraphtest.Start(t, authService(s.SDL))
		case "tickets":
			w.tickets = subgraphtest.Start(t, ticketsService(s.SDL))
		case "orders":
			w.orders = subgraphtest.Start(t, ordersService(s.SDL))
		}
	}
	cfg := gateway.Config{
		SDL: string(sdl), ServiceToken: serviceToken, SessionSubgraph: "auth", Introspection: true, Compression: true,
		SubgraphURLs: map[string]string{"auth": w.auth.URL, "tickets": w.tickets.URL, "orders": w.orders.URL},
		Verify:       verify,
		Limits:       env.Must(env.ParseAs[operation.Limits]()),
		Upstream:     upstream.Config{Timeout: time.Minute, MaxBytes: 1 << 20, Concurrency: 64, Wait: time.Minute, Resume: time.Minute},
		Live:         env.Must(env.ParseAs[stream.Config]()),
	}
	for _, o := range options {
		o(&cfg)
	}
	w.cfg = cfg
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	if w.gateway, err = gateway.New(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	w.router = httptest.NewServer(w.gateway)
	t.Cleanup(w.router.Close)
	return w
}

// verify takes "token-anna" for a valid token of anna. It stands in for identity.Verifier, which
// has its own tests.
func verify(_ context.Context, token string) (identity.Caller, error) {
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

// caller is whom a subgraph finds behind a request; it verifies the token itself.
func caller(r *http.Request) string {
	token, _ := identity.Bearer(r.Header.Get("Authorization"))
	c, err := verify(r.Context(), token)
	if err != nil {
		return ""
	}
	return c.UserID
}

func user(id any) subgraphtest.Object {
	return subgraphtest.Object{"id": id, "displayName": fmt.Sprint("user ", id)}
}

func authService(sdl string) subgraphtest.Config {
	session := func(r *http.Request, name string) subgraphtest.Object {
		subgraphtest.SetCookie(r, "access=token-"+name+"; Path=/; HttpOnly; SameSite=Lax")
		subgraphtest.SetCookie(r, "refresh=refresh-"+name+"-2; Path=/; HttpOnly; SameSite=Lax")
		return subgraphtest.Object{"viewer": subgraphtest.Object{"user": user(name), "email": name + "@example.com"}}
	}
	return subgraphtest.Config{
		SDL: sdl,
		Fields: map[string]subgraphtest.Field{
			"Query.viewer": func(r *http.Request, _ map[string]any) (any, error) {
				if name := caller(r); name != "" {
					return subgraphtest.Object{"user": user(name), "email": name + "@example.com"}, nil
				}
				return nil, nil
			},
			"Query.user": func(_ *http.Request, args map[string]any) (any, error) { return user(args["id"]), nil },
			"Mutation.signIn": func(r *http.Request, args map[string]any) (any, error) {
				name, _, _ := strings.Cut(args["email"].(string), "@")
				return session(r, name), nil
			},
			"Mutation.signOut": func(r *http.Request, _ map[string]any) (any, error) {
				subgraphtest.SetCookie(r, "access=; Path=/; Max-Age=0")
				subgraphtest.SetCookie(r, "refresh=; Path=/; Max-Age=0")
				return true, nil
			},
			"Mutation.refreshSession": func(r *http.Request, _ map[string]any) (any, error) {
				c, err := r.Cookie("refresh")
				if err != nil {
					return nil, &subgraphtest.Error{Code: "UNAUTHENTICATED", Message: "no refresh token"}
				}
				name := strings.Split(c.Value, "-")[1]
				if name == "revoked" {
					subgraphtest.SetCookie(r, "refresh=; Path=/; Max-Age=0")
					return subgraphtest.Object{}, nil
				}
				return session(r, name), nil
			},
		},
		Entity: func(_ *http.Request, _ string, rep map[string]any) (any, error) { return user(rep["id"]), nil },
	}
}

func ticketList(_ *http.Request, args map[string]any) (any, error) {
	n := int64(2)
	if first, ok := args["first"]; ok && first != nil {
		n = number(first)
	}
	var nodes []subgraphtest.Object
	for i := range n {
		nodes = append(nodes, ticket(fmt.Sprint("t", i+1)))
	}
	return subgraphtest.Object{"nodes": nodes, "total": n}, nil
}

func ticket(id any) subgraphtest.Object {
	return subgraphtest.Object{
		"id": id, "title": fmt.Sprint("ticket ", id), "price": 1999, "currency": "USD", "rowid": 7, "margin": 3,
		"seller": subgraphtest.Object{"id": "sam", "tickets": subgraphtest.Field(ticketList)},
	}
}

func ticketsService(sdl string) subgraphtest.Config {
	return subgraphtest.Config{
		SDL: sdl,
		Fields: map[string]subgraphtest.Field{
			"Query.tickets": ticketList,
			"Query.ticket":  func(_ *http.Request, args map[string]any) (any, error) { return ticket(args["id"]), nil },
			"Query.ticketsById": func(_ *http.Request, args map[string]any) (any, error) {
				var all []subgraphtest.Object
				for _, id := range args["ids"].([]any) {
					all = append(all, ticket(id))
				}
				return all, nil
			},
			"Mutation.createTicket": func(r *http.Request, args map[string]any) (any, error) {
				created := ticket("new")
				created["title"], created["price"], created["seller"] = args["title"], args["price"], user(caller(r))
				return created, nil
			},
		},
		Entity: func(_ *http.Request, typename string, rep map[string]any) (any, error) {
			if typename == "User" {
				return subgraphtest.Object{"id": rep["id"], "tickets": subgraphtest.Field(ticketList)}, nil
			}
			return ticket(rep["id"]), nil
		},
	}
}

func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	panic(fmt.Sprintf("not a number: %T", v))
}

func ordersService(sdl string) subgraphtest.Config {
	var order func(id, buyer string) subgraphtest.Object
	held := func(id any) subgraphtest.Object { // a ticket as this service knows it
		return subgraphtest.Object{"id": id, "viewerOrder": subgraphtest.Field(func(r *http.Request, _ map[string]any) (any, error) {
			if name := caller(r); name != "" {
				return order("order-of-"+name, name), nil
			}
			return nil, nil
		})}
	}
	order = func(id, buyer string) subgraphtest.Object {
		return subgraphtest.Object{"id": id, "ticket": held("t1"), "buyer": subgraphtest.Object{"id": buyer}}
	}
	return subgraphtest.Config{
		SDL: sdl,
		Fields: map[string]subgraphtest.Field{
			"Query.orders": func(r *http.Request, _ map[string]any) (any, error) {
				name := caller(r)
				if name == "" {
					return nil, &subgraphtest.Error{Code: "UNAUTHENTICATED", Message: "Sign in first."}
				}
				return []subgraphtest.Object{order("order-of-"+name, name)}, nil
			},
			"Query.order": func(r *http.Request, args map[string]any) (any, error) {
				switch args["id"] {
				case "unknown":
					return nil, &subgraphtest.Error{Code: "NOT_FOUND", Message: "There is no such order."}
				case "broken":
					return nil, fmt.Errorf("pq: relation orders does not exist at 10.0.0.7")
				}
				return order("o1", caller(r)), nil
			},
			"Mutation.createOrder": func(r *http.Request, args map[string]any) (any, error) {
				created := order("new", caller(r))
				created["ticket"] = held(args["ticketId"])
				return created, nil
			},
			"Subscription.orderUpdated": func(r *http.Request, args map[string]any) (any, error) {
				switch args["id"] {
				case "unknown":
					return nil, &subgraphtest.Error{Code: "NOT_FOUND", Message: "There is no such order."}
				case "broken":
					return nil, fmt.Errorf("pq: relation orders does not exist at 10.0.0.7")
				}
				return order(args["id"].(string), caller(r)), nil
			},
			"Mutation.ping": func(*http.Request, map[string]any) (any, error) { return true, nil },
		},
		Entity: func(r *http.Request, typename string, rep map[string]any) (any, error) {
			if typename == "Order" {
				return order(rep["id"].(string), caller(r)), nil
			}
			found := held(rep["id"])
			if price, ok := rep["price"]; ok {
				found["total"] = number(price) + 150
			}
			return found, nil
		},
	}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, RequestID string }
	}
}

// code returns the code of the only error, or what there is instead.
func (a answer) code() string {
	if len(a.Errors) != 1 {
		return fmt.Sprintf("%d errors: %s", len(a.Errors), a.body)
	}
	return a.Errors[0].Extensions.Code
}

func (w *world) do(req *http.Request) answer {
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
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && resp.Header.Get("Content-Encoding") == "" {
		if err := json.Unmarshal(body, &a); err != nil {
			w.t.Fatalf("not JSON: %v\n%s", err, body)
		}
	}
	return a
}

// request makes a POST of a query; header lines are name and value by turns.
func (w *world) request(query string, variables map[string]any, header ...string) *http.Request {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.raw(http.MethodPost, "/graphql", body, append([]string{"Content-Type", "application/json"}, header...)...)
}

func (w *world) raw(method, path string, body []byte, header ...string) *http.Request {
	w.t.Helper()
	req, err := http.NewRequest(method, w.router.URL+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for pair := range slices.Chunk(header, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	return req
}

func (w *world) query(query string, variables map[string]any, header ...string) answer {
	w.t.Helper()
	return w.do(w.request(query, variables, header...))
}

// untouched fails the test when a subgraph was asked or anything was planned.
func (w *world) untouched() {
	w.t.Helper()
	for name, s := range map[string]*subgraphtest.Subgraph{"auth": w.auth, "tickets": w.tickets, "orders": w.orders} {
		if n := len(s.Requests()); n > 0 {
			w.t.Errorf("%s was asked %d times, want none: %s", name, n, s.Requests()[0].Query)
		}
	}
	if n := w.gateway.Planned(); n > 0 {
		w.t.Errorf("planned %d operations, want none", n)
	}
}

func as(name string) []string { return []string{"Authorization", "Bearer token-" + name} }
