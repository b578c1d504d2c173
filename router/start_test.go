package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// build makes the router's binary.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "router")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil { //nolint:gosec // this package
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	return l.Addr().String()
}

// process is a router that runs.
type process struct {
	*exec.Cmd

	addr string
	logs io.Reader
	line *bufio.Scanner // of logs
}

// start starts a router and waits until it has.
func start(t *testing.T, cmd *exec.Cmd, settings ...string) *process {
	t.Helper()
	p := &process{Cmd: cmd, addr: freeAddr(t)}
	p.Env = append([]string{"LISTEN_ADDR=" + p.addr, "ADMIN_ADDR=" + freeAddr(t), "SERVICE_TOKEN=a-token-for-this-test-0123456789ab"}, settings...)
	logs, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.logs, p.line = logs, bufio.NewScanner(logs)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.log(t, `"msg":"started"`)
	return p
}

// log waits for a line of the log that has the text.
func (p *process) log(t *testing.T, text string) {
	t.Helper()
	for p.line.Scan() {
		if strings.Contains(p.line.Text(), text) {
			return
		}
		t.Log(p.line.Text())
	}
	t.Fatalf("it ended without %s", text)
}

func (p *process) ask(t *testing.T, query string) string {
	t.Helper()
	sent, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+p.addr+"/graphql", "application/json", bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a test
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// stop ends the router as an operator does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, p.logs) //nolint:errcheck // until it ends
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// A router starts on supergraphs that know nothing of this repository's services, whoever composed
// them, and ends when it is told to.
func TestTheBinary(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, file := range []string{
		"../schema/supergraph.graphql",
		"internal/conformance/testdata/abstract/supergraph.graphql",
		"internal/conformance/testdata/abstract/supergraph.apollo.graphql",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			r := start(t, exec.CommandContext(t.Context(), binary, "--supergraph", file)) //nolint:gosec // it was built above
			if got := r.ask(t, "{ __typename }"); got != `{"data":{"__typename":"Query"}}` {
				t.Errorf("got %s", got)
			}
			r.stop(t)
		})
	}
	t.Run("another supergraph takes the place of the first", func(t *testing.T) {
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
		r := start(t, exec.CommandContext(t.Context(), binary), "SUPERGRAPH="+link, "RELOAD=10ms", "ENVIRONMENT=development")
		const query = `{ __type(name: "Ticket") { name } }`
		if got := r.ask(t, query); got != `{"data":{"__type":null}}` {
			t.Errorf("got %s", got)
		}
		to("start_test.go")
		r.log(t, `"msg":"not reloaded"`)
		if got := r.ask(t, query); got != `{"data":{"__type":null}}` {
			t.Errorf("got %s", got)
		}
		to("../schema/supergraph.graphql")
		r.log(t, `"msg":"reloaded"`)
		if got := r.ask(t, query); got != `{"data":{"__type":{"name":"Ticket"}}}` {
			t.Errorf("got %s", got)
		}
		r.stop(t)
	})
	t.Run("--help", func(t *testing.T) {
		t.Parallel()
		out, err := exec.CommandContext(t.Context(), binary, "--help").Output()
		if err != nil || string(out) != usage() {
			t.Errorf("got %s, %v", out, err)
		}
	})
	t.Run("faulty settings", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), binary, "--supergraph", os.DevNull) //nolint:gosec // it was built above
		cmd.Env = []string{"LIMIT_DEPTH=deep", "LIMIT_COSTS=1"}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("got %v, want 1", err)
		}
		for _, fault := range []string{"LIMIT_DEPTH: want a whole number", "LIMIT_COSTS: there is no such variable", "SERVICE_TOKEN: it must be set"} {
			if !strings.Contains(stderr.String(), fault) {
				t.Errorf("lacks %q:\n%s", fault, &stderr)
			}
		}
	})
}
