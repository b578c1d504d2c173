// Package upstream is the HTTP client for subgraphs. When a subgraph fails (it does not answer, sends HTML, 50 MB or
// a gzip bomb), the executor gets a small GraphQL response instead, and clients read one masked error.
package upstream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"boxoffice.dev/pkg/apperr"
)

// Unavailable is the code of every failed fetch.
const Unavailable apperr.Code = "SUBGRAPH_UNAVAILABLE"

// UnavailableMessage is the message that clients get with Unavailable.
const UnavailableMessage = "Part of the service is unavailable. Try again."

// Config limits the use of subgraphs. Each field is a setting.
type Config struct {
	Timeout     time.Duration            `env:"TIMEOUT" envDefault:"5s" min:"1ms" help:"time for one fetch from a subgraph, from connecting to the end of the response, its retry included"`
	Timeouts    map[string]time.Duration `env:"TIMEOUTS" envKeyValSeparator:"=" min:"1ms" help:"timeouts of single subgraphs, instead of SUBGRAPH_TIMEOUT: payments=10s,…"`
	MaxBytes    int64                    `env:"MAX_BYTES" envDefault:"8388608" min:"1" help:"maximum size of a subgraph's response, in bytes"`
	Concurrency int                      `env:"CONCURRENCY" envDefault:"128" min:"1" help:"maximum number of concurrent fetches from one subgraph"`
	Wait        time.Duration            `env:"WAIT" envDefault:"15s" min:"0s" help:"time that a fetch beyond SUBGRAPH_CONCURRENCY may wait for its turn before it fails"`
	Retries     int                      `env:"RETRIES" envDefault:"20" min:"0" max:"100" help:"retry budget: percentage of fetches from a subgraph that may be retried, once each, when a query gets no valid response; 0 disables retries"`
	Breaker     Breaker                  `envPrefix:"BREAKER_"`
	Silence     time.Duration            `env:"SILENCE" envDefault:"30s" min:"0s" help:"time without an event or heartbeat after which a subscription's stream counts as broken; 0s disables the check"`
	Resume      time.Duration            `env:"RESUME" envDefault:"30s" min:"0s" help:"time for which the router tries to resume a broken stream before it ends the subscription"`
}

// Client makes the clients of single subgraphs.
type Client struct {
	cfg   Config
	dial  dial
	pools []*pool
}

// NewClient returns the client for all subgraphs.
func NewClient(cfg Config) *Client { return &Client{cfg: cfg, dial: dialWith(nil)} }

// CloseIdleConnections closes the connections that no fetch uses, and the others when their fetches have ended.
func (c *Client) CloseIdleConnections() {
	for _, p := range c.pools {
		p.close()
	}
}

// Subgraph is the client of one subgraph. Safe for concurrent use.
type Subgraph struct {
	name    string
	url     *url.URL
	cfg     Config
	pool    *pool
	slots   chan struct{} // holds one value for each fetch in progress
	breaker *gobreaker.CircuitBreaker[Answer]
	budget  *budget
}

// Subgraph returns the client of a subgraph, which has its own queue and circuit breaker.
func (c *Client) Subgraph(name, address string) (*Subgraph, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("subgraph %s: %w", name, err)
	}
	cfg := c.cfg
	cfg.Timeout = cmp.Or(cfg.Timeouts[name], cfg.Timeout)
	connections := &pool{to: u, dial: c.dial, max: cfg.Concurrency}
	c.pools = append(c.pools, connections)
	return &Subgraph{
		name: name, url: u, cfg: cfg, pool: connections,
		slots:   make(chan struct{}, c.cfg.Concurrency),
		breaker: newBreaker(c.cfg.Breaker, name),
		budget:  newBudget(c.cfg.Retries),
	}, nil
}

// Name returns the subgraph's name in the supergraph.
func (s *Subgraph) Name() string { return s.name }

