// Package sse implements the distinct connections mode of the GraphQL over Server-Sent Events Protocol
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): an event "next" for each result, and
// "complete" at the end. A stream that ends without "complete" was interrupted.
package sse

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Config configures a stream.
type Config struct {
	Heartbeat    time.Duration // idle time after which a stream sends a comment; 0 disables it
	WriteTimeout time.Duration // of one write, after which the stream is broken
}

// Stream is a response with server-sent events. It is safe for concurrent use.
type Stream struct{ *Sender }

const comment = ":\n\n"

// Open sends the header, with a Content-Type unless w has one. It calls broken once when a write fails. Close must be
// called before the handler returns.
func Open(w http.ResponseWriter, cfg Config, broken func(error)) *Stream {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	return &Stream{NewSender(w, cfg, comment, comment, broken)}
}

// Next sends a result. It returns once the result is written to the connection.
func (s *Stream) Next(response []byte) error {
	return s.Send("event: next\ndata: " + string(response) + "\n\n")
}

// Complete ends the stream.
func (s *Stream) Complete() error { return s.Send("event: complete\ndata:\n\n") }

// Sender writes the parts of a streamed response. It is safe for concurrent use.
type Sender struct {
	cfg     Config
	control *http.ResponseController
	broken  func(error)

	mu   sync.Mutex
	w    http.ResponseWriter
	beat *time.Timer // nil without heartbeat
	err  error       // of the first failed write, or after Close
}

// NewSender sends the first part of a response and returns a Sender for the others. It sends heartbeat whenever the
// response is idle for cfg.Heartbeat, and calls broken once when a write fails. Close must be called before the handler
// returns.
func NewSender(w http.ResponseWriter, cfg Config, first, heartbeat string, broken func(error)) *Sender {
	s := &Sender{cfg: cfg, control: http.NewResponseController(w), broken: broken, w: w}
	w.Header().Set("X-Accel-Buffering", "no") // turns off the buffering of proxies
	s.control.SetReadDeadline(time.Time{})    //nolint:errcheck // writers without deadlines, as in tests, need none
	s.Send(first)                             //nolint:errcheck // broken is called
	if cfg.Heartbeat > 0 {
		s.mu.Lock()
		s.beat = time.AfterFunc(cfg.Heartbeat, func() { s.Send(heartbeat) }) //nolint:errcheck // broken is called
		s.mu.Unlock()
	}
	return s
}

// Send writes the text to the connection.
func (s *Sender) Send(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	deadline := time.Now().Add(s.cfg.WriteTimeout)
	s.control.SetWriteDeadline(deadline) //nolint:errcheck // writers without deadlines need none
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

// Close makes further writes fail, because the handler is about to return.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = http.ErrHandlerTimeout
	if s.beat != nil {
		s.beat.Stop()
	}
	s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // the connection may serve other requests
}
