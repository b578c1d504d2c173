package operation

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"

	"boxoffice.dev/pkg/apperr"
)

// Limits are the limits of one request. Fields, aliases, depth and directives are counted with fragments expanded.
type Limits struct {
	Body       int64 `env:"BODY" envDefault:"1048576" min:"1" help:"maximum size of a request body, in bytes"`
	Bytes      int   `env:"BYTES" envDefault:"65536" min:"1" help:"maximum size of a document, in bytes"`
	Tokens     int   `env:"TOKENS" envDefault:"5000" min:"1" help:"maximum number of tokens in a document"`
	Depth      int   `env:"DEPTH" envDefault:"15" min:"1" help:"maximum nesting of fields; introspection queries of common tools need 15"`
	InputDepth int   `env:"INPUT_DEPTH" envDefault:"15" min:"1" help:"maximum nesting of lists and objects in an argument or variable"`
	Fields     int   `env:"FIELDS" envDefault:"300" min:"1" help:"maximum number of fields in an operation or fragment"`
	RootFields int   `env:"ROOT_FIELDS" envDefault:"20" min:"1" help:"maximum number of root fields in an operation"`
	Aliases    int   `env:"ALIASES" envDefault:"30" min:"0" help:"maximum number of aliases in an operation or fragment"`
	Directives int   `env:"DIRECTIVES" envDefault:"50" min:"0" help:"maximum number of directives in an operation or fragment"`
	Variables  int   `env:"VARIABLES" envDefault:"100" min:"0" help:"maximum number of variables declared in a document"`
	PageSize   int   `env:"PAGE_SIZE" envDefault:"100" min:"1" help:"maximum page size: value of first and last, and length of a list of ids"`
	ListSize   int   `env:"LIST_SIZE" envDefault:"20" min:"0" help:"assumed length of a list whose size no argument or @listSize gives, for the cost"`
	Cost       int   `env:"COST" envDefault:"5000" min:"1" help:"maximum cost of an operation: the number of objects in its response, unless @cost gives other weights"`
	Planning   int   `env:"PLANNING" envDefault:"2" min:"1" help:"maximum number of operations that are planned concurrently; others wait"`
}

// Codes of documents that exceed a limit.
const (
	DocumentTooLarge apperr.Code = "DOCUMENT_TOO_LARGE"
	TokenLimit       apperr.Code = "TOKEN_LIMIT_EXCEEDED"
	DepthLimit       apperr.Code = "DEPTH_LIMIT_EXCEEDED"
	FieldLimit       apperr.Code = "FIELD_LIMIT_EXCEEDED"
	RootFieldLimit   apperr.Code = "ROOT_FIELD_LIMIT_EXCEEDED"
	AliasLimit       apperr.Code = "ALIAS_LIMIT_EXCEEDED"
	DirectiveLimit   apperr.Code = "DIRECTIVE_LIMIT_EXCEEDED"
	VariableLimit    apperr.Code = "VARIABLE_LIMIT_EXCEEDED"
	CostLimit        apperr.Code = "COST_LIMIT_EXCEEDED"
	TooComplex       apperr.Code = "OPERATION_TOO_COMPLEX" // of an operation that would take too much work to plan
)

func exceeded(code apperr.Code, quantity string, limit int) error {
	return Refuse(http.StatusBadRequest, code, fmt.Sprintf("the %s exceeds the limit of %d", quantity, limit))
}

// checkText counts bytes and tokens before the text is parsed.
func (l Limits) checkText(text string) error {
	if len(text) > l.Bytes {
		return exceeded(DocumentTooLarge, "size of the document in bytes", l.Bytes)
	}
	lex := lexer.New(&ast.Source{Input: text})
	for n := 0; ; n++ {
		if n > l.Tokens {
			return exceeded(TokenLimit, "number of tokens", l.Tokens)
		}
		token, err := lex.ReadToken()
		if err != nil || token.Kind == lexer.EOF { // the parser reports errors
			return nil
		}
	}
}

// size is the size of a selection with its fragments expanded.
type size struct{ fields, aliases, directives, depth, roots, input int }

// most caps the counts, so that they do not overflow. It is above every limit.
const most = 1 << 30

