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

// router serves with the newest settings and files that were valid.
type router struct {
	current gateway.Current
	running settings // those of current
	read    func(running *settings) (settings, error)

	files  []string // to watch
	known  []digest // of the files when load read them last, valid or not
	loaded []digest // of the files that current was made from

	verifier *identity.Verifier
}

// load reads the settings and the files that they name, and serves with them. After an error everything is
// as before.
func (r *router) load(ctx context.Context) error {
	ownDigest := digests([]string{string(r.running.File)}) // before it is read, so that a change meanwhile is found
	cfg, err := r.read(&r.running)
	r.files = cfg.files() // also if the settings are faulty: a missing file may be the fault
	r.known = slices.Concat(ownDigest, digests(r.files[1:]))
	if err != nil {
		return err
	}
	if r.servesAlike(cfg) {
		r.running = cfg
		return nil
	}
	sdl, err := os.ReadFile(cfg.Supergraph)
	if err != nil {
		return fmt.Errorf("read supergraph: %w", err)
	}
	documents, err := readManifests(cfg.Documents)
	if err != nil {
		return fmt.Errorf("read trusted documents: %w", err)
	}
	verifier := r.verifier // keeps its keys
	if verifier == nil || cfg.JWKSURL != r.running.JWKSURL {
		verifier = identity.NewVerifier(identity.VerifierConfig{JWKSURL: cfg.JWKSURL})
	}
	inDevelopment := func(setting *bool) bool {
		return setting == nil && cfg.Development() || setting != nil && *setting
	}
	err = r.current.Load(ctx, gateway.Config{
		SDL: string(sdl), SubgraphURLs: cfg.Subgraphs.URLs, ServiceToken: cfg.ServiceToken.Reveal(),
		SessionSubgraph: cfg.SessionSubgraph,
		Verify:          verifier.Verify, SecureCookies: !cfg.Development(),
		AllowedOrigins: cfg.AllowedOrigins, TrustedProxies: cfg.TrustedProxies,
		Introspection: inDevelopment(cfg.Introspection), Playground: inDevelopment(cfg.Playground),
		QueryPlans: inDevelopment(cfg.QueryPlans), Compression: cfg.Compression,
		Pages:     cfg.Pages,
		Persisted: persisted.Config{Trusted: documents, Only: cfg.DocumentsOnly, Automatic: cfg.APQ},
		Limits:    cfg.Limits,
		Upstream:  cfg.Subgraphs.Config, Representations: cfg.Subgraphs.Representations,
		ErrorCodes: cfg.Subgraphs.ErrorCodes, OverrideLabels: cfg.Subgraphs.OverrideLabels,
		Live: cfg.Live,
	})
	if err != nil {
		return err
	}
	r.running, r.verifier, r.loaded = cfg, verifier, r.known
	return nil
}

// servesAlike reports whether a new gateway would serve as the current one does. Then subscriptions are not
// interrupted because of a comment or the log level.
func (r *router) servesAlike(cfg settings) bool {
	cfg.Log.Level, cfg.Reload = r.running.Log.Level, r.running.Reload
	return r.loaded != nil && reflect.DeepEqual(cfg, r.running) && slices.Equal(r.known[1:], r.loaded[1:])
}

// waitForChange returns true when the files differ from those that load read, and have been the same for two
// polls: a file may be half written at the first. It returns false when ctx has ended, or when reloading is
// disabled. Polling finds every way to replace a file (in place, by renaming, by a symbolic link to another
// folder, as Kubernetes does) on every file system; notifications do not.
func (r *router) waitForChange(ctx context.Context) bool {
	if r.running.Reload == 0 {
		return false
	}
	tick := time.NewTicker(r.running.Reload)
	defer tick.Stop()
	for previous := r.known; ; {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		now := digests(r.files)
		if !slices.Equal(now, r.known) && slices.Equal(now, previous) {
			return true
		}
		previous = now
	}
}

type digest = [sha256.Size]byte

// digests returns a digest of each file, or of the error that reading it returns.
func digests(files []string) []digest {
	list := make([]digest, len(files))
	for i, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // an operator's setting
		if err != nil {
			text = []byte(err.Error())
		}
		list[i] = sha256.Sum256(text)
	}
	return list
}
