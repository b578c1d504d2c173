package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/buger/jsonparser"
	"github.com/wundergraph/astjson"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"
)

// mark begins what stands before the number of an entity in the path of an error, and for it in the entity. No field is called so.
const mark = "#"

// transcript is what subgraphs answered to one request.
//
// It is there for errors of entities, of which the engine forgets where they stand: it asks for equal entities
// once, and takes their numbers out of paths, except behind a mark. Only when there was such an error the same answers
// are put together once more, to a response that has nothing but objects: there each entity that an error is about
// has its number in it, wherever it stands.
type transcript struct {
	answered func(subgraph string, header http.Header)
	again    bool // the answers are given once more

	mu      sync.Mutex
	answers []sourceAnswer
	faulty  []*source   // that had errors of entities; their place tells their marks apart
	missing atomic.Bool // a subgraph has answered null for an entity
	room    [2]sourceAnswer
}

type sourceAnswer struct {
	source *source
	body   []byte
}

type transcriptKey struct{}

// transcribe begins the transcript of a request.
func transcribe(ctx context.Context, call Call) context.Context {
	t := &transcript{answered: call.Answered}
	t.answers = t.room[:0] // enough for most
	return context.WithValue(ctx, transcriptKey{}, t)
}

func transcriptOf(ctx context.Context) *transcript {
	t, _ := ctx.Value(transcriptKey{}).(*transcript)
	return t
}

// note keeps an answer. It returns what the engine gets: the same with a mark in each error of an entity.
func (t *transcript) note(s *source, body []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers = append(t.answers, sourceAnswer{s, body})
	if s.entities && hasMissing(body) {
		t.missing.Store(true) // fragments of one response are completed while others are fetched
	}
	if !s.entities || !bytes.Contains(body, []byte(`"errors"`)) {
		return body
	}
	answer, found := ofEntities(body, func(answer, failure *astjson.Value, path []*astjson.Value) {
		if entity := answer.Get("data", "_entities", strconv.Itoa(path[1].GetInt())); s.disguise && (entity == nil || entity.Type() == astjson.TypeNull) {
			path = path[:2] // whatever it was about, all of the entity is missing
		}
		marked := slices.Insert(slices.Clone(path), 2, astjson.StringValue(nil, mark+strconv.Itoa(len(t.faulty))), path[1])
		list := astjson.ArrayValue(nil)
		for i, step := range marked {
			list.SetArrayItem(nil, i, step)
		}
		failure.Set(nil, "path", list)
	})
	if !found {
		return body
	}
	t.faulty = append(t.faulty, s)
	return answer.MarshalTo(nil)
}

// hasMissing reports whether an answer has null for an entity.
func hasMissing(body []byte) (missing bool) {
	_, err := jsonparser.ArrayEach(body, func(_ []byte, typ jsonparser.ValueType, _ int, _ error) {
		missing = missing || typ == jsonparser.Null
	}, "data", "_entities")
	return missing && err == nil
}

// ofEntities calls f with each error of an answer that is about an entity, and its path. It reports whether there were any.
func ofEntities(body []byte, f func(answer, failure *astjson.Value, path []*astjson.Value)) (answer *astjson.Value, found bool) {
	answer, err := astjson.ParseBytes(body)
	if err != nil {
		return nil, false
	}
	for _, failure := range answer.GetArray("errors") {
		path := failure.GetArray("path")
		if len(path) > 1 && string(path[0].GetStringBytes()) == "_entities" && path[1].Type() == astjson.TypeNumber {
			f(answer, failure, path)
			found = true
		}
	}
	return answer, found
}

// replay returns a transcript that gives the same answers once more, nil when there was no error of an entity.
func (t *transcript) replay() *transcript {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.faulty) == 0 {
		return nil
	}
	return &transcript{again: true, answers: slices.Clone(t.answers), faulty: slices.Clone(t.faulty)}
}

