// Package graphql is a small client of the system's GraphQL endpoint, for seeding and for tests.
// An answer with errors is an answer, not a Go error: callers look at both.
package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Vars are the variables of an operation.
type Vars map[string]any

// Client sends operations to one endpoint.
type Client struct {
	Endpoint string
	HTTP     *http.Client // with a cookie jar to act as a browser
	Bearer   string       // access token; empty to send none
	Header   http.Header  // sent besides; may be nil
}

// Error is a top-level error of an answer.
type Error struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// Code returns extensions.code, and "" when there is none.
func (e Error) Code() string {
	code, _ := e.Extensions["code"].(string)
	return code
}

// Errors are the top-level errors of an answer.
type Errors []Error

// Codes returns the code of each error.
func (es Errors) Codes() []string {
	var codes []string
	for _, e := range es {
		codes = append(codes, e.Code())
	}
	return codes
}

func (es Errors) Error() string {
	var lines []string
	for _, e := range es {
		lines = append(lines, fmt.Sprintf("%s (%s) at %v", e.Message, e.Code(), e.Path))
	}
	return strings.Join(lines, "; ")
}

// Response is what came back.
type Response struct {
	Status  int // of HTTP
	Header  http.Header
	Data    json.RawMessage // null or absent when the operation failed as a whole
	Errors  Errors
	Content []byte // the whole body
}

// Do sends an operation and returns the answer. It fails when there is none or it is not GraphQL.
func (c *Client) Do(ctx context.Context, query string, vars Vars) (*Response, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		return nil, fmt.Errorf("encode operation: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for name, values := range c.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	if c.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.Bearer)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send operation: %w", err)
	}
	content, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	r := &Response{Status: resp.StatusCode, Header: resp.Header, Content: content}
	var answer struct {
		Data   json.RawMessage
		Errors Errors
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return nil, fmt.Errorf("answer is not GraphQL: %s: %s: %w", resp.Status, content, err)
	}
	r.Data, r.Errors = answer.Data, answer.Errors
	return r, nil
}

// Query sends an operation and decodes its data. Top-level errors are returned as Errors.
func Query[T any](ctx context.Context, c *Client, query string, vars Vars) (T, error) {
	var data T
	r, err := c.Do(ctx, query, vars)
	if err != nil {
		return data, err
	}
	if len(r.Errors) > 0 {
		return data, r.Errors
	}
	if err := json.Unmarshal(r.Data, &data); err != nil {
		return data, fmt.Errorf("decode %s: %w", r.Data, err)
	}
	return data, nil
}
