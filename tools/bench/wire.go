package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load sends requests from all clients for the given time, each for another page.
func (s *server) load(ctx context.Context, body []byte, page *atomic.Int64, duration time.Duration) (load, error) {
	l := load{begin: time.Now()}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for range routerClients {
		group.Go(func() error {
			w, err := s.dial(ctx, body)
			if err != nil {
				return err
			}
			defer w.conn.Close()
			var own latencies
			for ctx.Err() == nil && time.Since(l.begin) < duration {
				begin := time.Now()
				response, err := w.roundTrip(firstPage + page.Add(1)%(9*firstPage))
				if err != nil {
					return err
				}
				if !bytes.HasPrefix(response, []byte(`{"data":{"`)) {
					return fmt.Errorf("got %s", response)
				}
				own = append(own, time.Since(begin))
			}
			mu.Lock()
			defer mu.Unlock()
			l.latencies = append(l.latencies, own...)
			return ctx.Err()
		})
	}
	err := group.Wait()
	l.end = time.Now()
	return l, err
}

// wire is a connection on which the same request is sent repeatedly, each time with another page. The client of
// net/http would take more processor time than some of the programs that it measures.
type wire struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	page    []byte // its place in the request
	body    bytes.Buffer
}

func (s *server) dial(ctx context.Context, body []byte) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Accept: application/json\r\nContent-Length: %d\r\n\r\n%s", s.path, s.addr, len(body), body)
	w := &wire{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), request: request}
	first := strconv.Itoa(firstPage)
	if at := bytes.LastIndex(request, []byte(first)); at >= 0 {
		w.page = request[at : at+len(first)]
	}
	return w, nil
}

// roundTrip sends the request and returns the body of the response, which is valid until the next call.
func (w *wire) roundTrip(page int64) ([]byte, error) {
	copy(w.page, strconv.FormatInt(page, 10))
	if _, err := w.conn.Write(w.request); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	resp, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	defer resp.Body.Close()
	w.body.Reset()
	if _, err := io.Copy(&w.body, resp.Body); err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, &w.body)
	}
	return w.body.Bytes(), nil
}
