// Package gateway assembles the router: one handler that executes the operations of a supergraph by fetching from
// its subgraphs.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/authn"
	"boxoffice.dev/router/internal/executor"
	"boxoffice.dev/router/internal/httpapi"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/pages"
	"boxoffice.dev/router/internal/persisted"
	"boxoffice.dev/router/internal/plans"
	"boxoffice.dev/router/internal/playground"
	"boxoffice.dev/router/internal/stream"
	"boxoffice.dev/router/internal/supergraph"
	"boxoffice.dev/router/internal/upstream"
)

// Config is the configuration of a router.
type Config struct {
	SDL          string            // the supergraph
	SubgraphURLs map[string]string // by name; they override the supergraph's
	ServiceToken string
	// SessionSubgraph is the name of the subgraph that issues sessions. It alone receives refresh tokens and sets
	// cookies. Sessions are not renewed when the supergraph has no such subgraph.
	SessionSubgraph string
	Verify          func(ctx context.Context, token string) (identity.Caller, error)
	// SecureCookies is true wherever browsers use https: cookies then carry the __Host- prefix.
	SecureCookies bool

	AllowedOrigins []httpapi.Origin
	TrustedProxies []netip.Prefix
	Introspection  bool // also enables suggestions in error messages
	Playground     bool
	Pages          pages.Config
	Compression    bool // of large answers
	QueryPlans     bool // in responses to clients that request them

	Persisted persisted.Config
	Limits    operation.Limits
	Upstream  upstream.Config
	// Representations is the maximum number of entities in one request to a subgraph.
	Representations int
	// ErrorCodes are further codes of subgraphs' errors that clients get. Errors with others are masked, unless
	// AllErrorCodes is set.
	ErrorCodes     []string
	AllErrorCodes  bool
	OverrideLabels []string // that are active, besides percent(n)
	Live           stream.Config
}

// Gateway is the router's public handler.
type Gateway struct {
	http.Handler

	plans   *plans.Plans
	client  *upstream.Client
	streams *stream.Server
	reach   map[string]func(context.Context) error // by subgraph
}

// Close waits until all clients' connections have been closed, after the context of New has ended, and closes those to
// subgraphs.
func (g *Gateway) Close() {
	g.streams.Wait()
	g.client.CloseIdleConnections()
}

// Planned returns how many operations were planned so far.
func (g *Gateway) Planned() int64 { return g.plans.Planned() }

// Reach checks every subgraph. It returns an error for each, nil for those that answer.
func (g *Gateway) Reach(ctx context.Context) map[string]error {
	found := make(map[string]error, len(g.reach))
	var mu sync.Mutex
	var checks sync.WaitGroup
	for name, reach := range g.reach {
		checks.Go(func() {
			err := reach(ctx)
			mu.Lock()
			defer mu.Unlock()
			found[name] = err
		})
	}
	checks.Wait()
	return found
}