func (s size) and(t size) size {
	return size{
		fields: min(s.fields+t.fields, most), aliases: min(s.aliases+t.aliases, most),
		directives: min(s.directives+t.directives, most),
		depth:      max(s.depth, t.depth), roots: min(s.roots+t.roots, most),
		input: max(s.input, t.input),
	}
}

// measure computes sizes. Each fragment is measured once, so the work is linear in the text even when the expansion
// is exponential.
type measure struct {
	fragments map[string]*ast.FragmentDefinition
	known     map[string]size
	open      []string // fragments that are being measured, to detect cycles
	cycle     bool
}

func (m *measure) set(set ast.SelectionSet) size {
	var total size
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			inner := m.set(s.SelectionSet)
			inner.fields++
			inner.depth++
			inner.roots = 1
			inner.apply(s.Directives)
			inner.input = max(inner.input, deepest(s.Arguments))
			if s.Alias != s.Name {
				inner.aliases++
			}
			total = total.and(inner)
		case *ast.InlineFragment:
			inner := m.set(s.SelectionSet)
			inner.apply(s.Directives)
			total = total.and(inner)
		case *ast.FragmentSpread:
			inner := m.fragment(s.Name)
			inner.apply(s.Directives)
			total = total.and(inner)
		}
	}
	return total
}

func (s *size) apply(directives ast.DirectiveList) {
	s.directives += len(directives)
	for _, d := range directives {
		s.input = max(s.input, deepest(d.Arguments))
	}
}

func deepest(arguments ast.ArgumentList) (depth int) {
	for _, a := range arguments {
		depth = max(depth, nested(a.Value))
	}
	return depth
}

// nested returns how deep lists and objects are nested in a literal. The limit of tokens bounds the recursion.
func nested(v *ast.Value) int {
	deepest := 0
	for _, child := range v.Children {
		deepest = max(deepest, nested(child.Value))
	}
	if v.Kind == ast.ListValue || v.Kind == ast.ObjectValue {
		deepest++
	}
	return deepest
}

func (m *measure) fragment(name string) size {
	if s, ok := m.known[name]; ok {
		return s
	}
	def := m.fragments[name]
	if def == nil { // the validator reports it
		return size{}
	}
	if slices.Contains(m.open, name) {
		m.cycle = true
		return size{}
	}
	m.open = append(m.open, name)
	s := m.set(def.SelectionSet)
	m.open = m.open[:len(m.open)-1]
	s.apply(def.Directives)
	m.known[name] = s
	return s
}

// checkDocument refuses a document that is too expensive to validate and plan. Unused fragments are checked, too,
// because they are validated.
func (l Limits) checkDocument(doc *ast.QueryDocument) error {
	m := &measure{fragments: map[string]*ast.FragmentDefinition{}, known: map[string]size{}}
	for _, f := range doc.Fragments {
		m.fragments[f.Name] = f
	}
	var total size // of all operations, because all are validated
	for _, f := range doc.Fragments {
		if err := l.check(m.fragment(f.Name)); err != nil {
			return err
		}
	}
	if m.cycle {
		return Refuse(http.StatusBadRequest, ValidationFailed, "fragments must not form a cycle")
	}
	variables := 0
	for _, op := range doc.Operations {
		s := m.set(op.SelectionSet)
		s.apply(op.Directives)
		for _, v := range op.VariableDefinitions {
			s.apply(v.Directives)
			if v.DefaultValue != nil {
				s.input = max(s.input, nested(v.DefaultValue))
			}
		}
		if s.roots > l.RootFields {
			return exceeded(RootFieldLimit, "number of root fields", l.RootFields)
		}
		total = total.and(s)
		variables += len(op.VariableDefinitions)
	}
	if variables > l.Variables {
		return exceeded(VariableLimit, "number of variables", l.Variables)
	}
	return l.check(total)
}

func (l Limits) check(s size) error {
	switch {
	case s.depth > l.Depth:
		return exceeded(DepthLimit, "depth", l.Depth)
	case s.input > l.InputDepth:
		return exceeded(DepthLimit, "depth of an argument", l.InputDepth)
	case s.aliases > l.Aliases:
		return exceeded(AliasLimit, "number of aliases", l.Aliases)
	case s.directives > l.Directives:
		return exceeded(DirectiveLimit, "number of directives", l.Directives)
	case s.fields > l.Fields:
		return exceeded(FieldLimit, "number of fields", l.Fields)
	}
	return nil
}
