package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"boxoffice.dev/pkg/config"
)

// build builds the router, with the race detector if the test has it.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "router")
	args := []string{"build", "-o", binary}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	if out, err := exec.CommandContext(t.Context(), "go", append(args, ".")...).CombinedOutput(); err != nil { //nolint:gosec // this package
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// command returns a command of the binary, which build has built.
func command(t *testing.T, binary string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), binary, args...) //nolint:gosec // the test's own binary
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// process is a running router.
type process struct {
	*exec.Cmd

	addr, admin string
	lines       chan string // of the log, without requests; closed when the process ends
}

// start starts a router and waits until it serves.
func start(t *testing.T, cmd *exec.Cmd, settings ...string) *process {
	t.Helper()
	p := &process{Cmd: cmd, addr: freeAddr(t), admin: freeAddr(t), lines: make(chan string, 1000)}
	p.Env = append([]string{"LISTEN_ADDR=" + p.addr, "ADMIN_ADDR=" + p.admin, "SERVICE_TOKEN=a-token-for-this-test-0123456789ab"}, settings...)
	logs, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			if !strings.Contains(lines.Text(), `"msg":"request"`) {
				p.lines <- lines.Text()
			}
		}
	}()
	p.log(t, `"msg":"started"`)
	return p
}

// log waits for a log line with the text and returns it.
func (p *process) log(t *testing.T, text string) string {
	t.Helper()
	for line := range p.lines {
		if strings.Contains(line, text) {
			return line
		}
		t.Log(line)
	}
	t.Fatalf("ended without logging %s", text)
	return ""
}

