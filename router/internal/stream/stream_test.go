package stream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"boxoffice.dev/router/internal/stream"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// pipes is a network in memory. Nothing is buffered: what a peer does not read, the other cannot
// write. In a bubble of synctest, time only passes while all goroutines are blocked.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

// world is a server of streams with one client, who is anna by the header, or the user that connection_init
// says.
type world struct {
	t      *testing.T
	client *http.Client
	stop   context.CancelFunc
	serve  func(ctx context.Context, request string, emit func([]byte) error) error

	mu    sync.Mutex
	ended []string // sessions
}

func config() stream.Config {
	return stream.Config{
		InitTimeout: 3 * time.Second, WriteTimeout: 10 * time.Second, Heartbeat: 15 * time.Second,
		MaxMessage: 64 << 10, Subscriptions: 3, PerUser: 2, PerAddress: 4,
	}
}

// run tests in a bubble; everything has ended when it returns.
func run(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.serve = func(ctx context.Context, request string, emit func([]byte) error) error {
			switch {
			case strings.Contains(request, "once"):
				return emit([]byte(`{"data":{"n":1}}`))
			case strings.Contains(request, "refused"):
				return refusal{}
			case strings.Contains(request, "malformed"):
				return stream.Invalid("query is missing")
			case strings.Contains(request, "late"):
				<-ctx.Done()
				return emit([]byte(`{"data":{"n":2}}`))
			case strings.Contains(request, "broken"):
				return errors.New("secret")
			case strings.Contains(request, "flood"):
				for {
					if err := emit([]byte(`{"data":{"n":1}}`)); err != nil {
						return err
					}
				}
			}
			if err := emit([]byte(`{"data":{"n":0}}`)); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}
		cfg := config()
		ended := func(_ context.Context, ids []string) ([]string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(w.ended, id) }), nil
		}
		ctx, stop := context.WithCancel(t.Context())
		w.stop = stop
		streams := stream.New(ctx, cfg, ended)
		session := func(name string) stream.Session {
			s := stream.Session{Serve: func(ctx context.Context, request json.RawMessage, emit func([]byte) error) error {
				return w.serve(ctx, string(request), emit)
			}}
			if name != "" {
				s.UserID, s.ID, s.ExpiresAt = name, "session-of-"+name, time.Now().Add(5*time.Minute)
			}
			return s
		}
		handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			who := session(r.Header.Get("X-Who"))
			open := func(authorization string) (stream.Session, error) {
				name, ok := strings.CutPrefix(authorization, "Bearer ")
				if !ok {
					return stream.Session{}, stream.ErrForbidden
				}
				return session(name), nil
			}
			var ok bool
			if r.Header.Get("Upgrade") != "" {
				ok = streams.WebSocket(rw, r, "192.0.2.1", who, open)
			} else {
				send := streams.Events
				if strings.HasPrefix(r.Header.Get("Accept"), "multipart/mixed") {
					send = streams.Multipart
				}
				ok = send(rw, r, "192.0.2.1", who, func(ctx context.Context, emit func([]byte) error) error {
					return w.serve(ctx, r.URL.RawQuery, emit)
				})
			}
			if !ok {
				http.Error(rw, "too many", http.StatusTooManyRequests)
			}
		})
		network := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		w.client = &http.Client{Transport: &http.Transport{DialContext: network.dial, DisableKeepAlives: true}}
		srv := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
		served := make(chan error)
		go func() { served <- srv.Serve(network) }()
		test(w)
		stop()
		streams.Wait()
		close(network.done)
		srv.Close()
		<-served //nolint:errcheck // that it is closed
	})
}

type refusal struct{}

func (refusal) Error() string                  { return "refused" }
func (refusal) GraphQLErrors() ([]byte, error) { return []byte(`[{"message":"no"}]`), nil }

// socket is a client's end of a WebSocket.
type socket struct {
	t *testing.T
	*websocket.Conn
}

