// Package subgraphtest provides subgraphs for tests: HTTP servers that validate requests against their own schema and
// answer from Go values. It is a small GraphQL executor that is independent of the router.
package subgraphtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// Object is a value of an object type. Its fields are values, or functions of the arguments.
type Object map[string]any

// Field computes a field from its arguments and the request.
type Field func(r *http.Request, args map[string]any) (any, error)

// Error is a GraphQL error with a code.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Message }

// Subgraph is an HTTP handler, and a running server if Start made it.
type Subgraph struct {
	*httptest.Server

	schema   *ast.Schema
	cfg      Config
	override http.HandlerFunc

	mu       sync.Mutex
	requests []Request
	watch    func(Request)
	changed  chan struct{} // closed and replaced with every change
	over     bool
}

// Request is a request to a subgraph.
type Request struct {
	Header http.Header
	Query  string
	Body   []byte
	// Answer has the response, if the subgraph did not answer otherwise.
	Answer []byte
}

// Config describes a subgraph. Root fields are named like "Query.ticket". Data resolves fields and entities that Fields
// and Entity do not.
type Config struct {
	SDL    string // as the service would write it
	Fields map[string]Field
	Entity func(r *http.Request, typename string, representation map[string]any) (any, error)
	Data   Data
	// Refuse lists fields, such as "Product.price", that are answered with an error, because another subgraph overrides
	// them.
	Refuse []string
	// Missing lists entities, such as "Product:1", that are not found.
	Missing []string
}

// New returns a subgraph that does not listen.
func New(cfg Config) (*Subgraph, error) {
	schema, err := serviceSchema(cfg.SDL)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, cfg.SDL)
	}
	return &Subgraph{schema: schema, cfg: cfg, changed: make(chan struct{})}, nil
}

// Start runs a subgraph until the test ends.
func Start(t testing.TB, cfg Config) *Subgraph {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Answer makes the subgraph answer all requests with h, or normally when h is nil.
func (s *Subgraph) Answer(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.override = h
}

// Change makes every subscription send another event.
func (s *Subgraph) Change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Complete makes every subscription send a last event and end.
func (s *Subgraph) Complete() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.Change()
}

// stream sends an event with the result of answer, and another one after each change since the request arrived.
func (s *Subgraph) stream(w http.ResponseWriter, r *http.Request, changed chan struct{}, answer func() any) {
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		s.mu.Lock()
		over := s.over
		s.mu.Unlock()
		event, err := json.Marshal(answer())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, ":\n\nevent: next\ndata: %s\n\n", event)
		if over {
			fmt.Fprint(w, "event: complete\ndata:\n\n")
			return
		}
		http.NewResponseController(w).Flush() //nolint:errcheck // a test
		select {
		case <-changed:
			s.mu.Lock()
			changed = s.changed
			s.mu.Unlock()
		case <-r.Context().Done():
			return
		}
	}
}

// Requests returns the requests so far.
func (s *Subgraph) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Watch calls f with each request before it is answered.
func (s *Subgraph) Watch(f func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = f
}

// Forget clears Requests.
func (s *Subgraph) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Subgraph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	body.ReadFrom(r.Body) //nolint:errcheck // a test
	var sent struct {
		Query     string
		Variables map[string]any
	}
	json.Unmarshal(body.Bytes(), &sent) //nolint:errcheck // an empty query is an error below
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, Request{Header: r.Header.Clone(), Query: sent.Query, Body: body.Bytes()})
	override, watch, changed := s.override, s.watch, s.changed
	s.mu.Unlock()
	if watch != nil {
		watch(Request{Header: r.Header, Query: sent.Query, Body: body.Bytes()})
	}
	if override != nil {
		override(w, r)
		return
	}
	answer := func() any { return s.answer(w, r, sent.Query, sent.Variables) }
	if strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") {
		s.stream(w, r, changed, answer)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	text, err := json.Marshal(answer())
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	if n < len(s.requests) {
		s.requests[n].Answer = text
	}
	s.mu.Unlock()
	w.Write(text) //nolint:errcheck // a test
}

func (s *Subgraph) answer(w http.ResponseWriter, r *http.Request, query string, variables map[string]any) map[string]any {
	answer := map[string]any{}
	doc, errs := load(s.schema, query)
	if len(errs) == 0 {
		r = r.WithContext(withHeader(r.Context(), w.Header()))
		e := execution{
			schema: s.schema, variables: variables, request: r, fields: s.cfg.Fields, data: s.cfg.Data,
			refuse: s.cfg.Refuse,
			entities: func(typename string, representation map[string]any) (any, error) {
				if name := s.cfg.Data.entity(typename, representation); name != "" && !slices.Contains(s.cfg.Missing, name) {
					return s.cfg.Data[name], nil
				}
				return nil, nil //nolint:nilnil // there is no such entity
			},
		}
		if s.cfg.Entity != nil {
			e.entities = func(typename string, representation map[string]any) (any, error) {
				return s.cfg.Entity(r, typename, representation)
			}
		}
		answer["data"] = e.operation(doc.Operations[0])
		errs = e.errs
	}
	if len(errs) > 0 {
		answer["errors"] = errs
	}
	return answer
}
