package gqlserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/correlation"
)

const (
	// invalid labels the errors of GraphQL itself, which have no code here: the router validates first.
	invalid = "INVALID"
	// requestCancelled is the code of a request whose client has disconnected. It is no failure.
	requestCancelled = "REQUEST_CANCELLED"
)

var errorCount = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "graphql_errors_total",
	Help: "Errors at the top level of responses; errors of a mutation's payload are data and not counted.",
}, []string{"code"})

// present converts an error for the response, and counts it.
func present(ctx context.Context, err error) *gqlerror.Error {
	presented := toGraphQL(ctx, err)
	code := presented.Extensions["code"]
	if code == nil {
		code = invalid
	}
	errorCount.WithLabelValues(fmt.Sprint(code)).Inc()
	return presented
}

// toGraphQL converts an error for the response. Errors for users and GraphQL's own keep their messages; any
// other is logged, and the response says "internal error".
func toGraphQL(ctx context.Context, err error) *gqlerror.Error {
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
		presented.Message = "client cancelled the request"
		presented.Extensions = map[string]any{"code": requestCancelled}
		return presented
	}
	slog.ErrorContext(ctx, "resolver failed", "path", presented.Path.String(), "error", err)
	presented.Message = "internal error"
	presented.Extensions = map[string]any{"code": apperr.Internal, "requestId": correlation.From(ctx).Request}
	return presented
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
