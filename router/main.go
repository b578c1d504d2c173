// Router is the one address of the API: it plans operations over the supergraph, asks the
// subgraphs, and keeps away from them what clients may not do.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/logging"
	"boxoffice.dev/pkg/metrics"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/router/internal/httpapi"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/pages"
	"boxoffice.dev/router/internal/persisted"
	"boxoffice.dev/router/internal/stream"
	"boxoffice.dev/router/internal/upstream"
)

type settings struct {
	server.Config
	File           config.File      `env:"CONFIG" flag:"FILE" help:"a YAML file with these settings"`
	Supergraph     string           `env:"SUPERGRAPH" flag:"FILE" envDefault:"schema/supergraph.graphql" help:"file with the supergraph, as any composer of Apollo Federation 2 writes it"`
	ServiceToken   config.Secret    `env:"SERVICE_TOKEN,required" help:"proves to the subgraphs that the router asks; at least 32 characters"`
	JWKSURL        string           `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json" help:"the public keys that access tokens are verified with"`
	AllowedOrigins []httpapi.Origin `env:"ALLOWED_ORIGINS" help:"other origins whose pages may use the API with cookies: https://shop.example,…"`
	TrustedProxies []netip.Prefix   `env:"TRUSTED_PROXIES" help:"proxies whose X-Forwarded-For is believed: 10.0.0.0/8,…"`
	Introspection  *bool            `env:"INTROSPECTION" help:"the schema can be asked for and errors suggest names; only in development, unless set"`
	Playground     *bool            `env:"PLAYGROUND" help:"an editor for trying out the API at /playground/; only in development, unless set"`
	QueryPlans     *bool            `env:"QUERY_PLANS" help:"clients that ask are told which subgraph is asked what; only in development, unless set"`
	Compression    bool             `env:"COMPRESSION" envDefault:"true" help:"large answers to queries are compressed for clients that take gzip"`
	APQ            bool             `env:"APQ" envDefault:"true" help:"documents that come with their hash are remembered (automatic persisted queries)"`
	Documents      []string         `env:"DOCUMENTS" help:"files with trusted documents, as GraphQL Code Generator or Apollo write them"`
	DocumentsOnly  bool             `env:"DOCUMENTS_ONLY" envDefault:"false" help:"nothing but trusted documents is executed"`
	Reload         time.Duration    `env:"RELOAD" envDefault:"1s" min:"0s" help:"between looks at CONFIG, SUPERGRAPH and DOCUMENTS, which are loaded anew when they have changed; 0s for never"`
	Pages          pages.Config     `envPrefix:"PAGES_"`
	Limits         operation.Limits `envPrefix:"LIMIT_"`
	Subgraphs      subgraphs        `envPrefix:"SUBGRAPH_"`
	Live           stream.Config    `envPrefix:"LIVE_"`
}

type subgraphs struct {
	URLs map[string]string `env:"URLS" envKeyValSeparator:"=" help:"where subgraphs are, instead of where the supergraph says: auth=http://…,tickets=http://…"`
	upstream.Config
}

// files are all that settings name, their own first.
func (c settings) files() []string {
	return append([]string{string(c.File), c.Supergraph}, c.Documents...)
}

// Check finds what the types of the settings do not.
func (c settings) Check() error {
	faults := []error{c.Config.Check()}
	absolute := func(name, text string) {
		if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			faults = append(faults, fmt.Errorf("%s: want http://… or https://…, got %q", name, text))
		}
	}
	absolute("JWKS_URL", c.JWKSURL)
	for _, u := range c.Subgraphs.URLs {
		absolute("SUBGRAPH_URLS", u)
	}
	if _, err := os.Stat(c.Supergraph); err != nil {
		faults = append(faults, fmt.Errorf("SUPERGRAPH: %w", err))
	}
	if _, err := trusted(c.Documents); err != nil {
		faults = append(faults, fmt.Errorf("DOCUMENTS: %w", err))
	}
	if c.DocumentsOnly && len(c.Documents) == 0 {
		faults = append(faults, errors.New("DOCUMENTS_ONLY: nothing could be executed, because DOCUMENTS names no file"))
	}
	return errors.Join(append(faults, c.Pages.Check())...)
}

// trusted reads manifests.
func trusted(files []string) (persisted.Manifest, error) {
	all := persisted.Manifest{}
	var faults []error
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // whoever configures the router names it
		if err == nil {
			err = all.Read(text)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return all, errors.Join(faults...)
}

var program = config.Program{
	Name: "router", About: "Router answers the operations of a supergraph by asking its subgraphs.",
	Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4000", "ADMIN_ADDR": "127.0.0.1:4010"},
}

func main() { server.Main(program, run) }

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	r := router{running: cfg, read: func(running *settings) (settings, error) { return config.Read(program, os.Environ(), running) }}
	if err := r.load(ctx); err != nil {
		return err
	}
	var refused atomic.Bool
	srv.Collect(metrics.Gauge("router_reload_refused", "1 while the newest settings or files are not in force because something is wrong with them, else 0.", "",
		func(context.Context) (map[string]float64, error) {
			if refused.Load() {
				return map[string]float64{"": 1}, nil
			}
			return map[string]float64{"": 0}, nil
		}))
	srv.Handle("/", &r.current)
	srv.CheckAny(r.current.Reach)
	srv.Go("reload", func(until context.Context) error {
		for r.changes(until) {
			err := r.load(ctx)
			refused.Store(err != nil)
			if err != nil {
				slog.ErrorContext(ctx, "not reloaded", "error", err)
				continue
			}
			logging.SetLevel(r.running.Log.Level)
			slog.InfoContext(ctx, "reloaded")
		}
		return nil
	})
	err := srv.Run(ctx)
	r.current.Wait() // until those who follow something know that they must look elsewhere
	return err
}
