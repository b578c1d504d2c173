package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"boxoffice.dev/router/internal/gatewaytest"
)

// BenchmarkKnownQuery is a query that was seen before, with a subgraph that answers at once: what
// the router itself costs, with the two ends of one HTTP exchange.
func BenchmarkKnownQuery(b *testing.B) {
	w := gatewaytest.New(b)
	rows := 0
	w.Tickets.Answer(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		row := `,{"id":"t1","title":"ticket t1","price":1999}`
		io.WriteString(rw, `{"data":{"tickets":{"nodes":[`+strings.Repeat(row, rows)[1:]+`]}}}`)
	})
	const body = `{"query":"query Page($n: Int!) { tickets(first: $n) { nodes { id title price } } }","variables":{"n":20}}`
	for _, c := range []struct {
		name, encoding string
		rows           int
	}{{"20 rows", "", 20}, {"100 rows", "", 100}, {"100 rows, gzip", "gzip", 100}} {
		b.Run(c.name, func(b *testing.B) {
			rows = c.rows
			b.ReportAllocs()
			for b.Loop() {
				req := w.Raw(http.MethodPost, "/graphql", []byte(body), "Content-Type", "application/json", "Accept-Encoding", c.encoding)
				w.Gateway.ServeHTTP(gatewaytest.Discard{}, req)
			}
		})
	}
}
