package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"boxoffice.dev/pkg/sse"
)

// unauthenticated is the last that a client hears whose session has ended.
var unauthenticated = []byte(`[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}]`)

// writer sends responses in the form that a client asked for. Each call waits until the client has taken
// what it sends.
type writer interface {
	Next(response []byte) error
	Fail(errs []byte) error // why there will be no more responses, as GraphQL errors
	Complete() error        // the client need not come back
	Close()
}

// Serve executes an operation for a client that waits for its responses, and gives each of them to emit.
type Serve func(ctx context.Context, emit func(response []byte) error) error

// Events answers a request with server-sent events, as graphql-sse describes it for distinct
// connections (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): what serve emits, and
// then "complete". It reports false, and has done nothing, when the address or the user has too many
// connections.
func (s *Server) Events(w http.ResponseWriter, r *http.Request, address string, session Session, serve Serve) bool {
	return s.follow(r, "events", address, session, serve, func(broken func(error)) writer {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		return events{sse.Open(w, s.pace(), broken)}
	})
}

// events are a writer of server-sent events.
type events struct{ *sse.Stream }

func (e events) Fail(errs []byte) error { return e.Next(fmt.Appendf(nil, `{"errors":%s}`, errs)) }

func (s *Server) pace() sse.Config {
	return sse.Config{Heartbeat: s.cfg.Heartbeat, WriteTimeout: s.cfg.WriteTimeout}
}

// follow sends what serve emits until that ends, the session does, the client does not take it or the server
// stops. It reports false, and has done nothing, when the address or the user has too many connections.
func (s *Server) follow(r *http.Request, transport, address string, session Session, serve Serve, open func(broken func(error)) writer) bool {
	leaveAddress, ok := s.enter("address", address, s.cfg.PerAddress)
	if !ok {
		return false
	}
	defer leaveAddress()
	leaveUser, ok := s.enter("user", session.UserID, s.cfg.PerUser)
	if !ok {
		return false
	}
	defer leaveUser()
	s.running.Add(1)
	defer s.running.Done()
	defer counted(transport)()
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	stop := s.onStop(func() { end(errGoingAway) })
	defer stop()
	defer s.bound(session, end)()

	out := open(end)
	defer out.Close()
	if ctx.Err() != nil {
		return true
	}
	err := serve(ctx, out.Next)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errExpired), errors.Is(cause, errEnded):
		err = out.Fail(unauthenticated)
	case err != nil && ctx.Err() == nil:
		err = out.Fail(shown(ctx, err))
	}
	// After "complete" clients would not come back, which they are to do when the router goes away.
	if (err == nil || ctx.Err() == nil) && !errors.Is(context.Cause(ctx), errGoingAway) {
		out.Complete() //nolint:errcheck // the client is gone then
	}
	return true
}
