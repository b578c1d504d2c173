// Package gqlserver is the GraphQL server of a subgraph: authentication, limits and errors. A subgraph does
// not trust its network: a request must carry the router's service token, and the subgraph verifies the
// user's access token itself.
package gqlserver

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/identity"
)

// Limits of one request. The router's default limits for clients are not higher; these bound the router, too.
const (
	maxBody            = 1 << 20 // bytes
	maxTokens          = 10_000  // of the document
	maxRepresentations = 1_000   // of an _entities fetch
	maxCost            = 50_000  // objects in a response; ten times the default limit for clients
	maxErrors          = 50      // in a response
	cachedDocuments    = 1_000   // parsed; the router sends few different ones
)

// ServiceTokenHeader carries the credential that the router shares with its subgraphs.
const ServiceTokenHeader = "X-Service-Token"

// Config is the configuration of New.
type Config struct {
	Schema       graphql.ExecutableSchema
	ServiceToken string
	// Verify returns the user that an access token was issued to. With an error that wraps
	// identity.ErrInvalid the request continues signed out; with any other it fails, because the
	// user may be signed in.
	Verify func(ctx context.Context, token string) (identity.Caller, error)
	// Stop ends subscriptions when it is closed. It may be nil.
	Stop <-chan struct{}
}

// New returns the handler of /graphql. It accepts POST with JSON, and responds with JSON or, to
// subscriptions, with an event stream.
func New(cfg Config) http.Handler {
	srv := handler.New(cfg.Schema)
	srv.AddTransport(events{stop: cfg.Stop}) // before POST, which supports every Accept header
	srv.AddTransport(transport.POST{})
	srv.SetQueryCache(lru.New[*ast.QueryDocument](cachedDocuments))
	srv.SetParserTokenLimit(maxTokens)
	srv.SetDisableSuggestion(true)
	srv.SetErrorPresenter(present)
	srv.SetRecoverFunc(func(_ context.Context, panicked any) error {
		return fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
	})
	srv.AroundOperations(limitRepresentations)
	srv.AroundOperations(limitCost)
	srv.AroundResponses(limitErrors)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get(ServiceTokenHeader)
		if subtle.ConstantTimeCompare([]byte(token), []byte(cfg.ServiceToken)) != 1 {
			http.Error(w, "requests must come from the router", http.StatusForbidden)
			return
		}
		if r.ContentLength > maxBody {
			http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
			return
		}
		ctx := r.Context()
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			caller, err := cfg.Verify(ctx, token)
			switch {
			case err == nil:
				ctx = identity.With(ctx, caller)
			case errors.Is(err, identity.ErrInvalid):
				slog.DebugContext(ctx, "invalid access token", "error", err)
			default:
				slog.WarnContext(ctx, "verify access token failed", "error", err)
				http.Error(w, "access tokens cannot be verified at the moment", http.StatusServiceUnavailable)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		srv.ServeHTTP(w, r.WithContext(ctx))
	})
}

func limitRepresentations(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	for _, v := range graphql.GetOperationContext(ctx).Variables {
		if list, ok := v.([]any); ok && len(list) > maxRepresentations {
			return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{{
				Message:    fmt.Sprintf("a list of %d is longer than %d", len(list), maxRepresentations),
				Extensions: map[string]any{"code": apperr.BadUserInput},
			}}})
		}
	}
	return next(ctx)
}

func limitErrors(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil && len(resp.Errors) > maxErrors {
		resp.Errors = resp.Errors[:maxErrors]
	}
	return resp
}