// New returns a router that works until ctx ends.
func New(ctx context.Context, cfg Config) (*Gateway, error) {
	graph, err := supergraph.Parse(cfg.SDL)
	if err != nil {
		return nil, err
	}
	if err := graph.Relocate(cfg.SubgraphURLs); err != nil {
		return nil, err
	}
	documents, err := operation.New(operation.Config{
		SDL: graph.ClientSDL, Costs: graph.Costs, Limits: cfg.Limits, Introspection: cfg.Introspection,
	})
	if err != nil {
		return nil, fmt.Errorf("load client schema: %w", err)
	}
	known, err := persisted.New(cfg.Persisted)
	if err != nil {
		return nil, err
	}
	for _, text := range known.Trusted() {
		// A document that no longer fits the schema belongs to an old client and must not prevent the start.
		if _, err := documents.Prepare(text, ""); err != nil {
			slog.WarnContext(ctx, "trusted document is invalid", "document", text, "error", err)
		}
	}
	client := upstream.NewClient(cfg.Upstream)
	subgraphs := map[string]*upstream.Subgraph{}
	for _, s := range graph.Subgraphs {
		if subgraphs[s.Name], err = client.Subgraph(s.Name, s.URL); err != nil {
			return nil, err
		}
	}
	for name := range cfg.Upstream.Timeouts {
		if subgraphs[name] == nil {
			return nil, fmt.Errorf("set timeouts: there is no subgraph %q", name)
		}
	}
	planned, err := plans.New(plans.Config{Supergraph: graph, Planning: cfg.Limits.Planning, Labels: cfg.OverrideLabels})
	if err != nil {
		return nil, err
	}
	exec := executor.New(executor.Config{
		Prepare: planned.Prepare, Subgraphs: subgraphs, Streams: upstream.NewStreams(cfg.Upstream), Resume: cfg.Upstream.Resume,
		MaxRepresentations: cfg.Representations, Codes: errorCodes(cfg, documents.Schema()),
	})
	prefix := ""
	if cfg.SecureCookies {
		prefix = "__Host-"
	}
	authentication := authn.Config{Verify: cfg.Verify, CookiePrefix: prefix}
	if s := subgraphs[cfg.SessionSubgraph]; s != nil {
		authentication.Fetch = s.Fetch
	}
	sessions := authn.New(authentication)
	var ended stream.Ended
	if reportsEndedSessions(graph, cfg.SessionSubgraph) {
		ended = func(ctx context.Context, ids []string) ([]string, error) {
			return sessions.Ended(ctx, upstream.Headers{ServiceToken: cfg.ServiceToken}.For(cfg.SessionSubgraph), ids)
		}
	}
	streams := stream.New(ctx, cfg.Live, ended)
	api, err := httpapi.New(httpapi.Config{
		Persisted: known, Documents: documents, Executor: exec, Sessions: sessions, Streams: streams,
		SessionSubgraph: cfg.SessionSubgraph, ServiceToken: cfg.ServiceToken,
		AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		MaxBody: cfg.Limits.Body, CostLimit: cfg.Limits.Cost, Compression: cfg.Compression, QueryPlans: cfg.QueryPlans,
	})
	if err != nil {
		return nil, err
	}
	mux, err := routes(cfg, api)
	if err != nil {
		return nil, err
	}
	reach := map[string]func(context.Context) error{}
	for name, s := range subgraphs {
		reach[name] = func(ctx context.Context) error {
			return s.Reach(ctx, upstream.Headers{ServiceToken: cfg.ServiceToken}.For(name))
		}
	}
	return &Gateway{Handler: mux, plans: planned, client: client, streams: streams, reach: reach}, nil
}

// errorCodes returns the codes of errors that clients get: the usual ones, those of the schema's enums named …ErrorCode,
// and the configured ones; nil for all.
func errorCodes(cfg Config, schema *ast.Schema) []apperr.Code {
	if cfg.AllErrorCodes {
		return nil
	}
	codes := []apperr.Code{
		apperr.Unauthenticated, apperr.Forbidden, apperr.NotFound, apperr.BadUserInput, apperr.RateLimited, upstream.Unavailable,
	}
	for _, code := range cfg.ErrorCodes {
		codes = append(codes, apperr.Code(code))
	}
	for name, def := range schema.Types {
		if def.Kind != ast.Enum || !strings.HasSuffix(name, "ErrorCode") {
			continue
		}
		for _, v := range def.EnumValues {
			codes = append(codes, apperr.Code(v.Name))
		}
	}
	return codes
}

// routes returns the handler of all public paths.
func routes(cfg Config, api http.Handler) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	mux.Handle("/graphql", api)
	if cfg.Playground {
		playground.Register(mux)
	}
	switch {
	case cfg.Pages.Dir != "":
		site, err := pages.New(cfg.Pages)
		if err != nil {
			return nil, err
		}
		mux.Handle("/", site)
	case cfg.Playground:
		mux.Handle("GET /{$}", http.RedirectHandler(playground.Path, http.StatusFound))
	}
	return mux, nil
}

// reportsEndedSessions reports whether a subgraph has the field endedSessions, which is hidden from clients.
func reportsEndedSessions(graph *supergraph.Supergraph, subgraph string) bool {
	for _, s := range graph.Subgraphs {
		if s.Name != subgraph {
			continue
		}
		query := s.Members()["Query"]
		return query != nil && query.Fields["endedSessions"] != nil
	}
	return false
}
