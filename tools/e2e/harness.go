// Package e2e tests the system as its users meet it: the real binaries (built with the race
// detector), real Postgres and RabbitMQ, requests through the router.
//
// The tests share one running system, so each makes its own people and tickets and touches nobody
// else's; t.Parallel() is right. A test that stops or kills something, or wants other settings,
// starts a system of its own with Private.
//
//	func TestSellTicket(t *testing.T) {
//		t.Parallel()
//		s := Shared(t)
//		tap := s.Tap(t, "tickets")                    // before the events are published
//		seller := s.SignUp(t)                         // a new account, by bearer token
//		data := Must[struct{ CreateTicket struct{ Ticket struct{ ID string } } }](t, seller,
//			`mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }`,
//			Vars{"input": Vars{"title": "Front row", "price": Vars{"minorUnits": 1999, "currency": "USD"}}})
//		tap.Wait(t, "ticket.created.v1", data.CreateTicket.Ticket.ID)
//	}
//
// Who asks: s.Anonymous() · s.SignUp(t) (bearer) · s.Browser() and s.SignUpBrowser(t) (cookies).
// How: Must (typed data, any top-level error fails the test) · client.Do (the whole answer) ·
// WantCode (the answer must hold exactly one top-level error with the code).
// What happened: Eventually (polls, within a minute) · s.Tap (published events) · s.DB (a service's tables).
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
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	amqp "github.com/rabbitmq/amqp091-go"

	"boxoffice.dev/tools/internal/graphql"
	"boxoffice.dev/tools/internal/stack"
)

// patience bounds every wait. Nothing takes that long unless it is broken.
const patience = time.Minute

// Vars are the variables of an operation.
type Vars = graphql.Vars

// Response is the whole answer to an operation.
type Response = graphql.Response

// System is a running Boxoffice. Its Service(name), Postgres and RabbitMQ can be stopped, killed
// and started again on the same ports and data; only do that to a Private one.
type System struct {
	*stack.Stack
	mu    sync.Mutex
	pools map[string]*pgxpool.Pool
}

