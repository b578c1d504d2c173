package health_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice.dev/pkg/health"
)

func TestTracker(t *testing.T) {
	var log bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	synctest.Test(t, func(t *testing.T) {
		tracker := health.NewTracker("queue does not confirm events")
		expect := func(when string, degraded bool, seconds float64, lines int) {
			t.Helper()
			err := tracker.Check(t.Context())
			if degraded != (err != nil) || degraded && !strings.Contains(err.Error(), "orders.tickets.events for 1") {
				t.Errorf("%s: got %v, want degraded %v", when, err, degraded)
			}
			if got, err := tracker.Seconds(t.Context()); err != nil || got["orders.tickets.events"] != seconds {
				t.Errorf("%s: failing for %v, %v, want %v s", when, got, err, seconds)
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != lines {
				t.Errorf("%s: got %d ERROR lines, want %d:\n%s", when, n, lines, &log)
			}
		}
		failure := errors.New("no confirm")
		set := func(err error) { tracker.Set(t.Context(), "orders.tickets.events", err) }
		expect("before the first result", false, 0, 0)
		set(failure)
		<-time.After(health.Grace - time.Second)
		set(failure)
		expect("after nine seconds", false, 9, 0)
		set(nil)
		set(failure)
		<-time.After(health.Grace)
		set(failure)
		set(failure)
		expect("ten seconds after the next failure", true, 10, 1)
		if !strings.Contains(log.String(), `msg="queue does not confirm events" queue=orders.tickets.events`) {
			t.Errorf("the log does not name the queue:\n%s", &log)
		}
		set(nil)
		expect("recovered", false, 0, 1)
	})
}
