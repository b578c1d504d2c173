package conformance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"boxoffice.dev/router/internal/supergraphtest"
)

// TestDefer asks everything once more, with parts of it deferred, and puts the parts together: they must be
// the whole answer.
func TestDefer(t *testing.T) {
	t.Parallel()
	for _, file := range supergraphs(t) {
		if filepath.Base(file) != "supergraph.graphql" {
			continue // of the same subgraphs
		}
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			g := start(t, file, nil)
			text := read(t, folder, "queries.graphql")
			for _, found := range definition.FindAllStringSubmatch(text, -1) {
				query := alone(text, found[2])
				t.Run(found[2], func(t *testing.T) {
					for i, deferred := range deferrals(t, query) {
						spec := specs[i%2]
						whole := g.ask(t, deferred, found[2])
						got, err := g.gather(supergraphtest.Operation{Query: deferred}, found[2], spec)
						if err != nil {
							t.Fatal(err)
						}
						if difference := g.sumDiffers(got, whole); difference != "" {
							t.Fatalf("%s %s\n%s", deferred, spec, difference)
						}
					}
				})
			}
		})
	}
}

var specs = []string{"deferSpec=20220824", "incrementalSpec=v0.2"}

// FuzzDefer defers any parts of any query.
func FuzzDefer(f *testing.F) {
	type question struct {
		graph       *graph
		text, named string
	}
	var questions []question
	for _, name := range []string{"abstract", "failures", "interfaceobject", "keys", "mixed", "provides", "requires", "sharing"} {
		g := start(f, filepath.Join("testdata", name, "supergraph.graphql"), nil)
		text := read(f, "testdata", name, "queries.graphql")
		for _, found := range definition.FindAllStringSubmatch(text, -1) {
			questions = append(questions, question{g, alone(text, found[2]), found[2]})
		}
	}
	for n := range 32 {
		f.Add(uint16(n*7), uint64(n)*0x9e3779b97f4a7c15)
	}
	f.Fuzz(func(t *testing.T, n uint16, choices uint64) {
		q := questions[int(n)%len(questions)]
		doc, err := parser.ParseQuery(&ast.Source{Input: q.text})
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(choices, 0))
		query := supergraphtest.Operation{Query: deferSome(doc, random)}
		for _, spec := range specs {
			if difference := q.graph.deferredDifference(query, q.named, spec); difference != "" {
				t.Fatalf("%s %s\n%s", query.Query, spec, difference)
			}
		}
	})
}

// deferSome defers parts of a document.
func deferSome(doc *ast.QueryDocument, random *rand.Rand) string {
	for _, set := range slices.Backward(selectionSets(doc)) {
		var now ast.SelectionSet
		later := make([]ast.SelectionSet, 3)
		for _, selected := range *set {
			switch k := random.IntN(8); {
			case k < 3:
				later[k] = append(later[k], selected)
			case k == 3: // in two
				later[0], later[1] = append(later[0], selected), append(later[1], selected)
			case k == 4: // and here
				now, later[2] = append(now, selected), append(later[2], selected)
			default:
				now = append(now, selected)
			}
		}
		for _, fragment := range later {
			if len(fragment) > 0 {
				now = append(now, deferring(fragment...))
			}
		}
		*set = now
	}
	return written(doc)
}

