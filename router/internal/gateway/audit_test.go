package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
)

// TestAudits runs every audit of the reference implementation of GraphQL over HTTP, those of what a
// server should and may do as well.
func TestAudits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cmd := exec.CommandContext(t.Context(), "../../../tools/audit/run", w.router.URL+"/graphql") //nolint:gosec // the test's own server
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	audits := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; audits++ {
		var audit struct{ ID, Name, Status, Reason string }
		if err := dec.Decode(&audit); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		t.Run(audit.ID+" "+audit.Name, func(t *testing.T) {
			if audit.Status != "ok" {
				t.Errorf("%s: %s", audit.Status, audit.Reason)
			}
		})
	}
	if audits < 61 {
		t.Errorf("%d audits ran, want all 61", audits)
	}
}
