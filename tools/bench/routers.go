package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"boxoffice.dev/tools/internal/stack"
)

// routerQueries are sent to every router, over two subgraphs that generate their data. Each request is for another
// page, so that no router answers one with what it fetched for another.
var routerQueries = []struct {
	name, text string
	variables  map[string]int
}{
	{"one subgraph, 20 tickets", `query Tickets($first: Int!, $page: Int!) { tickets(first: $first, page: $page) {
		id title price { minorUnits currency } availability createdAt } }`, map[string]int{"first": 20, "page": firstPage}},
	{"two subgraphs, 20 entities", `query Sellers($first: Int!, $page: Int!) { tickets(first: $first, page: $page) {
		id title price { minorUnits currency } seller { displayName city } } }`, map[string]int{"first": 20, "page": firstPage}},
	{"deep: five fetches in sequence", `query Deep($page: Int!) { users(first: 5, page: $page) {
		displayName tickets(first: 3) { title seller { displayName
			referrer { displayName tickets(first: 2) { title price { minorUnits } seller { displayName } } } } } } }`,
		map[string]int{"page": firstPage}},
}

const (
	routerClients = 32
	routerTurns   = 3
	routerTurn    = 3 * time.Second
	firstPage     = 100_000 // all pages have six digits: requests differ in nothing else
)

// server is a program that answers the queries.
type server struct {
	name    string
	path    string // of its endpoint
	process *exec.Cmd
	addr    string // host:port
}

// measureRouters compares our router with Apollo Gateway, Hive Gateway and, if it is installed, Hive Router, in turns, on the same subgraphs.
func measureRouters(ctx context.Context, b *bench) error {
	c, err := newComparison(ctx, b)
	if err != nil {
		return err
	}
	defer c.end()
	for i, q := range routerQueries {
		body, err := json.Marshal(map[string]any{"query": q.text, "variables": q.variables})
		if err != nil {
			return fmt.Errorf("encode query: %w", err)
		}
		servers := c.routers
		if i == 0 {
			servers = append([]*server{c.subgraphs[0], c.proxy}, servers...)
		}
		if err := c.compare(ctx, q.name, servers, body); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	b.report.table("router", "resident memory after that")
	for _, r := range c.routers {
		b.report.row(r.name, fmt.Sprintf("%.0f MB", float64(residentMemory(r.process.Process.Pid))/1e6))
	}
	return nil
}

// comparison is everything that runs while routers are compared.
type comparison struct {
	*bench

	stop      context.CancelFunc
	programs  []*exec.Cmd
	subgraphs []*server
	proxy     *server // forwards requests to the first subgraph without reading them
	routers   []*server
	page      atomic.Int64 // of the last request
}

// newComparison starts the subgraphs and the routers, and waits until all of them respond.
func newComparison(ctx context.Context, b *bench) (_ *comparison, err error) {
	ctx, stop := context.WithCancel(ctx)
	c := &comparison{bench: b, stop: stop}
	defer func() {
		if err != nil {
			c.end()
		}
	}()
	root, err := stack.Root()
	if err != nil {
		return nil, err
	}
	rivals := filepath.Join(root, "tools", "bench", "rivals")
	if err := c.install(ctx, rivals); err != nil {
		return nil, err
	}
	subgraph := filepath.Join(b.dir, "subgraph")
	build := exec.CommandContext(ctx, "go", "build", "-o", subgraph, "./tools/bench/subgraph")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build subgraph: %w: %s", err, out)
	}
	sdl, err := os.ReadFile(filepath.Join(root, "tools", "bench", "subgraph", "schema", "supergraph.graphql"))
	if err != nil {
		return nil, fmt.Errorf("read supergraph: %w", err)
	}
	for _, name := range []string{"catalog", "people"} {
		s := &server{name: "the subgraph itself", path: "/graphql"}
		if err := c.start(ctx, s, func(string) []string { return []string{subgraph, name, s.addr} }); err != nil {
			return nil, err
		}
		c.subgraphs = append(c.subgraphs, s)
		sdl = bytes.Replace(sdl, []byte(name+".invalid"), []byte(s.addr), 1)
	}
	c.proxy = &server{name: "Go's reverse proxy", path: "/graphql"}
	proxy := func(string) []string { return []string{subgraph, "proxy", c.proxy.addr, c.subgraphs[0].addr} }
	if err := c.start(ctx, c.proxy, proxy); err != nil {
		return nil, err
	}
	supergraph := filepath.Join(b.dir, "compared.graphql")
	if err := os.WriteFile(supergraph, sdl, 0o600); err != nil {
		return nil, fmt.Errorf("write supergraph: %w", err)
	}
	return c, c.startRouters(ctx, rivals, supergraph)
}

func (c *comparison) startRouters(ctx context.Context, rivals, supergraph string) error {
	hiveGateway := filepath.Join(rivals, "node_modules", "@graphql-hive", "gateway", "dist", "bin.js")
	hive := func(flags ...string) func(string) []string {
		return func(port string) []string {
			return append([]string{"node", hiveGateway, "supergraph", supergraph,
				"--config-path", filepath.Join(rivals, "hive.mjs"), "--host", "127.0.0.1", "--port", port}, flags...)
		}
	}
	type rival struct {
		name, path string
		command    func(port string) []string
	}
	installed := []rival{
		{"Boxoffice's router", "/graphql", func(string) []string {
			return []string{filepath.Join(c.dir, "bin", "router"), "--supergraph", supergraph}
		}},
		{"Apollo Gateway", "/", func(port string) []string {
			return []string{"node", filepath.Join(rivals, "apollo.mjs"), supergraph, port}
		}},
		{"Hive Gateway", "/graphql", hive()},
		{"Hive Gateway, Rust planner", "/graphql", hive("--hive-router-runtime")},
	}
	if path, err := exec.LookPath("hive_router"); err == nil { // cargo install hive-router --version 0.2.0 --locked
		installed = append(installed, rival{"Hive Router (Rust)", "/graphql", func(string) []string { return []string{path} }})
	} else {
		progress("hive_router is not installed, and left out: cargo install hive-router --version 0.2.0 --locked")
	}
	for _, r := range installed {
		s := &server{name: r.name, path: r.path}
		if err := c.start(ctx, s, r.command, "NODE_ENV=production", "SERVICE_TOKEN="+c.token, "ADMIN_ADDR=127.0.0.1:0",
			"SUPERGRAPH_FILE_PATH="+supergraph, "LOG_LEVEL=error"); err != nil {
			return err
		}
		c.routers = append(c.routers, s)
	}
	return nil
}

