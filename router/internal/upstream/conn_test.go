package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var patient = Config{Timeout: time.Minute, Wait: time.Minute, Concurrency: 2, MaxBytes: 1 << 20}

// fetch sends a mutation, which is never retried.
func fetch(t *testing.T, s *Subgraph) string {
	t.Helper()
	answer, err := s.Fetch(t.Context(), http.Header{"X-Note": {"a\r\nX-Smuggled: b"}}, []byte(`{"query":"mutation { pay }"}`))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer.Body)
}

func subgraphAt(t *testing.T, url string) *Subgraph {
	t.Helper()
	client := NewClient(patient)
	t.Cleanup(client.CloseIdleConnections)
	s, err := client.Subgraph("orders", url+"/graphql?a=b")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.RequestURI() != "/graphql?a=b" || r.Header.Get("X-Smuggled") != "" || r.ContentLength != int64(len(body)) {
			t.Errorf("got %s %v, body %s, %v", r.URL, r.Header, body, err)
		}
		answer(w)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	s := subgraphAt(t, server.URL)
	for range 3 {
		if got := fetch(t, s); got != `{"data":{"order":null}}` {
			t.Errorf("got %s", got)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	for range 20 { // each time over the next connection, since the last one is closed
		server.CloseClientConnections()
		if got := fetch(t, s); got != `{"data":{"order":null}}` {
			t.Errorf("over a closed connection: got %s", got)
		}
	}
}

// Each response is followed by one to another request, over the same connection or a new one.
func TestEndsOfResponses(t *testing.T) {
	t.Parallel()
	const body, after = `{"data":{"n":1}}`, `{"data":{"n":2}}`
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	for name, tt := range map[string]struct {
		response string
		reused   bool
	}{
		"length":                      {head + length + "\r\n" + body, true},
		"chunks":                      {head + "Transfer-Encoding: chunked\r\n\r\n" + chunk(body[:5]) + chunk(body[5:]) + chunk(""), true},
		"trailers":                    {head + "Transfer-Encoding: chunked\r\n\r\n" + chunk(body) + "0\r\nX-Sum: 1\r\n\r\n", true},
		"after interim responses":     {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head + length + "\r\n" + body, true},
		"an error that is GraphQL":    {strings.Replace(head, "200 OK", "500 Oops", 1) + length + "\r\n" + body, true},
		"closed by the subgraph":      {head + length + "Connection: close\r\n\r\n" + body, false},
		"the end of the connection":   {head + "\r\n" + body, false},
		"HTTP/1.0":                    {strings.Replace(head, "1.1", "1.0", 1) + length + "\r\n" + body, false},
		"more than a response":        {head + length + "\r\n" + body + head, false},
		"a second response, unwanted": {head + length + "\r\n" + body + head + length + "\r\n" + `{"data":{"n":9}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var listen net.ListenConfig
			listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan int)
			go func() { ended <- answerTwice(listener, tt.response, head+length+"\r\n"+after, tt.reused) }()
			s := subgraphAt(t, "http://"+listener.Addr().String())
			if got := fetch(t, s); got != body {
				t.Errorf("got %s", got)
			}
			if got := fetch(t, s); got != after {
				t.Errorf("then got %s", got)
			}
			s.pool.close()
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			if n, want := <-ended, map[bool]int{true: 1, false: 2}[tt.reused]; n != want {
				t.Errorf("%d connections, want %d", n, want)
			}
		})
	}
}

// answerTwice sends one response to the first request and another one to each later request. It returns the number of
// connections.
func answerTwice(listener net.Listener, first, later string, keep bool) (connections int) {
	for response := first; ; response = later {
		c, err := listener.Accept()
		if err != nil {
			return connections
		}
		connections++
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				break
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(c, response)
			if response = later; !keep {
				break
			}
		}
		c.Close()
	}
}

// A response may arrive while the request is still being sent.
func TestResponseBeforeTheEndOfTheRequest(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, `{"errors":[{"message":"too large"}]}`)
	}))
	defer server.Close()
	s := subgraphAt(t, server.URL)
	body := []byte(`{"query":"mutation { pay }","variables":{"note":"` + strings.Repeat("x", 1<<19) + `"}}`)
	answer, err := s.Fetch(t.Context(), http.Header{}, body)
	if err != nil || string(answer.Body) != `{"errors":[{"message":"too large"}]}` {
		t.Errorf("got %s, %v", answer.Body, err)
	}
}

func TestCancelledFetchClosesItsConnection(t *testing.T) {
	t.Parallel()
	arrived, left := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
		close(left)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := subgraphAt(t, server.URL).Fetch(ctx, http.Header{}, []byte(`{}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-left
}

func TestFetchOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	client := &Client{cfg: patient, dial: dialWith(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})}
	defer client.CloseIdleConnections()
	s, err := client.Subgraph("orders", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := fetch(t, s); got != `{"data":{"order":null}}` {
			t.Errorf("got %s", got)
		}
		server.CloseClientConnections()
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := serve(t, patient, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
		s := subgraph(t, client, "orders")
		idle := func() int {
			synctest.Wait()
			s.pool.mu.Lock()
			defer s.pool.mu.Unlock()
			return len(s.pool.idle)
		}
		fetch(t, s)
		time.Sleep(idleTimeout / 2) //nolint:forbidigo // by the clock of the bubble
		first := s.pool.take()
		fetch(t, s) // over a second connection
		s.pool.put(first)
		if n := idle(); n != 2 {
			t.Errorf("%d idle connections, want 2", n)
		}
		time.Sleep(idleTimeout) //nolint:forbidigo // by the clock of the bubble
		if n := idle(); n != 0 {
			t.Errorf("%d idle connections after the idle timeout", n)
		}
		fetch(t, s)
		client.CloseIdleConnections()
		if n := idle(); n != 0 {
			t.Errorf("%d idle connections after closing", n)
		}
	})
}
