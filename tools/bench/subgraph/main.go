// Command subgraph is one of the two services behind every router that the bench compares: gqlgen with generated data.
// Or it is Go's reverse proxy in front of one, as the least that forwarding a request costs.
//
//	subgraph catalog|people ADDRESS
//	subgraph proxy ADDRESS TARGET
package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"

	"boxoffice.dev/tools/bench/subgraph/catalog"
	"boxoffice.dev/tools/bench/subgraph/people"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "subgraph:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	schemas := map[string]func() graphql.ExecutableSchema{"catalog": catalog.New, "people": people.New}
	var endpoint http.Handler
	switch {
	case len(args) == 2 && schemas[args[0]] != nil:
		srv := handler.New(schemas[args[0]]())
		srv.AddTransport(transport.POST{})
		srv.SetQueryCache(lru.New[*ast.QueryDocument](100))
		endpoint = srv
	case len(args) == 3 && args[0] == "proxy":
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: args[2]})
		proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 100}
		endpoint = proxy
	default:
		return fmt.Errorf("want catalog or people and an address, or proxy, an address and a target; got %q", args)
	}
	listener, err := net.Listen("tcp", args[1]) //nolint:noctx // it listens until it ends
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", endpoint)
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(listener)
}
