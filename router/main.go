// Command router is the one address of the API: it plans operations over the supergraph, asks the
// subgraphs and keeps what clients may not do away from them.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/operation"
)

type config struct {
	server.Config
	Supergraph       string            `env:"SUPERGRAPH" envDefault:"schema/supergraph.graphql"`
	SubgraphURLs     map[string]string `env:"SUBGRAPH_URLS" envKeyValSeparator:"="`
	ServiceToken     string            `env:"SERVICE_TOKEN,required"`
	JWKSURL          string            `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json"`
	AllowedOrigins   []string          `env:"ALLOWED_ORIGINS"`
	TrustedProxies   []netip.Prefix    `env:"TRUSTED_PROXIES"`
	Introspection    *bool             `env:"INTROSPECTION"` // development only, unless set
	Playground       *bool             `env:"PLAYGROUND"`    // development only, unless set
	Limits           operation.Limits  `envPrefix:"LIMIT_"`
	SubgraphTimeout  time.Duration     `env:"SUBGRAPH_TIMEOUT" envDefault:"5s"`
	SubgraphMaxBytes int64             `env:"SUBGRAPH_MAX_BYTES" envDefault:"8388608"`
}

func main() {
	server.Main(server.Service{Name: "router", Listen: "127.0.0.1:4000", Admin: "127.0.0.1:4010"}, run)
}

func run(ctx context.Context, cfg config, s *server.Server) error {
	if !cfg.Development() && len(cfg.ServiceToken) < 32 {
		return errors.New("SERVICE_TOKEN must have at least 32 characters")
	}
	sdl, err := os.ReadFile(cfg.Supergraph)
	if err != nil {
		return fmt.Errorf("read supergraph: %w", err)
	}
	prefix, open := "__Host-", cfg.Development()
	if open {
		prefix = ""
	}
	handler, err := gateway.New(ctx, gateway.Config{
		SDL: string(sdl), SubgraphURLs: cfg.SubgraphURLs, ServiceToken: cfg.ServiceToken,
		Verify:       identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL}).Verify,
		CookiePrefix: prefix, AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		Introspection: cfg.Introspection == nil && open || cfg.Introspection != nil && *cfg.Introspection,
		Playground:    cfg.Playground == nil && open || cfg.Playground != nil && *cfg.Playground,
		Limits:        cfg.Limits, SubgraphTimeout: cfg.SubgraphTimeout, SubgraphMaxBytes: cfg.SubgraphMaxBytes,
	})
	if err != nil {
		return err
	}
	s.Handle("/", handler)
	return s.Run(ctx)
}
