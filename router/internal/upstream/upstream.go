// Package upstream speaks HTTP with the subgraphs. Whatever a subgraph does (silence, HTML, 50 MB,
// a gzip bomb), the engine above gets a small GraphQL response, and clients read one masked error.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
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
	Timeout     time.Duration `env:"TIMEOUT" envDefault:"5s" min:"1ms" help:"for one fetch from a subgraph, from connecting to the end of the body, and for sending it again"`
	MaxBytes    int64         `env:"MAX_BYTES" envDefault:"8388608" min:"1" help:"bytes of one answer of a subgraph"`
	Concurrency int           `env:"CONCURRENCY" envDefault:"128" min:"1" help:"fetches from one subgraph at the same time"`
	Wait        time.Duration `env:"WAIT" envDefault:"15s" min:"0s" help:"for other fetches from that subgraph to end"`
	Retries     int           `env:"RETRIES" envDefault:"20" min:"0" max:"100" help:"of 100 fetches, how many may be sent once more when a query gets no answer; 0 for none"`
	Breaker     Breaker       `envPrefix:"BREAKER_"`
	Silence     time.Duration `env:"SILENCE" envDefault:"30s" min:"0s" help:"without a sign of life, after which a subscription's stream counts as broken; 0 for never"`
	Resume      time.Duration `env:"RESUME" envDefault:"30s" min:"0s" help:"for a broken stream to be taken up again"`
}

// Client asks subgraphs.
type Client struct {
	*http.Client

	transport *transport
}

// NewClient returns the client for all subgraphs.
func NewClient(cfg Config) *Client {
	t := &transport{
		cfg: cfg,
		base: &http.Transport{
			MaxIdleConnsPerHost: cfg.Concurrency,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
		},
	}
	return &Client{transport: t, Client: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Reach asks a subgraph for next to nothing, past its queue and its breaker. The error says why there
// was no usable answer.
func (c *Client) Reach(ctx context.Context, url string, header http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"query":"{ __typename }"}`))
	if err != nil {
		return err
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.transport.send(ctx, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it has been read
	var answer struct {
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	return nil
}

type transport struct {
	cfg  Config
	base http.RoundTripper

	subgraphs sync.Map // endpoint → *subgraph
}

type endpoint struct{ host, path string }

// subgraph is what the transport keeps for one of them.
type subgraph struct {
	slots   chan struct{} // holds one value for each fetch under way
	breaker *gobreaker.CircuitBreaker[*http.Response]
	budget  *budget
}

func (t *transport) subgraph(req *http.Request) *subgraph {
	at := endpoint{req.URL.Host, req.URL.Path}
	known, ok := t.subgraphs.Load(at)
	if !ok {
		known, _ = t.subgraphs.LoadOrStore(at, &subgraph{
			slots:   make(chan struct{}, t.cfg.Concurrency),
			breaker: newBreaker(t.cfg.Breaker, req.URL.String()), //nolint:bodyclose // nothing is fetched here
			budget:  newBudget(t.cfg.Retries),
		})
	}
	s, _ := known.(*subgraph)
	return s
}

var (
	// errUnfit is what errors wrap when a subgraph has answered, but not in a way that is taken.
	errUnfit = errors.New("answer is refused")
	// errGone is what errors wrap when nobody waits for the answer any more.
	errGone = errors.New("client has gone")
)

// RoundTrip never fails, unless the client has gone: it makes up an answer that says so.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, done := observe(req.Context())
	resp, err := t.fetch(req.WithContext(ctx))
	done(err)
	if err == nil {
		return resp, nil
	}
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	level := slog.LevelError
	if isOpen(err) { // which the log has told already
		level = slog.LevelDebug
	}
	slog.Log(req.Context(), level, "subgraph unavailable", "host", req.URL.Host, "error", err)
	return unavailable(req), nil
}

// CloseIdleConnections closes those that no fetch uses.
func (t *transport) CloseIdleConnections() { (&http.Client{Transport: t.base}).CloseIdleConnections() }

// fetch waits for its turn, so that a rush queues here, where waiting is cheap, and does not make
// the subgraph miss every deadline.
func (t *transport) fetch(req *http.Request) (*http.Response, error) {
	s := t.subgraph(req)
	if s.breaker.State() == gobreaker.StateOpen { // nobody queues behind fetches that run into their deadline
		return nil, gobreaker.ErrOpenState
	}
	wait := time.NewTimer(t.cfg.Wait)
	defer wait.Stop()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-wait.C:
		return nil, fmt.Errorf("%d fetches under way for %s", t.cfg.Concurrency, t.cfg.Wait)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	ctx, cancel := context.WithTimeout(req.Context(), t.cfg.Timeout)
	defer cancel()
	send := func() (*http.Response, error) { return t.send(ctx, req) }
	s.budget.earn()
	resp, err := s.breaker.Execute(send)
	if err == nil || s.breaker.State() != gobreaker.StateClosed || !mayRepeat(ctx, req, err) || !s.budget.spend() || !pause(ctx) {
		return resp, err
	}
	slog.WarnContext(ctx, "subgraph is asked again", "host", req.URL.Host, "error", err)
	if req.Body, err = req.GetBody(); err != nil {
		return nil, err
	}
	return s.breaker.Execute(send)
}

// send asks once. The error wraps errUnfit or errGone where they fit.
func (t *transport) send(ctx context.Context, req *http.Request) (*http.Response, error) {
	sent := req.Clone(ctx)
	setTrace(ctx, sent.Header)
	sent.Header.Del("Accept-Encoding") // the engine asks for gzip and inflates without a bound
	resp, err := t.base.RoundTrip(sent)
	if err == nil {
		err = t.read(resp)
	}
	switch {
	case req.Context().Err() != nil:
		return nil, fmt.Errorf("%w: %w", errGone, req.Context().Err())
	case err != nil:
		return nil, err
	}
	return resp, nil
}

// read replaces the body by its bytes when they look like a GraphQL response.
func (t *transport) read(resp *http.Response) error {
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" {
		return fmt.Errorf("%w: it is encoded with %q", errUnfit, encoding)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "application/graphql-response+json" {
		return fmt.Errorf("answer %d is %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	if resp.ContentLength > t.cfg.MaxBytes {
		return fmt.Errorf("%w: it has %d bytes", errUnfit, resp.ContentLength)
	}
	var body bytes.Buffer
	if resp.ContentLength > 0 {
		body.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, t.cfg.MaxBytes+1)); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if int64(body.Len()) > t.cfg.MaxBytes {
		return fmt.Errorf("%w: it has more than %d bytes", errUnfit, t.cfg.MaxBytes)
	}
	if err := checkShape(body.Bytes()); err != nil {
		return err
	}
	resp.Body = io.NopCloser(&body)
	return nil
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
func unavailable(req *http.Request) *http.Response {
	type fault struct {
		Message    string         `json:"message"`
		Path       []string       `json:"path,omitempty"`
		Extensions map[string]any `json:"extensions"`
	}
	extensions := map[string]any{"code": Unavailable}
	var faults []fault
	if op := asked(req); op != nil {
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
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}
}

// asked returns the operation of a fetch, nil when it cannot be read.
func asked(req *http.Request) *ast.OperationDefinition {
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	var sent struct{ Query string }
	if json.NewDecoder(body).Decode(&sent) != nil {
		return nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: sent.Query})
	if err != nil || len(doc.Operations) == 0 {
		return nil
	}
	return doc.Operations[0]
}
