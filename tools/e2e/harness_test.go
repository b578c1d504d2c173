// Package e2e tests the system from outside: the real binaries, built with the race detector, with real Postgres and
// RabbitMQ, and requests through the router.
//
// All tests share one running system. Each test creates its own accounts and tickets and leaves those of others alone,
// so most call t.Parallel. A test that needs other settings, or stops a service, starts replicas with Variant. Only a
// test that stops Postgres, RabbitMQ or every process starts a system of its own with Private, which takes seconds.
//
//	func TestSellTicket(t *testing.T) {
//		t.Parallel()
//		s := Shared(t)
//		tap := s.Tap(t, "tickets")                    // before the events are published
//		seller := s.SignUp(t)                         // a new account, with a bearer token
//		data := Must[struct{ CreateTicket struct{ Ticket struct{ ID string } } }](t, seller,
//			`mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }`,
//			Vars{"input": Vars{"title": "Front row", "price": Vars{"minorUnits": 1999, "currency": "USD"}}})
//		tap.Wait(t, "ticket.created.v1", data.CreateTicket.Ticket.ID)
//	}
//
// Clients: s.Anonymous, s.SignUp (bearer token), s.Browser and s.SignUpBrowser (cookies).
// Requests: Must (typed data; any top-level error fails the test), client.Do (the whole response), WantCode (the
// response must have exactly one top-level error, with the code).
// Effects: Eventually (polls for up to a minute), s.Tap (published events), s.DB (a service's tables).
package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/tools/internal/graphql"
	"boxoffice.dev/tools/internal/stack"
)

// patience bounds every wait. Only a failure takes that long.
const patience = time.Minute

// Vars are the variables of an operation.
type Vars = graphql.Vars

// Response is the whole response to an operation.
type Response = graphql.Response

// System is a running Boxoffice.
type System struct {
	*stack.Stack
	pools    *pools
	replicas map[string]*stack.Service // of a Variant, by the name of the service that each stands in for
}

// pools are connections to the services' databases.
type pools struct {
	sync.Mutex
	byService map[string]*pgxpool.Pool
}

// Private starts a system for one test and stops it when the test ends. Its services, Postgres and RabbitMQ can be
// stopped, killed and started again on the same ports and data. A setting is "service.NAME=value", such as
// "orders.HOLD=2s".
func Private(t *testing.T, settings ...string) *System {
	t.Helper()
	byService, err := parseSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	s, end, err := start(t.Context(), byService)
	if err != nil {
		t.Fatalf("start private system: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, service := range s.Services() {
				t.Logf("end of the log of %s:\n%s", service.Name, service.LogTail())
			}
		}
		if err := end(); err != nil {
			t.Errorf("end private system: %v", err)
		}
	})
	return s
}

