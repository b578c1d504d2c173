package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"boxoffice.dev/router/internal/executor"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/persisted"
)

const allowedMethods = "GET, POST, OPTIONS"

// request is a GraphQL request.
type request struct {
	Document      persisted.Reference
	OperationName string
	Variables     operation.Variables
	Cost          bool            // include the cost in the response
	Plan          bool            // include the query plan in the response
	Parts         executor.Format // format of deferred fragments; 0 for a single response
}

// read reads a request from the URL, or from a body of at most limit bytes. The error is an operation.Refused.
func read(w http.ResponseWriter, r *http.Request, limit int64) (request, error) {
	switch r.Method {
	case http.MethodGet:
		return readURL(r)
	case http.MethodPost:
		return readBody(w, r, limit)
	default:
		w.Header().Set("Allow", allowedMethods)
		return request{}, operation.Refuse(http.StatusMethodNotAllowed, MethodNotAllowed, "use GET or POST")
	}
}

func readURL(r *http.Request) (request, error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return request{}, bad("the URL's query is malformed")
	}
	fields := map[string]json.RawMessage{}
	for _, name := range []string{"variables", "extensions"} {
		if text := params.Get(name); text != "" {
			fields[name] = json.RawMessage(text)
		}
	}
	return newRequest(params.Get("query"), params.Get("documentId"), params.Get("operationName"), fields)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) (request, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaJSON || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return request{}, operation.Refuse(http.StatusUnsupportedMediaType, UnsupportedMediaType, "the body must be application/json in UTF-8")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return request{}, operation.Refuse(http.StatusUnsupportedMediaType, UnsupportedMediaType, "the body must not be compressed")
	}
	tooLarge := func() error {
		return operation.Refuse(http.StatusRequestEntityTooLarge, RequestTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit))
	}
	if r.ContentLength > limit {
		return request{}, tooLarge()
	}
	var body bytes.Buffer
	body.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead) // ReadFrom needs MinRead bytes to read the end
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		if maxBytes := new(http.MaxBytesError); errors.As(err, &maxBytes) {
			return request{}, tooLarge()
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return request{}, bad("the body is incomplete")
		}
		return request{}, operation.Refuse(http.StatusRequestTimeout, BadRequest, "the body did not arrive in time")
	}
	return parse(body.Bytes())
}

// parse reads a request from JSON.
func parse(body []byte) (request, error) {
	if text := bytes.TrimSpace(body); len(text) > 0 && text[0] == '[' {
		return request{}, bad("batches are not supported: send one operation per request")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return request{}, bad("the body is not a JSON object")
	}
	var texts [3]string
	for i, name := range []string{"query", "documentId", "operationName"} {
		var err error
		if texts[i], err = text(fields, name); err != nil {
			return request{}, err
		}
	}
	return newRequest(texts[0], texts[1], texts[2], fields)
}

// newRequest validates the members that both kinds of requests have; fields are the remaining ones, as JSON.
func newRequest(query, id, operationName string, fields map[string]json.RawMessage) (request, error) {
	req := request{OperationName: operationName}
	if raw, sent := fields["variables"]; sent {
		variables, ok := operation.ReadVariables(raw)
		if !ok {
			return req, bad("variables must be an object")
		}
		req.Variables = variables
	}
	extensions, err := readExtensions(fields["extensions"])
	if err != nil {
		return req, err
	}
	req.Cost = string(extensions["cost"]) == "true"
	req.Plan = string(extensions["queryPlan"]) == "true"
	for _, spec := range deferSpecs {
		if string(extensions[spec.name]) == strconv.Quote(spec.value) {
			req.Parts = spec.format
		}
	}
	hash, err := persistedQuery(extensions["persistedQuery"])
	if err != nil {
		return req, err
	}
	req.Document = persisted.Reference{Text: query, ID: id, Hash: hash}
	switch {
	case query == "" && id == "" && hash == "":
		return req, bad("query is missing")
	case id != "" && (query != "" || hash != ""):
		return req, bad("documentId must not be combined with query or persistedQuery")
	}
	return req, nil
}

func readExtensions(raw json.RawMessage) (extensions map[string]json.RawMessage, err error) {
	if raw != nil && json.Unmarshal(raw, &extensions) != nil {
		return nil, bad("extensions must be an object")
	}
	return extensions, nil
}

// persistedQuery returns the hash in the extension persistedQuery, empty without one
// (https://www.apollographql.com/docs/apollo-server/performance/apq).
func persistedQuery(raw json.RawMessage) (hash string, err error) {
	if raw == nil || string(raw) == "null" {
		return "", nil
	}
	var query struct {
		Version    int
		SHA256Hash string `json:"sha256Hash"`
	}
	if json.Unmarshal(raw, &query) != nil || query.SHA256Hash == "" {
		return "", bad("extensions.persistedQuery must have a version and a sha256Hash")
	}
	if query.Version != 1 {
		return "", bad("Unsupported persisted query version") // the message of Apollo Server
	}
	return query.SHA256Hash, nil
}

// text returns the string in a member of the body, empty when it is absent or null.
func text(fields map[string]json.RawMessage, name string) (string, error) {
	var s *string
	if raw, ok := fields[name]; ok && json.Unmarshal(raw, &s) != nil {
		return "", bad(name + " must be a string")
	}
	if s == nil {
		return "", nil
	}
	return *s, nil
}

func bad(message string) error {
	return operation.Refuse(http.StatusBadRequest, BadRequest, message)
}
