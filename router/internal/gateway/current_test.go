package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/coder/websocket"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
)

// reloadable makes the world's router one that can load another gateway.
func reloadable(t *testing.T, options ...gatewaytest.Option) (*gatewaytest.World, *gateway.Current) {
	t.Helper()
	w, current := gatewaytest.New(t, options...), &gateway.Current{}
	if err := current.Load(t.Context(), w.Config); err != nil {
		t.Fatal(err)
	}
	w.Router.Close()
	w.Router = httptest.NewServer(current)
	t.Cleanup(w.Router.Close)
	return w, current
}

// withoutMargin is the world's supergraph without a field.
func withoutMargin(t *testing.T, cfg gateway.Config) gateway.Config {
	t.Helper()
	lines := strings.Split(cfg.SDL, "\n")
	kept := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "  margin: ") })
	if len(kept) != len(lines)-1 {
		t.Fatal("the supergraph has no margin")
	}
	cfg.SDL = strings.Join(kept, "\n")
	return cfg
}

// A hundred reloads under load: no request fails, and no goroutine is left. It counts the goroutines
// of the process, so no other test may run beside it.
func TestReloadsUnderTraffic(t *testing.T) {
	w, current := reloadable(t)
	http.DefaultClient.CloseIdleConnections()
	baseline := runtime.NumGoroutine()

	ctx, stop := context.WithCancel(t.Context())
	var answers atomic.Int64
	var people sync.WaitGroup
	for _, query := range []string{
		`{ ticket(id: "t1") { title total viewerOrder { id } } }`,
		`{ tickets(first: 2) { nodes { id } } orders { id ticket { title } buyer { displayName } } }`,
		`mutation { ping }`,
		`mutation { createOrder(ticketId: "t1") { id ticket { title } } }`,
	} {
		people.Go(func() {
			for ctx.Err() == nil {
				if a := w.Query(query, nil, gatewaytest.As("anna")...); a.Status != http.StatusOK || len(a.Errors) > 0 {
					t.Errorf("got %d %s", a.Status, a.Body)
					return
				}
				answers.Add(1)
			}
		})
	}
	people.Go(func() { // a client with a subscription that reconnects
		for ctx.Err() == nil {
			err := follow(ctx, w)
			if ctx.Err() == nil && websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("the socket ended with %v", err)
				return
			}
		}
	})
	const reloads = 100
	var loaded []weak.Pointer[[1 << 20]byte]
	next := func(cfg gateway.Config) {
		ballast := new([1 << 20]byte) // hangs on to the gateway
		loaded = append(loaded, weak.Make(ballast))
		cfg.Verify = func(ctx context.Context, token string) (identity.Caller, error) {
			defer runtime.KeepAlive(ballast)
			return gatewaytest.Verify(ctx, token)
		}
		if err := current.Load(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	for i := range reloads {
		if i%2 == 0 {
			next(withoutMargin(t, w.Config))
		} else {
			next(w.Config)
		}
		for n := answers.Load(); answers.Load() < n+5 && !t.Failed(); { // until this one is at work
			runtime.Gosched()
		}
	}
	stop()
	people.Wait()
	next(w.Config) // which has no connections yet
	t.Logf("%d answers", answers.Load())

	http.DefaultClient.CloseIdleConnections()
	eventually(t, "all goroutines of former gateways have ended", func() bool { return runtime.NumGoroutine() <= baseline })
	eventually(t, "the memory of former gateways is free", func() bool {
		runtime.GC()
		return !slices.ContainsFunc(loaded[:reloads], func(p weak.Pointer[[1 << 20]byte]) bool { return p.Value() != nil })
	})
}

// follow subscribes over a socket and returns why that was closed.
func follow(ctx context.Context, w *gatewaytest.World) error {
	conn := w.Socket("") //nolint:contextcheck // opening one takes the test's
	for _, message := range []string{gatewaytest.InitAnna, `{"type":"subscribe","id":"1","payload":{"query":"subscription { orderUpdated(id: \"o1\") { id ticket { title } } }"}}`} {
		conn.Write(ctx, websocket.MessageText, []byte(message))
	}
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return err
		}
	}
}

// eventually asks again and again, for a minute.
func eventually(t *testing.T, awaited string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !done() {
		if ctx.Err() != nil {
			stacks := make([]byte, 1<<20)
			t.Fatalf("waited in vain until %s\n%s", awaited, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func TestRequestCompletesOnItsGateway(t *testing.T) {
	t.Parallel()
	w, current := reloadable(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	gatewaytest.AnswerOnce(w.Orders, func(rw http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		rw.Header().Set("Content-Type", "application/json")
		io.WriteString(rw, `{"data":{"order":{"ticket":{"__typename":"Ticket","id":"t1"}}}}`)
	})
	var early gatewaytest.Response
	var asking sync.WaitGroup
	asking.Go(func() { early = w.Query(`{ order(id: "o1") { ticket { margin } } }`, nil, gatewaytest.As("olga")...) })
	<-arrived
	if err := current.Load(t.Context(), withoutMargin(t, w.Config)); err != nil {
		t.Fatal(err)
	}
	if a := w.Query(`{ ticket(id: "t1") { margin } }`, nil, gatewaytest.As("olga")...); a.Code() != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("afterwards: got %s", a.Body)
	}
	close(release)
	asking.Wait()
	if early.Body != `{"data":{"order":{"ticket":{"margin":3}}}}` {
		t.Errorf("under way: got %s", early.Body)
	}
}

func TestSubscriptionsReconnectAfterReload(t *testing.T) {
	t.Parallel()
	w, current := reloadable(t)
	conn := w.Socket(gatewaytest.InitAnna)
	w.Subscribe(conn, gatewaytest.OrderUpdated, map[string]any{"id": "o1"})
	w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
	body, err := json.Marshal(map[string]any{"query": gatewaytest.OrderUpdated, "variables": map[string]any{"id": "o1"}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(w.Raw(http.MethodPost, "/graphql", body,
		append([]string{"Content-Type", "application/json", "Accept", "text/event-stream"}, gatewaytest.As("anna")...)...))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "data: "+gatewaytest.AnnasOrder {
	}

	broken := w.Config
	broken.SDL = "type Query { nothing: Int }"
	if err := current.Load(t.Context(), broken); err == nil {
		t.Fatal("a supergraph that is none was loaded")
	}
	w.Orders.Change()
	w.Expect(conn, gatewaytest.Next(gatewaytest.AnnasOrder))
	for lines.Scan() && lines.Text() != "data: "+gatewaytest.AnnasOrder {
	}

	if err := current.Load(t.Context(), w.Config); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the socket ended with %v, want 1001", err)
	}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "complete") {
			t.Error("the stream of events says that it is over, so that clients do not connect again")
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream of events ended with %v", err)
	}
	again := w.Socket(gatewaytest.InitAnna)
	w.Subscribe(again, gatewaytest.OrderUpdated, map[string]any{"id": "o1"})
	w.Expect(again, gatewaytest.Next(gatewaytest.AnnasOrder))
}