func (w *world) dial(header ...string) *socket {
	w.t.Helper()
	h := http.Header{}
	for pair := range slices.Chunk(header, 2) {
		h.Set(pair[0], pair[1])
	}
	conn, resp, err := websocket.Dial(w.t.Context(), "ws://router/graphql", &websocket.DialOptions{ //nolint:bodyclose // the library's
		HTTPClient: w.client, HTTPHeader: h, Subprotocols: []string{stream.Subprotocol},
	})
	if err != nil {
		w.t.Fatalf("dial: %v, %v", resp, err)
	}
	w.t.Cleanup(func() { conn.CloseNow() })
	return &socket{w.t, conn}
}

func (s *socket) send(messages ...string) {
	s.t.Helper()
	for _, m := range messages {
		if err := s.Write(context.Background(), websocket.MessageText, []byte(m)); err != nil {
			s.t.Errorf("send %s: %v", m, err) // also from goroutines
			return
		}
	}
}

func (s *socket) want(messages ...string) {
	s.t.Helper()
	for _, want := range messages {
		_, got, err := s.Read(context.Background())
		if err != nil || string(got) != want {
			s.t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
}

func (s *socket) wantClosed(code websocket.StatusCode, reason string) {
	s.t.Helper()
	for {
		_, text, err := s.Read(context.Background())
		if err == nil {
			s.t.Logf("before the end: %s", text)
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code || closed.Reason != reason {
			s.t.Errorf("closed with %v, want %d %q", err, code, reason)
		}
		return
	}
}

const (
	initiate  = `{"type":"connection_init"}`
	ack       = `{"type":"connection_ack"}`
	subscribe = `{"id":"1","type":"subscribe","payload":{"query":"subscription { n }"}}`
	completed = `{"id":"1","type":"complete"}`
	zero      = `{"id":"1","type":"next","payload":{"data":{"n":0}}}`
)

// Each of these is a rule of the protocol.
func TestEveryWayToBeClosed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	for _, tt := range []struct {
		name   string
		sent   []string
		code   websocket.StatusCode
		reason string
	}{
		{"not JSON", []string{`{`}, 4400, "Invalid message"},
		{"not an object", []string{`[]`}, 4400, "Invalid message"},
		{"no type", []string{`{}`}, 4400, "Invalid message"},
		{"unknown type", []string{`{"type":"start"}`}, 4400, "Invalid message"},
		{"a server's message", []string{initiate, ack}, 4400, "Invalid message"},
		{"a message that is no text", []string{"{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}"}, 1007, "Invalid UTF-8"},
		{"ping's payload is no object", []string{`{"type":"ping","payload":"x"}`}, 4400, "Invalid message"},
		{"pong's payload is no object", []string{`{"type":"pong","payload":[]}`}, 4400, "Invalid message"},
		{"a type that is no text", []string{`{"type":1}`}, 4400, "Invalid message"},
		{"init's payload is no object", []string{`{"type":"connection_init","payload":"x"}`}, 4400, "Invalid message"},
		{"subscribe without id", []string{initiate, `{"type":"subscribe","payload":{"query":"{ n }"}}`}, 4400, "Invalid message"},
		{"subscribe with a number for an id", []string{initiate, `{"id":1,"type":"subscribe","payload":{"query":"{ n }"}}`}, 4400, "Invalid message"},
		{"subscribe without payload", []string{initiate, `{"id":"1","type":"subscribe"}`}, 4400, "Invalid message"},
		{"subscribe with null for a payload", []string{initiate, `{"id":"1","type":"subscribe","payload":null}`}, 4400, "Invalid message"},
		{"subscribe with an empty id", []string{initiate, `{"id":"","type":"subscribe","payload":{"query":"{ n }"}}`}, 4400, "Invalid message"},
		{"subscribe with what is no request", []string{initiate, `{"id":"1","type":"subscribe","payload":{"query":"malformed"}}`}, 4400, "query is missing"},
		{"complete with a number for an id", []string{initiate, `{"id":1,"type":"complete"}`}, 4400, "Invalid message"},
		{"complete without id", []string{initiate, `{"type":"complete"}`}, 4400, "Invalid message"},
		{"subscribe before init", []string{subscribe}, 4401, "Unauthorized"},
		{"credentials of no use", []string{`{"type":"connection_init","payload":{"authorization":"Basic x"}}`}, 4403, "Forbidden"},
		{"init does not come", nil, 4408, "Connection initialisation timeout"},
		{"only pings come", []string{`{"type":"ping"}`}, 4408, "Connection initialisation timeout"},
		{"an id twice", []string{initiate, subscribe, subscribe}, 4409, "Subscriber for 1 already exists"},
		{"a long id twice", []string{initiate, strings.Replace(subscribe, `"1"`, `"`+long+`"`, 1), strings.Replace(subscribe, `"1"`, `"`+long+`"`, 1)}, 4409, "Subscriber already exists"},
		{"init twice", []string{initiate, initiate}, 4429, "Too many initialisation requests"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				s := w.dial()
				go s.send(tt.sent...)
				s.wantClosed(tt.code, tt.reason)
			})
		})
	}
	for name, offered := range map[string][]string{"another protocol": {"graphql-ws"}, "no protocol": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				conn, _, err := websocket.Dial(context.Background(), "ws://router/graphql", &websocket.DialOptions{HTTPClient: w.client, Subprotocols: offered}) //nolint:bodyclose // the library's
				if err != nil {
					t.Fatal(err)
				}
				(&socket{t, conn}).wantClosed(4406, "Subprotocol not acceptable")
			})
		})
	}
	t.Run("a binary message", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.dial()
			go s.Write(context.Background(), websocket.MessageBinary, []byte(initiate))
			s.wantClosed(4400, "Invalid message")
		})
	})
	t.Run("a message that is too large", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.dial()
			go s.Write(context.Background(), websocket.MessageText, make([]byte, 64<<10+1))
			_, _, err := s.Read(context.Background())
			if got := websocket.CloseStatus(err); got != websocket.StatusMessageTooBig {
				t.Errorf("closed with %v, want 1009", err)
			}
		})
	})
}