func (p *process) query(t *testing.T, query string) string {
	t.Helper()
	sent, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	body, err := read(http.Post("http://"+p.addr+"/graphql", "application/json", bytes.NewReader(sent)))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// read returns the body of a response.
func read(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// stop stops the router as an operator does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for line := range p.lines { // until the process ends
		t.Log(line)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// The router starts with supergraphs of other services and other composers, and stops on SIGTERM.
func TestBinary(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, file := range []string{
		"../schema/supergraph.graphql",
		"internal/conformance/testdata/abstract/supergraph.graphql",
		"internal/conformance/testdata/abstract/supergraph.apollo.graphql",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			r := start(t, command(t, binary, "--supergraph", file))
			if got := r.query(t, "{ __typename }"); got != `{"data":{"__typename":"Query"}}` {
				t.Errorf("got %s", got)
			}
			r.stop(t)
		})
	}
	t.Run("reloads a replaced supergraph", func(t *testing.T) {
		t.Parallel()
		link := filepath.Join(t.TempDir(), "supergraph.graphql")
		to := func(name string) {
			t.Helper()
			target, err := filepath.Abs(name)
			if err = errors.Join(err, os.Symlink(target, link+".new"), os.Rename(link+".new", link)); err != nil {
				t.Fatal(err)
			}
		}
		to("internal/conformance/testdata/abstract/supergraph.graphql")
		r := start(t, command(t, binary), "SUPERGRAPH="+link, "RELOAD=10ms", "ENVIRONMENT=development")
		const query = `{ __type(name: "Ticket") { name } }`
		if got := r.query(t, query); got != `{"data":{"__type":null}}` {
			t.Errorf("got %s", got)
		}
		to("start_test.go")
		r.log(t, `"msg":"reload failed"`)
		if got := r.query(t, query); got != `{"data":{"__type":null}}` {
			t.Errorf("got %s", got)
		}
		to("../schema/supergraph.graphql")
		r.log(t, `"msg":"reloaded"`)
		if got := r.query(t, query); got != `{"data":{"__type":{"name":"Ticket"}}}` {
			t.Errorf("got %s", got)
		}
		r.stop(t)
	})
	t.Run("introspection and query plans only in development", func(t *testing.T) {
		t.Parallel()
		for environment, want := range map[string]string{
			"production":  `{"errors":[{"message":"introspection is disabled","extensions":{"code":"INTROSPECTION_DISABLED"}}]}{"data":{"__typename":"Query"}}`,
			"development": `{"data":{"__schema":{"queryType":{"name":"Query"}}}}{"data":{"__typename":"Query"},"extensions":{"queryPlan":"QueryPlan {\n}\n"}}`,
		} {
			r := start(t, command(t, binary, "--supergraph", "../schema/supergraph.graphql"), "ENVIRONMENT="+environment)
			got := r.query(t, "{ __schema { queryType { name } } }")
			plan, err := read(http.Post("http://"+r.addr+"/graphql", "application/json", strings.NewReader(`{"query":"{ __typename }","extensions":{"queryPlan":true}}`)))
			if got += plan; err != nil || got != want {
				t.Errorf("%s: got %s, %v", environment, got, err)
			}
			r.stop(t)
		}
	})
	t.Run("exports traces to the endpoint in the file", func(t *testing.T) {
		t.Parallel()
		received := make(chan string, 1)
		collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case received <- r.URL.Path:
			default:
			}
		}))
		t.Cleanup(collector.Close)
		file := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(file, []byte("otel_exporter_otlp_endpoint: "+collector.URL+"\nsupergraph: ../schema/supergraph.graphql\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := start(t, command(t, binary, "--config", file), "OTEL_BSP_SCHEDULE_DELAY=10")
		r.query(t, "{ __typename }")
		if path := <-received; path != "/v1/traces" {
			t.Errorf("got %s", path)
		}
		r.stop(t)
	})
	t.Run("--help", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, binary, "--help").Output()
		if err != nil || string(out) != config.Usage[settings](program) {
			t.Errorf("got %s, %v", out, err)
		}
	})
	t.Run("schema", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, binary, "schema").Output()
		if err != nil || string(out) != string(config.Schema[settings](program)) {
			t.Errorf("got %s, %v", out, err)
		}
	})
	t.Run("reloads changed settings", func(t *testing.T) {
		t.Parallel()
		changeSettings(t, binary)
	})
	t.Run("invalid settings", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(file, []byte("supergraph: missing.graphql\nlimit:\n  fields: 0\n  costs: 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		want := `router cannot start with these settings:
LIMIT_COSTS: unknown variable
LIMIT_DEPTH: want a whole number, got "deep"
SERVICE_TOKEN: must be set
` + file + `:1: supergraph: stat missing.graphql: no such file or directory
` + file + `:3: limit.fields: want at least 1, got 0
` + file + `:4: limit.costs: unknown setting
`
		if code, stderr := runInvalid(t, binary, "--config", file); code != 1 || stderr != want {
			t.Errorf("got %d\n%s\nwant\n%s", code, stderr, want)
		}
	})
	t.Run("invalid arguments", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"--confg", "x"}, {"--config"}, {"serve"}, {"healthcheck", "now"}} {
			if code, stderr := runInvalid(t, binary, args...); code != 2 || !strings.HasSuffix(stderr, "\nrun router --help for usage\n") {
				t.Errorf("%q: got %d\n%s", args, code, stderr)
			}
		}
	})
}

// runInvalid runs a router that cannot start, with invalid variables too.
func runInvalid(t *testing.T, binary string, args ...string) (code int, stderr string) {
	t.Helper()
	cmd := command(t, binary, args...)
	cmd.Env = []string{"LIMIT_DEPTH=deep", "LIMIT_COSTS=1"}
	var text bytes.Buffer
	cmd.Stderr = &text
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("got %v", err)
	}
	return exit.ExitCode(), text.String()
}

// changeSettings changes the settings file of a router under load. No request fails, unless it exceeds a limit.
func changeSettings(t *testing.T, binary string) {
	t.Helper()
	subgraph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"data":{"echo":"x"}}`)
	}))
	t.Cleanup(subgraph.Close)
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	copied := func(from string) string {
		text, err := os.ReadFile(from) //nolint:gosec // a test's
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	urls := "subgraph: {urls: {one: " + subgraph.URL + ", two: " + subgraph.URL + "}}\n"
	put("supergraph.graphql", copied("internal/conformance/testdata/operations/supergraph.graphql"))
	supergraph := "supergraph: " + filepath.Join(dir, "supergraph.graphql") + "\n"
	file := put("settings.yaml", supergraph+urls+"limit: {aliases: 30}\n")
	r := start(t, command(t, binary, "--config", file), "RELOAD=10ms", "LIMIT_ALIASES=0")

	const one, two = `{ echo(text: "a") }`, `{ echo(text: "a") __typename }`
	expect := func(query, want string) {
		t.Helper()
		if got := r.query(t, query); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	expect(two, `{"data":{"echo":"x","__typename":"Query"}}`)
	expect(`{ a: echo(text: "a") }`, "ALIAS_LIMIT_EXCEEDED") // variables win

	ctx, stop := context.WithCancel(t.Context())
	var responses atomic.Int64
	var clients sync.WaitGroup
	t.Cleanup(clients.Wait)
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				got, err := read(http.Post("http://"+r.addr+"/graphql", "application/json", strings.NewReader(`{"query":"`+strings.ReplaceAll(one, `"`, `\"`)+`"}`)))
				if ctx.Err() == nil && (err != nil || got != `{"data":{"echo":"x"}}`) {
					t.Errorf("got %s, %v", got, err)
					return
				}
				responses.Add(1)
			}
		})
	}
	served := func() { // some requests since the call
		t.Helper()
		for before := responses.Load(); responses.Load() < before+10 && !t.Failed(); {
			runtime.Gosched()
		}
	}
	served()
	put("settings.yaml", supergraph+urls+"limit: {root_fields: 1}\nlog_level: error\n")
	for !strings.Contains(r.query(t, two), "ROOT_FIELD_LIMIT_EXCEEDED") && t.Context().Err() == nil {
		runtime.Gosched() // INFO lines are not logged any more
	}
	served()
	put("settings.yaml", supergraph+urls+"limit: {root_fields: 1}\n")
	r.log(t, `"msg":"reloaded"`)
	expect(two, "ROOT_FIELD_LIMIT_EXCEEDED")
	served()

	put("settings.yaml", "limit: {root_fields: 20, depth: deep, dept: 5}\nread_timeout: 20s\n"+supergraph)
	line := r.log(t, `"msg":"reload failed"`)
	for _, want := range []string{
		file + `:1: limit.depth: want a whole number, got \"deep\"`, file + ":1: limit.dept: unknown setting", file + ":2: read_timeout: takes effect only after a restart",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("lacks %s: %s", want, line)
		}
	}
	expect(two, "ROOT_FIELD_LIMIT_EXCEEDED")
	reloadFailed := func(want string) {
		t.Helper()
		if got, err := read(http.Get("http://" + r.admin + "/metrics")); err != nil || !strings.Contains(got, "\nrouter_reload_failed "+want+"\n") {
			t.Errorf("the metric is not %s: %v", want, err)
		}
	}
	reloadFailed("1")
	served()

	put("settings.yaml", "supergraph: "+filepath.Join(dir, "other.graphql")+"\n"+urls)
	r.log(t, "other.graphql: no such file or directory")
	served()
	put("other.graphql", copied("internal/conformance/testdata/operations/supergraph.apollo.graphql"))
	r.log(t, `"msg":"reloaded"`)
	reloadFailed("0")
	expect(two, `{"data":{"echo":"x","__typename":"Query"}}`)
	served()
	put("supergraph.graphql", "not loaded any more")
	put("other.graphql", "nothing")
	r.log(t, `"msg":"reload failed"`)
	expect(two, `{"data":{"echo":"x","__typename":"Query"}}`)
	served()
	stop()
	clients.Wait()
	r.stop(t)
}