// start starts a system; end stops it and removes its data.
func start(ctx context.Context, settings map[string][]string) (s *System, end func() error, err error) {
	root, err := stack.Root()
	if err != nil {
		return nil, nil, err
	}
	// All tests send requests from one address, so limits per address are off. The race detector makes password
	// hashing five times slower, so it gets less memory, and everything else slower, so timeouts are longer.
	byService := map[string][]string{
		"auth":     {"SIGN_UPS_PER_ADDRESS=1000000", "SIGN_INS_PER_ADDRESS=1000000", "PASSWORD_MEMORY_KIB=64", "ACCESS_TOKEN_TTL=1h", "READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
		"tickets":  {"READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
		"orders":   {"READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
		"payments": {"READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m", "PAYMENT_WAIT=30s"},
		"router":   {"SUBGRAPH_TIMEOUT=1m", "SUBGRAPH_WAIT=1m", "READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
	}
	for service, own := range settings {
		byService[service] = append(byService[service], own...)
	}
	dir, err := stack.TempDir()
	if err != nil {
		return nil, nil, err
	}
	running, err := stack.Start(ctx, stack.Options{
		Dir: dir, Root: root, Throwaway: true, Race: true, Specs: stack.Specs(), Database: "boxoffice", Settings: byService,
	})
	if err != nil {
		return nil, nil, errors.Join(err, stack.Remove(dir))
	}
	s = &System{Stack: running, pools: &pools{byService: map[string]*pgxpool.Pool{}}}
	return s, func() error {
		for _, pool := range s.pools.byService {
			pool.Close()
		}
		return errors.Join(s.Stop(), s.faults(), stack.Remove(dir))
	}, nil
}

// parseSettings groups settings by service. A service's name alone is a service without settings.
func parseSettings(settings []string) (byService map[string][]string, err error) {
	byService = map[string][]string{}
	for _, setting := range settings {
		service, assignment, found := strings.Cut(setting, ".")
		byService[service] = slices.Clip(byService[service])
		switch {
		case !found:
		case !strings.Contains(assignment, "="):
			return nil, fmt.Errorf("setting %q is not service.NAME=value", setting)
		default:
			byService[service] = append(byService[service], assignment)
		}
	}
	return byService, nil
}

var variants atomic.Int64

// Variant starts replicas of services of the system, and a router that sends requests to them, until the test ends. A
// setting is "service.NAME=value"; the name of a service alone starts a replica with the same settings. The replicas
// can be stopped, killed and started again. Databases, queues and all other services are those of the system, so
// events are handled and background tasks are run by the replicas or by the services that they are replicas of.
func (s *System) Variant(t *testing.T, settings ...string) *System {
	t.Helper()
	byService, err := parseSettings(settings)
	if err != nil {
		t.Fatal(err)
	}
	v := &System{Stack: s.Stack, pools: s.pools, replicas: map[string]*stack.Service{}}
	number := variants.Add(1)
	replica := func(service string, settings []string) {
		r, err := s.Replica(t.Context(), service, fmt.Sprintf("%s-%d", service, number), settings...)
		if err != nil {
			t.Fatalf("start replica: %v", err)
		}
		t.Cleanup(func() {
			if err := r.Stop(); err != nil {
				t.Errorf("stop replica: %v", err)
			}
		})
		v.replicas[service] = r
	}
	var subgraphs []string
	for _, spec := range stack.Specs() {
		if own, ok := byService[spec.Name]; ok && spec.Name != "router" {
			replica(spec.Name, own)
		}
		if spec.Subgraph {
			subgraphs = append(subgraphs, spec.Name+"=http://"+v.Service(spec.Name).Addr+"/graphql")
		}
	}
	replica("router", append(byService["router"], "SUBGRAPH_URLS="+strings.Join(subgraphs, ",")))
	return v
}

// Service returns the service of the name, or the replica that stands in for it. It panics when there is none.
func (s *System) Service(name string) *stack.Service {
	if r := s.replicas[name]; r != nil {
		return r
	}
	return s.Stack.Service(name)
}

// Endpoint returns the URL of the router's GraphQL endpoint.
func (s *System) Endpoint() string { return "http://" + s.Service("router").Addr + "/graphql" }

// faults returns an error when a service's log has a report of the race detector or a secret.
func (s *System) faults() error {
	secrets := map[string]string{"an email address": "@example.com", "a password": Password, "an access token": "eyJhbGciOi"}
	var errs []error
	for _, service := range s.Services() {
		log, err := os.ReadFile(service.LogFile())
		if err != nil {
			errs = append(errs, fmt.Errorf("read log of %s: %w", service.Name, err))
		}
		if _, report, found := strings.Cut(string(log), "WARNING: DATA RACE"); found {
			report, _, _ = strings.Cut(report, "==================")
			errs = append(errs, fmt.Errorf("%s has a data race:%s", service.Name, report))
		}
		for what, secret := range secrets {
			for line := range strings.Lines(string(log)) {
				if strings.Contains(line, secret) {
					errs = append(errs, fmt.Errorf("%s logs %s: %s", service.Name, what, line))
					break
				}
			}
		}
	}
	return errors.Join(errs...)
}

// DB returns a connection pool for a service's database.
func (s *System) DB(t *testing.T, service string) *pgxpool.Pool {
	t.Helper()
	s.pools.Lock()
	defer s.pools.Unlock()
	if pool := s.pools.byService[service]; pool != nil {
		return pool
	}
	pool, err := pgxpool.New(context.Background(), s.ServiceDatabaseURL(service))
	if err != nil {
		t.Fatalf("open database of %s: %v", service, err)
	}
	s.pools.byService[service] = pool
	return pool
}

// Count returns the single number that the SQL query selects from a service's database.
func (s *System) Count(t *testing.T, service, query string, args ...any) int {
	t.Helper()
	var n int
	if err := s.DB(t, service).QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("count in %s with %s %v: %v", service, query, args, err)
	}
	return n
}

// Client sends requests as one person, or as one browser.
type Client struct {
	graphql.Client
	UserID       string // empty before sign-up
	Email        string
	Password     string
	RefreshToken string // empty for browsers
}

// Anonymous returns a client without cookies or token.
func (s *System) Anonymous() *Client {
	return &Client{Client: graphql.Client{Endpoint: s.Endpoint(), HTTP: &http.Client{Timeout: patience}}}
}

// Browser returns a client that keeps cookies and is not signed in.
func (s *System) Browser() *Client {
	c := s.Anonymous()
	c.HTTP.Jar, _ = cookiejar.New(nil)
	return c
}

// SignUp returns the client of a new account, which sends a bearer token.
func (s *System) SignUp(t *testing.T) *Client {
	t.Helper()
	return signUp(t, s.Anonymous(), "BEARER")
}

// SignUpBrowser returns the client of a new account, which sends cookies.
func (s *System) SignUpBrowser(t *testing.T) *Client {
	t.Helper()
	return signUp(t, s.Browser(), "COOKIE")
}

// NewEmail returns an email address without an account.
func NewEmail() string { return strings.ToLower(rand.Text()) + "@example.com" }

// Password is the password of SignUp and SignUpBrowser.
const Password = "correct horse battery"

func signUp(t *testing.T, c *Client, delivery string) *Client {
	t.Helper()
	c.Email, c.Password = NewEmail(), Password
	user, err := graphql.SignUp(t.Context(), &c.Client, Vars{"email": c.Email, "password": c.Password, "delivery": delivery})
	if err != nil {
		t.Fatalf("sign up %s: %v", c.Email, err)
	}
	c.UserID, c.RefreshToken = user.ID, user.RefreshToken
	return c
}

// Do sends an operation and returns the whole response. Only a missing response fails the test.
func (c *Client) Do(t *testing.T, query string, vars Vars) *Response {
	t.Helper()
	r, err := c.Client.Do(t.Context(), query, vars)
	if err != nil {
		t.Fatalf("%s\nwith %v: %v", query, vars, err)
	}
	return r
}

// Must sends an operation and returns its data. A top-level error fails the test.
func Must[T any](t *testing.T, c *Client, query string, vars Vars) T {
	t.Helper()
	r := c.Do(t, query, vars)
	if len(r.Errors) > 0 {
		t.Fatalf("%s\nwith %v: got errors: %v", query, vars, r.Errors)
	}
	return Decode[T](t, r)
}

// Decode returns the response's data.
func Decode[T any](t *testing.T, r *Response) T {
	t.Helper()
	var data T
	if err := json.Unmarshal(r.Data, &data); err != nil {
		t.Fatalf("decode %s: %v", r.Content, err)
	}
	return data
}

// WantCode fails the test unless the response has exactly one top-level error, with the code.
func WantCode(t *testing.T, r *Response, code string) {
	t.Helper()
	if got := r.Errors.Codes(); !slices.Equal(got, []string{code}) {
		t.Fatalf("got error codes %v, want exactly %s: %s", got, code, r.Content)
	}
}

// Eventually polls until ready returns true, and fails the test when that takes too long. The failure says what was
// awaited.
func Eventually(t *testing.T, awaited string, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pause := 5 * time.Millisecond
	for !ready() {
		select {
		case <-time.After(pause):
			pause = min(pause*3/2, 250*time.Millisecond) // frequent polls of many tests would slow the system down
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", patience, awaited)
		}
	}
}

// Event is a published event as the broker delivers it.
type Event struct {
	ID      string
	Type    string // ticket.created.v1
	Subject string // id of the aggregate
	Version int    // of the aggregate
	Header  map[string]any
	Data    json.RawMessage
}

// Tap collects a copy of every event that a service publishes from now on.
type Tap struct {
	mu     sync.Mutex
	events []Event
	change chan struct{} // closed and replaced with every event
}

// Tap collects the events of a publisher (tickets, orders, payments, expiration) until the test ends or the broker
// stops.
func (s *System) Tap(t *testing.T, source string) *Tap {
	t.Helper()
	conn, err := amqp.Dial(s.BrokerURL)
	if err != nil {
		t.Fatalf("tap %s: %v", source, err)
	}
	tap := &Tap{change: make(chan struct{})}
	deliveries, err := bind(conn, source+".events")
	if err != nil {
		t.Fatalf("tap %s: %v", source, errors.Join(err, conn.Close()))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for d := range deliveries {
			tap.add(d)
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return tap
}

// bind consumes a copy of every event that is published to the exchange.
func bind(conn *amqp.Connection, exchange string) (<-chan amqp.Delivery, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open channel: %w", err)
	}
	queue, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return nil, fmt.Errorf("declare queue: %w", err)
	}
	if err := ch.QueueBind(queue.Name, "#", exchange, false, nil); err != nil {
		return nil, fmt.Errorf("bind to %s: %w", exchange, err)
	}
	return ch.Consume(queue.Name, "", true, true, false, false, nil)
}

func (tap *Tap) add(d amqp.Delivery) {
	text := func(name string) string {
		value, _ := d.Headers[name].(string)
		return value
	}
	version, _ := strconv.Atoi(text("aggregateversion")) // 0, which is no version, when it is invalid
	tap.mu.Lock()
	defer tap.mu.Unlock()
	tap.events = append(tap.events, Event{
		ID: text("id"), Type: text("type"), Subject: text("subject"), Version: version, Header: d.Headers, Data: d.Body,
	})
	close(tap.change)
	tap.change = make(chan struct{})
}

// Of returns the events about a subject so far in the order of their arrival, without redeliveries.
func (tap *Tap) Of(subject string) []Event {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	return tap.of(subject)
}

func (tap *Tap) of(subject string) []Event {
	var found []Event
	for _, e := range tap.events {
		if e.Subject == subject && !slices.ContainsFunc(found, func(f Event) bool { return f.ID == e.ID }) {
			found = append(found, e)
		}
	}
	return found
}

// Types returns the types of the events about a subject so far.
func (tap *Tap) Types(subject string) []string {
	var types []string
	for _, e := range tap.Of(subject) {
		types = append(types, e.Type)
	}
	return types
}

// Wait returns the first event of the type about the subject as soon as it arrives.
//
// Events of one publisher arrive in order. To show that no other event was published, wait for a later event and then
// compare Types with the wanted types.
func (tap *Tap) Wait(t *testing.T, eventType, subject string) Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		tap.mu.Lock()
		found, change := tap.of(subject), tap.change
		tap.mu.Unlock()
		if i := slices.IndexFunc(found, func(e Event) bool { return e.Type == eventType }); i >= 0 {
			return found[i]
		}
		select {
		case <-change:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s about %s, got only %v", patience, eventType, subject, tap.Types(subject))
		}
	}
}
