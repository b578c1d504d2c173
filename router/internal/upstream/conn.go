package upstream

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// conn is an HTTP/1.1 connection to a subgraph, for one exchange at a time. The goroutine of the exchange writes and
// reads by itself: the two goroutines that an http.Transport adds to each connection cost about a fifth of a request.
type conn struct {
	net.Conn

	source *io.LimitedReader // bounds a response, including its head
	in     *bufio.Reader
	space  bytes.Buffer // for what is written, and then for what is read
	since  time.Time    // when it became idle
}

// dial connects to the host of a URL.
type dial func(ctx context.Context, to *url.URL) (net.Conn, error)

// dialWith connects with TLS where the URL says https; the configuration may be nil.
func dialWith(config *tls.Config) dial {
	return func(ctx context.Context, to *url.URL) (net.Conn, error) {
		host := to.Hostname()
		if to.Scheme == "https" {
			return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(host, cmp.Or(to.Port(), "443")))
		}
		return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, cmp.Or(to.Port(), "80")))
	}
}

// open connects to the host of a URL. Responses are read through a buffer of this size.
func (d dial) open(ctx context.Context, to *url.URL, buffer int) (*conn, error) {
	c, err := d(ctx, to)
	if err != nil {
		return nil, err
	}
	source := &io.LimitedReader{R: c}
	return &conn{Conn: c, source: source, in: bufio.NewReaderSize(source, buffer)}, nil
}

// post sends a request and reads the head of the response, of which at most limit bytes will be read.
func (c *conn) post(to *url.URL, header http.Header, body []byte, limit int64) (*http.Response, error) {
	c.source.N = limit
	c.space.Reset()
	c.space.WriteString("POST " + to.RequestURI() + " HTTP/1.1\r\nHost: " + to.Host +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	if err := header.Write(&c.space); err != nil {
		return nil, err
	}
	c.space.WriteString("\r\n")
	c.space.Write(body)
	_, sent := c.Write(c.space.Bytes())
	for {
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return nil, cmp.Or(sent, err)
		}
		if resp.StatusCode >= http.StatusOK { // not an interim response
			resp.Close = resp.Close || sent != nil
			return resp, nil
		}
	}
}

// body reads the body of a response, at most limit bytes.
func (c *conn) body(resp *http.Response, limit int64) ([]byte, error) {
	c.space.Reset()
	_, err := c.space.ReadFrom(io.LimitReader(resp.Body, limit))
	return bytes.Clone(c.space.Bytes()), err
}

const (
	idleTimeout = 90 * time.Second
	maxSpace    = 64 << 10 // bytes that an idle connection may keep
)

// pool keeps the idle connections to one subgraph.
type pool struct {
	to   *url.URL
	dial dial
	max  int

	mu     sync.Mutex
	idle   []*conn // the one used last at the end
	prune  *time.Timer
	closed bool
}

// get returns a connection that the subgraph has not closed.
func (p *pool) get(ctx context.Context) (*conn, error) {
	for {
		c := p.take()
		if c == nil {
			return p.dial.open(ctx, p.to, 4<<10)
		}
		if c.in.Buffered() == 0 && quiet(c.Conn) {
			return c, nil
		}
		c.discard()
	}
}

func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last], p.idle = nil, p.idle[:last]
	return c
}

// put takes back a connection whose last response has been read to its end.
func (p *pool) put(c *conn) {
	c.since = time.Now()
	if c.space.Cap() > maxSpace {
		c.space = bytes.Buffer{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.max {
		c.discard()
		return
	}
	p.idle = append(p.idle, c)
	if p.prune == nil {
		p.prune = time.AfterFunc(idleTimeout, p.closeOld)
	}
}

// closeOld closes the connections that have been idle for too long, and comes back as long as there are others.
func (p *pool) closeOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := 0
	for ; old < len(p.idle) && time.Since(p.idle[old].since) >= idleTimeout; old++ {
		p.idle[old].discard()
	}
	p.idle = slices.Delete(p.idle, 0, old)
	p.prune = nil
	if len(p.idle) > 0 {
		p.prune = time.AfterFunc(idleTimeout-time.Since(p.idle[0].since), p.closeOld)
	}
}

// close closes all connections, those in use when they come back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.discard()
	}
	p.idle = nil
	if p.prune != nil {
		p.prune.Stop()
	}
}

// discard closes a connection of which nothing is expected any more.
func (c *conn) discard() { c.Close() } //nolint:errcheck // nothing can be lost
