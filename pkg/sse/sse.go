// Package sse answers an HTTP request with server-sent events, as graphql-sse describes it for
// distinct connections (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): one event
// "next" for each response, and "complete" at the end. A stream that breaks off without it was cut.
package sse

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Config says how a stream shows and tells life.
type Config struct {
	Heartbeat    time.Duration // after which a silent stream sends something
	WriteTimeout time.Duration // for a part to be taken, after which the stream is broken
}

// Stream is a response of which parts are sent from several goroutines.
type Stream struct {
	cfg     Config
	control *http.ResponseController
	broken  func(error)

	mu   sync.Mutex
	w    http.ResponseWriter
	beat *time.Timer
	err  error // why nothing can be sent any more
}

// Open begins the answer, with a Content-Type unless w has one. It calls broken, once, when the peer
// does not take what is sent. Close must be called before the handler returns.
func Open(w http.ResponseWriter, cfg Config, broken func(error)) *Stream {
	s := &Stream{cfg: cfg, control: http.NewResponseController(w), broken: broken, w: w}
	s.control.SetReadDeadline(time.Time{}) //nolint:errcheck // it was for the request, which has arrived
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	s.mu.Lock()
	s.beat = time.AfterFunc(cfg.Heartbeat, func() { s.Ping() }) //nolint:errcheck // broken has been told
	s.mu.Unlock()
	s.Ping() //nolint:errcheck // broken has been told
	return s
}

// Next sends a response. Like the others it waits until the peer has taken it, and returns why it did not.
func (s *Stream) Next(response []byte) error {
	return s.send("event: next\ndata: " + string(response) + "\n\n")
}

// Complete tells that there is no more.
func (s *Stream) Complete() error { return s.send("event: complete\ndata:\n\n") }

// Ping sends a sign of life, which a stream does by itself when it is silent.
func (s *Stream) Ping() error { return s.send(":\n\n") }

func (s *Stream) send(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.control.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout)) //nolint:errcheck // else it takes longer to notice a dead peer
	_, err := fmt.Fprint(s.w, text)
	if err == nil {
		err = s.control.Flush()
	}
	if err != nil {
		s.err = err
		s.broken(err)
		return err
	}
	s.beat.Reset(s.cfg.Heartbeat)
	return nil
}

// Close lets nothing more be sent: the handler is about to return.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = http.ErrHandlerTimeout
	s.beat.Stop()
	s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // the connection may serve other requests
}