// URL returns the subgraph's address.
func (s *Subgraph) URL() string { return s.url.String() }

// Answer is a GraphQL response of a subgraph with its HTTP headers.
type Answer struct {
	Body   []byte
	Header http.Header
}

// Fetch sends a GraphQL request, a JSON object, with the headers, to which it adds. The only error is the context's:
// when the subgraph fails, Fetch returns a response with the error Unavailable.
func (s *Subgraph) Fetch(ctx context.Context, header http.Header, body []byte) (Answer, error) {
	ctx, done := s.observe(ctx)
	answer, err := s.fetch(ctx, header, body)
	done(err)
	if err == nil {
		return answer, nil
	}
	if ctx.Err() != nil {
		return Answer{}, ctx.Err()
	}
	level := slog.LevelError
	if isOpen(err) { // the breaker has logged it
		level = slog.LevelDebug
	}
	slog.Log(ctx, level, "subgraph unavailable", "subgraph", s.name, "host", s.url.Host, "error", err)
	return Answer{Body: unavailable(body)}, nil
}

// Reach sends a minimal query, bypassing the queue and the circuit breaker. It returns an error unless the
// response is valid and has no errors.
func (s *Subgraph) Reach(ctx context.Context, header http.Header) error {
	got, err := s.send(ctx, header, []byte(`{"query":"{ __typename }"}`))
	if err != nil {
		return err
	}
	var answer struct {
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(got.Body, &answer); err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	return nil
}

var (
	// errInvalidResponse is wrapped by errors about a response that has arrived and violates a limit.
	errInvalidResponse = errors.New("invalid response")
	// errCancelled is wrapped by errors of fetches that the client has cancelled.
	errCancelled = errors.New("client cancelled the request")
)

// fetch waits for a slot. Under load, requests queue here, where waiting is cheap, instead of in the subgraph, where
// all of them would time out.
func (s *Subgraph) fetch(ctx context.Context, header http.Header, body []byte) (Answer, error) {
	if s.breaker.State() == gobreaker.StateOpen { // do not queue behind fetches that time out
		return Answer{}, gobreaker.ErrOpenState
	}
	if err := s.enter(ctx); err != nil {
		return Answer{}, err
	}
	defer func() { <-s.slots }()
	timed, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	send := func() (Answer, error) {
		answer, err := s.send(timed, header, body)
		if ctx.Err() != nil {
			return Answer{}, fmt.Errorf("%w: %w", errCancelled, ctx.Err())
		}
		return answer, err
	}
	s.budget.earn()
	answer, err := s.breaker.Execute(send)
	if err == nil || s.breaker.State() != gobreaker.StateClosed || !mayRetry(timed, body, err) || !s.budget.spend() || !pause(timed) {
		return answer, err
	}
	slog.WarnContext(ctx, "retrying subgraph request", "subgraph", s.name, "host", s.url.Host, "error", err)
	return s.breaker.Execute(send)
}

// enter takes a slot. It fails when none becomes free in time.
func (s *Subgraph) enter(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(s.cfg.Wait)
	defer wait.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-wait.C:
		return fmt.Errorf("%d fetches in progress for %s", s.cfg.Concurrency, s.cfg.Wait)
	case <-ctx.Done():
		return ctx.Err()
	}
}

var mediaJSON = []string{"application/json"} // shared by all requests, read-only

// send sends the request once. The error wraps errInvalidResponse when the response violates a limit.
func (s *Subgraph) send(ctx context.Context, header http.Header, body []byte) (Answer, error) {
	header["Content-Type"], header["Accept"] = mediaJSON, mediaJSON
	setTrace(ctx, header)
	c, err := s.pool.get(ctx)
	if err != nil {
		return Answer{}, err
	}
	stop := context.AfterFunc(ctx, c.discard)
	answer, reusable, err := s.exchange(c, header, body)
	switch {
	case !stop(): // discarded, or about to be
		return Answer{}, context.Cause(ctx)
	case reusable:
		s.pool.put(c)
	default:
		c.discard()
	}
	return answer, err
}

