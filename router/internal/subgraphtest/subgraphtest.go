// Package subgraphtest stands in for subgraphs in tests: real HTTP servers that validate what they
// are sent against their own schema and answer from Go values. It is a small GraphQL executor and
// knows nothing of the router.
package subgraphtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// federation is what every subgraph serves besides its own fields.
const federation = `
scalar _Any
union _Entity = %s
extend type Query { _entities(representations: [_Any!]!): [_Entity]! }
`

// Object is a value of an object type. Its fields are values, or functions of the arguments.
type Object map[string]any

// Field computes a field from its arguments and the request that asks.
type Field func(r *http.Request, args map[string]any) (any, error)

// Error is an answer with a top-level error that has a code.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Message }

// Subgraph is a running server.
type Subgraph struct {
	*httptest.Server

	schema   *ast.Schema
	fields   map[string]Field
	entity   func(r *http.Request, typename string, representation map[string]any) (any, error)
	override http.HandlerFunc

	mu       sync.Mutex
	requests []Request
}

// Request is what a subgraph was asked.
type Request struct {
	Header http.Header
	Query  string
	Body   []byte
}

// Config describes a subgraph. Root fields are named like "Query.ticket".
type Config struct {
	SDL    string // as the service would write it
	Fields map[string]Field
	Entity func(r *http.Request, typename string, representation map[string]any) (any, error)
}

// Start runs a subgraph until the test ends.
func Start(t testing.TB, cfg Config) *Subgraph {
	t.Helper()
	var entities string
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: cfg.SDL})
	for name, def := range schema.Types {
		if def.Kind == ast.Object && def.Directives.ForName("key") != nil {
			if entities != "" {
				entities += " | "
			}
			entities += name
		}
	}
	extended := bytes.Replace([]byte(federation), []byte("%s"), []byte(entities), 1)
	s := &Subgraph{
		schema: gqlparser.MustLoadSchema(&ast.Source{Input: cfg.SDL}, &ast.Source{Input: string(extended)}),
		fields: cfg.Fields, entity: cfg.Entity,
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Answer makes the subgraph answer everything with h, or normally again with nil.
func (s *Subgraph) Answer(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.override = h
}

// Requests returns what the subgraph has been asked so far.
func (s *Subgraph) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
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
	s.requests = append(s.requests, Request{r.Header.Clone(), sent.Query, body.Bytes()})
	override := s.override
	s.mu.Unlock()
	if override != nil {
		override(w, r)
		return
	}
	answer := map[string]any{}
	doc, errs := gqlparser.LoadQueryWithRules(s.schema, sent.Query, nil)
	if len(errs) == 0 {
		e := execution{subgraph: s, request: r, variables: sent.Variables, header: w.Header()}
		answer["data"], _ = e.set(nil, s.root(doc.Operations[0]), doc.Operations[0].SelectionSet, nil) //nolint:contextcheck // fields get the request
		errs = e.errs
	}
	if len(errs) > 0 {
		answer["errors"] = errs
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer) //nolint:errcheck,errchkjson // a test
}

func (s *Subgraph) root(op *ast.OperationDefinition) *ast.Definition {
	if op.Operation == ast.Mutation {
		return s.schema.Mutation
	}
	return s.schema.Query
}

type execution struct {
	subgraph  *Subgraph
	request   *http.Request
	variables map[string]any
	header    http.Header
	errs      gqlerror.List
}

// set resolves a selection on an object. It reports false when a non-null field is null.
func (e *execution) set(o Object, def *ast.Definition, set ast.SelectionSet, path ast.Path) (any, bool) {
	result := map[string]any{}
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			at := append(slices.Clone(path), ast.PathName(s.Alias))
			value, err := e.field(o, def, s)
			if err != nil {
				code := "INTERNAL_SERVER_ERROR"
				if coded := new(Error); errors.As(err, &coded) {
					code = coded.Code
				}
				e.errs = append(e.errs, &gqlerror.Error{Message: err.Error(), Path: at, Extensions: map[string]any{"code": code}})
			}
			completed, ok := e.complete(value, s.Definition.Type, s.SelectionSet, at)
			if !ok {
				return nil, false
			}
			result[s.Alias] = completed
		case *ast.InlineFragment:
			if s.TypeCondition != "" && s.TypeCondition != def.Name {
				continue
			}
			part, ok := e.set(o, def, s.SelectionSet, path)
			if !ok {
				return nil, false
			}
			for k, v := range part.(map[string]any) {
				result[k] = v
			}
		}
	}
	return result, true
}

func (e *execution) field(o Object, def *ast.Definition, f *ast.Field) (any, error) {
	args := f.ArgumentMap(e.variables)
	switch {
	case f.Name == "__typename":
		return def.Name, nil
	case f.Name == "_entities":
		var list []any
		for _, rep := range args["representations"].([]any) {
			r := rep.(map[string]any)
			typename, _ := r["__typename"].(string)
			entity, err := e.subgraph.entity(e.request, typename, r)
			if err != nil {
				return list, err
			}
			if found, ok := entity.(Object); ok {
				found["__typename"] = typename
			}
			list = append(list, entity)
		}
		return list, nil
	case o == nil:
		return e.subgraph.fields[def.Name+"."+f.Name](e.request.WithContext(withHeader(e.request.Context(), e.header)), args)
	}
	if compute, ok := o[f.Name].(Field); ok {
		return compute(e.request, args)
	}
	return o[f.Name], nil
}

func (e *execution) complete(value any, typ *ast.Type, set ast.SelectionSet, path ast.Path) (any, bool) {
	if value == nil {
		return nil, !typ.NonNull
	}
	if typ.Elem != nil {
		list := []any{}
		for i, item := range items(value) {
			completed, ok := e.complete(item, typ.Elem, set, append(slices.Clone(path), ast.PathIndex(i)))
			if !ok {
				return nil, !typ.NonNull
			}
			list = append(list, completed)
		}
		return list, true
	}
	object, ok := value.(Object)
	if !ok {
		return value, true
	}
	def := e.subgraph.schema.Types[typ.NamedType]
	if name, ok := object["__typename"].(string); ok {
		def = e.subgraph.schema.Types[name]
	}
	completed, ok := e.set(object, def, set, path)
	if !ok {
		return nil, !typ.NonNull
	}
	return completed, true
}

func items(value any) []any {
	switch list := value.(type) {
	case []any:
		return list
	case []Object:
		var all []any
		for _, o := range list {
			all = append(all, o)
		}
		return all
	}
	return nil
}
