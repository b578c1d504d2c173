package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"boxoffice.dev/pkg/correlation"
)

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRun(t *testing.T) {
	cfg := Config{ListenAddr: freeAddr(t), AdminAddr: freeAddr(t)}
	s := New(cfg)
	var broken error
	s.Check("database", func(context.Context) error { return broken })
	entered, release := make(chan struct{}), make(chan struct{})
	s.Handle("/slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		io.WriteString(w, "done")
	}))
	taskEnded := make(chan struct{})
	s.Go("task", func(ctx context.Context) error { <-ctx.Done(); close(taskEnded); return nil })

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for !s.ready.Load() {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	if code, body := get(t, "http://"+cfg.AdminAddr+"/readyz"); code != 200 {
		t.Errorf("ready: got %d %s", code, body)
	}
	if healthcheck(t.Context(), cfg.AdminAddr) != nil {
		t.Error("healthcheck of a ready program failed")
	}
	broken = errors.New("connection refused")
	if code, body := get(t, "http://"+cfg.AdminAddr+"/readyz"); code != 503 || !strings.Contains(body, `"database":"connection refused"`) {
		t.Errorf("not ready: got %d %s", code, body)
	}
	if healthcheck(t.Context(), cfg.AdminAddr) == nil {
		t.Error("healthcheck of an unready program succeeded")
	}
	broken = nil
	parts := map[string]error{"orders": nil, "tickets": nil}
	s.CheckAny(func(context.Context) map[string]error { return parts })
	for _, c := range []struct {
		orders, tickets error
		code            int
		body            string
	}{
		{nil, nil, 200, `{"status":"ready"}`},
		{errors.New("timeout"), nil, 200, `{"status":"degraded","failing":{"orders":"timeout"}}`},
		{errors.New("timeout"), errors.New("refused"), 503, `{"status":"not ready","failing":{"orders":"timeout","tickets":"refused"}}`},
	} {
		parts["orders"], parts["tickets"] = c.orders, c.tickets
		if code, body := get(t, "http://"+cfg.AdminAddr+"/readyz"); code != c.code || strings.TrimSpace(body) != c.body {
			t.Errorf("got %d %s, want %d %s", code, body, c.code, c.body)
		}
	}
	parts["orders"], parts["tickets"] = nil, nil
	s.CheckDegraded("outbox", func(context.Context) error { return errors.New("not confirmed") })
	if code, body := get(t, "http://"+cfg.AdminAddr+"/readyz"); code != 200 || !strings.Contains(body, `{"status":"degraded","failing":{"outbox":"not confirmed"}}`) {
		t.Errorf("degraded: got %d %s", code, body)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/"} {
		if code, _ := get(t, "http://"+cfg.AdminAddr+path); code != 200 {
			t.Errorf("%s: got %d", path, code)
		}
		if code, _ := get(t, "http://"+cfg.ListenAddr+path); code != 404 {
			t.Errorf("%s on the public listener: got %d", path, code)
		}
	}

	// A request in progress is completed while the program stops.
	answer := make(chan string)
	go func() {
		code, body := get(t, "http://"+cfg.ListenAddr+"/slow")
		answer <- fmt.Sprint(code, body)
	}()
	<-entered
	stop()
	for s.ready.Load() {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-taskEnded:
		t.Error("the task ended before the request")
	default:
	}
	if code, body := get(t, "http://"+cfg.AdminAddr+"/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("ready while stopping: got %d %s", code, body)
	}
	close(release)
	<-taskEnded
	if got := <-answer; got != "200done" {
		t.Errorf("request in progress: got %s", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// Load balancers send requests until they have seen that the program is unready.
func TestPreStopDelay(t *testing.T) {
	cfg := Config{ListenAddr: freeAddr(t), AdminAddr: freeAddr(t), Drain: time.Minute}
	s := New(cfg)
	started, over := make(chan time.Duration, 1), make(chan time.Time)
	s.after = func(d time.Duration) <-chan time.Time { started <- d; return over }
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "done")
	}))
	signalled, stop := context.WithCancel(t.Context())
	ctx, ended := s.drain(signalled), make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for !s.ready.Load() {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if d := <-started; d != time.Minute {
		t.Errorf("waits for %s", d)
	}
	if code, body := get(t, "http://"+cfg.AdminAddr+"/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("ready: got %d %s", code, body)
	}
	if code, body := get(t, "http://"+cfg.ListenAddr+"/"); code != http.StatusOK || body != "done" || ctx.Err() != nil {
		t.Errorf("a request during the delay: got %d %s", code, body)
	}
	close(over)
	if err := <-ended; err != nil || ctx.Err() == nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRunEndsWhenATaskFails(t *testing.T) {
	s := New(Config{AdminAddr: freeAddr(t)})
	boom := errors.New("boom")
	s.Go("task", func(context.Context) error { return boom })
	if err := s.Run(t.Context()); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
}

func TestRequestID(t *testing.T) {
	generated := regexp.MustCompile(`^[0-9a-f-]{36}$`)
	for sent, want := range map[string]*regexp.Regexp{
		"abc-123":                regexp.MustCompile(`^abc-123$`),
		"":                       generated,
		"with space":             generated,
		"evil\"quote":            generated,
		strings.Repeat("x", 100): generated,
	} {
		var seen correlation.IDs
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("X-Request-Id", sent)
		r.Header.Set("Traceparent", strings.Repeat("0", 60))
		observe(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = correlation.From(r.Context()) })).ServeHTTP(w, r)
		if got := w.Header().Get("X-Request-Id"); !want.MatchString(got) || seen.Request != got || seen.TraceParent != "" {
			t.Errorf("sent %q: responded %q, handler has %+v", sent, got, seen)
		}
	}
}
