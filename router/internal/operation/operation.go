// Package operation decides whether what a client asks for is worth planning: it parses, limits,
// validates and prices documents. Everything here is bounded by the size of the text, never by
// what its fragments expand to.
package operation

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/cache"
	"boxoffice.dev/router/internal/introspection"
	"boxoffice.dev/router/internal/supergraph"
)

// Codes of refused documents, besides the limits' own.
const (
	ParseFailed           apperr.Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed      apperr.Code = "GRAPHQL_VALIDATION_FAILED"
	OperationUnknown      apperr.Code = "OPERATION_RESOLUTION_FAILURE"
	IntrospectionDisabled apperr.Code = "INTROSPECTION_DISABLED"
)

const (
	cachedDocuments = 2_000
	cachedBytes     = 16 << 20 // of their texts
	maxErrors       = 10       // shown of one document
)

// Refused says why a request is not executed. Nobody's data was touched.
type Refused struct {
	Status int // HTTP status, for clients that expect one
	Errors gqlerror.List

	invalid bool
}

func (r *Refused) Error() string { return r.Errors.Error() }

// Code returns the code of the first error.
func (r *Refused) Code() string {
	return fmt.Sprint(r.Errors[0].Extensions["code"])
}

// Invalid reports whether the document itself is at fault, by the rules of GraphQL: it does not
// parse, is not valid, has no such operation or its variables do not fit. Limits are not among
// these rules.
func (r *Refused) Invalid() bool { return r.invalid }

// Refuse returns a Refused with one error.
func Refuse(status int, code apperr.Code, message string) *Refused {
	return &Refused{Status: status, Errors: gqlerror.List{{Message: message, Extensions: map[string]any{"code": code}}}}
}

// RefuseDocument returns a Refused for a request that is at fault by the rules of GraphQL.
func RefuseDocument(code apperr.Code, message string) *Refused {
	r := Refuse(http.StatusBadRequest, code, message)
	r.invalid = true
	return r
}

// Operation is one valid operation within its document. It is shared between requests.
type Operation struct {
	Text       string // the document, without introspection
	Name       string // of the operation, empty when it has none
	Kind       ast.Operation
	Conditions []string            // the variables that @skip and @include read, sorted
	Meta       *introspection.Part // nil when the operation does not ask for the schema

	variables  ast.VariableDefinitionList
	price      price
	deferrable *deferrable // nil when nothing is to be deferred
}

// Config says what clients may ask for.
type Config struct {
	SDL           string // the schema that clients see
	Costs         supergraph.Costs
	Limits        Limits
	Introspection bool // also suggestions in error messages
}

// Documents turns the texts of clients into operations and remembers the last ones.
type Documents struct {
	schema        *ast.Schema
	limits        Limits
	pricing       pricing
	introspection bool
	rules         *rules.Rules
	known         *cache.Cache[key, *Operation]
}

type key struct{ text, name string }

// New returns an empty Documents.
func New(cfg Config) (*Documents, error) {
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "api", Input: cfg.SDL})
	if err != nil {
		return nil, err
	}
	return &Documents{
		schema: schema, limits: cfg.Limits, introspection: cfg.Introspection,
		pricing: pricing{schema: schema, costs: cfg.Costs, assumed: cfg.Limits.ListSize},
		rules:   validationRules(cfg.Introspection), known: cache.New[key, *Operation]("documents", cachedDocuments, cachedBytes),
	}, nil
}

// Schema is what clients see.
func (d *Documents) Schema() *ast.Schema { return d.schema }

// Prepare returns the named operation of a document, or the only one when name is empty. The
// error is a Refused.
func (d *Documents) Prepare(text, name string) (*Operation, error) {
	if op, ok := d.known.Get(key{text, name}); ok {
		return op, nil
	}
	op, err := d.prepare(text, name)
	if err == nil {
		d.known.Add(key{text, name}, op, len(text))
	}
	return op, err
}