// deferrals returns a query with @defer: around each of its fields, around all fields of each object, and
// everywhere at once.
func deferrals(t testing.TB, query string) (all []string) {
	t.Helper()
	parse := func() *ast.QueryDocument {
		doc, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	write := func(doc *ast.QueryDocument) {
		if text := written(doc); !slices.Contains(all, text) && strings.Count(text, "label:") < 2 {
			all = append(all, text)
		}
	}
	sets := selectionSets(parse())
	for n := range sets {
		doc := parse()
		set := selectionSets(doc)[n]
		*set = ast.SelectionSet{deferring(*set...)}
		write(doc)
		for i := range *sets[n] {
			doc := parse()
			set := selectionSets(doc)[n]
			(*set)[i] = deferring((*set)[i])
			write(doc)
		}
		doc = parse()
		set = selectionSets(doc)[n]
		*set = append(*set, deferring((*set)[0])) // the field stays where it is as well
		write(doc)
	}
	for _, each := range []bool{false, true} {
		doc := parse()
		for _, set := range slices.Backward(selectionSets(doc)) {
			if each {
				for i := range *set {
					(*set)[i] = deferring((*set)[i])
				}
			} else {
				*set = ast.SelectionSet{deferring(*set...)}
			}
		}
		write(doc)
	}
	return all
}

func written(doc *ast.QueryDocument) string {
	var b bytes.Buffer
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	return b.String()
}

func deferring(set ...ast.Selection) *ast.InlineFragment {
	return &ast.InlineFragment{Directives: ast.DirectiveList{{Name: "defer"}}, SelectionSet: set}
}

func selectionSets(doc *ast.QueryDocument) (sets []*ast.SelectionSet) {
	var walk func(set *ast.SelectionSet)
	walk = func(set *ast.SelectionSet) {
		if len(*set) == 0 {
			return
		}
		sets = append(sets, set)
		for _, selected := range *set {
			switch s := selected.(type) {
			case *ast.Field:
				walk(&s.SelectionSet)
			case *ast.InlineFragment:
				walk(&s.SelectionSet)
			}
		}
	}
	for _, op := range doc.Operations {
		walk(&op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		walk(&f.SelectionSet)
	}
	return sets
}

// gathered is an answer that was put together.
type gathered struct {
	answer

	parts  []string
	failed bool // a fragment did not come
}

// gather requests parts and puts them together as the specifications have it.
func (g *graph) gather(op supergraphtest.Operation, named, spec string) (_ gathered, err error) {
	body, err := json.Marshal(map[string]any{"query": op.Query, "operationName": named, "variables": op.Variables})
	if err != nil {
		return gathered{}, err
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "multipart/mixed;"+spec+",application/json")
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	media, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		return gathered{}, err
	}
	if media != "multipart/mixed" { // nothing is deferred
		var got gathered
		return got, json.Unmarshal(w.Body.Bytes(), &got.answer)
	}
	m := merging{gathered: &gathered{}, announced: map[string]part{}}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, strings.Join(m.parts, "\n"))
		}
	}()
	for parts := multipart.NewReader(w.Body, params["boundary"]); ; {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return gathered{}, err
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return gathered{}, err
		}
		if err := m.take(text); err != nil {
			return gathered{}, err
		}
	}
	if len(m.parts) == 0 || !m.ended || len(m.announced) > 0 {
		return gathered{}, errors.New("not complete")
	}
	return *m.gathered, nil
}

// merging is an answer that is not complete yet.
type merging struct {
	*gathered

	announced map[string]part
	ended     bool
}

// part is a part of a response, or a part of that, in either format.
type part struct {
	Data        any
	Errors      json.RawMessage
	Pending     []part
	Incremental []part
	Completed   []part
	HasNext     *bool
	ID          string
	Path        []any
	SubPath     []any
	Label       string
}

func (m *merging) take(text []byte) error {
	m.parts = append(m.parts, string(text))
	var p part
	if err := json.Unmarshal(text, &p); err != nil || p.HasNext == nil || m.ended {
		return fmt.Errorf("not a part: %w", err)
	}
	m.ended = !*p.HasNext
	if len(m.parts) == 1 {
		m.Data = p.Data
	}
	if err := m.fail(p.Errors); err != nil {
		return err
	}
	for _, n := range p.Pending {
		if _, known := m.announced[n.ID]; known {
			return fmt.Errorf("announced twice: %s", n.ID)
		}
		if _, ok := reach(m.Data, n.Path).(map[string]any); !ok && len(p.Incremental) == 0 {
			return fmt.Errorf("nothing at %v", n.Path)
		}
		m.announced[n.ID] = n
	}
	for _, n := range p.Incremental {
		path := n.Path
		if n.ID != "" {
			announced, known := m.announced[n.ID]
			if !known {
				return fmt.Errorf("not announced: %s", n.ID)
			}
			path = slices.Concat(announced.Path, n.SubPath)
		}
		if err := m.fail(n.Errors); err != nil {
			return err
		}
		if n.Data == nil {
			m.failed = true
			if n.Errors == nil {
				return errors.New("no errors")
			}
			continue
		}
		object, ok := reach(m.Data, path).(map[string]any)
		if !ok {
			return fmt.Errorf("nothing at %v", path)
		}
		if n.ID != "" {
			for name := range n.Data.(map[string]any) {
				if _, known := object[name]; known {
					return fmt.Errorf("sent twice: %s", name)
				}
			}
		}
		merge(object, n.Data)
	}
	for _, n := range p.Completed {
		if _, known := m.announced[n.ID]; !known {
			return fmt.Errorf("not announced: %s", n.ID)
		}
		delete(m.announced, n.ID)
		m.failed = m.failed || n.Errors != nil
		if err := m.fail(n.Errors); err != nil {
			return err
		}
	}
	return nil
}

