// Package operation parses, limits, validates and prices documents before they are planned. The work is bounded by the
// size of the text, not by the expansion of its fragments.
package operation

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/cache"
	"boxoffice.dev/router/internal/introspection"
	"boxoffice.dev/router/internal/supergraph"
)

// Codes of refused documents, besides those of limits.
const (
	ParseFailed           apperr.Code = "GRAPHQL_PARSE_FAILED"
	ValidationFailed      apperr.Code = "GRAPHQL_VALIDATION_FAILED"
	OperationUnknown      apperr.Code = "OPERATION_RESOLUTION_FAILURE"
	IntrospectionDisabled apperr.Code = "INTROSPECTION_DISABLED"
)

const (
	cachedDocuments = 2_000
	cachedBytes     = 16 << 20 // of their texts
	maxErrors       = 10       // in the response to one document
)

// Refused is the error of a request that is not executed.
type Refused struct {
	Status int // HTTP status
	Errors gqlerror.List

	invalid bool
}

func (r *Refused) Error() string { return r.Errors.Error() }

// Code returns the code of the first error.
func (r *Refused) Code() string {
	return fmt.Sprint(r.Errors[0].Extensions["code"])
}

// Invalid reports whether the request is an error by the GraphQL specification: the document does not parse or
// validate, has no such operation, or its variables are invalid. Limits are not part of the specification.
func (r *Refused) Invalid() bool { return r.invalid }

// Refuse returns a Refused with one error.
func Refuse(status int, code apperr.Code, message string) *Refused {
	return &Refused{Status: status, Errors: gqlerror.List{{Message: message, Extensions: map[string]any{"code": code}}}}
}

// RefuseDocument returns a Refused that is Invalid.
func RefuseDocument(code apperr.Code, message string) *Refused {
	r := Refuse(http.StatusBadRequest, code, message)
	r.invalid = true
	return r
}

// Operation is a valid operation within its document. It is shared between requests.
type Operation struct {
	Text       string // of the document
	Definition *ast.OperationDefinition
	Name       string // empty when it has none
	Kind       ast.Operation
	Meta       *introspection.Part // nil without introspection

	price  price
	defers bool // a fragment may be deferred
}

// Config configures Documents.
type Config struct {
	SDL           string // the clients' schema
	Costs         supergraph.Costs
	Limits        Limits
	Introspection bool // also enables suggestions in error messages
}

// Documents prepares operations and caches them.
type Documents struct {
	schema        *ast.Schema
	limits        Limits
	pricing       pricing
	introspection bool
	rules         *rules.Rules
	known         *cache.Cache[key, *Operation]
}

type key struct{ text, name string }

// New returns Documents with an empty cache.
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

// Schema returns the clients' schema.
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
	doc, err := parser.ParseQuery(&ast.Source{Input: withoutBlockStrings(text)})
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
	if errs := append(checkDefers(doc), checkSubscription(def)...); len(errs) > 0 {
		return nil, refuseAll(ValidationFailed, errs)
	}
	bindVariables(doc, def)
	return &Operation{
		Text: text, Definition: def, Name: def.Name, Kind: def.Operation, Meta: introspection.Of(d.schema, def),
		price: d.pricing.price(def), defers: def.Operation != ast.Subscription && defers(doc),
	}, nil
}

// bindVariables lets the variables in a document's fragments have the types and defaults that one operation declares. The
// validator leaves them with those of the document's last operation.
func bindVariables(doc *ast.QueryDocument, op *ast.OperationDefinition) {
	var bind func(*ast.Value)
	bind = func(v *ast.Value) {
		if v.Kind == ast.Variable {
			v.VariableDefinition = op.VariableDefinitions.ForName(v.Raw)
		}
		for _, child := range v.Children {
			bind(child.Value)
		}
	}
	arguments := func(list ast.ArgumentList) {
		for _, a := range list {
			bind(a.Value)
		}
	}
	directives := func(list ast.DirectiveList) {
		for _, d := range list {
			arguments(d.Arguments)
		}
	}
	eachSelection(doc, func(s ast.Selection) {
		switch s := s.(type) {
		case *ast.Field:
			arguments(s.Arguments)
			directives(s.Directives)
		case *ast.InlineFragment:
			directives(s.Directives)
		case *ast.FragmentSpread:
			directives(s.Directives)
		}
	})
}

// refuseAll returns a Refused with the first errors.
func refuseAll(code apperr.Code, errs gqlerror.List) *Refused {
	shown := make(gqlerror.List, min(len(errs), maxErrors))
	for i := range shown {
		shown[i] = &gqlerror.Error{
			Message: errs[i].Message, Locations: errs[i].Locations, Extensions: map[string]any{"code": code},
		}
	}
	return &Refused{Status: http.StatusBadRequest, Errors: shown, invalid: true}
}

// validationRules returns the rules of the GraphQL specification. Suggestions reveal names of the schema.
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

// introspects reports whether the document selects __schema or __type.
func introspects(doc *ast.QueryDocument) bool {
	found := false
	eachSelection(doc, func(s ast.Selection) {
		if f, ok := s.(*ast.Field); ok && (f.Name == "__schema" || f.Name == "__type") {
			found = true
		}
	})
	return found
}

// eachSelection visits every selection of the text once; fragment spreads are not followed.
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
