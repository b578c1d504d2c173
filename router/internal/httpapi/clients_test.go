package httpapi_test

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
	"boxoffice.dev/router/internal/gatewaytest"
)

// TestLiveClients lets clients that people use follow an order: its present state, a change, a router that
// stops and another that starts at its address, the end. The first token of those on a socket expires soon.
func TestLiveClients(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"graphql-ws", "apollo", "graphql-sse"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, socket := gatewaytest.New(t), kind != "graphql-sse"
			w.Router.Close()
			w.Config.Verify = func(ctx context.Context, token string) (identity.Caller, error) {
				name, number, _ := strings.Cut(token, ".")
				caller, err := gatewaytest.Verify(ctx, name)
				if number == "1" && socket {
					caller.ExpiresAt = time.Now().Add(500 * time.Millisecond)
				}
				return caller, err
			}
			const state = `next {"data":{"orderUpdated":{`
			stop := serve(t, w, "127.0.0.1:0")
			says := client(t, w, kind)
			if socket {
				says("connected")
				says("closed 4403 Forbidden")
				says("connected")
			}
			says(state)
			w.Orders.Change()
			says(state)
			stop()
			if socket {
				says("closed 1001 Going away")
			}
			stop = serve(t, w, w.Router.Listener.Addr().String())
			defer stop()
			if socket {
				says("connected")
			}
			says(state)
			w.Orders.Complete()
			says(state)
			says("complete")
		})
	}
}

// serve starts a router at an address. Stop ends it like the binary: it closes subscriptions first.
func serve(t *testing.T, w *gatewaytest.World, addr string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	g, err := gateway.New(ctx, w.Config)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}}
	server.Start()
	w.Router = server
	return func() {
		cancel()
		g.Close()
		server.Close()
	}
}

// client runs a client that follows an order at the router. The function that it returns waits until the client
// says something that begins so.
func client(t *testing.T, w *gatewaytest.World, kind string) (says func(string)) {
	t.Helper()
	url := w.Router.URL + "/graphql"
	if kind != "graphql-sse" {
		url = "ws" + strings.TrimPrefix(url, "http")
	}
	auditing.Lock()
	defer auditing.Unlock()
	cmd := exec.CommandContext(t.Context(), "../../../tools/audit/run", "live.mjs", kind, url) //nolint:gosec // the test's own server
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { errors.Join(cmd.Process.Kill(), cmd.Wait()) })
	lines := bufio.NewScanner(out)
	says = func(want string) {
		t.Helper()
		for lines.Scan() {
			t.Log(lines.Text())
			if strings.HasPrefix(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("%s ended without saying %s", kind, want)
	}
	says("begins") // and its packages are installed
	return says
}
