// Package upstream speaks HTTP with the subgraphs. Whatever a subgraph does (silence, HTML, 50 MB,
// a gzip bomb), the engine above gets a small GraphQL response, and clients read one masked error.
package upstream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// Unavailable is the code of every failure to get a usable answer from a subgraph.
const Unavailable apperr.Code = "SUBGRAPH_UNAVAILABLE"

// UnavailableMessage is all that clients are told about it.
const UnavailableMessage = "Part of the service is unavailable. Try again."

// Config bounds what a subgraph may cost. Each has a variable of its own in the environment.
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

// Client asks subgraphs.
type Client struct {
	cfg  Config
	base http.RoundTripper
}

// NewClient returns the client for all subgraphs.
func NewClient(cfg Config) *Client {
	return &Client{cfg: cfg, base: &http.Transport{
		MaxIdleConnsPerHost: cfg.Concurrency,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true, // an answer may not be inflated without a bound
	}}
}

// CloseIdleConnections closes those that no fetch uses.
func (c *Client) CloseIdleConnections() { (&http.Client{Transport: c.base}).CloseIdleConnections() }

// Subgraph is one of those that are asked. Safe for concurrent use.
type Subgraph struct {
	name    string
	url     *url.URL
	cfg     Config
	base    http.RoundTripper
	slots   chan struct{} // holds one value for each fetch under way
	breaker *gobreaker.CircuitBreaker[Answer]
	budget  *budget
}

// Subgraph returns the subgraph of that name and address, with a queue and a breaker of its own.
func (c *Client) Subgraph(name, address string) (*Subgraph, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("subgraph %s: %w", name, err)
	}
	cfg := c.cfg
	cfg.Timeout = cmp.Or(cfg.Timeouts[name], cfg.Timeout)
	return &Subgraph{
		name: name, url: u, cfg: cfg, base: c.base,
		slots:   make(chan struct{}, c.cfg.Concurrency),
		breaker: newBreaker(c.cfg.Breaker, name),
		budget:  newBudget(c.cfg.Retries),
	}, nil
}

// Name returns the subgraph's name in the supergraph.
func (s *Subgraph) Name() string { return s.name }

// Answer is what a subgraph answers: a GraphQL response and its headers.
type Answer struct {
	Body   []byte
	Header http.Header
}

// Ask sends a GraphQL request, a JSON object, with the headers, to which it adds. It never fails, unless the
// context has ended: when there is no usable answer, it makes up one that says so.
func (s *Subgraph) Ask(ctx context.Context, header http.Header, body []byte) (Answer, error) {
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
	if isOpen(err) { // which the log has told already
		level = slog.LevelDebug
	}
	slog.Log(ctx, level, "subgraph unavailable", "subgraph", s.name, "host", s.url.Host, "error", err)
	return Answer{Body: unavailable(body)}, nil
}

// Reach asks for next to nothing, past the queue and the breaker. The error says why there was no usable
// answer.
func (s *Subgraph) Reach(ctx context.Context, header http.Header) error {
	got, err := s.send(ctx, header, []byte(`{"query":"{ __typename }"}`))
	if err != nil {
		return err
	}
	var answer struct {
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(got.Body, &answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	return nil
}

var (
	// errUnfit is what errors wrap when a subgraph has answered, but not in a way that is taken.
	errUnfit = errors.New("answer is refused")
	// errGone is what errors wrap when nobody waits for the answer any more.
	errGone = errors.New("client has gone")
)

// fetch waits for its turn, so that a rush queues here, where waiting is cheap, and does not make
// the subgraph miss every deadline.
func (s *Subgraph) fetch(ctx context.Context, header http.Header, body []byte) (Answer, error) {
	if s.breaker.State() == gobreaker.StateOpen { // nobody queues behind fetches that run into their deadline
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
			return Answer{}, fmt.Errorf("%w: %w", errGone, ctx.Err())
		}
		return answer, err
	}
	s.budget.earn()
	answer, err := s.breaker.Execute(send)
	if err == nil || s.breaker.State() != gobreaker.StateClosed || !mayRepeat(timed, body, err) || !s.budget.spend() || !pause(timed) {
		return answer, err
	}
	slog.WarnContext(ctx, "subgraph is asked again", "subgraph", s.name, "host", s.url.Host, "error", err)
	return s.breaker.Execute(send)
}

// enter takes a slot, unless none is free for too long.
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
		return fmt.Errorf("%d fetches under way for %s", s.cfg.Concurrency, s.cfg.Wait)
	case <-ctx.Done():
		return ctx.Err()
	}
}

var mediaJSON = []string{"application/json"} // nobody changes it

// send asks once. The error wraps errUnfit where it fits.
func (s *Subgraph) send(ctx context.Context, header http.Header, body []byte) (Answer, error) {
	header["Content-Type"], header["Accept"] = mediaJSON, mediaJSON
	setTrace(ctx, header)
	req := (&http.Request{
		Method: http.MethodPost, URL: s.url, Host: s.url.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}).WithContext(ctx)
	resp, err := s.base.RoundTrip(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	answer, err := s.read(resp)
	return Answer{Body: answer, Header: resp.Header}, err
}

// read returns the body when it looks like a GraphQL response.
func (s *Subgraph) read(resp *http.Response) ([]byte, error) {
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" {
		return nil, fmt.Errorf("%w: it is encoded with %q", errUnfit, encoding)
	}
	if typ := resp.Header.Get("Content-Type"); !isGraphQL(typ) {
		return nil, fmt.Errorf("answer %d is %q", resp.StatusCode, typ)
	}
	if resp.ContentLength > s.cfg.MaxBytes {
		return nil, fmt.Errorf("%w: it has %d bytes", errUnfit, resp.ContentLength)
	}
	var body bytes.Buffer
	body.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead)
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, s.cfg.MaxBytes+1)); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(body.Len()) > s.cfg.MaxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", errUnfit, s.cfg.MaxBytes)
	}
	return body.Bytes(), checkShape(body.Bytes())
}

// isGraphQL reports whether a Content-Type is one of a GraphQL response.
func isGraphQL(typ string) bool {
	if typ == "application/json" { // what most say, to the letter
		return true
	}
	media, _, err := mime.ParseMediaType(typ)
	return err == nil && (media == "application/json" || media == "application/graphql-response+json")
}

// checkShape refuses what the engine would stumble over: it takes any data for an object. How most
// answers begin is proof enough; what is wrong further inside only makes that fetch fail.
func checkShape(body []byte) error {
	if bytes.HasPrefix(body, []byte(`{"data":{`)) {
		return nil
	}
	var answer struct{ Data, Errors json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	null := answer.Data == nil || string(answer.Data) == "null"
	switch {
	case null && answer.Errors == nil:
		return errors.New("answer has neither data nor errors")
	case !null && answer.Data[0] != '{':
		return errors.New("data is not an object")
	}
	return nil
}

// unavailable makes up the answer to a failed fetch: null, with an error for each field that was
// asked for. The engine moves paths below _entities to where the entities stand.
func unavailable(request []byte) []byte {
	type fault struct {
		Message    string         `json:"message"`
		Path       []string       `json:"path,omitempty"`
		Extensions map[string]any `json:"extensions"`
	}
	extensions := map[string]any{"code": Unavailable}
	var faults []fault
	if op := asked(request); op != nil {
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

// asked returns the operation of a request, nil when it cannot be read.
func asked(request []byte) *ast.OperationDefinition {
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
