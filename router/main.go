// Router is the one address of the API: it plans operations over the supergraph, asks the
// subgraphs, and keeps away from them what clients may not do.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/persisted"
	"boxoffice.dev/router/internal/upstream"
)

type config struct {
	server.Config
	Supergraph     string            `env:"SUPERGRAPH" envDefault:"schema/supergraph.graphql"`
	SubgraphURLs   map[string]string `env:"SUBGRAPH_URLS" envKeyValSeparator:"="` // override the supergraph's
	ServiceToken   server.Secret     `env:"SERVICE_TOKEN,required"`
	JWKSURL        string            `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json"`
	AllowedOrigins []string          `env:"ALLOWED_ORIGINS"` // of other pages, such as https://shop.example
	TrustedProxies []netip.Prefix    `env:"TRUSTED_PROXIES"` // whose X-Forwarded-For is believed
	Introspection  *bool             `env:"INTROSPECTION"`   // in development, unless set
	Playground     *bool             `env:"PLAYGROUND"`      // in development, unless set
	Compression    bool              `env:"COMPRESSION" envDefault:"true"`
	Documents      []string          `env:"DOCUMENTS"`             // files with trusted documents
	DocumentsOnly  bool              `env:"DOCUMENTS_ONLY"`        // others are refused
	APQ            bool              `env:"APQ" envDefault:"true"` // documents that come with their hash are remembered
	Limits         operation.Limits  `envPrefix:"LIMIT_"`
	Upstream       upstream.Config   `envPrefix:"SUBGRAPH_"`
}

func main() {
	flag.Func("supergraph", "file with the supergraph (default $SUPERGRAPH)", func(name string) error { return os.Setenv("SUPERGRAPH", name) })
	flag.Parse()
	server.Main(server.Service{Name: "router", Listen: "127.0.0.1:4000", Admin: "127.0.0.1:4010"}, run)
}

func run(ctx context.Context, cfg config, srv *server.Server) error {
	sdl, err := os.ReadFile(cfg.Supergraph)
	if err != nil {
		return fmt.Errorf("read supergraph: %w", err)
	}
	trusted := persisted.Manifest{}
	for _, name := range cfg.Documents {
		manifest, err := os.ReadFile(name) //nolint:gosec // whoever configures the router names it
		if err != nil {
			return fmt.Errorf("read trusted documents: %w", err)
		}
		if err := trusted.Read(manifest); err != nil {
			return fmt.Errorf("read trusted documents: %s: %w", name, err)
		}
	}
	unlessSet := func(setting *bool) bool { return setting == nil && cfg.Development() || setting != nil && *setting }
	handler, err := gateway.New(ctx, gateway.Config{
		SDL: string(sdl), SubgraphURLs: cfg.SubgraphURLs, ServiceToken: cfg.ServiceToken.Reveal(),
		Verify: identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL}).Verify, SecureCookies: !cfg.Development(),
		AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		Introspection: unlessSet(cfg.Introspection), Playground: unlessSet(cfg.Playground), Compression: cfg.Compression,
		Persisted: persisted.Config{Trusted: trusted, Only: cfg.DocumentsOnly, Automatic: cfg.APQ},
		Limits:    cfg.Limits, Upstream: cfg.Upstream,
	})
	if err != nil {
		return err
	}
	srv.Handle("/", handler)
	return srv.Run(ctx)
}
