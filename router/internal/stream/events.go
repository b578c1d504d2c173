package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"boxoffice.dev/pkg/sse"
)

// Events answers a request with server-sent events, as graphql-sse describes it for distinct
// connections (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): what serve emits, and
// then "complete". It reports false, and has done nothing, when the address or the user has too many
// connections.
func (s *Server) Events(w http.ResponseWriter, r *http.Request, address string, session Session, serve func(ctx context.Context, emit func(response []byte) error) error) bool {
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
	defer counted("events")()
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	stop := s.onStop(func() { end(errGoingAway) })
	defer stop()
	defer s.bound(session, end)()

	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // proxies in front of us pass events on at once
	events := sse.Open(w, sse.Config{Heartbeat: s.cfg.Heartbeat, WriteTimeout: s.cfg.WriteTimeout}, end)
	defer events.Close()
	if ctx.Err() != nil {
		return true
	}
	err := serve(ctx, events.Next)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errExpired), errors.Is(cause, errEnded):
		err = events.Next([]byte(`{"errors":[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}],"data":null}`))
	case err != nil && ctx.Err() == nil:
		err = events.Next(fmt.Appendf(nil, `{"errors":%s}`, shown(ctx, err)))
	}
	// After "complete" clients would not come back, which they are to do when the router goes away.
	if (err == nil || ctx.Err() == nil) && !errors.Is(context.Cause(ctx), errGoingAway) {
		events.Complete() //nolint:errcheck // the client is gone then
	}
	return true
}
