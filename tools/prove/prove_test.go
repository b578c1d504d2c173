package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice.dev/tools/internal/stack"
)

// sabotagePatience limits the time until the damage, which mostly takes a moment.
const sabotagePatience = time.Minute

// start begins a trial that ends with the test.
func start(t *testing.T, o options) *trial {
	t.Helper()
	o.clients, o.race, o.say = 8, true, t.Logf
	s, err := begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, spec := range stack.Specs() {
				t.Logf("end of the log of %s:\n%s", spec.Name, s.Service(spec.Name).LogTail())
			}
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// runs runs the trial and returns the names of the violated invariants.
func runs(t *testing.T, s *trial) []string {
	t.Helper()
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, verdicts, err := s.judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s\n%s", summary(e.Ops), table(verdicts))
	if err := s.keep(e, verdicts, t.TempDir()); err != nil {
		t.Error(err)
	}
	return violated(verdicts)
}

// The invariants hold after faults, and no longer after the unique index is dropped.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, options{seed: 1, duration: 12 * time.Second, patience: 15 * time.Second})
	t.Run("S3 all invariants hold", func(t *testing.T) {
		if got := runs(t, s); len(got) > 0 {
			t.Errorf("violated: %q", got)
		}
	})
	t.Run("two live orders of one ticket are detected", func(t *testing.T) {
		if err := heal(t.Context(), s.Stack); err != nil {
			t.Fatal(err)
		}
		s.sabotage, s.duration, s.patience = sabotaged(t, "index"), sabotagePatience, 3*time.Second
		if got := runs(t, s); !slices.Contains(got, oneSeen) || !slices.Contains(got, oneStored) {
			t.Errorf("violated: %q, want at least %q and %q", got, oneSeen, oneStored)
		}
	})
}

func TestEarlyAcknowledgementIsDetected(t *testing.T) {
	t.Parallel()
	s := start(t, options{seed: 1, duration: sabotagePatience, patience: 3 * time.Second, sabotage: sabotaged(t, "ack")})
	if got := runs(t, s); !slices.Contains(got, locks) || slices.Contains(got, versions) || slices.Contains(got, empty) {
		t.Errorf("violated: %q, want %q: all events were published, but not all handled", got, locks)
	}
}

func TestRelayThatSkipsEventsIsDetected(t *testing.T) {
	t.Parallel()
	s := start(t, options{seed: 1, duration: sabotagePatience, patience: 3 * time.Second, sabotage: sabotaged(t, "relay")})
	if got := runs(t, s); !slices.Contains(got, empty) || !slices.Contains(got, versions) {
		t.Errorf("violated: %q, want %q and %q: some events were not published", got, empty, versions)
	}
}

func sabotaged(t *testing.T, name string) sabotage {
	t.Helper()
	i := slices.IndexFunc(sabotages, func(s sabotage) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("there is no sabotage %s", name)
	}
	return sabotages[i]
}

func TestScheduleDerivesFromSeed(t *testing.T) {
	t.Parallel()
	names := func(seed uint64) (all []string) {
		for _, s := range schedule(stream(seed, 0), allFaults(), 2*time.Minute) {
			all = append(all, s.at.String()+" "+s.down.String()+" "+s.name)
		}
		return all
	}
	if one, again := names(1), names(1); !reflect.DeepEqual(one, again) {
		t.Errorf("seed 1 gives %q and then %q", one, again)
	}
	one := names(1)
	if reflect.DeepEqual(one, names(2)) {
		t.Error("seeds 1 and 2 give the same schedule")
	}
	for _, f := range allFaults() {
		if !slices.ContainsFunc(one, func(s string) bool { return strings.HasSuffix(s, f.name) }) {
			t.Errorf("%s never strikes in two minutes: %q", f.name, one)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`unknown sabotage "war"`: {"--sabotage", "war"},
		"at least two clients":   {"--clients", "1"},
		"takes flags only":       {"now"},
		"not defined: -sed":      {"-sed", "1"},
	} {
		var stdout, stderr strings.Builder
		if status := run(t.Context(), args, &stdout, &stderr); status != statusFailed || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q exited with %d and printed %q, want %d and %q", args, status, stderr.String(), statusFailed, want)
		}
	}
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"-h"}, &stdout, &stderr); status != statusHolds || !strings.Contains(stderr.String(), "sabotage") {
		t.Errorf("help exited with %d and printed %q", status, stderr.String())
	}
}
