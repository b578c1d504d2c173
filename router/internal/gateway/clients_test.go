package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
)

// TestLiveClients lets clients that people use follow an order: its present state, a change, a router that
// stops and another that starts at its address, the end. The first token of those on a socket expires soon.
func TestLiveClients(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"graphql-ws", "apollo", "graphql-sse"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, socket := newWorld(t), kind != "graphql-sse"
			w.router.Close()
			w.cfg.Verify = func(ctx context.Context, token string) (identity.Caller, error) {
				name, number, _ := strings.Cut(token, ".")
				caller, err := verify(ctx, name)
				if number == "1" && socket {
					caller.ExpiresAt = time.Now().Add(500 * time.Millisecond)
				}
				return caller, err
			}
			const state = `next {"data":{"orderUpdated":{`
			stop := w.serve("127.0.0.1:0")
			says := w.client(kind)
			if socket {
				says("connected")
				says("closed 4403 Forbidden")
				says("connected")
			}
			says(state)
			w.orders.Change()
			says(state)
			stop()
			if socket {
				says("closed 1001 Going away")
			}
			stop = w.serve(w.router.Listener.Addr().String())
			defer stop()
			if socket {
				says("connected")
			}
			says(state)
			w.orders.Complete()
			says(state)
			says("complete")
		})
	}
}

// serve starts a router at an address. Stop ends it like the binary: it closes subscriptions first.
func (w *world) serve(addr string) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	g, err := gateway.New(ctx, w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}}
	server.Start()
	w.router = server
	return func() {
		cancel()
		g.Wait()
		server.Close()
	}
}

// client runs a client that follows an order at the router. The function that it returns waits until the client
// says something that begins so.
func (w *world) client(kind string) (says func(string)) {
	w.t.Helper()
	url := w.router.URL + "/graphql"
	if kind != "graphql-sse" {
		url = "ws" + strings.TrimPrefix(url, "http")
	}
	auditing.Lock()
	defer auditing.Unlock()
	cmd := exec.CommandContext(w.t.Context(), "../../../tools/audit/run", "live.mjs", kind, url) //nolint:gosec // the test's own server
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { errors.Join(cmd.Process.Kill(), cmd.Wait()) })
	lines := bufio.NewScanner(out)
	says = func(want string) {
		w.t.Helper()
		for lines.Scan() {
			w.t.Log(lines.Text())
			if strings.HasPrefix(lines.Text(), want) {
				return
			}
		}
		w.t.Fatalf("%s ended without saying %s", kind, want)
	}
	says("begins") // and its packages are installed
	return says
}
