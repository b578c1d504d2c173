package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// measureStart starts a second router again and again, until it is ready: over our supergraph, and over large
// ones of which all subgraphs are tickets.
func measureStart(ctx context.Context, b *bench) error {
	const starts = 5
	b.report.table("start of the router", "from its process to its readiness, p50", "resident memory")
	router, err := b.Replica(ctx, "router", "router-again")
	if err != nil {
		return err
	}
	for i, size := range []struct{ subgraphs, types, fields int }{{}, {10, 20, 10}, {50, 20, 10}, {100, 50, 20}} {
		var settings []string
		name := "Boxoffice"
		if size.subgraphs > 0 {
			file := filepath.Join(b.dir, fmt.Sprintf("supergraph%d.graphql", i))
			sdl := supergraph("http://"+b.Service("tickets").Addr+"/graphql", size.subgraphs, size.types, size.fields)
			if err := os.WriteFile(file, []byte(sdl), 0o600); err != nil {
				return fmt.Errorf("write supergraph: %w", err)
			}
			settings = []string{"SUBGRAPH_URLS=", "SUPERGRAPH=" + file}
			name = fmt.Sprintf("%d subgraphs, %d entities, %d fields, %.1f MB", size.subgraphs, size.subgraphs*size.types, size.subgraphs*size.types*size.fields, float64(len(sdl))/1e6)
		}
		var took latencies
		for range starts {
			if err := router.Stop(); err != nil {
				return err
			}
			begin := time.Now()
			if err := router.Start(ctx, settings...); err != nil {
				return err
			}
			took = append(took, time.Since(begin))
		}
		v, err := b.vitals(ctx, "router-again")
		if err != nil {
			return err
		}
		progress("start over %s: %s", name, ms(took.at(0.5)))
		b.report.row(name, ms(took.at(0.5)), fmt.Sprintf("%.0f MB", v.resident/1e6))
	}
	return router.Stop()
}

// supergraph returns one of many subgraphs at one address. Each entity is in two of them, with half of its fields in
// each, and leads to one of the next.
func supergraph(url string, subgraphs, types, fields int) string {
	var b strings.Builder
	b.WriteString(`schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query }
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__field(graph: join__Graph) repeatable on FIELD_DEFINITION
directive @join__type(graph: join__Graph!, key: join__FieldSet) repeatable on OBJECT
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
enum join__Graph {
`)
	var query, rest strings.Builder
	for g := range subgraphs {
		next := (g + 1) % subgraphs
		fmt.Fprintf(&b, "  S%d @join__graph(name: \"s%d\", url: %q)\n", g, g, url)
		fmt.Fprintf(&query, " @join__type(graph: S%d)", g)
		for t := range types {
			fmt.Fprintf(&rest, "type T%d_%d @join__type(graph: S%d, key: \"id\") @join__type(graph: S%d, key: \"id\") {\n  id: ID!\n", g, t, g, next)
			for f := range fields {
				fmt.Fprintf(&rest, "  f%d: String @join__field(graph: S%d)\n", f, []int{g, next}[f%2])
			}
			fmt.Fprintf(&rest, "  next: T%d_%d @join__field(graph: S%d)\n}\n", next, t, g)
		}
	}
	fmt.Fprintf(&b, "}\ntype Query%s {\n", query.String())
	for g := range subgraphs {
		for t := range types {
			fmt.Fprintf(&b, "  t%d_%d(id: ID!): T%d_%d @join__field(graph: S%d)\n", g, t, g, t, g)
		}
	}
	return b.String() + "}\n" + rest.String()
}
