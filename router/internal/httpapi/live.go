package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/authn"
	"boxoffice.dev/router/internal/executor"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/stream"
)

// TooManyConnections is the code for clients that exceed the limit of connections.
const TooManyConnections apperr.Code = "TOO_MANY_CONNECTIONS"

const mediaEvents = "text/event-stream"

func isSocketRequest(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

func acceptsEvents(r *http.Request) bool {
	q, _ := quality(r.Header.Values("Accept"), mediaEvents)
	return q > 0
}

// live returns the handler of requests for a WebSocket or an event stream, nil for others.
func (h *Handler) live(r *http.Request) func(*reply, *http.Request) error {
	switch {
	case isSocketRequest(r):
		return h.socket
	case acceptsEvents(r):
		return h.events
	}
	return nil
}

// socket serves a request for a WebSocket. Browsers send cookies with it for the page of any site and without a CORS
// preflight. So the origin is always checked, also for clients that authenticate with a bearer token later.
func (h *Handler) socket(out *reply, r *http.Request) error {
	if err := h.origins.protection.Check(asPost(r)); err != nil {
		return operation.Refuse(http.StatusForbidden, CrossOrigin, "this origin may not use the API")
	}
	session, err := h.authenticate(r)
	if err != nil {
		return err
	}
	out.setCookies(session.SetCookies) // browsers accept them with the response to the handshake
	open := func(authorization string) (stream.Session, error) {
		token, ok := identity.Bearer(authorization)
		if !ok {
			return stream.Session{}, stream.ErrForbidden
		}
		session, err := h.cfg.Sessions.Bearer(r.Context(), token)
		if err == nil && !session.Caller.SignedIn() {
			err = stream.ErrForbidden
		}
		return h.streamSession(r, session), err
	}
	if !h.cfg.Streams.WebSocket(out.w, r, clientAddress(r, h.cfg.TrustedProxies), h.streamSession(r, session), open) {
		return tooManyConnections()
	}
	return nil
}

// asPost returns the request as a POST, because the cross-origin protection lets every GET pass.
func asPost(r *http.Request) *http.Request {
	post := *r
	post.Method = http.MethodPost
	return &post
}

func tooManyConnections() error {
	return operation.Refuse(http.StatusTooManyRequests, TooManyConnections, "too many open connections")
}

func (h *Handler) authenticate(r *http.Request) (authn.Session, error) {
	return h.cfg.Sessions.Authenticate(r, func(s authn.Session) http.Header { return h.headers(r, s).For(h.cfg.SessionSubgraph) })
}

// streamSession returns a session as package stream uses it.
func (h *Handler) streamSession(r *http.Request, session authn.Session) stream.Session {
	return stream.Session{
		UserID: session.Caller.UserID, ID: session.Caller.SessionID, ExpiresAt: session.Caller.ExpiresAt,
		Serve: func(ctx context.Context, sent json.RawMessage, emit func([]byte) error) error {
			req, err := parse(sent)
			if err != nil {
				return malformed(err)
			}
			op, cost, err := h.operation(req)
			if err != nil {
				return refusal(err)
			}
			return refusal(h.answer(ctx, r, session, req, op, cost, emit))
		},
	}
}

// events answers a request with server-sent events. A refused document is answered by an event, too, because browsers
// would repeat the request after an error status.
func (h *Handler) events(out *reply, r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") != "same-origin" { // pages cannot set this header
		if err := h.checkOrigin(r); err != nil {
			return err
		}
	}
	req, err := read(out.w, r, h.cfg.MaxBody)
	if err != nil {
		return err
	}
	op, cost, refused := h.operation(req)
	if refused == nil && r.Method == http.MethodGet && op.Kind == ast.Mutation {
		out.w.Header().Set("Allow", "POST")
		return operation.Refuse(http.StatusMethodNotAllowed, MethodNotAllowed, "mutations must use POST")
	}
	var session authn.Session
	if refused == nil {
		if session, err = h.authenticate(r); err != nil {
			return err
		}
		out.setCookies(session.SetCookies)
	}
	ok := h.cfg.Streams.Events(out.w, r, clientAddress(r, h.cfg.TrustedProxies), h.streamSession(r, session),
		func(ctx context.Context, emit func([]byte) error) error {
			if refused != nil {
				return refusal(refused)
			}
			return refusal(h.answer(ctx, r, session, req, op, cost, emit))
		})
	if !ok {
		return tooManyConnections()
	}
	return nil
}

// updates answers a subscription by multipart/mixed.
func (h *Handler) updates(out *reply, r *http.Request, req request, op *operation.Operation, cost float64) error {
	session, err := h.authenticate(r)
	if err != nil {
		return err
	}
	out.setCookies(session.SetCookies)
	ok := h.cfg.Streams.Multipart(out.w, r, clientAddress(r, h.cfg.TrustedProxies), h.streamSession(r, session),
		func(ctx context.Context, emit func([]byte) error) error {
			return refusal(h.answer(ctx, r, session, req, op, cost, emit))
		})
	if !ok {
		return tooManyConnections()
	}
	return nil
}

// answer executes an operation of any kind and emits its responses. Cookies that a mutation sets are dropped, because
// the headers have been sent: clients sign in by a separate request.
func (h *Handler) answer(ctx context.Context, r *http.Request, session authn.Session, req request, op *operation.Operation, cost float64, emit func([]byte) error) error {
	initial, err := schemaPart(op, req.Variables.JSON)
	if err != nil {
		return err
	}
	call := executor.Call{
		Operation: op, Variables: req.Variables.JSON, Initial: initial, Headers: h.headers(r, session).For,
		Answered: func(string, http.Header) {},
	}
	ctx = identity.With(ctx, session.Caller)
	req.Parts = h.format(op, req, req.Parts)
	responses, done := 0, follow(ctx, op, session.Caller.UserID)
	defer func() { done(responses) }()
	finish := func(body []byte) error {
		body, err := h.complete(ctx, req, op, cost, body)
		if err != nil {
			return err
		}
		responses++
		return emit(body)
	}
	switch {
	case op.Kind == ast.Subscription:
		return h.cfg.Executor.Subscribe(ctx, call, finish)
	case op.Meta != nil && op.Meta.Whole():
		return finish(fmt.Appendf(nil, `{"data":%s}`, initial))
	}
	executed := observe(ctx, op)
	if req.Parts != 0 {
		var first []byte
		err := h.cfg.Executor.ExecuteInParts(ctx, call, req.Parts, func(part []byte) error {
			if first != nil {
				responses++
				return emit(part)
			}
			first = part
			return finish(part)
		})
		executed(first, err)
		return err
	}
	body, err := h.cfg.Executor.Execute(ctx, call)
	executed(body, err)
	if err != nil {
		return err
	}
	return finish(body)
}

// refused is an operation.Refused as a stream.Refusal.
type refused struct{ *operation.Refused }

func (r refused) GraphQLErrors() ([]byte, error) { return json.Marshal(r.Errors) }

func refusal(err error) error {
	var r *operation.Refused
	if errors.As(err, &r) {
		count(r)
		return refused{r}
	}
	return err
}

// malformed turns the error of parse into one that closes a WebSocket, as the protocol requires.
func malformed(err error) error {
	var r *operation.Refused
	if errors.As(err, &r) {
		count(r)
		return stream.Invalid(r.Errors[0].Message)
	}
	return err
}
