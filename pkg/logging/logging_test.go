package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"boxoffice.dev/pkg/correlation"
)

func TestLinesHaveTheServiceAndTheIDsOfTheContext(t *testing.T) {
	t.Parallel()
	ctx := correlation.With(t.Context(), correlation.IDs{
		Request: "req-1", Cause: "event-1", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})
	var out bytes.Buffer
	log := newLogger(&out, "orders", "json")
	lastLine := func() map[string]string {
		t.Helper()
		line := map[string]string{}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
		out.Reset()
		delete(line, slog.TimeKey)
		return line
	}
	log.InfoContext(t.Context(), "started", "listen", "x")
	if got, want := lastLine(), (map[string]string{"level": "INFO", "msg": "started", "service": "orders", "listen": "x"}); !maps.Equal(got, want) {
		t.Errorf("outside of a request: got %v", got)
	}
	log.With("order", "ord_1").ErrorContext(ctx, "failed")
	if got, want := lastLine(), (map[string]string{
		"level": "ERROR", "msg": "failed", "service": "orders", "order": "ord_1",
		"request": "req-1", "cause": "event-1", "trace": "0af7651916cd43dd8448eb211c80319c",
	}); !maps.Equal(got, want) {
		t.Errorf("with ids: got %v", got)
	}
	newLogger(&out, "orders", "text").InfoContext(ctx, "started")
	if got := out.String(); !strings.Contains(got, " msg=started service=orders request=req-1 ") {
		t.Errorf("as text: got %s", got)
	}
}

func TestSetLevel(t *testing.T) {
	t.Cleanup(func() { SetLevel("info") })
	var out bytes.Buffer
	log := newLogger(&out, "orders", "json")
	for _, c := range []struct {
		level string
		lines int
	}{{"debug", 4}, {"info", 3}, {"warn", 2}, {"error", 1}} {
		SetLevel(c.level)
		out.Reset()
		log.Debug("a")
		log.Info("a")
		log.Warn("a")
		log.Error("a")
		if got := strings.Count(out.String(), "\n"); got != c.lines {
			t.Errorf("%s: got %d lines, want %d", c.level, got, c.lines)
		}
	}
}
