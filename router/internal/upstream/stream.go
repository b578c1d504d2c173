package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// ErrCut is wrapped by errors of Open and Stream.Next when a subgraph's stream could not be opened or broke off, so
// that the caller may reconnect.
var ErrCut = errors.New("stream of a subgraph broke off")

// Streams opens event streams by the protocol of graphql-sse in "distinct connections" mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): one POST each, with a connection of its own.
type Streams struct {
	cfg  Config
	dial dial
}

// NewStreams returns Streams with the limits of the configuration, except for the number of fetches: an idle stream
// costs a subgraph nothing.
func NewStreams(cfg Config) *Streams { return &Streams{cfg: cfg, dial: dialWith(nil)} }

// Stream is an open event stream. It must be closed.
type Stream struct {
	cfg     Config
	conn    *conn
	release func() bool // detaches the connection from the context that closes it
	lines   *bufio.Reader
	single  []byte // the only response, when the subgraph answered with JSON
	done    bool
}

// Open sends a request to a subgraph and returns its stream. The error wraps ErrCut.
func (s *Streams) Open(ctx context.Context, url string, header http.Header, body []byte) (*Stream, error) {
	stream, err := s.open(ctx, url, header, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCut, err)
	}
	return stream, nil
}

func (s *Streams) open(ctx context.Context, address string, header http.Header, body []byte) (*Stream, error) {
	to, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", "application/json")
	header.Set("Accept", "text/event-stream, application/json;q=0.5")
	setTrace(ctx, header)
	opening, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	c, err := s.dial.open(opening, to, 1<<10)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(opening, c.discard)
	stream := &Stream{cfg: s.cfg, conn: c, release: context.AfterFunc(ctx, c.discard)}
	err = stream.begin(to, header, body)
	if !stop() {
		err = context.Cause(opening)
	}
	if err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// begin sends the request and reads the head of the response, and the body as well unless it is an event stream.
func (s *Stream) begin(to *url.URL, header http.Header, body []byte) error {
	resp, err := s.conn.post(to, header, body, s.cfg.MaxBytes) //nolint:bodyclose // it ends with the connection
	if err != nil {
		return err
	}
	s.conn.space = bytes.Buffer{} // a stream sends nothing more
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return fmt.Errorf("response has status %d and type %q: %w", resp.StatusCode, resp.Header.Get("Content-Type"), err)
	case media == "text/event-stream" && resp.StatusCode == http.StatusOK:
		s.conn.source.N = math.MaxInt64 // each event has its own limit
		s.lines = bufio.NewReaderSize(resp.Body, 1<<10)
		return nil
	case media == "application/json" || media == "application/graphql-response+json":
		if s.single, err = io.ReadAll(resp.Body); err != nil {
			return err
		}
		return checkShape(s.single)
	default:
		return fmt.Errorf("response has status %d and type %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}

// Close ends the stream.
func (s *Stream) Close() {
	s.release()
	s.conn.discard()
}

// Next waits for the next response. The error is io.EOF when the subgraph has completed the stream, and wraps ErrCut
// when the stream breaks off or is silent for too long.
func (s *Stream) Next() ([]byte, error) {
	if s.done {
		return nil, io.EOF
	}
	if s.single != nil {
		s.done = true
		return s.single, nil
	}
	event, data, err := s.event()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrCut, err)
	case event == "complete":
		s.done = true
		return nil, io.EOF
	}
	if err := checkShape(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCut, err)
	}
	return data, nil
}

// event reads up to the next event of the protocol
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
func (s *Stream) event() (event string, data []byte, err error) {
	for {
		line, err := s.line()
		if err != nil {
			return "", nil, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && event == "next" && len(data) > 0, len(line) == 0 && event == "complete":
			return event, data, nil
		case len(line) == 0:
			event, data = "", nil
		case string(name) == "event":
			event = string(value)
		case string(name) == "data":
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		}
		if int64(len(data)) > s.cfg.MaxBytes {
			return "", nil, fmt.Errorf("event has more than %d bytes", s.cfg.MaxBytes)
		}
	}
}

// line reads one line without its end. Any line, also a comment, restarts the silence timeout.
func (s *Stream) line() ([]byte, error) {
	var line []byte
	for {
		if s.cfg.Silence > 0 {
			if err := s.conn.SetReadDeadline(time.Now().Add(s.cfg.Silence)); err != nil {
				return nil, err
			}
		}
		part, err := s.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case int64(len(line)) > s.cfg.MaxBytes:
			return nil, fmt.Errorf("line has more than %d bytes", s.cfg.MaxBytes)
		}
	}
}
