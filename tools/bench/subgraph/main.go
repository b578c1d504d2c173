// Command subgraph is one of the two services that the bench puts behind every router it compares: gqlgen with
// data that it makes up, so that the routers are what is measured.
//
//	subgraph catalog|people ADDRESS
package main

import (
	"fmt"
	"net"
	"net/http"
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
	if len(args) != 2 || schemas[args[0]] == nil {
		return fmt.Errorf("want a name, catalog or people, and an address; got %q", args)
	}
	srv := handler.New(schemas[args[0]]())
	srv.AddTransport(transport.POST{})
	srv.SetQueryCache(lru.New[*ast.QueryDocument](100))
	listener, err := net.Listen("tcp", args[1]) //nolint:noctx // it listens for as long as it runs
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", srv)
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(listener)
}