// Private starts a system for one test, which ends it. Settings are "service.NAME=value", such as
// "orders.HOLD=2s". Starting takes some seconds: let one test tell a whole story with it.
func Private(t *testing.T, settings ...string) *System {
	t.Helper()
	s, end, err := start(t.Context(), settings)
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
func start(ctx context.Context, settings []string) (s *System, end func() error, err error) {
	root, err := stack.Root()
	if err != nil {
		return nil, nil, err
	}
	// All tests come from one address, so what limits strangers must not limit them. And the race
	// detector makes hashing passwords five times slower, which thousands of sign-ups would feel.
	// It slows everything else down as well, so a crowd gets more time for its answers.
	byService := map[string][]string{
		"auth":     {"SIGN_UPS_PER_ADDRESS=1000000", "SIGN_INS_PER_ADDRESS=1000000", "PASSWORD_MEMORY_KIB=64", "ACCESS_TOKEN_TTL=1h", "READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
		"tickets":  {"READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
		"orders":   {"READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
		"payments": {"READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m", "PAYMENT_WAIT=30s"},
		"router":   {"SUBGRAPH_TIMEOUT=1m", "SUBGRAPH_WAIT=1m", "READ_HEADER_TIMEOUT=1m", "READ_TIMEOUT=1m"},
	}
	for _, setting := range settings {
		service, assignment, ok := strings.Cut(setting, ".")
		if !ok {
			return nil, nil, fmt.Errorf("setting %q is not service.NAME=value", setting)
		}
		byService[service] = append(byService[service], assignment)
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
	s = &System{Stack: running, pools: map[string]*pgxpool.Pool{}}
	return s, func() error {
		for _, pool := range s.pools {
			pool.Close()
		}
		return errors.Join(s.Stop(), s.faults(), stack.Remove(dir))
	}, nil
}

// faults returns an error when a service's log has a report of the race detector, with which the
// services were built, or anything that must never stand in a log.
func (s *System) faults() error {
	secrets := map[string]string{"an e-mail address": "@example.com", "a password": Password, "an access token": "eyJhbGciOi"}
	var errs []error
	for _, service := range s.Services() {
		log, err := os.ReadFile(service.LogFile())
		if err != nil {
			errs = append(errs, fmt.Errorf("look for faults of %s: %w", service.Name, err))
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

// DB returns a pool on a service's own database, to look at what is stored.
func (s *System) DB(t *testing.T, service string) *pgxpool.Pool {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if pool := s.pools[service]; pool != nil {
		return pool
	}
	pool, err := pgxpool.New(context.Background(), s.ServiceDatabaseURL(service))
	if err != nil {
		t.Fatalf("open database of %s: %v", service, err)
	}
	s.pools[service] = pool
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

// Client is somebody who uses the system.
type Client struct {
	graphql.Client
	UserID       string // empty before sign-up
	Email        string
	Password     string
	RefreshToken string // of API clients
}

// Anonymous returns a client without cookies or token.
func (s *System) Anonymous() *Client {
	return &Client{Client: graphql.Client{Endpoint: s.Endpoint(), HTTP: &http.Client{Timeout: patience}}}
}

// Browser returns a client that keeps cookies and is not signed in.
func (s *System) Browser() *Client {
	c := s.Anonymous()
	c.HTTP.Jar, _ = cookiejar.New(nil) //nolint:errcheck // never fails
	return c
}

// SignUp returns a new person who sends bearer tokens.
func (s *System) SignUp(t *testing.T) *Client {
	t.Helper()
	return signUp(t, s.Anonymous(), "BEARER")
}

// SignUpBrowser returns a new person who sends cookies.
func (s *System) SignUpBrowser(t *testing.T) *Client {
	t.Helper()
	return signUp(t, s.Browser(), "COOKIE")
}

// NewEmail returns an address that nobody has signed up with.
func NewEmail() string { return strings.ToLower(rand.Text()) + "@example.com" }

// Password is what SignUp and SignUpBrowser use.
const Password = "correct horse battery"

func signUp(t *testing.T, c *Client, delivery string) *Client {
	t.Helper()
	c.Email, c.Password = NewEmail(), Password
	data := Must[struct {
		SignUp struct {
			Viewer *struct{ User struct{ ID string } }
			Tokens *struct{ AccessToken, RefreshToken string }
			Errors []struct{ Message string }
		}
	}](t, c, `mutation($input: SignUpInput!) { signUp(input: $input) {
			viewer { user { id } } tokens { accessToken refreshToken } errors { ... on UserError { message } }
		} }`, Vars{"input": Vars{"email": c.Email, "password": c.Password, "delivery": delivery}})
	if data.SignUp.Viewer == nil {
		t.Fatalf("sign up %s: refused: %v", c.Email, data.SignUp.Errors)
	}
	c.UserID = data.SignUp.Viewer.User.ID
	if tokens := data.SignUp.Tokens; tokens != nil {
		c.Bearer, c.RefreshToken = tokens.AccessToken, tokens.RefreshToken
	}
	return c
}

// Do sends an operation and returns the whole answer. Only the lack of one fails the test.
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

// Decode returns the answer's data.
func Decode[T any](t *testing.T, r *Response) T {
	t.Helper()
	var data T
	if err := json.Unmarshal(r.Data, &data); err != nil {
		t.Fatalf("decode %s: %v", r.Content, err)
	}
	return data
}

// WantCode fails the test unless the answer has exactly one top-level error, with the code.
func WantCode(t *testing.T, r *Response, code string) {
	t.Helper()
	if got := r.Errors.Codes(); !slices.Equal(got, []string{code}) {
		t.Fatalf("got error codes %v, want exactly %s: %s", got, code, r.Content)
	}
}

// Eventually waits until ready returns true, asking again and again, and fails the test when that
// takes too long. The failure says what was awaited.
func Eventually(t *testing.T, awaited string, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	pause := 5 * time.Millisecond
	for !ready() {
		select {
		case <-time.After(pause):
			pause = min(pause*3/2, 250*time.Millisecond) // a crowd that asks all the time slows down what it waits for
		case <-ctx.Done():
			t.Fatalf("waited %s in vain: %s", patience, awaited)
		}
	}
}

// Event is a published event as it travels.
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

// Tap begins to collect the events of a source (tickets, orders, expiration) until the test ends.
// Stopping the broker ends a tap; make another one then.
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
		conn.Close() //nolint:errcheck // the broker may be gone already
		<-done
	})
	return tap
}

// bind consumes a copy of everything that is published to the exchange.
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
	version, _ := strconv.Atoi(text("aggregateversion")) //nolint:errcheck // 0 equals no version that a test wants
	tap.mu.Lock()
	defer tap.mu.Unlock()
	tap.events = append(tap.events, Event{
		ID: text("id"), Type: text("type"), Subject: text("subject"), Version: version, Header: d.Headers, Data: d.Body,
	})
	close(tap.change)
	tap.change = make(chan struct{})
}

// Of returns the events about a subject so far, in the order of their arrival, each once however
// often it was delivered.
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

// Wait returns the first event of the type about the subject, as soon as it arrives.
//
// To show that nothing else was published, wait for a later event of the same source (they arrive
// in order), then compare Types with what was wanted.
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
