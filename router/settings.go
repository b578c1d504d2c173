package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"time"

	"boxoffice.dev/pkg/config"
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
	File            config.File      `env:"CONFIG" flag:"FILE" help:"YAML file with settings"`
	Supergraph      string           `env:"SUPERGRAPH" flag:"FILE" envDefault:"schema/supergraph.graphql" help:"supergraph schema file, from any composer of Apollo Federation 2"`
	ServiceToken    config.Secret    `env:"SERVICE_TOKEN,required" help:"credential that the router sends to subgraphs, in X-Service-Token; at least 32 characters"`
	JWKSURL         string           `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json" help:"URL of the public keys (JWKS) that verify access tokens"`
	SessionSubgraph string           `env:"SESSION_SUBGRAPH" envDefault:"auth" help:"subgraph that issues sessions; only it receives refresh tokens and sets cookies"`
	AllowedOrigins  []httpapi.Origin `env:"ALLOWED_ORIGINS" help:"other origins whose pages may use the API with cookies: https://shop.example,…"`
	TrustedProxies  []netip.Prefix   `env:"TRUSTED_PROXIES" help:"networks of proxies whose X-Forwarded-For header is trusted: 10.0.0.0/8,…"`
	Introspection   *bool            `env:"INTROSPECTION" help:"allow introspection, and suggest names in errors; unset: only in development"`
	Playground      *bool            `env:"PLAYGROUND" help:"serve a GraphQL editor at /playground/; unset: only in development"`
	QueryPlans      *bool            `env:"QUERY_PLANS" help:"return the query plan to clients that request it; unset: only in development"`
	Compression     bool             `env:"COMPRESSION" envDefault:"true" help:"compress responses to queries from 1,400 bytes on, for clients that accept gzip"`
	APQ             bool             `env:"APQ" envDefault:"true" help:"automatic persisted queries: keep documents that clients send with their hash, so that the hash alone executes them"`
	Documents       []string         `env:"DOCUMENTS" help:"manifests of trusted documents, files from GraphQL Code Generator or Apollo"`
	DocumentsOnly   bool             `env:"DOCUMENTS_ONLY" envDefault:"false" help:"execute only trusted documents"`
	Reload          time.Duration    `env:"RELOAD" envDefault:"1s" min:"0s" help:"interval of checks whether CONFIG, SUPERGRAPH or DOCUMENTS have changed; changes take effect without a restart; 0s disables the checks"`
	Pages           pages.Config     `envPrefix:"PAGES_"`
	Limits          operation.Limits `envPrefix:"LIMIT_"`
	Subgraphs       subgraphs        `envPrefix:"SUBGRAPH_"`
	Live            stream.Config    `envPrefix:"LIVE_"`
}

type subgraphs struct {
	URLs map[string]string `env:"URLS" envKeyValSeparator:"=" help:"URLs of subgraphs, instead of those in the supergraph: auth=http://…,tickets=http://…"`
	upstream.Config
	Representations int      `env:"REPRESENTATIONS" envDefault:"500" min:"1" help:"maximum number of entities in one request; more are requested in several at once"`
	ErrorCodes      []string `env:"ERROR_CODES" help:"further codes of errors that clients get, besides UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, RATE_LIMITED and the values of the supergraph's enums named …ErrorCode; errors with other codes are masked"`
	OverrideLabels  []string `env:"OVERRIDE_LABELS" help:"labels of progressive @override that are active; percent(n) needs none"`
}

// files returns the names of all files that the settings name, the settings file first.
func (s settings) files() []string {
	return append([]string{string(s.File), s.Supergraph}, s.Documents...)
}

// Check returns errors that begin with the variable at fault.
func (s settings) Check() error {
	errs := []error{s.Config.Check(), s.Pages.Check(), checkURL("JWKS_URL", s.JWKSURL)}
	for _, u := range s.Subgraphs.URLs {
		errs = append(errs, checkURL("SUBGRAPH_URLS", u))
	}
	if _, err := os.Stat(s.Supergraph); err != nil {
		errs = append(errs, fmt.Errorf("SUPERGRAPH: %w", err))
	}
	if _, err := readManifests(s.Documents); err != nil {
		errs = append(errs, fmt.Errorf("DOCUMENTS: %w", err))
	}
	if s.DocumentsOnly && len(s.Documents) == 0 {
		errs = append(errs, errors.New("DOCUMENTS_ONLY: rejects every operation, because DOCUMENTS names no file"))
	}
	return errors.Join(errs...)
}

func checkURL(name, text string) error {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s: want http://… or https://…, got %q", name, text)
	}
	return nil
}

// readManifests returns the trusted documents of all files. The error lists every file that cannot be read.
func readManifests(files []string) (persisted.Manifest, error) {
	all := persisted.Manifest{}
	var errs []error
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // an operator's setting
		if err == nil {
			err = all.Read(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return all, errors.Join(errs...)
}