// open returns a WebSocket after connection_init.
func (w *world) open(header ...string) *socket {
	s := w.dial(header...)
	s.send(initiate)
	s.want(ack)
	return s
}

func TestSocket(t *testing.T) {
	t.Parallel()
	t.Run("responses, and ids that are reused", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.dial()
			for sent, want := range map[string]string{
				`{"type":"ping"}`:                      `{"type":"pong"}`,
				`{"type":"ping","payload":null}`:       `{"type":"pong"}`,
				`{"type":"ping","payload":{"a": [1]}}`: `{"type":"pong","payload":{"a":[1]}}`,
			} {
				s.send(sent)
				s.want(want)
			}
			s.send(`{"type":"pong","payload":{"a":1}}`) // without a ping
			s.send(`{"type":"connection_init","payload":null}`)
			s.want(ack)
			for range 2 {
				s.send(`{"id":"1","type":"subscribe","payload":{"query":"once"}}`)
				s.want(`{"id":"1","type":"next","payload":{"data":{"n":1}}}`, `{"id":"1","type":"complete"}`)
			}
			s.send(`{"id":"1","type":"subscribe","payload":{"query":"refused"}}`)
			s.want(`{"id":"1","type":"error","payload":[{"message":"no"}]}`)
			s.send(`{"id":"1","type":"subscribe","payload":{"query":"broken"}}`)
			s.want(`{"id":"1","type":"error","payload":[{"message":"internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`)
			s.send(subscribe)
			s.want(zero)
			s.send(`{"id":"1","type":"complete"}`, `{"id":"unknown","type":"complete"}`, `{"type":"pong"}`, subscribe)
			s.want(zero)
		})
	})
	t.Run("nothing is sent for a completed operation, also when its id is reused", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.open()
			late := strings.Replace(subscribe, "subscription", "late", 1)
			s.send(late, completed, late, completed, completed, subscribe)
			s.want(zero)
			synctest.Wait()
			s.send(`{"type":"ping"}`)
			s.want(`{"type":"pong"}`)
		})
	})
	t.Run("an operation that ends while its client completes it", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.open()
			s.send(strings.Replace(subscribe, "subscription", "once", 1))
			s.want(`{"id":"1","type":"next","payload":{"data":{"n":1}}}`, completed)
			s.send(completed, `{"type":"ping"}`)
			s.want(`{"type":"pong"}`)
		})
	})
	t.Run("the supported one of several protocols", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			conn, _, err := websocket.Dial(context.Background(), "ws://router/graphql", &websocket.DialOptions{ //nolint:bodyclose // the library's
				HTTPClient: w.client, Subprotocols: []string{"graphql-ws", stream.Subprotocol},
			})
			if err != nil || conn.Subprotocol() != stream.Subprotocol {
				t.Fatalf("got %v, %v", conn, err)
			}
			s := &socket{t, conn}
			s.send(initiate)
			s.want(ack)
			conn.Close(websocket.StatusNormalClosure, "")
		})
	})
	t.Run("a client that sends a close frame", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.open()
			s.send(subscribe)
			s.want(zero)
			if err := s.Close(websocket.StatusNormalClosure, "bye"); err != nil {
				t.Errorf("the router did not send a close frame: %v", err)
			}
		})
	})
}

