package main

import (
	"bufio"
	"bytes"
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
			addr := freeAddr(t)
			cmd := exec.CommandContext(t.Context(), binary, "--supergraph", file) //nolint:gosec // it was built above
			cmd.Env = []string{
				"LISTEN_ADDR=" + addr, "ADMIN_ADDR=" + freeAddr(t),
				"SERVICE_TOKEN=a-token-for-this-test-0123456789ab",
			}
			logs, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(logs)
			for lines.Scan() && !strings.Contains(lines.Text(), `"msg":"started"`) {
				t.Log(lines.Text())
			}
			resp, err := http.Post("http://"+addr+"/graphql", "application/json", strings.NewReader(`{"query":"{ __typename }"}`))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // a test
			if body, err := io.ReadAll(resp.Body); string(body) != `{"data":{"__typename":"Query"}}` {
				t.Errorf("got %s, %v", body, err)
			}
			http.DefaultClient.CloseIdleConnections()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, logs) //nolint:errcheck // until it ends
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
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