// exchange sends the request over a connection, and reports whether another one may follow.
func (s *Subgraph) exchange(c *conn, header http.Header, body []byte) (_ Answer, reusable bool, _ error) {
	//nolint:bodyclose // closing would read the rest: a connection that is not read to the end is discarded
	resp, err := c.post(s.url, header, body, 2*s.cfg.MaxBytes+maxHead) // a chunked body is larger than its content
	if err != nil {
		return Answer{}, false, err
	}
	answer, err := s.read(c, resp)
	return Answer{Body: answer, Header: resp.Header}, answer != nil && !resp.Close, err
}

// maxHead is the size of the largest head of a response, in bytes.
const maxHead = 64 << 10

// read returns the body if its type, size and shape are those of a GraphQL response.
func (s *Subgraph) read(c *conn, resp *http.Response) ([]byte, error) {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" {
		return nil, fmt.Errorf("%w: encoded with %q", errInvalidResponse, encoding)
	}
	if typ := resp.Header.Get("Content-Type"); !isGraphQL(typ) {
		return nil, fmt.Errorf("response has status %d and type %q", resp.StatusCode, typ)
	}
	if resp.ContentLength > s.cfg.MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes", errInvalidResponse, resp.ContentLength)
	}
	body, err := c.body(resp, s.cfg.MaxBytes+1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read response: %w", err)
	case int64(len(body)) > s.cfg.MaxBytes:
		return nil, fmt.Errorf("%w: more than %d bytes", errInvalidResponse, s.cfg.MaxBytes)
	}
	return body, checkShape(body)
}

// isGraphQL reports whether a Content-Type is one of a GraphQL response.
func isGraphQL(typ string) bool {
	if typ == "application/json" { // the usual case
		return true
	}
	media, _, err := mime.ParseMediaType(typ)
	return err == nil && (media == "application/json" || media == "application/graphql-response+json")
}

// checkShape checks that data is an object, which the executor relies on. The usual beginning of a response is proof
// enough: a fault further inside fails only that fetch.
func checkShape(body []byte) error {
	if bytes.HasPrefix(body, []byte(`{"data":{`)) {
		return nil
	}
	var answer struct{ Data, Errors json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	null := answer.Data == nil || string(answer.Data) == "null"
	switch {
	case null && answer.Errors == nil:
		return errors.New("response has neither data nor errors")
	case !null && answer.Data[0] != '{':
		return errors.New("data is not an object")
	}
	return nil
}

// unavailable returns the response to a failed fetch: null, with an error for each root field. The executor moves paths
// below _entities to the places of the entities.
func unavailable(request []byte) []byte {
	type fault struct {
		Message    string         `json:"message"`
		Path       []string       `json:"path,omitempty"`
		Extensions map[string]any `json:"extensions"`
	}
	extensions := map[string]any{"code": Unavailable}
	var faults []fault
	if op := operationOf(request); op != nil {
		for _, selected := range op.SelectionSet {
			if f, ok := selected.(*ast.Field); ok {
				faults = append(faults, fault{UnavailableMessage, []string{f.Alias}, extensions})
			}
		}
	}
	if len(faults) == 0 {
		faults = []fault{{UnavailableMessage, nil, extensions}}
	}
	body, err := json.Marshal(map[string]any{"data": nil, "errors": faults})
	if err != nil { // only strings go in
		panic(err)
	}
	return body
}

// operationOf returns the operation of a request, nil when it cannot be read.
func operationOf(request []byte) *ast.OperationDefinition {
	var sent struct{ Query string }
	if json.Unmarshal(request, &sent) != nil {
		return nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: sent.Query})
	if err != nil || len(doc.Operations) == 0 {
		return nil
	}
	return doc.Operations[0]
}
