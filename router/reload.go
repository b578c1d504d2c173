package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
	"slices"
	"time"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/persisted"
)

// router answers by the newest settings and files that were without fault.
type router struct {
	current gateway.Current
	running settings // what current was made of
	read    func(running *settings) (settings, error)

	files  []string // that are looked at
	known  []sum    // what they held when load read them, whether or not they were in order
	loaded []sum    // what those hold that current was made of

	verifier *identity.Verifier
}

// load reads the settings and the files that they name, and serves what they say from now on. After an
// error everything is as before.
func (r *router) load(ctx context.Context) error {
	settings := digest([]string{string(r.running.File)}) // before they are read: the next look finds what changes meanwhile
	cfg, err := r.read(&r.running)
	r.files = cfg.files() // also of settings that are faulty: they may lack only a file
	r.known = slices.Concat(settings, digest(r.files[1:]))
	if err != nil {
		return err
	}
	if r.runs(cfg) {
		r.running = cfg
		return nil
	}
	sdl, err := os.ReadFile(cfg.Supergraph)
	if err != nil {
		return fmt.Errorf("read supergraph: %w", err)
	}
	documents, err := trusted(cfg.Documents)
	if err != nil {
		return fmt.Errorf("read trusted documents: %w", err)
	}
	verifier := r.verifier
	if verifier == nil || cfg.JWKSURL != r.running.JWKSURL { // else it has its keys
		verifier = identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})
	}
	unlessSet := func(setting *bool) bool { return setting == nil && cfg.Development() || setting != nil && *setting }
	err = r.current.Load(ctx, gateway.Config{
		SDL: string(sdl), SubgraphURLs: cfg.Subgraphs.URLs, ServiceToken: cfg.ServiceToken.Reveal(),
		Verify: verifier.Verify, SecureCookies: !cfg.Development(),
		AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		Introspection: unlessSet(cfg.Introspection), Playground: unlessSet(cfg.Playground), Compression: cfg.Compression,
		QueryPlans: unlessSet(cfg.QueryPlans),
		Pages:      cfg.Pages,
		Persisted:  persisted.Config{Trusted: documents, Only: cfg.DocumentsOnly, Automatic: cfg.APQ},
		Limits:     cfg.Limits,
		Upstream:   cfg.Subgraphs.Config,
		Live:       cfg.Live,
	})
	if err != nil {
		return err
	}
	r.running, r.verifier, r.loaded = cfg, verifier, r.known
	return nil
}

// runs reports whether another gateway would do the same as the one that serves. Nobody should have to connect
// again because of a comment or the level of the log.
func (r *router) runs(cfg settings) bool {
	cfg.Log.Level, cfg.Reload = r.running.Log.Level, r.running.Reload
	return r.loaded != nil && reflect.DeepEqual(cfg, r.running) && slices.Equal(r.known[1:], r.loaded[1:])
}

// changes waits until the files hold something else than what was loaded and are the same at two looks
// in a row: whoever writes one may not be done at the first. It returns false when ctx has ended. Looking finds every way to replace a file
// (in place, by a new one, by a link to another folder, as Kubernetes does) on every file system;
// notifications do not.
func (r *router) changes(ctx context.Context) bool {
	if r.running.Reload == 0 {
		return false
	}
	tick := time.NewTicker(r.running.Reload)
	defer tick.Stop()
	for before := r.known; ; {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		now := digest(r.files)
		if !slices.Equal(now, r.known) && slices.Equal(now, before) {
			return true
		}
		before = now
	}
}

type sum = [sha256.Size]byte

// digest tells whether the files hold what they held before. One that cannot be read holds its error.
func digest(files []string) []sum {
	sums := make([]sum, len(files))
	for i, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // whoever configures the router names it
		if err != nil {
			text = []byte(err.Error())
		}
		sums[i] = sha256.Sum256(text)
	}
	return sums
}
