package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A supergraph of the size of a large company's: 60 subgraphs and 25,000 fields.
const (
	largeSubgraphs = 60
	largeTypes     = 720
	largeFields    = 35  // of a type: half of its own subgraph, the others of two more
	largeQueries   = 400 // different ones, each sent once
	startTurns     = 3
)

// measureStart measures how long the router takes to start with a large supergraph, its memory, and how long a query
// takes that it has not seen before. Nothing is fetched: a variable skips all root fields.
func measureStart(ctx context.Context, b *bench) error {
	supergraph := filepath.Join(b.dir, "large.graphql")
	if err := os.WriteFile(supergraph, []byte(largeSupergraph()), 0o600); err != nil {
		return fmt.Errorf("write supergraph: %w", err)
	}
	b.report.table(fmt.Sprintf("%d subgraphs, %d fields", largeSubgraphs, largeTypes*largeFields), "start", "resident memory", "then", "new query p50 / p99", "p95", "known query p50 / p99")
	for turn := range startTurns {
		row, err := b.startLarge(ctx, supergraph)
		if err != nil {
			return err
		}
		b.report.row(append([]string{fmt.Sprintf("run %d", turn+1)}, row...)...)
	}
	return nil
}

func (b *bench) startLarge(ctx context.Context, supergraph string) ([]string, error) {
	c := &comparison{bench: b}
	ctx, c.stop = context.WithCancel(ctx)
	defer c.end()
	s := &server{name: "the router", path: "/graphql"}
	begin := time.Now()
	err := c.start(ctx, s, func(string) []string {
		return []string{filepath.Join(b.dir, "bin", "router"), "--supergraph", supergraph}
	}, "NODE_ENV=production", "SERVICE_TOKEN="+b.token, "ADMIN_ADDR=127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	started, memory := time.Since(begin), residentMemory(s.process.Process.Pid)
	measure := func(query func(i int) string) (latencies, error) {
		l, err := closedLoop(ctx, 1, b.scaled(largeQueries), func(ctx context.Context, i int) error { return b.skipped(ctx, s, query(i)) })
		return l.latencies, err
	}
	fresh, err := measure(largeQuery)
	if err != nil {
		return nil, err
	}
	known, err := measure(func(int) string { return largeQuery(0) })
	if err != nil {
		return nil, err
	}
	megabytes := func(n int) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
	return []string{ms(started), megabytes(memory), megabytes(residentMemory(s.process.Process.Pid)), fresh.String(), ms(fresh.at(0.95)), known.String()}, nil
}

// skipped sends a query whose root fields are skipped.
func (b *bench) skipped(ctx context.Context, s *server, query string) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]bool{"no": true}})
	if err != nil {
		return fmt.Errorf("encode query: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.addr+s.path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.http.Do(req)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if string(text) != `{"data":{}}` {
		return fmt.Errorf("query: unexpected response %s", text)
	}
	return nil
}

// largeQuery returns a query over three levels of entities, each with fields of three subgraphs.
func largeQuery(i int) string {
	t := i % largeTypes
	fields := func(t int) string {
		return fmt.Sprintf("id f%d_0 f%d_1 f%d_20 f%d_21 f%d_30 f%d_31", t, t, t, t, t, t)
	}
	second, third := (t*7+1)%largeTypes, ((t*7+1)%largeTypes*7+1)%largeTypes
	return fmt.Sprintf(`query($no: Boolean!) { t%d(id: "%d") @skip(if: $no) { %s ref%d { %s ref%d { %s } } } }`,
		t, i, fields(t), t, fields(second), second, fields(third))
}

// largeSupergraph returns a composed schema. Type t belongs to subgraph t modulo 60, and the two next ones add fields.
func largeSupergraph() string {
	var b strings.Builder
	b.WriteString(`schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query }
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean) repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
enum join__Graph {
`)
	for s := range largeSubgraphs {
		fmt.Fprintf(&b, "  S%d @join__graph(name: \"s%d\", url: \"http://127.0.0.1:9/graphql\")\n", s, s)
	}
	b.WriteString("}\ntype Query")
	for s := range largeSubgraphs {
		fmt.Fprintf(&b, " @join__type(graph: S%d)", s)
	}
	b.WriteString(" {\n")
	for t := range largeTypes {
		fmt.Fprintf(&b, "  t%d(id: ID!): T%d @join__field(graph: S%d)\n", t, t, t%largeSubgraphs)
	}
	b.WriteString("}\n")
	referring := map[int][]int{} // subgraphs of the types that refer to a type
	for t := range largeTypes {
		to := (t*7 + 1) % largeTypes
		referring[to] = append(referring[to], t%largeSubgraphs)
	}
	for t := range largeTypes {
		graph := func(n int) int { return (t + n) % largeSubgraphs }
		fmt.Fprintf(&b, "type T%d", t)
		graphs := append([]int{graph(0), graph(1), graph(2)}, referring[t]...)
		slices.Sort(graphs)
		for _, s := range slices.Compact(graphs) {
			fmt.Fprintf(&b, " @join__type(graph: S%d, key: \"id\")", s)
		}
		b.WriteString(" {\n  id: ID!\n")
		for f := range largeFields - 2 {
			fmt.Fprintf(&b, "  f%d_%d: String @join__field(graph: S%d)\n", t, f, graph(max(f/10-1, 0)))
		}
		fmt.Fprintf(&b, "  ref%d: T%d @join__field(graph: S%d)\n}\n", t, (t*7+1)%largeTypes, graph(0))
	}
	return b.String()
}
