package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// ErrCut is what errors of Stream.Next and Open wrap when a subgraph's stream could not be had or
// broke off, so that it may be worth while to ask again.
var ErrCut = errors.New("stream of a subgraph is cut")

// Streams opens streams of events, one request each: POST, answered as graphql-sse describes it for
// distinct connections (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md).
type Streams struct {
	cfg    Config
	client *http.Client
}

// NewStreams returns Streams that heed the configuration's bounds, but for the number of fetches: a
// stream costs a subgraph nothing while it is silent.
func NewStreams(cfg Config) *Streams {
	return &Streams{cfg: cfg, client: &http.Client{
		Transport: &http.Transport{
			ResponseHeaderTimeout: cfg.Timeout,
			DisableCompression:    true,
			ReadBufferSize:        1 << 10, // there may be thousands
			WriteBufferSize:       1 << 10,
			IdleConnTimeout:       time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Stream is what a subgraph sends. It must be closed.
type Stream struct {
	body     io.ReadCloser
	cancel   context.CancelFunc
	silence  *time.Timer // nil when it may last
	patience time.Duration
	maxBytes int64
	lines    *bufio.Reader
	single   []byte // the only response, of a subgraph that answered with JSON
	done     bool
}

// Open asks a subgraph. The error wraps ErrCut, or is the context's.
func (s *Streams) Open(ctx context.Context, url string, header http.Header, body []byte) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.open(ctx, cancel, url, header, body)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%w: %w", ErrCut, err)
	}
	return stream, nil
}

func (s *Streams) open(ctx context.Context, cancel context.CancelFunc, url string, header http.Header, body []byte) (*Stream, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream, application/json;q=0.5")
	setTrace(ctx, req.Header)
	resp, err := s.client.Do(req) //nolint:bodyclose // Close closes it
	if err != nil {
		return nil, err
	}
	stream := &Stream{body: resp.Body, cancel: cancel, maxBytes: s.cfg.MaxBytes}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
		stream.Close()
		return nil, fmt.Errorf("answer %d is %q: %w", resp.StatusCode, resp.Header.Get("Content-Type"), err)
	case media == "text/event-stream" && resp.StatusCode == http.StatusOK:
		stream.lines = bufio.NewReaderSize(resp.Body, 1<<10)
		if stream.patience = s.cfg.Silence; stream.patience > 0 {
			stream.silence = time.AfterFunc(stream.patience, cancel)
		}
		return stream, nil
	case media == "application/json" || media == "application/graphql-response+json":
		defer stream.Close()
		answer, err := io.ReadAll(io.LimitReader(resp.Body, s.cfg.MaxBytes))
		if err == nil {
			err = checkShape(answer)
		}
		stream.single = answer
		return stream, err
	default:
		stream.Close()
		return nil, fmt.Errorf("answer %d is %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
}

// Close ends the stream.
func (s *Stream) Close() {
	s.cancel()
	s.body.Close() //nolint:errcheck // nothing more is read
	if s.silence != nil {
		s.silence.Stop()
	}
}

// Next waits for the next response. The error is io.EOF when the subgraph has said that there are no
// more, and wraps ErrCut when the stream breaks off or is silent for too long.
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

// event reads up to the next event that matters
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
		if int64(len(data)) > s.maxBytes {
			return "", nil, fmt.Errorf("event has more than %d bytes", s.maxBytes)
		}
	}
}

// line reads one line without its end. Any line is a sign of life.
func (s *Stream) line() ([]byte, error) {
	var line []byte
	for {
		part, err := s.lines.ReadSlice('\n')
		line = append(line, part...)
		if s.silence != nil {
			s.silence.Reset(s.patience)
		}
		switch {
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case int64(len(line)) > s.maxBytes:
			return nil, fmt.Errorf("line has more than %d bytes", s.maxBytes)
		}
	}
}
