package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice.dev/router/internal/gateway"
	"boxoffice.dev/router/internal/gatewaytest"
	"boxoffice.dev/router/internal/subgraphtest"
	"boxoffice.dev/router/internal/upstream"
)

// 200 users send all kinds of operations over all transports, while subgraphs fail in several ways and other supergraphs
// are loaded. Each user reads only their own data, the only error is an unavailable part, many responses are complete,
// and no goroutine is left. The test counts the goroutines of the process, so it does not run in parallel.
func TestMixedLoadWithFailures(t *testing.T) {
	w, current := reloadable(t, func(c *gateway.Config) {
		c.Upstream.Timeout, c.Upstream.Wait, c.Upstream.Retries = time.Minute, time.Minute, 20 // a slow machine fails nothing
		c.Upstream.Breaker = upstream.Breaker{Failures: 50, Fetches: 20, Window: time.Second, Pause: 10 * time.Millisecond}
		c.Live.PerAddress, c.Live.InitTimeout = 1000, time.Minute // all clients have one address
	})
	http.DefaultClient.CloseIdleConnections()
	baseline := runtime.NumGoroutine()
	const people, turns = 200, 9
	s := storm{World: w, t: t, current: current}
	var users sync.WaitGroup
	for i := range people {
		users.Go(func() {
			for turn := range turns {
				s.weather(s.turns.Add(1))
				s.turn(fmt.Sprintf("user%d", i), i+turn)
			}
		})
	}
	users.Wait()
	t.Logf("%d complete responses, %d with an unavailable part, %d connections closed by a reload", s.complete.Load(), s.partial.Load(), s.sentAway.Load())
	if s.complete.Load() < people || s.partial.Load() == 0 || s.sentAway.Load() == 0 {
		t.Error("want many complete, some partial, and some closed")
	}
	if err := current.Load(t.Context(), w.Config); err != nil { // closes idle connections to subgraphs
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "everything has ended", func() bool { return runtime.NumGoroutine() <= baseline })
}

// storm counts the results.
type storm struct {
	*gatewaytest.World

	t                                  *testing.T
	current                            *gateway.Current
	turns, complete, partial, sentAway atomic.Int64
}

// weather starts and ends faults by the number of turns: a subgraph fails for some of them, then drops its connections
// and recovers; or another supergraph is loaded.
func (s *storm) weather(turn int64) {
	s.t.Helper()
	const spell = 400
	faults := []http.HandlerFunc{
		gatewaytest.HangUp,
		gatewaytest.Respond(http.StatusBadGateway, "text/html", "<html>"),
		gatewaytest.Respond(http.StatusOK, "application/json", "[]"),
	}
	round := int(turn / spell)
	subgraph := []*subgraphtest.Subgraph{s.Auth, s.Tickets, s.Orders}[round%3]
	switch turn % spell {
	case 100:
		subgraph.Answer(faults[round/3%len(faults)])
	case 110:
		subgraph.Answer(nil)
		subgraph.CloseClientConnections()
	case 300:
		cfg := s.Config
		if round%2 == 0 {
			cfg = withoutMargin(s.t, cfg)
		}
		if err := s.current.Load(s.t.Context(), cfg); err != nil {
			s.t.Error(err)
		}
	}
}

// errands are operations and their responses. %[1]s is the user's name and %[2]s the id of a ticket.
var errands = []struct{ query, answer string }{
	{
		`query($t: ID!) { viewer { email user { displayName } } orders { id buyer { id displayName } ticket { viewerOrder { id } } } ticket(id: $t) { title } }`,
		`{"data":{"viewer":{"email":"%[1]s@example.com","user":{"displayName":"user %[1]s"}},"orders":[{"id":"order-of-%[1]s","buyer":{"id":"%[1]s","displayName":"user %[1]s"},` +
			`"ticket":{"viewerOrder":{"id":"order-of-%[1]s"}}}],"ticket":{"title":"ticket %[2]s"}}}`,
	},
	{
		`mutation($t: ID!) { createOrder(ticketId: $t) { buyer { displayName } ticket { title viewerOrder { id } } } }`,
		`{"data":{"createOrder":{"buyer":{"displayName":"user %[1]s"},"ticket":{"title":"ticket %[2]s","viewerOrder":{"id":"order-of-%[1]s"}}}}}`,
	},
	{
		`subscription($t: ID!) { orderUpdated(id: $t) { id buyer { displayName } ticket { title total } } }`,
		`{"data":{"orderUpdated":{"id":"%[2]s","buyer":{"displayName":"user %[1]s"},"ticket":{"title":"ticket t1","total":2149}}}}`,
	},
}

// turn executes one errand for a user over one transport.
func (s *storm) turn(name string, n int) {
	errand, ticket := errands[n%len(errands)], fmt.Sprintf("t-of-%s-%d", name, n)
	sent := map[string]any{"query": errand.query, "variables": map[string]any{"t": ticket}}
	body, err := json.Marshal(sent)
	if err != nil {
		s.t.Error(err)
		return
	}
	subscribes, changes := strings.HasPrefix(errand.query, "subscription"), strings.HasPrefix(errand.query, "mutation")
	var answer string
	switch way := n / len(errands) % 4; {
	case way == 0 || subscribes && way == 1:
		answer = s.BySocket(name, string(body))
	case way == 1 || subscribes:
		answer = s.ByEvents(name, string(body))
	case way == 2 && !changes:
		q := url.Values{"query": {errand.query}, "variables": {`{"t":"` + ticket + `"}`}}
		answer = s.Do(s.Raw(http.MethodGet, "/graphql?"+q.Encode(), nil, "Cookie", "access=token-"+name, "GraphQL-Preflight", "1")).Body
	default:
		answer = s.Do(s.Raw(http.MethodPost, "/graphql", body, append([]string{"Content-Type", "application/json"}, gatewaytest.As(name)...)...)).Body
	}
	s.judge(name, answer, fmt.Sprintf(errand.answer, name, ticket))
}

var anyUser = regexp.MustCompile(`user\d+`)

// judge checks a response to a user.
func (s *storm) judge(name, got, want string) {
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Extensions struct{ Code string } }
	}
	switch err := json.Unmarshal([]byte(got), &answer); {
	case got == "":
		s.sentAway.Add(1)
		return
	case got == want:
		s.complete.Add(1)
		return
	case err != nil || len(answer.Errors) == 0:
		s.t.Errorf("%s got  %s\nwant %s", name, got, want)
	}
	for _, e := range answer.Errors {
		if e.Extensions.Code != string(upstream.Unavailable) {
			s.t.Errorf("%s got %s", name, got)
		}
	}
	for _, other := range anyUser.FindAllString(got, -1) {
		if other != name {
			s.t.Errorf("%s got data of %s: %s", name, other, got)
		}
	}
	s.partial.Add(1)
}