// install installs the other routers from npm, at the versions of their lock file.
func (c *comparison) install(ctx context.Context, folder string) error {
	lock, err := os.Stat(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("install other routers: %w", err)
	}
	done, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json"))
	if err == nil && !done.ModTime().Before(lock.ModTime()) {
		return nil
	}
	progress("installing Apollo Gateway and Hive Gateway: 700 MB, a few minutes, once")
	npm := exec.CommandContext(ctx, "npm", "ci", "--prefix", folder, "--loglevel=error")
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("install other routers: %w: %s", err, out)
	}
	return nil
}

// start runs a program on a free port and waits until it responds.
func (c *comparison) start(ctx context.Context, s *server, command func(port string) []string, environ ...string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a port: %w", err)
	}
	s.addr = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return fmt.Errorf("free a port: %w", err)
	}
	_, port, _ := strings.Cut(s.addr, ":")
	words := command(port)
	log, err := os.Create(filepath.Join(c.dir, "compared-"+port+".log"))
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	s.process = exec.CommandContext(ctx, words[0], words[1:]...)
	s.process.Env = append(append(os.Environ(), "LISTEN_ADDR="+s.addr, "HOST=127.0.0.1", "PORT="+port), environ...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	c.programs = append(c.programs, s.process)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = poll(ctx, 50*time.Millisecond, func() (bool, error) {
		w, err := s.dial(ctx, []byte(`{"query":"{ __typename }"}`))
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		response, err := w.roundTrip(firstPage)
		return err == nil && bytes.Contains(response, []byte(`"Query"`)), w.conn.Close()
	})
	if err != nil {
		text, _ := os.ReadFile(log.Name()) //nolint:errcheck // the other error is the cause
		return fmt.Errorf("%s does not respond: %w: %s", s.name, err, text)
	}
	return nil
}

func (c *comparison) end() {
	c.stop() // kills them
	for _, p := range c.programs {
		p.Wait() //nolint:errcheck // it was killed
	}
}

// compare puts load on each server in turn, and reports.
func (c *comparison) compare(ctx context.Context, name string, servers []*server, body []byte) error {
	if err := sameResponse(ctx, servers, body); err != nil {
		return err
	}
	type result struct {
		latencies
		seconds              float64
		processor, subgraphs time.Duration // processor time of the server, and of the subgraphs
	}
	subgraphs := func() (sum time.Duration) {
		for _, s := range c.subgraphs {
			sum += processorTime(s.process.Process.Pid)
		}
		return sum
	}
	results := make([]result, len(servers))
	for turn := range routerTurns + 1 { // the first turn warms up
		for i, s := range servers {
			before, subgraphsBefore := processorTime(s.process.Process.Pid), subgraphs()
			l, err := s.load(ctx, body, &c.page, time.Duration(c.scaled(int(routerTurn))))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if turn == 0 {
				continue
			}
			r := &results[i]
			r.latencies = append(r.latencies, l.latencies...)
			r.seconds += l.end.Sub(l.begin).Seconds()
			r.processor += processorTime(s.process.Process.Pid) - before
			r.subgraphs += subgraphs() - subgraphsBefore
		}
	}
	rate := func(i int) float64 { return float64(len(results[i].latencies)) / results[i].seconds }
	ours := len(servers) - len(c.routers)
	c.report.table(name, "per second", "p50 / p99", "processor time of each", "of the subgraphs", "our router : this one")
	for i, s := range servers {
		progress("%s, %s: %.0f/s", name, s.name, rate(i))
		each := func(d time.Duration) string {
			return fmt.Sprintf("%d µs", d.Microseconds()/int64(len(results[i].latencies)))
		}
		r := results[i]
		c.report.row(s.name, fmt.Sprintf("%.0f", rate(i)), r.String(), each(r.processor), each(r.subgraphs), fmt.Sprintf("%.2f", rate(ours)/rate(i)))
	}
	return nil
}

// sameResponse returns an error when the servers do not all return the same data.
func sameResponse(ctx context.Context, servers []*server, body []byte) error {
	var first any
	for i, s := range servers {
		w, err := s.dial(ctx, body)
		if err != nil {
			return err
		}
		text, err := w.roundTrip(firstPage)
		if err = errors.Join(err, w.conn.Close()); err != nil {
			return fmt.Errorf("query %s: %w", s.name, err)
		}
		var response any
		if err := json.Unmarshal(text, &response); err != nil {
			return fmt.Errorf("read response of %s: %w", s.name, err)
		}
		if i == 0 {
			first = response
		}
		if !reflect.DeepEqual(response, first) || !bytes.Contains(text, []byte(`"title":"Cello Suites, row 0"`)) {
			return fmt.Errorf("the response of %s differs from that of %s: %s", s.name, servers[0].name, text)
		}
	}
	return nil
}
