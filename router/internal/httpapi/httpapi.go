// Package httpapi is the router's GraphQL endpoint. It implements GraphQL over HTTP
// (https://graphql.github.io/graphql-over-http/draft/) with JSON, multipart and streamed responses, and prevents
// other sites from using a visitor's cookies.
package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/router/internal/authn"
	"boxoffice.dev/router/internal/executor"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/persisted"
	"boxoffice.dev/router/internal/stream"
	"boxoffice.dev/router/internal/upstream"
)

// Codes of requests that this package refuses, besides TooManyConnections.
const (
	BadRequest           apperr.Code = "BAD_REQUEST"
	MethodNotAllowed     apperr.Code = "METHOD_NOT_ALLOWED"
	NotAcceptable        apperr.Code = "NOT_ACCEPTABLE"
	UnsupportedMediaType apperr.Code = "UNSUPPORTED_MEDIA_TYPE"
	RequestTooLarge      apperr.Code = "REQUEST_TOO_LARGE"
	CrossOrigin          apperr.Code = "CROSS_ORIGIN_REFUSED"
	Unsupported          apperr.Code = "OPERATION_TYPE_UNSUPPORTED"
)

// Config is the configuration of a Handler.
type Config struct {
	Persisted *persisted.Store
	Documents *operation.Documents
	Executor  *executor.Executor
	Sessions  *authn.Authenticator
	Streams   *stream.Server

	SessionSubgraph string // receives refresh tokens and may set cookies
	ServiceToken    string // authenticates the router to subgraphs
	AllowedOrigins  []Origin
	TrustedProxies  []netip.Prefix // proxies whose X-Forwarded-For is trusted

	MaxBody     int64 // limit of a request's body in bytes
	CostLimit   int   // limit of an operation's cost
	Compression bool  // compress large responses to queries for clients that accept gzip
	QueryPlans  bool  // include the query plan in responses to clients that request it
}

// Handler is the GraphQL endpoint.
type Handler struct {
	cfg     Config
	origins origins
}

