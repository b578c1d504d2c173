package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/persisted"
)

// load makes the gateway of what the settings say and the files hold at the moment.
func load(ctx context.Context, cfg config, verifier *identity.Verifier, current *gateway.Current) error {
	sdl, err := os.ReadFile(cfg.Supergraph)
	if err != nil {
		return fmt.Errorf("read supergraph: %w", err)
	}
	documents, err := trusted(cfg.Documents)
	if err != nil {
		return fmt.Errorf("read trusted documents: %w", err)
	}
	unlessSet := func(setting *bool) bool { return setting == nil && cfg.Development() || setting != nil && *setting }
	return current.Load(ctx, gateway.Config{
		SDL: string(sdl), SubgraphURLs: cfg.SubgraphURLs, ServiceToken: cfg.ServiceToken.Reveal(),
		Verify: verifier.Verify, SecureCookies: !cfg.Development(),
		AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		Introspection: unlessSet(cfg.Introspection), Playground: unlessSet(cfg.Playground), Compression: cfg.Compression,
		QueryPlans: unlessSet(cfg.QueryPlans),
		Pages:      cfg.Pages,
		Persisted:  persisted.Config{Trusted: documents, Only: cfg.DocumentsOnly, Automatic: cfg.APQ},
		Limits:     cfg.Limits,
		Upstream:   cfg.Upstream,
		Live:       cfg.Live,
	})
}

// watch calls changed when the files hold something else than what is known and are the same at two looks
// in a row: whoever writes one may not be done at the first. It ends with ctx. Looking finds every way to replace a file
// (in place, by a new one, by a link to another folder, as Kubernetes does) on every file system;
// notifications do not.
func watch(ctx context.Context, every time.Duration, files []string, known [sha256.Size]byte, changed func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for before := known; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := digest(files)
		if now != known && now == before {
			known = now
			changed()
		}
		before = now
	}
}

// digest tells whether the files hold what they held before. One that cannot be read holds its error.
func digest(files []string) (sum [sha256.Size]byte) {
	all := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // whoever configures the router names it
		if err != nil {
			text = []byte(err.Error())
		}
		one := sha256.Sum256(text)
		all.Write(one[:])
	}
	return [sha256.Size]byte(all.Sum(nil))
}
