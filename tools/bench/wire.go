package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load asks from all clients for a while, for one page after the other.
func (r *contender) load(ctx context.Context, body []byte, page *atomic.Int64, long time.Duration) (load, error) {
	l := load{begin: time.Now()}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for range routerClients {
		group.Go(func() error {
			w, err := r.dial(ctx, body)
			if err != nil {
				return err
			}
			defer w.conn.Close()
			var own latencies
			for ctx.Err() == nil && time.Since(l.begin) < long {
				begin := time.Now()
				answer, err := w.ask(firstPage + page.Add(1)%(9*firstPage))
				if err != nil {
					return err
				}
				if !bytes.HasPrefix(answer, []byte(`{"data":{"`)) {
					return fmt.Errorf("got %s", answer)
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

// wire is one connection, on which the same request is sent again and again, with another page: net/http's
// client would take more processor time than some of what it measures.
type wire struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	page    []byte // where it stands in the request
	body    bytes.Buffer
}

func (r *contender) dial(ctx context.Context, body []byte) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.url)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n%s", r.path, r.url, len(body), body)
	w := &wire{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), request: request}
	if first := strconv.Itoa(firstPage); bytes.Contains(body, []byte(first)) {
		at := bytes.LastIndex(request, []byte(first))
		w.page = request[at : at+len(first)]
	}
	return w, nil
}

// ask returns the body of the next answer, which is good until the one after.
func (w *wire) ask(page int64) ([]byte, error) {
	copy(w.page, strconv.FormatInt(page, 10))
	if _, err := w.conn.Write(w.request); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	resp, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	defer resp.Body.Close()
	w.body.Reset()
	if _, err := io.Copy(&w.body, resp.Body); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, &w.body)
	}
	return w.body.Bytes(), nil
}

// processorTime is what a process has used so far.
func processorTime(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) //nolint:errcheck // it has ended
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])   //nolint:errcheck // the kernel writes numbers
	system, _ := strconv.Atoi(fields[12]) //nolint:errcheck // likewise
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident returns the bytes of memory that a process holds.
func resident(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)) //nolint:errcheck // it has ended
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1]) //nolint:errcheck // the kernel writes numbers
	return pages * os.Getpagesize()
}
