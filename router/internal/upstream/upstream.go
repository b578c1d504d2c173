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
	"net"
	"net/http"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"boxoffice.dev/pkg/apperr"
)

// Unavailable is the code of every failure to get a usable answer from a subgraph.
const Unavailable apperr.Code = "SUBGRAPH_UNAVAILABLE"

// UnavailableMessage is all that clients are told about it.
const UnavailableMessage = "Part of the service is unavailable. Try again."

// Config bounds what a subgraph may cost.
type Config struct {
	Timeout  time.Duration // of one fetch, from connecting to the end of the body
	MaxBytes int64         // of one answer
}

// NewClient returns the client for all subgraphs.
func NewClient(cfg Config) *http.Client {
	return &http.Client{
		Transport: &transport{
			cfg: cfg,
			base: &http.Transport{
				DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
				MaxIdleConns:          1024,
				MaxIdleConnsPerHost:   256,
				IdleConnTimeout:       90 * time.Second,
				ResponseHeaderTimeout: cfg.Timeout,
				DisableCompression:    true,
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type transport struct {
	cfg  Config
	base http.RoundTripper
}

// RoundTrip never fails, unless the client has gone: it makes up an answer that says so.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.cfg.Timeout)
	defer cancel()
	sent := req.Clone(ctx)
	sent.Header.Del("Accept-Encoding") // the engine asks for gzip and inflates without a bound
	resp, err := t.base.RoundTrip(sent)
	if err == nil {
		err = t.read(resp)
	}
	if err == nil {
		return resp, nil
	}
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	slog.ErrorContext(ctx, "subgraph unavailable", "host", req.URL.Host, "error", err)
	return unavailable(req), nil
}

// read replaces the body by its bytes when they look like a GraphQL response.
func (t *transport) read(resp *http.Response) error {
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" {
		return fmt.Errorf("answer is encoded with %q", encoding)
	}
	switch media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media {
	case "application/json", "application/graphql-response+json":
	default:
		return fmt.Errorf("answer %d is %q", resp.StatusCode, media)
	}
	if resp.ContentLength > t.cfg.MaxBytes {
		return fmt.Errorf("answer has %d bytes", resp.ContentLength)
	}
	var body bytes.Buffer
	if resp.ContentLength > 0 {
		body.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, t.cfg.MaxBytes+1)); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if int64(body.Len()) > t.cfg.MaxBytes {
		return fmt.Errorf("answer has more than %d bytes", t.cfg.MaxBytes)
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
	for _, name := range rootFields(req) {
		faults = append(faults, fault{UnavailableMessage, []string{name}, extensions})
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

// rootFields returns the names under which a fetch expects its answers.
func rootFields(req *http.Request) []string {
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
	var names []string
	for _, selected := range doc.Operations[0].SelectionSet {
		if f, ok := selected.(*ast.Field); ok {
			names = append(names, f.Alias)
		}
	}
	return names
}
