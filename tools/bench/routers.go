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

// routerQueries are asked of every router, over two subgraphs that make their answers up. Each request is for
// a page of its own, so that nobody answers one with what was fetched for another.
var routerQueries = []struct {
	name, text string
	variables  map[string]int
}{
	{"one subgraph, 20 tickets", `query Tickets($first: Int!, $page: Int!) { tickets(first: $first, page: $page) { id title price { minorUnits currency } availability createdAt } }`, map[string]int{"first": 20, "page": firstPage}},
	{"two subgraphs, 20 entities", `query Sellers($first: Int!, $page: Int!) { tickets(first: $first, page: $page) { id title price { minorUnits currency } seller { displayName city } } }`, map[string]int{"first": 20, "page": firstPage}},
	{"deep: five fetches, one after the other", `query Deep($page: Int!) { users(first: 5, page: $page) { displayName tickets(first: 3) { title seller { displayName
		referrer { displayName tickets(first: 2) { title price { minorUnits } seller { displayName } } } } } } }`, map[string]int{"page": firstPage}},
}

const (
	routerClients = 32
	routerTurns   = 3
	routerTurn    = 3 * time.Second
	firstPage     = 100_000 // all have six digits: requests differ in nothing else
)

// contender is a program that answers the queries.
type contender struct {
	name    string
	path    string // of its endpoint
	process *exec.Cmd
	url     string // host:port
}

// measureRouters compares our router with Apollo Gateway and Hive Gateway, in turns, on the same subgraphs.
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
		asked := c.routers
		if i == 0 {
			asked = append([]*contender{c.subgraphs[0], c.proxy}, asked...)
		}
		if err := c.compare(ctx, q.name, asked, body); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	b.report.table("router", "resident memory after that")
	for _, r := range c.routers {
		b.report.row(r.name, fmt.Sprintf("%.0f MB", float64(resident(r.process.Process.Pid))/1e6))
	}
	return nil
}

// comparison is everything that runs while routers are compared.
type comparison struct {
	*bench

	stop      context.CancelFunc
	programs  []*exec.Cmd
	subgraphs []*contender
	proxy     *contender // passes requests on to the first subgraph, and reads nothing
	routers   []*contender
	page      atomic.Int64 // the newest that was asked for
}

// newComparison starts the subgraphs and the routers, and waits until all of them answer.
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
	subgraph, router := filepath.Join(b.dir, "subgraph"), filepath.Join(b.dir, "compared-router")
	for file, pkg := range map[string]string{subgraph: "./tools/bench/subgraph", router: "./router"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", file, pkg)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w: %s", pkg, err, out)
		}
	}
	sdl, err := os.ReadFile(filepath.Join(root, "tools", "bench", "subgraph", "schema", "supergraph.graphql"))
	if err != nil {
		return nil, fmt.Errorf("read supergraph: %w", err)
	}
	for _, name := range []string{"catalog", "people"} {
		s := &contender{name: "the subgraph itself", path: "/graphql"}
		if err := c.start(ctx, s, nil, func(port string) []string { return []string{subgraph, name, "127.0.0.1:" + port} }); err != nil {
			return nil, err
		}
		c.subgraphs = append(c.subgraphs, s)
		sdl = bytes.Replace(sdl, []byte(name+".invalid"), []byte(s.url), 1)
	}
	c.proxy = &contender{name: "Go's reverse proxy", path: "/graphql"}
	if err := c.start(ctx, c.proxy, nil, func(port string) []string {
		return []string{subgraph, "proxy", "127.0.0.1:" + port, c.subgraphs[0].url}
	}); err != nil {
		return nil, err
	}
	supergraph := filepath.Join(b.dir, "compared.graphql")
	if err := os.WriteFile(supergraph, sdl, 0o600); err != nil {
		return nil, fmt.Errorf("write supergraph: %w", err)
	}
	hive := func(more ...string) func(string) []string {
		return func(port string) []string {
			return append([]string{"node", filepath.Join(rivals, "node_modules", "@graphql-hive", "gateway", "dist", "bin.js"), "supergraph", supergraph,
				"--config-path", filepath.Join(rivals, "hive.mjs"), "--host", "127.0.0.1", "--port", port}, more...)
		}
	}
	for _, r := range []struct {
		contender
		command func(port string) []string
	}{
		{contender{name: "Boxoffice's router", path: "/graphql"}, func(string) []string { return []string{router, "--supergraph", supergraph} }},
		{contender{name: "Apollo Gateway", path: "/"}, func(port string) []string {
			return []string{"node", filepath.Join(rivals, "apollo.mjs"), supergraph, port}
		}},
		{contender{name: "Hive Gateway", path: "/graphql"}, hive()},
		{contender{name: "Hive Gateway, Rust planner", path: "/graphql"}, hive("--hive-router-runtime")},
	} {
		started := &r.contender
		environ := []string{"NODE_ENV=production", "SERVICE_TOKEN=" + b.token, "ADMIN_ADDR=127.0.0.1:0"}
		if err := c.start(ctx, started, environ, r.command); err != nil {
			return nil, err
		}
		c.routers = append(c.routers, started)
	}
	return c, nil
}

