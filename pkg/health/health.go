// Package health tracks failures that degrade a service without ending it.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Grace is how long a part may fail before it counts as degraded.
const Grace = 10 * time.Second

// Tracker records since when each part, such as a queue, fails. It is safe for concurrent use.
type Tracker struct {
	message string
	mu      sync.Mutex
	parts   map[string]*part
}

type part struct {
	since    time.Time // zero while the part works
	err      error
	reported bool
}

// NewTracker returns a Tracker that logs the message at level ERROR when a part is degraded.
func NewTracker(message string) *Tracker {
	return &Tracker{message: message, parts: map[string]*part{}}
}

// Set records that the part, such as a queue, fails with err now, or works when err is nil.
func (t *Tracker) Set(ctx context.Context, name string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.parts[name]
	if p == nil {
		p = &part{}
		t.parts[name] = p
	}
	switch {
	case err == nil:
		if p.reported {
			duration := time.Since(p.since).Round(time.Second)
			//nolint:sloglint // a constant of the tracker
			slog.InfoContext(ctx, "recovered: "+t.message, "queue", name, "after", duration)
		}
		*p = part{}
	case p.since.IsZero():
		p.since, p.err = time.Now(), err
	default:
		p.err = err
		if !p.reported && p.degraded() {
			p.reported = true
			//nolint:sloglint // a constant of the tracker
			slog.ErrorContext(ctx, t.message, "queue", name, "since", p.since, "error", err)
		}
	}
}

// Retain records that all parts but the named ones work.
func (t *Tracker) Retain(ctx context.Context, names []string) {
	t.mu.Lock()
	var others []string
	for name := range t.parts {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	t.mu.Unlock()
	for _, name := range others {
		t.Set(ctx, name, nil)
	}
}

func (p *part) degraded() bool { return !p.since.IsZero() && time.Since(p.since) >= Grace }

// Check returns an error that names the degraded parts, or nil when there is none.
func (t *Tracker) Check(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(t.parts)) {
		if p := t.parts[name]; p.degraded() {
			errs = append(errs, fmt.Errorf("%s for %s: %w", name, time.Since(p.since).Round(time.Second), p.err))
		}
	}
	return errors.Join(errs...)
}

// Seconds returns for how long each part has failed, 0 for those that work. It serves metrics.Gauge.
func (t *Tracker) Seconds(context.Context) (map[string]float64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seconds := map[string]float64{}
	for name, p := range t.parts {
		seconds[name] = 0
		if !p.since.IsZero() {
			seconds[name] = time.Since(p.since).Seconds()
		}
	}
	return seconds, nil
}
