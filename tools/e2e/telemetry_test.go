package e2e

import (
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracing "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"boxoffice.dev/tools/internal/stack"
)

// spans are the spans of one trace that a collector has received.
type spans struct {
	trace string // in hexadecimal

	mu  sync.Mutex
	all map[string]span // by id, in hexadecimal
}

type span struct {
	*tracing.Span

	service string
}

// collect starts a collector (OTLP over HTTP) that keeps one trace.
func collect(t *testing.T, trace string) (url string, _ *spans) {
	t.Helper()
	s := &spans{trace: trace, all: map[string]span{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &request) != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("got %s with %d bytes: %v", r.URL, len(body), err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, resource := range request.GetResourceSpans() {
			service := ""
			for _, a := range resource.GetResource().GetAttributes() {
				if a.GetKey() == "service.name" {
					service = a.GetValue().GetStringValue()
				}
			}
			for _, scope := range resource.GetScopeSpans() {
				for _, one := range scope.GetSpans() {
					if hex.EncodeToString(one.GetTraceId()) == s.trace {
						s.all[hex.EncodeToString(one.GetSpanId())] = span{one, service}
					}
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return server.URL, s
}

// soFar returns the spans that have arrived, by id.
func (s *spans) soFar() map[string]span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.all)
}

// lineage names a span and its ancestors, outermost first.
func lineage(all map[string]span, id string) string {
	var names []string
	for one, ok := all[id]; ok; one, ok = all[hex.EncodeToString(one.GetParentSpanId())] {
		names = append(names, one.service+": "+one.GetName())
	}
	slices.Reverse(names)
	return strings.Join(names, " > ")
}

// A reservation is one trace, from the client's request to the last event handler, and it is counted in the metrics of
// every service.
func TestTelemetry(t *testing.T) {
	t.Parallel()
	const trace, root = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	url, sent := collect(t, trace)
	var settings []string
	for _, spec := range stack.Specs() {
		settings = append(settings, spec.Name+".OTEL_EXPORTER_OTLP_ENDPOINT="+url, spec.Name+".OTEL_BSP_SCHEDULE_DELAY=50")
	}
	s := Private(t, settings...)
	ticket := sell(t, s, s.SignUp(t))
	buyer := s.SignUp(t)
	buyer.Header = http.Header{"Traceparent": {"00-" + trace + "-" + root + "-01"}}
	o := ordered(t, buyer, ticket)
	read := buyer.Do(t, `query Mine { orders(first: 1) { nodes { id ticket { title } } } }`, nil)

	t.Run("one trace", func(t *testing.T) {
		fetch := func(subgraph string) string {
			return "router: POST /graphql > router: fetch " + subgraph + " > " + subgraph + ": POST /graphql > "
		}
		created := fetch("orders") + "orders: publish order.created.v1 > "
		want := []string{
			fetch("orders") + "orders: batch start",
			fetch("tickets") + "tickets: SELECT",
			created + "expiration: handle order.created.v1 > expiration: WITH",
			created + "tickets: handle order.created.v1 > tickets: publish ticket.reserved.v1 > orders: handle ticket.reserved.v1",
		}
		Eventually(t, "the trace of a reservation", func() bool {
			all := sent.soFar()
			var lines []string
			for id := range all {
				lines = append(lines, lineage(all, id))
			}
			missing := slices.DeleteFunc(slices.Clone(want), func(line string) bool { return slices.Contains(lines, line) })
			if len(missing) > 0 {
				slices.Sort(lines)
				t.Logf("no %s in\n%s", strings.Join(missing, "\n"), strings.Join(lines, "\n"))
			}
			return len(missing) == 0
		})
		Eventually(t, "every span has its parent", func() bool {
			all := sent.soFar()
			for id, one := range all {
				if _, known := all[hex.EncodeToString(one.GetParentSpanId())]; !known && hex.EncodeToString(one.GetParentSpanId()) != root {
					t.Logf("%s has no parent yet", lineage(all, id))
					return false
				}
			}
			return true
		})
		for _, one := range sent.soFar() {
			for _, a := range one.GetAttributes() {
				if strings.Contains(a.String(), buyer.Bearer) || strings.Contains(a.String(), buyer.Email) {
					t.Errorf("%s has a token or an email address: %v", one.GetName(), a)
				}
			}
		}
	})
	t.Run("access log", func(t *testing.T) {
		id := read.Header.Get("X-Request-Id")
		for service, want := range map[string]string{
			"router":  `level=INFO msg=request service=router method=POST path=/graphql status=200 bytes=\d+ duration=\S+ kind=query operation=Mine user=usr_\w+ request=` + id + ` trace=` + trace,
			"orders":  `level=INFO msg=request service=orders method=POST path=/graphql status=200 bytes=\d+ duration=\S+ request=` + id + ` trace=` + trace,
			"tickets": `level=INFO msg=request service=tickets method=POST path=/graphql status=200 bytes=\d+ duration=\S+ request=` + id + ` trace=` + trace,
		} {
			log, err := os.ReadFile(s.Service(service).LogFile())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(regexp.MustCompile(`(?m) `+want+`$`).FindAll(log, -1)); n != 1 {
				t.Errorf("%s has %d lines like %s", service, n, want)
			}
		}
	})
	t.Run("documentation of every metric", func(t *testing.T) {
		text, err := os.ReadFile("../../docs/operating.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range stack.Specs() {
			for _, help := range regexp.MustCompile(`(?m)^# HELP (\w+)`).FindAllStringSubmatch(metrics(t, s, spec.Name), -1) {
				name := help[1]
				if !regexp.MustCompile("^(go|process|promhttp)_").MatchString(name) && !strings.Contains(string(text), "`"+name+"`") {
					t.Errorf("docs/operating.md does not mention %s of %s", name, spec.Name)
				}
			}
		}
	})
	t.Run("metrics", func(t *testing.T) {
		wantMetrics(t, s, map[string][]string{
			"router": {
				`graphql_operation_duration_seconds_count{kind="mutation",outcome="done"} `, `subgraph_fetch_duration_seconds_count{outcome="answered",subgraph="orders"} 2`,
				`router_cache_lookups_total{cache="plans",result="miss"} `, `http_server_request_duration_seconds_count{method="POST",route="/graphql",status="200"} `,
				`graphql_subscriptions 0`,
			},
			"auth": {`http_server_request_duration_seconds_count{method="POST",route="/graphql",status="200"} `, `postgres_connections{state="max"} 16`},
			"tickets": {
				`events_published_total{type="ticket.reserved.v1"} 1`, `event_handling_duration_seconds_count{outcome="done",type="order.created.v1"} 1`,
				`outbox_events 0`, `outbox_oldest_seconds 0`, `broker_queue_messages{queue="tickets.orders.events"} 0`, `broker_queue_messages{queue="tickets.orders.events.dlq"} 0`,
			},
			"orders":     {`events_published_total{type="order.created.v1"} 1`, `postgres_connections{state="idle"} `},
			"expiration": {`deadlines_pending 1`, `deadlines_overdue_seconds 0`},
			"payments":   {`event_handling_duration_seconds_count{outcome="done",type="order.created.v1"} 1`},
		})
	})
	t.Run("metrics of errors, subscriptions and an unavailable broker", func(t *testing.T) {
		for _, query := range []string{"{ node" + strings.Repeat(" { a", 20) + strings.Repeat(" }", 21), `{ orders(filter: {statuses: []}) { nodes { id } } }`} {
			if r := s.SignUp(t).Do(t, query, nil); len(r.Errors) == 0 {
				t.Errorf("%s: no error", query)
			}
		}
		for _, follow := range transports {
			follow(t, buyer, ticketUpdated, ticket).until(t, `"RESERVED"`)
		}
		wantMetrics(t, s, map[string][]string{
			"router": {`graphql_refusals_total{code="DEPTH_LIMIT_EXCEEDED"} 1`, `graphql_subscriptions 3`, `router_connections{transport="events"} 1`, `router_connections{transport="multipart"} 1`, `router_connections{transport="websocket"} 1`},
			"orders": {`graphql_errors_total{code="BAD_USER_INPUT"} 1`},
		})
		if err := s.RabbitMQ.Kill(); err != nil {
			t.Fatal(err)
		}
		cancel(t, buyer, o.ID)
		wantMetrics(t, s, map[string][]string{"orders": {`outbox_events 1`}})
		if oldest := regexp.MustCompile(`\noutbox_oldest_seconds (\S+)`).FindStringSubmatch(metrics(t, s, "orders")); oldest == nil || oldest[1] == "0" {
			t.Errorf("got %v, want the age of the oldest event", oldest)
		}
		if err := s.RabbitMQ.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantMetrics(t, s, map[string][]string{"orders": {`outbox_events 0`, `outbox_oldest_seconds 0`}})
	})
}

// wantMetrics waits until the metrics of each service have lines that begin like these.
func wantMetrics(t *testing.T, s *System, all map[string][]string) {
	t.Helper()
	for service, want := range all {
		Eventually(t, "metrics of "+service, func() bool {
			text := metrics(t, s, service)
			for _, line := range want {
				if !strings.Contains(text, "\n"+line) {
					t.Logf("%s has no %s", service, line)
					return false
				}
			}
			return true
		})
	}
}

// metrics returns the metrics of a service in Prometheus's format.
func metrics(t *testing.T, s *System, service string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Service(service).AdminAddr+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics of %s: %d %v\n%s", service, resp.StatusCode, err, text)
	}
	return string(text)
}
