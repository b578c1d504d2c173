package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"boxoffice.dev/pkg/sse"
)

// unauthenticated is the last event of a session that has ended.
var unauthenticated = []byte(`[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}]`)

// writer sends responses in the format of a transport. Each call waits until the client has received the message.
type writer interface {
	Next(response []byte) error
	Fail(errs []byte) error // ends the responses with GraphQL errors
	Complete() error        // ends the responses; the client does not reconnect
	Close()
}

// Serve executes an operation and passes each response to emit.
type Serve func(ctx context.Context, emit func(response []byte) error) error

// Events answers a request with server-sent events, by the protocol of graphql-sse in "distinct connections" mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): the responses that serve emits, then "complete".
// It reports false, and does nothing, when the address or the user has too many connections.
func (s *Server) Events(w http.ResponseWriter, r *http.Request, address string, session Session, serve Serve) bool {
	return s.follow(r, "events", address, session, serve, func(broken func(error)) writer {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		return events{sse.Open(w, s.pace(), broken)}
	})
}

// events is a writer of server-sent events.
type events struct{ *sse.Stream }

func (e events) Fail(errs []byte) error { return e.Next(fmt.Appendf(nil, `{"errors":%s}`, errs)) }

func (s *Server) pace() sse.Config {
	return sse.Config{Heartbeat: s.cfg.Heartbeat, WriteTimeout: s.cfg.WriteTimeout}
}

// follow sends the responses that serve emits until serve returns, the session ends, the client does not receive them
// or the server stops. It reports false, and does nothing, when the address or the user has too many connections.
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
	// "complete" is omitted when the router stops: clients do not reconnect after it.
	if (err == nil || ctx.Err() == nil) && !errors.Is(context.Cause(ctx), errGoingAway) {
		out.Complete() //nolint:errcheck // an error means that the client has gone
	}
	return true
}
