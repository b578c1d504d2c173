package httpapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
)

var auditing sync.Mutex // the first audit installs the packages of all

// audit runs a script of tools/audit on the router and returns what it printed.
func audit(t *testing.T, script string, w *gatewaytest.World) []byte {
	t.Helper()
	auditing.Lock()
	defer auditing.Unlock()
	cmd := exec.CommandContext(t.Context(), "../../../tools/audit/run", script, w.Router.URL+"/graphql") //nolint:gosec // the test's own server
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// script runs a script of tools/audit on the router and returns a function that compares the line that it
// prints next.
func script(t *testing.T, w *gatewaytest.World, name string, args ...string) (prints func(want string)) {
	t.Helper()
	auditing.Lock() // until it has printed something: then the packages are there
	unlock := sync.OnceFunc(auditing.Unlock)
	t.Cleanup(unlock)
	cmd := exec.CommandContext(t.Context(), "../../../tools/audit/run", append([]string{name, w.Router.URL + "/graphql"}, args...)...) //nolint:gosec // the test's own server
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	lines := bufio.NewScanner(out)
	return func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("%s prints %s, %v\nwant %s", name, lines.Text(), lines.Err(), want)
		}
		unlock()
	}
}

// TestAudits runs every audit of the reference implementation of GraphQL over HTTP, those of what a
// server should and may do as well.
func TestAudits(t *testing.T) {
	t.Parallel()
	audits := 0
	for dec := json.NewDecoder(bytes.NewReader(audit(t, "audit.mjs", gatewaytest.New(t)))); ; audits++ {
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

// TestApolloClient lets the real one register its documents and use their hashes. A router that
// does not remember documents makes it send them again.
func TestApolloClient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		automatic bool
		requests  string
	}{
		{"remembered", true, `[
			{"method":"GET","query":false,"hash":true,"status":400},
			{"method":"POST","query":true,"hash":true,"status":200},
			{"method":"GET","query":false,"hash":true,"status":200},
			{"method":"POST","query":false,"hash":true,"status":400},
			{"method":"POST","query":true,"hash":true,"status":200}]`},
		{"not remembered", false, `[
			{"method":"GET","query":false,"hash":true,"status":400},
			{"method":"POST","query":true,"hash":false,"status":200},
			{"method":"POST","query":true,"hash":false,"status":200},
			{"method":"POST","query":true,"hash":false,"status":200}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t, func(cfg *gateway.Config) { cfg.Persisted.Automatic = c.automatic })
			got := string(bytes.TrimSpace(audit(t, "apollo.mjs", w)))
			want := `{"requests":` + strings.Join(strings.Fields(c.requests), "") +
				`,"results":[{"ticket":{"title":"ticket t1","__typename":"Ticket"}},{"ticket":{"title":"ticket t2","__typename":"Ticket"}},{"ping":true}]}`
			if got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

// TestApolloClientTakesParts lets the real one render a query before its deferred fragments are there, by
// each specification that it knows, and follow a subscription over HTTP.
func TestApolloClientTakesParts(t *testing.T) {
	t.Parallel()
	const others = `,application/graphql-response+json,application/json;q=0.9`
	state := func(name, fields string) string {
		ticket := func(id string) string {
			return `{"__typename":"Ticket","id":"` + id + `","title":"ticket ` + id + `"` + fields + `}`
		}
		return `{"dataState":"` + name + `","data":{"tickets":{"__typename":"TicketConnection","nodes":[` + ticket("t1") + `,` + ticket("t2") + `]}}}`
	}
	for what, spec := range map[string]string{"defer20220824": "deferSpec=20220824", "incrementalV02": "incrementalSpec=v0.2"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := gatewaytest.New(t)
			orders, auth := gatewaytest.Hold(t, w.Orders), gatewaytest.Hold(t, w.Auth)
			prints := script(t, w, "parts.mjs", "", what)
			prints(`{"accept":"multipart/mixed;` + spec + others + `","type":"multipart/mixed; boundary=\"-\"; ` + spec + `"}`)
			prints(state("streaming", ""))
			orders()
			prints(state("streaming", `,"total":2149,"seller":{"__typename":"User"}`))
			auth()
			prints(state("complete", `,"total":2149,"seller":{"__typename":"User","displayName":"user sam"}`))
		})
	}
	t.Run("subscription", func(t *testing.T) {
		t.Parallel()
		w := gatewaytest.New(t)
		prints := script(t, w, "parts.mjs", "Bearer token-anna", "subscription")
		const update = `{"data":{"orderUpdated":{"__typename":"Order","id":"o1","buyer":{"__typename":"User","displayName":"user anna"},"ticket":{"__typename":"Ticket","title":"ticket t1","total":2149}}}}`
		prints(`{"accept":"multipart/mixed;boundary=graphql;subscriptionSpec=1.0` + others + `","type":"multipart/mixed; boundary=\"graphql\"; subscriptionSpec=1.0"}`)
		prints(update)
		w.Orders.Change()
		prints(update)
		w.Orders.Complete()
		prints(update)
		prints(`"complete"`)
	})
}
