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
	Heartbeat    time.Duration // after which a silent stream sends something; 0 for never
	WriteTimeout time.Duration // for a part to be taken, after which the stream is broken
}

// Stream is a response of which parts are sent from several goroutines.
type Stream struct{ *Sender }

const sign = ":\n\n" // of life

// Open begins the answer, with a Content-Type unless w has one. It calls broken, once, when the peer
// does not take what is sent. Close must be called before the handler returns.
func Open(w http.ResponseWriter, cfg Config, broken func(error)) *Stream {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	return &Stream{NewSender(w, cfg, sign, sign, broken)}
}

// Next sends a response. Like the others it waits until the peer has taken it, and returns why it did not.
func (s *Stream) Next(response []byte) error {
	return s.Send("event: next\ndata: " + string(response) + "\n\n")
}

// Complete tells that there is no more.
func (s *Stream) Complete() error { return s.Send("event: complete\ndata:\n\n") }

// Sender sends the pieces of an answer as they come, from several goroutines.
type Sender struct {
	cfg     Config
	control *http.ResponseController
	broken  func(error)

	mu   sync.Mutex
	w    http.ResponseWriter
	beat *time.Timer // nil without heartbeat
	err  error       // why nothing can be sent any more
}

// NewSender sends the beginning of an answer, and returns what sends the rest, and a sign of life when it is
// silent for too long. It calls broken, once, when the peer does not take what is sent. Close must be called
// before the handler returns.
func NewSender(w http.ResponseWriter, cfg Config, begin, sign string, broken func(error)) *Sender {
	s := &Sender{cfg: cfg, control: http.NewResponseController(w), broken: broken, w: w}
	w.Header().Set("X-Accel-Buffering", "no") // proxies pass pieces on at once
	s.control.SetReadDeadline(time.Time{})    //nolint:errcheck // it was for the request, which has arrived
	s.Send(begin)                             //nolint:errcheck // broken has been told
	if cfg.Heartbeat > 0 {
		s.mu.Lock()
		s.beat = time.AfterFunc(cfg.Heartbeat, func() { s.Send(sign) }) //nolint:errcheck // broken has been told
		s.mu.Unlock()
	}
	return s
}

// Send waits until the peer has taken the text, and returns why it did not.
func (s *Sender) Send(text string) error {
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
	if s.beat != nil {
		s.beat.Reset(s.cfg.Heartbeat)
	}
	return nil
}

// Close lets nothing more be sent: the handler is about to return.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = http.ErrHandlerTimeout
	if s.beat != nil {
		s.beat.Stop()
	}
	s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // the connection may serve other requests
}