// New returns a Handler. The error names an invalid origin.
func New(cfg Config) (*Handler, error) {
	o, err := newOrigins(cfg.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	return &Handler{cfg: cfg, origins: o}, nil
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := reply{w: w, media: mediaJSON}
	defer func() { //nolint:contextcheck // it uses the request's context
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			slog.ErrorContext(r.Context(), "request failed", "panic", p, "stack", string(debug.Stack()))
			out.refuse(operation.Refuse(http.StatusInternalServerError, apperr.Internal, "internal error"))
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept, Accept-Encoding, Origin")
	h.origins.allow(w, r)
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowedMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if live := h.live(r); live != nil {
		if err := live(&out, r); err != nil {
			h.fail(&out, r, err)
		}
		return
	}
	media, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		out.refuse(operation.Refuse(http.StatusNotAcceptable, NotAcceptable, "the client must accept application/json or application/graphql-response+json"))
		return
	}
	out.media = media
	if err := h.serve(&out, r); err != nil {
		h.fail(&out, r, err)
	}
}

// serve answers the request or returns an error.
func (h *Handler) serve(out *reply, r *http.Request) error {
	if err := h.checkOrigin(r); err != nil {
		return err
	}
	req, err := read(out.w, r, h.cfg.MaxBody)
	if err != nil {
		return err
	}
	op, cost, err := h.operation(req)
	if err != nil {
		return err
	}
	accept := r.Header.Values("Accept")
	switch {
	case op.Kind == ast.Subscription && acceptsUpdates(accept):
		return h.updates(out, r, req, op, cost)
	case r.Method == http.MethodGet && op.Kind != ast.Query:
		out.w.Header().Set("Allow", "POST")
		return operation.Refuse(http.StatusMethodNotAllowed, MethodNotAllowed, "only queries may use GET")
	case op.Kind == ast.Subscription:
		return operation.Refuse(http.StatusBadRequest, Unsupported, "subscriptions need a WebSocket, text/event-stream, or multipart/mixed with subscriptionSpec=1.0")
	}
	if req.Parts = h.format(op, req, acceptedParts(accept)); req.Parts != 0 {
		return h.parts(out, r, req, op, cost)
	}
	// Only queries are compressed. Responses to mutations may contain tokens, which the compressed size could reveal.
	out.zip = h.cfg.Compression && op.Kind == ast.Query && acceptsGzip(r.Header.Values("Accept-Encoding"))

	var body []byte
	if op.Meta != nil && op.Meta.Whole() {
		body, err = introspect(op, req.Variables.JSON)
	} else {
		done := observe(r.Context(), op)
		body, err = h.execute(out, r, op, req.Variables.JSON)
		done(body, err)
	}
	if err != nil {
		return err
	}
	if body, err = h.complete(r.Context(), req, op, cost, body); err != nil {
		return err
	}
	out.write(http.StatusOK, body)
	return nil
}

// introspect returns the response to an operation that selects nothing but the schema.
func introspect(op *operation.Operation, variables []byte) ([]byte, error) {
	data, err := op.Meta.Answer(variables)
	return fmt.Appendf(nil, `{"data":%s}`, data), err
}

// complete adds extensions to a response.
func (h *Handler) complete(ctx context.Context, req request, op *operation.Operation, cost float64, body []byte) (_ []byte, err error) {
	extensions := map[string]any{}
	if req.Cost {
		extensions["cost"] = estimate{cost, h.cfg.CostLimit}
	}
	if req.Plan && h.cfg.QueryPlans && (op.Meta == nil || !op.Meta.Whole()) {
		if extensions["queryPlan"], err = h.cfg.Executor.Explain(ctx, op, req.Variables.JSON, req.Parts != 0); err != nil {
			return nil, err
		}
	}
	if len(extensions) == 0 {
		return body, nil
	}
	text, err := json.Marshal(extensions)
	if err != nil {
		return nil, fmt.Errorf("encode extensions: %w", err)
	}
	return fmt.Appendf(body[:len(body)-1:len(body)-1], `,"extensions":%s}`, text), nil
}

// estimate is the estimated cost of an operation.
type estimate struct {
	Estimated float64 `json:"estimated"`
	Limit     int     `json:"limit"`
}

// operation returns the operation of a request and its cost. The error is an operation.Refused.
func (h *Handler) operation(req request) (op *operation.Operation, cost float64, err error) {
	text, err := h.cfg.Persisted.Resolve(req.Document)
	if err != nil {
		return nil, 0, err
	}
	if op, err = h.cfg.Documents.Prepare(text, req.OperationName); err != nil {
		return nil, 0, err
	}
	h.cfg.Persisted.Keep(req.Document)
	cost, err = h.cfg.Documents.Check(op, req.Variables)
	return op, cost, err
}

// execute executes an operation for the caller of the request.
func (h *Handler) execute(out *reply, r *http.Request, op *operation.Operation, variables []byte) ([]byte, error) {
	caller, call, setCookies, err := h.call(out, r, op, variables)
	if err != nil {
		return nil, err
	}
	body, err := h.cfg.Executor.Execute(identity.With(r.Context(), caller), call)
	setCookies()
	return body, err
}

// call returns the executor's input and the caller. Call setCookies before the response begins.
func (h *Handler) call(out *reply, r *http.Request, op *operation.Operation, variables []byte) (caller identity.Caller, call executor.Call, setCookies func(), err error) {
	session, err := h.authenticate(r)
	if err != nil {
		return caller, call, nil, err
	}
	if session.Caller.SignedIn() {
		server.Annotate(r.Context(), slog.String("user", session.Caller.UserID))
	}
	out.setCookies(session.SetCookies)
	initial, err := schemaPart(op, variables)
	if err != nil {
		return caller, call, nil, err
	}
	var mu sync.Mutex
	var cookies []string
	call = executor.Call{
		Operation: op,
		Variables: variables,
		Initial:   initial,
		Headers:   h.headers(r, session).For,
		Answered: func(subgraph string, header http.Header) {
			if subgraph == h.cfg.SessionSubgraph {
				mu.Lock()
				defer mu.Unlock()
				cookies = append(cookies, header.Values("Set-Cookie")...)
			}
		},
	}
	setCookies = func() {
		mu.Lock()
		defer mu.Unlock()
		out.setCookies(cookies)
	}
	return session.Caller, call, setCookies, nil
}

// schemaPart returns the fields of an operation that select the schema.
func schemaPart(op *operation.Operation, variables []byte) ([]byte, error) {
	if op.Meta == nil {
		return nil, nil
	}
	return op.Meta.Answer(variables)
}

// headers returns the headers of fetches for the request.
func (h *Handler) headers(r *http.Request, s authn.Session) upstream.Headers {
	return upstream.Headers{
		ServiceToken: h.cfg.ServiceToken, AccessToken: s.AccessToken, RequestID: correlation.From(r.Context()).Request,
		ClientAddress:   clientAddress(r, h.cfg.TrustedProxies),
		SessionSubgraph: h.cfg.SessionSubgraph, RefreshCookie: s.RefreshCookie, RefreshToken: s.RefreshToken,
	}
}

// fail responds to an error: refusals in full, all others masked and logged.
func (h *Handler) fail(out *reply, r *http.Request, err error) {
	var refused *operation.Refused
	switch {
	case errors.As(err, &refused):
		out.refuse(refused)
	case r.Context().Err() != nil: // the client cancelled the request
		out.refuse(operation.Refuse(http.StatusServiceUnavailable, upstream.Unavailable, upstream.UnavailableMessage))
	case errors.Is(err, authn.ErrUnverifiable):
		slog.ErrorContext(r.Context(), "request failed", "error", err)
		out.refuse(operation.Refuse(http.StatusServiceUnavailable, upstream.Unavailable, upstream.UnavailableMessage))
	default:
		slog.ErrorContext(r.Context(), "request failed", "error", err)
		internal := operation.Refuse(http.StatusInternalServerError, apperr.Internal, "internal error")
		internal.Errors[0].Extensions["requestId"] = correlation.From(r.Context()).Request
		out.refuse(internal)
	}
}