// marked returns what a source has answered, with their number in all entities that errors are about.
func (t *transcript) marked(s *source) []byte {
	i := slices.IndexFunc(t.answers, func(a sourceAnswer) bool { return a.source == s })
	if i < 0 {
		return nil
	}
	body := t.answers[i].body
	faulty := slices.Index(t.faulty, s)
	if faulty < 0 {
		return body
	}
	answer, _ := ofEntities(body, func(answer, _ *astjson.Value, path []*astjson.Value) {
		entities, number := answer.Get("data", "_entities"), path[1].GetInt()
		if list := entities.GetArray(); number >= 0 && number < len(list) {
			if list[number].Type() != astjson.TypeObject {
				entities.SetArrayItem(nil, number, astjson.ObjectValue(nil))
			}
			entities.GetArray()[number].Set(nil, mark+strconv.Itoa(faulty), path[1])
		}
	})
	return answer.MarshalTo(nil)
}

// spot is an entity as errors and places name it.
type spot struct {
	mark   string
	number float64
}

// locate lets the errors of a response name the places of the entities that they are about: where the marks of another are.
func locate(body, marked []byte) ([]byte, error) {
	answer, err := readOwn(body)
	if err != nil {
		return nil, err
	}
	found, err := astjson.ParseBytes(marked)
	if err != nil {
		return nil, fmt.Errorf("read own response: %w", err)
	}
	places := map[spot][][]any{}
	find(found.Get("data"), nil, places)
	var located []responseError
	for _, failure := range answer.Errors {
		spot, i := spotIn(failure.Path)
		if i < 0 {
			located = append(located, failure)
			continue
		}
		all := places[spot]
		if len(all) == 0 { // nobody sees the entity
			all = [][]any{failure.Path[:i]}
		}
		below := failure.Path[i+2:]
		for _, place := range all[:min(len(all), maxErrors)] {
			failure.Path = slices.Concat(place, below)
			located = append(located, failure)
		}
	}
	answer.Errors = located
	return json.Marshal(answer)
}

// spotIn returns the entity that the path of an error names, and at which step it does; -1 for none.
func spotIn(path []any) (spot, int) {
	for i := range len(path) - 1 {
		name, _ := path[i].(string)
		if number, ok := path[i+1].(float64); ok && strings.HasPrefix(name, mark) {
			return spot{name, number}, i
		}
	}
	return spot{}, -1
}

// markedObject returns an object without leaves, with a field for each mark. Nothing fails in it.
func markedObject(o *resolve.Object, marks int) *resolve.Object {
	c := *o
	c.Nullable, c.Fields = true, nil
	for _, f := range o.Fields {
		if inner := markedNode(f.Value, marks); inner != nil {
			c.Fields = append(c.Fields, &resolve.Field{Name: f.Name, Value: inner, OnTypeNames: f.OnTypeNames, ParentOnTypeNames: f.ParentOnTypeNames})
		}
	}
	for i := range marks {
		name := mark + strconv.Itoa(i)
		c.Fields = append(c.Fields, &resolve.Field{Name: []byte(name), Value: &resolve.Scalar{Path: []string{name}, Nullable: true}})
	}
	return &c
}

// markedNode returns nil for a leaf.
func markedNode(node resolve.Node, marks int) resolve.Node {
	switch n := node.(type) {
	case *resolve.Object:
		return markedObject(n, marks)
	case *resolve.Array:
		if item := markedNode(n.Item, marks); item != nil {
			c := *n
			c.Nullable, c.Item = true, item
			return &c
		}
	}
	return nil
}

// find adds the places where marks stand.
func find(value *astjson.Value, at []any, places map[spot][][]any) {
	switch value.Type() {
	case astjson.TypeArray:
		for i, item := range value.GetArray() {
			find(item, append(slices.Clip(at), float64(i)), places)
		}
	case astjson.TypeObject:
		value.GetObject().Visit(func(key []byte, inner *astjson.Value) {
			name := string(key)
			if inner.Type() == astjson.TypeNumber {
				s := spot{name, inner.GetFloat64()}
				places[s] = append(places[s], at)
				return
			}
			find(inner, append(slices.Clip(at), name), places)
		})
	}
}