func (m *merging) fail(list json.RawMessage) error {
	if list == nil {
		return nil
	}
	var a answer
	if err := json.Unmarshal(fmt.Appendf(nil, `{"errors":%s}`, list), &a); err != nil || len(a.Errors) == 0 {
		return fmt.Errorf("errors: %w: %s", err, list)
	}
	m.Errors = append(m.Errors, a.Errors...)
	return nil
}

func reach(value any, path []any) any {
	for _, step := range path {
		switch at := value.(type) {
		case map[string]any:
			name, _ := step.(string)
			value = at[name]
		case []any:
			i, _ := step.(float64)
			value = at[int(i)]
		default:
			return nil
		}
	}
	return value
}

func merge(to map[string]any, from any) {
	for name, value := range from.(map[string]any) {
		to[name] = merged(to[name], value)
	}
}

func merged(to, from any) any {
	switch f := from.(type) {
	case map[string]any:
		if t, ok := to.(map[string]any); ok {
			merge(t, f)
			return t
		}
	case []any:
		if t, ok := to.([]any); ok {
			for i := range f {
				t[i] = merged(t[i], f[i])
			}
			return t
		}
	}
	return from
}

// sumDiffers compares with the whole answer. Where a fragment failed, its object remains, which would be null as a whole.
func (g *graph) sumDiffers(got gathered, whole answer) (text string) {
	same := reflect.DeepEqual(got.Data, whole.Data)
	if got.failed {
		same = within(got.Data, whole.Data)
	}
	if !same {
		text = fmt.Sprintf("got  %s\nwant %s\n", compact(got.Data), compact(whole.Data))
	}
	gotErrors, wantErrors := g.significant(got.answer, whole), g.significant(whole, got.answer)
	if got.failed && len(got.Errors) > 0 || len(whole.Errors) == maxErrors { // where the whole is null, other errors show
		gotErrors = wantErrors
	}
	if !slices.Equal(gotErrors, wantErrors) {
		text += fmt.Sprintf("got errors  %v\nwant errors %v\n", gotErrors, wantErrors)
	}
	if text != "" {
		text += strings.Join(got.parts, "\n")
	}
	return text
}

// deferredDifference compares the sum of the parts with the whole answer.
func (g *graph) deferredDifference(op supergraphtest.Operation, named, spec string) string {
	got, err := g.gather(op, named, spec)
	if err != nil {
		return err.Error()
	}
	body, err := json.Marshal(map[string]any{"query": op.Query, "operationName": named, "variables": op.Variables})
	if err != nil {
		return err.Error()
	}
	whole, err := g.post(body)
	if err != nil {
		return err.Error()
	}
	return g.sumDiffers(got, whole)
}

func within(got, whole any) bool {
	switch g := got.(type) {
	case map[string]any:
		w, ok := whole.(map[string]any)
		if !ok {
			return whole == nil
		}
		for name := range maps.Keys(g) {
			if !within(g[name], w[name]) {
				return false
			}
		}
		return true
	case []any:
		w, ok := whole.([]any)
		if !ok {
			return whole == nil
		}
		for i := range g {
			if !within(g[i], w[i]) {
				return false
			}
		}
		return len(g) == len(w)
	}
	return reflect.DeepEqual(got, whole)
}
