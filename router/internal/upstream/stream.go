package upstream

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ErrCut is wrapped by errors of Open and Stream.Next when a subgraph's stream could not be opened or broke off, so
// that the caller may reconnect.
var ErrCut = errors.New("stream of a subgraph broke off")

// Streams opens event streams by the protocol of graphql-sse in "distinct connections" mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): one POST each. There may be many thousands, so
// each uses a connection directly: an http.Transport would add two goroutines and four buffers to it.
type Streams struct {
	cfg Config
	tls *tls.Config // for subgraphs with https; nil for the default
}

// NewStreams returns Streams with the limits of the configuration, except for the number of fetches: an idle stream
// costs a subgraph nothing.
func NewStreams(cfg Config) *Streams { return &Streams{cfg: cfg} }

// Stream is an open event stream. It must be closed.
type Stream struct {
	cfg     Config
	conn    net.Conn
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

func (s *Streams) open(ctx context.Context, url string, header http.Header, body []byte) (*Stream, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream, application/json;q=0.5")
	setTrace(ctx, req.Header)
	deadline := time.Now().Add(s.cfg.Timeout)
	conn, err := s.dial(ctx, req.URL, deadline)
	if err != nil {
		return nil, err
	}
	stream := &Stream{cfg: s.cfg, conn: conn}
	stream.release = context.AfterFunc(ctx, func() { conn.Close() })
	err = conn.SetDeadline(deadline)
	if err == nil {
		err = req.Write(conn)
	}
	if err == nil {
		err = stream.begin(req)
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// dial connects to the host of a URL.
func (s *Streams) dial(ctx context.Context, to *url.URL, deadline time.Time) (net.Conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if to.Scheme == "https" {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, "tcp", net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), "443")))
	}
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), "80")))
}

// begin reads the head of the response, and the body as well unless it is an event stream.
func (s *Stream) begin(req *http.Request) error {
	source := &io.LimitedReader{R: s.conn, N: s.cfg.MaxBytes}
	resp, err := http.ReadResponse(bufio.NewReaderSize(source, 1<<10), req) //nolint:bodyclose // it ends with the connection
	if err != nil {
		return err
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return fmt.Errorf("response has status %d and type %q: %w", resp.StatusCode, resp.Header.Get("Content-Type"), err)
	case media == "text/event-stream" && resp.StatusCode == http.StatusOK:
		source.N = math.MaxInt64 // each event has its own limit
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
	s.conn.Close() //nolint:errcheck // nothing was written that could be lost
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
