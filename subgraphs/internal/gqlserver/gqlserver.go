// Package gqlserver is the one way a subgraph serves GraphQL: who may ask, how much, and what an
// error looks like. A subgraph trusts nobody: it wants the router's service token and verifies
// the user's access token itself.
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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/identity"
)

// Limits of one request. The router's are tighter for clients; these hold against everybody.
const (
	maxBody            = 1 << 20 // bytes
	maxTokens          = 10_000  // of the document
	maxRepresentations = 1_000   // of an _entities fetch
	maxErrors          = 50      // in an answer
	cachedDocuments    = 1_000   // parsed; the router sends few different ones
)

// ServiceTokenHeader carries the credential that the router shares with its subgraphs.
const ServiceTokenHeader = "X-Service-Token"

// Config says what a subgraph serves and to whom.
type Config struct {
	Schema       graphql.ExecutableSchema
	ServiceToken string
	// Verify returns the person that an access token was issued to. An error that wraps
	// identity.ErrInvalid makes the caller signed out; after any other nobody can tell.
	Verify func(ctx context.Context, token string) (identity.Caller, error)
	// Stop ends subscriptions when it is closed. Nil never does.
	Stop <-chan struct{}
}

// New returns the handler of /graphql: POST with JSON, answered with JSON or, for subscriptions, as a
// stream of events.
func New(cfg Config) http.Handler {
	srv := handler.New(cfg.Schema)
	srv.AddTransport(events{stop: cfg.Stop}) // before POST, which takes whatever the client accepts
	srv.AddTransport(transport.POST{})
	srv.SetQueryCache(lru.New[*ast.QueryDocument](cachedDocuments))
	srv.SetParserTokenLimit(maxTokens)
	srv.SetDisableSuggestion(true)
	srv.SetErrorPresenter(present)
	srv.SetRecoverFunc(func(_ context.Context, panicked any) error {
		return fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
	})
	srv.AroundOperations(capRepresentations)
	srv.AroundResponses(capErrors)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get(ServiceTokenHeader)
		if subtle.ConstantTimeCompare([]byte(token), []byte(cfg.ServiceToken)) != 1 {
			http.Error(w, "ask through the router", http.StatusForbidden)
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
				slog.DebugContext(ctx, "access token refused", "error", err)
			default: // nobody can tell, so nobody is told to be signed out
				slog.WarnContext(ctx, "access token not verified", "error", err)
				http.Error(w, "access tokens cannot be verified at the moment", http.StatusServiceUnavailable)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		srv.ServeHTTP(w, r.WithContext(ctx))
	})
}

// present counts an error and shows it.
func present(ctx context.Context, err error) *gqlerror.Error {
	presented := show(ctx, err)
	code := presented.Extensions["code"]
	if code == nil {
		code = invalid
	}
	failed.WithLabelValues(fmt.Sprint(code)).Inc()
	return presented
}

// invalid stands for the errors of GraphQL itself, which have no code here: the router finds them first.
const invalid = "INVALID"

// clientGone is what became of a request whose client has gone: no fault, and nobody reads it.
const clientGone = "CLIENT_GONE"

var failed = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "graphql_errors_total",
	Help: "Errors at the top level of answers; what belongs to a use case is data and not counted.",
}, []string{"code"})

// show turns an error into what the caller may see. Only an apperr.UserError and GraphQL's own errors show
// their text; everything else is logged and reads "internal error".
func show(ctx context.Context, err error) *gqlerror.Error {
	var gqlErr *gqlerror.Error
	if errors.As(err, &gqlErr) && gqlErr.Unwrap() == nil {
		return gqlErr // from parsing, validation or argument coercion
	}
	presented := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	if userErr, ok := errors.AsType[apperr.UserError](err); ok {
		presented.Message = userErr.Error()
		presented.Extensions = map[string]any{"code": userErr.Code()}
		return presented
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		presented.Message, presented.Extensions = "nobody waits for the answer", map[string]any{"code": clientGone}
		return presented
	}
	slog.ErrorContext(ctx, "resolver failed", "path", presented.Path.String(), "error", err)
	presented.Message = "internal error"
	presented.Extensions = map[string]any{"code": apperr.Internal, "requestId": correlation.From(ctx).Request}
	return presented
}

func capRepresentations(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
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

func capErrors(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp != nil && len(resp.Errors) > maxErrors {
		resp.Errors = resp.Errors[:maxErrors]
	}
	return resp
}

// TypedErrors returns the errors of a payload, the union U, for the error of a use case. typed returns the GraphQL
// object of one UserError, nil if the payload has none for it. TypedErrors returns err itself if any part of it is
// a fault or belongs to the top level, such as UNAUTHENTICATED.
func TypedErrors[U any](err error, typed func(apperr.UserError) U) ([]U, error) {
	list := []U{} // never nil: the field is non-null
	if err == nil {
		return list, nil
	}
	userErrs := apperr.Split(err)
	if userErrs == nil {
		return nil, err
	}
	for _, e := range userErrs {
		object := typed(e)
		if any(object) == nil {
			return nil, err
		}
		list = append(list, object)
	}
	return list, nil
}

// InputPath returns the path of a field of a mutation's input, such as price.currency. "" is the input itself.
func InputPath(field string) []string {
	if field == "" {
		return []string{"input"}
	}
	return append([]string{"input"}, strings.Split(field, ".")...)
}
