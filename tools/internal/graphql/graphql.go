// Package graphql is a small client of the system's GraphQL endpoint, for demo data, tests and tools/prove.
// A response with errors is a response, not a Go error: callers inspect both.
package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

// Error is a top-level error of a response.
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

// Errors are the top-level errors of a response.
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

// Response is the response to an operation.
type Response struct {
	Status  int // of HTTP
	Header  http.Header
	Data    json.RawMessage // null or absent when the operation failed as a whole
	Errors  Errors
	Content []byte // the whole body
}

// Do sends an operation and returns the response. It fails when there is none, or when it is not GraphQL.
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
		return nil, fmt.Errorf("read response: %w", err)
	}
	r := &Response{Status: resp.StatusCode, Header: resp.Header, Content: content}
	var decoded struct {
		Data   json.RawMessage
		Errors Errors
	}
	if err := json.Unmarshal(content, &decoded); err != nil {
		return nil, fmt.Errorf("response is not GraphQL: %s: %s: %w", resp.Status, content, err)
	}
	r.Data, r.Errors = decoded.Data, decoded.Errors
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

// User is the result of SignUp and SignIn.
type User struct {
	ID           string
	RefreshToken string // only with the delivery BEARER
}

// SignUp creates an account with the fields of SignUpInput. The client sends the user's tokens from then on; the
// delivery is BEARER unless the input has another.
func SignUp(ctx context.Context, c *Client, input Vars) (User, error) {
	return authenticate(ctx, c, `mutation($input: SignUpInput!) { result: signUp(input: $input) `+authenticated, input)
}

// SignIn signs in with the fields of SignInInput, like SignUp.
func SignIn(ctx context.Context, c *Client, input Vars) (User, error) {
	return authenticate(ctx, c, `mutation($input: SignInInput!) { result: signIn(input: $input) `+authenticated, input)
}

const authenticated = `{ viewer { user { id } } tokens { accessToken refreshToken } errors { ... on UserError { code message } } } }`

func authenticate(ctx context.Context, c *Client, mutation string, input Vars) (User, error) {
	vars := Vars{"delivery": "BEARER"}
	maps.Copy(vars, input)
	data, err := Query[struct {
		Result struct {
			Viewer *struct{ User User }
			Tokens *struct{ AccessToken, RefreshToken string }
			Errors []struct{ Code, Message string }
		}
	}](ctx, c, mutation, Vars{"input": vars})
	if err != nil {
		return User{}, err
	}
	if data.Result.Viewer == nil {
		return User{}, fmt.Errorf("refused: %v", data.Result.Errors)
	}
	user := data.Result.Viewer.User
	if tokens := data.Result.Tokens; tokens != nil {
		c.Bearer, user.RefreshToken = tokens.AccessToken, tokens.RefreshToken
	}
	return user, nil
}