// install gets the other routers from npm, at the versions of their lock file.
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

// start runs a program on a free port and waits until it answers.
func (c *comparison) start(ctx context.Context, r *contender, environ []string, command func(port string) []string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a port: %w", err)
	}
	r.url = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return fmt.Errorf("free a port: %w", err)
	}
	_, port, _ := strings.Cut(r.url, ":")
	words := command(port)
	log, err := os.Create(filepath.Join(c.dir, "compared-"+port+".log"))
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	r.process = exec.CommandContext(ctx, words[0], words[1:]...)
	r.process.Env = append(append(os.Environ(), "LISTEN_ADDR="+r.url), environ...)
	r.process.Stdout, r.process.Stderr = log, log
	if err := r.process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", r.name, err)
	}
	c.programs = append(c.programs, r.process)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; {
		if w, err := r.dial(ctx, []byte(`{"query":"{ __typename }"}`)); err == nil {
			answer, err := w.ask(firstPage)
			w.conn.Close() //nolint:errcheck // it was only a try
			if err == nil && bytes.Contains(answer, []byte(`"Query"`)) {
				return nil
			}
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name()) //nolint:errcheck // says more if it can
			return fmt.Errorf("%s does not answer: %s", r.name, text)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *comparison) end() {
	c.stop() // kills them
	for _, p := range c.programs {
		p.Wait() //nolint:errcheck // it was killed
	}
}

// compare lets each answer in turn, and reports.
func (c *comparison) compare(ctx context.Context, name string, asked []*contender, body []byte) error {
	if err := c.sameAnswer(ctx, asked, body); err != nil {
		return err
	}
	type side struct {
		latencies
		seconds   float64
		processor time.Duration
		behind    time.Duration // processor time of the subgraphs
	}
	behind := func() (sum time.Duration) {
		for _, s := range c.subgraphs {
			sum += processorTime(s.process.Process.Pid)
		}
		return sum
	}
	sides := make([]side, len(asked))
	for turn := range routerTurns + 1 { // the first turn warms up
		for i, r := range asked {
			before, beforeBehind := processorTime(r.process.Process.Pid), behind()
			l, err := r.load(ctx, body, &c.page, time.Duration(c.scaled(int(routerTurn))))
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if turn == 0 {
				continue
			}
			s := &sides[i]
			s.latencies = append(s.latencies, l.latencies...)
			s.seconds += l.end.Sub(l.begin).Seconds()
			s.processor += processorTime(r.process.Process.Pid) - before
			s.behind += behind() - beforeBehind
		}
	}
	rate := func(i int) float64 { return float64(len(sides[i].latencies)) / sides[i].seconds }
	ours := len(asked) - len(c.routers)
	c.report.table(name, "per second", "p50 / p99", "processor time of each", "of the subgraphs", "our router : this one")
	for i, r := range asked {
		progress("%s, %s: %.0f/s", name, r.name, rate(i))
		each := func(d time.Duration) string {
			return fmt.Sprintf("%d µs", d.Microseconds()/int64(len(sides[i].latencies)))
		}
		c.report.row(r.name, fmt.Sprintf("%.0f", rate(i)), sides[i].String(), each(sides[i].processor), each(sides[i].behind), fmt.Sprintf("%.2f", rate(ours)/rate(i)))
	}
	return nil
}

// sameAnswer fails when one of them answers otherwise than the others.
func (c *comparison) sameAnswer(ctx context.Context, asked []*contender, body []byte) error {
	var first any
	for i, r := range asked {
		w, err := r.dial(ctx, body)
		if err != nil {
			return err
		}
		text, err := w.ask(firstPage)
		if err = errors.Join(err, w.conn.Close()); err != nil {
			return fmt.Errorf("ask %s: %w", r.name, err)
		}
		var answer any
		if err := json.Unmarshal(text, &answer); err != nil {
			return fmt.Errorf("read answer of %s: %w", r.name, err)
		}
		if i == 0 {
			first = answer
		}
		if !reflect.DeepEqual(answer, first) || !bytes.Contains(text, []byte(`"title":"Cello Suites, row 0"`)) {
			return fmt.Errorf("%s answers otherwise than %s: %s", r.name, asked[0].name, text)
		}
	}
	return nil
}