func TestSocketLimits(t *testing.T) {
	t.Parallel()
	t.Run("a limited number of operations", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.open()
			for i := range config().Subscriptions {
				s.send(fmt.Sprintf(`{"id":"s%d","type":"subscribe","payload":{"query":"n"}}`, i))
				s.want(fmt.Sprintf(`{"id":"s%d","type":"next","payload":{"data":{"n":0}}}`, i))
			}
			s.send(subscribe)
			s.want(`{"id":"1","type":"error","payload":[{"message":"too many operations on one connection","extensions":{"code":"OPERATION_LIMIT_EXCEEDED"}}]}`)
		})
	})
	t.Run("a limited number of connections of a user and from an address", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			w.open("X-Who", "anna")
			second := w.open("X-Who", "anna")
			third := w.dial()
			go third.send(`{"type":"connection_init","payload":{"Authorization":"Bearer anna"}}`)
			third.wantClosed(websocket.StatusTryAgainLater, "Too many connections")
			second.Close(websocket.StatusNormalClosure, "")
			synctest.Wait()
			w.open("X-Who", "anna")
			w.open()
			w.open()
			_, resp, err := websocket.Dial(context.Background(), "ws://router/graphql", &websocket.DialOptions{HTTPClient: w.client, Subprotocols: []string{stream.Subprotocol}}) //nolint:bodyclose // the library's
			if err == nil || resp.StatusCode != http.StatusTooManyRequests {
				t.Errorf("got %v, %v, want 429", resp, err)
			}
		})
	})
	t.Run("its token expires", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s, begin := w.open("X-Who", "anna"), time.Now()
			s.wantClosed(4403, "Forbidden")
			if got := time.Since(begin); got != 5*time.Minute {
				t.Errorf("closed after %s", got)
			}
		})
	})
	t.Run("its session ends", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s, begin := w.open("X-Who", "anna"), time.Now()
			w.mu.Lock()
			w.ended = []string{"session-of-anna"}
			w.mu.Unlock()
			s.wantClosed(4403, "Forbidden")
			if got := time.Since(begin); got > 5*time.Second {
				t.Errorf("closed after %s", got)
			}
		})
	})
	t.Run("its reader stalls, and others are not affected", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			stalled, other := w.open(), w.open()
			stalled.send(`{"id":"1","type":"subscribe","payload":{"query":"flood"}}`)
			other.send(`{"id":"1","type":"subscribe","payload":{"query":"once"}}`)
			other.want(`{"id":"1","type":"next","payload":{"data":{"n":1}}}`, `{"id":"1","type":"complete"}`)
			time.Sleep(config().WriteTimeout + time.Second) //nolint:forbidigo // the bubble's time, which does not pass by itself
			for i := 0; ; i++ {
				if _, _, err := stalled.Read(context.Background()); err != nil {
					break
				}
				if i > 10 {
					t.Fatal("the stalled client was not disconnected")
				}
			}
		})
	})
	t.Run("the router stops", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			s := w.open()
			s.send(subscribe)
			s.want(zero)
			w.stop()
			s.wantClosed(websocket.StatusGoingAway, "Going away")
		})
	})
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	// follow returns the lines of the answer.
	follow := func(w *world, query string, header ...string) *bufio.Scanner {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://router/graphql?"+query, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		for pair := range slices.Chunk(header, 2) {
			req.Header.Set(pair[0], pair[1])
		}
		resp, err := w.client.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			w.t.Fatalf("got %v, %v", resp, err)
		}
		w.t.Cleanup(func() { resp.Body.Close() })
		return bufio.NewScanner(resp.Body)
	}
	// want reads what comes until the end, without comments.
	want := func(w *world, lines *bufio.Scanner, want ...string) {
		w.t.Helper()
		var got []string
		for lines.Scan() {
			if line := lines.Text(); line != "" && line != ":" {
				got = append(got, line)
			}
		}
		if !slices.Equal(got, want) {
			w.t.Errorf("got %q, want %q", got, want)
		}
	}
	next := func(data string) []string { return []string{"event: next", "data: " + data} }
	complete := []string{"event: complete", "data:"}
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"once", slices.Concat(next(`{"data":{"n":1}}`), complete)},
		{"refused", slices.Concat(next(`{"errors":[{"message":"no"}]}`), complete)},
		{"broken", slices.Concat(next(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`), complete)},
	} {
		t.Run(tt.query, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) { want(w, follow(w, tt.query), tt.want...) })
		})
	}
	t.Run("its token expires", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			want(w, follow(w, "n", "X-Who", "anna"), slices.Concat(next(`{"data":{"n":0}}`),
				next(`{"errors":[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}]}`), complete)...)
		})
	})
	t.Run("its session ends", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			begin := time.Now()
			lines := follow(w, "n", "X-Who", "anna")
			w.mu.Lock()
			w.ended = []string{"session-of-anna"}
			w.mu.Unlock()
			want(w, lines, slices.Concat(next(`{"data":{"n":0}}`),
				next(`{"errors":[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}]}`), complete)...)
			if got := time.Since(begin); got > 5*time.Second {
				t.Errorf("ended after %s", got)
			}
		})
	})
	t.Run("its reader stalls, and others are not affected", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			stalled := follow(w, "flood")
			want(w, follow(w, "once"), slices.Concat(next(`{"data":{"n":1}}`), complete)...)
			time.Sleep(config().WriteTimeout + time.Second) //nolint:forbidigo // the bubble's time, which does not pass by itself
			for n := 0; stalled.Scan(); n++ {
				if n > 10_000 {
					t.Fatal("the stalled client was not disconnected")
				}
			}
		})
	})
	t.Run("a limited number of connections of a user and from an address", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			refused := func(header ...string) {
				t.Helper()
				req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://router/graphql?n", nil)
				if err != nil {
					t.Fatal(err)
				}
				for pair := range slices.Chunk(header, 2) {
					req.Header.Set(pair[0], pair[1])
				}
				resp, err := w.client.Do(req)
				if err != nil || resp.StatusCode != http.StatusTooManyRequests {
					t.Fatalf("got %v, %v, want 429", resp, err)
				}
				resp.Body.Close()
			}
			follow(w, "n", "X-Who", "anna")
			follow(w, "n", "X-Who", "anna")
			refused("X-Who", "anna")
			follow(w, "n")
			follow(w, "n")
			refused()
		})
	})
	t.Run("the router stops", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			lines := follow(w, "n")
			synctest.Wait()
			w.stop()
			want(w, lines, next(`{"data":{"n":0}}`)...) // and nothing that says it is over: clients come back
		})
	})
	t.Run("silence is broken by comments", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			lines, begin, comments := follow(w, "n"), time.Now(), 0
			for comments < 4 && lines.Scan() {
				if lines.Text() == ":" {
					comments++
				}
			}
			if got := time.Since(begin); got != 3*config().Heartbeat {
				t.Errorf("four signs of life after %s", got)
			}
		})
	})
}
