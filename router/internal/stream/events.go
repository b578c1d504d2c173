package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
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
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	stop := s.onStop(func() { end(errGoingAway) })
	defer stop()
	defer s.bound(session, end)()

	e := &eventStream{w: w, control: http.NewResponseController(w), cfg: s.cfg, end: end}
	e.control.SetReadDeadline(time.Time{}) //nolint:errcheck // it was for the request, which has arrived
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // proxies in front of us pass events on at once
	e.mu.Lock()
	e.beat = time.AfterFunc(s.cfg.Heartbeat, func() { e.send(":\n\n") }) //nolint:errcheck // the stream is ending then
	e.mu.Unlock()
	defer e.close()
	if e.send(":\n\n") != nil {
		return true
	}
	err := serve(ctx, func(response []byte) error { return e.send("event: next\ndata: " + string(response) + "\n\n") })
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errExpired), errors.Is(cause, errEnded):
		err = e.send(`event: next` + "\n" + `data: {"errors":[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}],"data":null}` + "\n\n")
	case err != nil && ctx.Err() == nil:
		err = e.send("event: next\ndata: {\"errors\":" + string(shown(ctx, err)) + "}\n\n")
	}
	if err == nil || ctx.Err() == nil || errors.Is(context.Cause(ctx), errGoingAway) {
		e.send("event: complete\ndata:\n\n") //nolint:errcheck // the client is gone then
	}
	return true
}

// eventStream is a response of which parts are sent from several goroutines.
type eventStream struct {
	control *http.ResponseController
	cfg     Config
	end     context.CancelCauseFunc

	mu   sync.Mutex
	w    http.ResponseWriter
	beat *time.Timer
	err  error // why nothing can be sent any more
}

// send waits until the client has taken the text. When it does not, the stream ends.
func (e *eventStream) send(text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	e.control.SetWriteDeadline(time.Now().Add(e.cfg.WriteTimeout)) //nolint:errcheck // else it takes longer to notice a dead peer
	_, err := fmt.Fprint(e.w, text)
	if err == nil {
		err = e.control.Flush()
	}
	if err != nil {
		e.err = err
		e.end(err)
		return err
	}
	e.beat.Reset(e.cfg.Heartbeat)
	return nil
}

// close lets nothing more be sent once the handler has returned.
func (e *eventStream) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = http.ErrHandlerTimeout
	e.beat.Stop()
	e.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // the connection may serve other requests
}