func (d *Documents) prepare(text, name string) (*Operation, error) {
	if err := d.limits.checkText(text); err != nil {
		return nil, err
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		var fault *gqlerror.Error
		if !errors.As(err, &fault) {
			fault = gqlerror.Wrap(err)
		}
		return nil, refuseAll(ParseFailed, gqlerror.List{fault})
	}
	if err := d.limits.checkDocument(doc); err != nil {
		return nil, err
	}
	if !d.introspection && introspects(doc) {
		return nil, Refuse(http.StatusBadRequest, IntrospectionDisabled, "introspection is disabled")
	}
	if errs := validator.ValidateWithRules(d.schema, doc, d.rules); len(errs) > 0 {
		return nil, refuseAll(ValidationFailed, errs)
	}
	def := doc.Operations.ForName(name)
	if def == nil {
		return nil, RefuseDocument(OperationUnknown, "operationName must name one of the document's operations")
	}
	if errs := checkDefers(doc); len(errs) > 0 {
		return nil, refuseAll(ValidationFailed, errs)
	}
	defers := takeDefers(doc)
	if len(defers) > 0 || strings.Contains(text, `"""`) || strings.Contains(text, `\u{`) { // the engine reads some of these strings wrongly
		text = written(doc)
	}
	op := &Operation{Name: def.Name, Kind: def.Operation, Conditions: conditions(doc), variables: def.VariableDefinitions, price: d.pricing.price(def)}
	op.Meta, op.Text = introspection.Split(d.schema, doc, def, text)
	if asksUnions(d.schema, doc) && (op.Meta == nil || !op.Meta.Whole()) {
		if op.Text, err = withoutUnions(d.schema, op.Text); err != nil {
			return nil, fmt.Errorf("write document without fragments on unions: %w", err)
		}
	}
	if len(defers) > 0 && op.Kind != ast.Subscription && op.Meta == nil { // who asks for the schema, too, gets everything at once
		op.deferrable = &deferrable{def, defers}
	}
	return op, nil
}

// written writes a document anew, with all its strings in the one plain form.
func written(doc *ast.QueryDocument) string {
	var b strings.Builder
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	return b.String()
}

// refuseAll shows a client the first errors of its document.
func refuseAll(code apperr.Code, errs gqlerror.List) *Refused {
	shown := make(gqlerror.List, min(len(errs), maxErrors))
	for i := range shown {
		shown[i] = &gqlerror.Error{
			Message: errs[i].Message, Locations: errs[i].Locations, Extensions: map[string]any{"code": code},
		}
	}
	return &Refused{Status: http.StatusBadRequest, Errors: shown, invalid: true}
}

// validationRules are the rules of the GraphQL specification. Without suggestions an error does
// not tell which names exist.
func validationRules(suggestions bool) *rules.Rules {
	set := rules.NewDefaultRules()
	if suggestions {
		return set
	}
	for named, quiet := range map[string]validator.Rule{
		rules.FieldsOnCorrectTypeRule.Name: rules.FieldsOnCorrectTypeRuleWithoutSuggestions,
		rules.KnownArgumentNamesRule.Name:  rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRule.Name:      rules.KnownTypeNamesRuleWithoutSuggestions,
		rules.ScalarLeafsRule.Name:         rules.ScalarLeafsRuleWithoutSuggestions,
		rules.ValuesOfCorrectTypeRule.Name: rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
	} {
		set.ReplaceRule(named, quiet.RuleFunc)
	}
	return set
}

// introspects reports whether any field of the document asks for the schema.
func introspects(doc *ast.QueryDocument) bool {
	found := false
	eachSelection(doc, func(s ast.Selection) {
		if f, ok := s.(*ast.Field); ok && (f.Name == "__schema" || f.Name == "__type") {
			found = true
		}
	})
	return found
}

// eachSelection visits every selection of the text once; fragments are not followed.
func eachSelection(doc *ast.QueryDocument, visit func(ast.Selection)) {
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			visit(s)
			switch s := s.(type) {
			case *ast.Field:
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				walk(s.SelectionSet)
			}
		}
	}
	for _, op := range doc.Operations {
		walk(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		walk(f.SelectionSet)
	}
}
