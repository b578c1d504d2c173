package engine

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/wundergraph/astjson"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/astnormalization"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/astparser"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/astprinter"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/postprocess"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/operationreport"

	"boxoffice.dev/router/internal/operation"
)

// operationName stands for whatever clients name their operations, so that the same operation
// under many names has one plan.
const operationName = "Operation"

// prepared is an operation with one request's variables, ready to be executed.
type prepared struct {
	plan      plan.Plan
	variables *astjson.Value
	remap     map[string]string // from the plan's variable names to the client's
}

// variant is one form of an operation: @skip and @include are already decided.
type variant struct{ text, name, conditions string }

// shape is what all requests for a variant have in common.
type shape struct {
	text  string // the operation alone, fragments written out
	fixed *fixed // nil when it depends on the values of variables, too
}

// fixed is how a shape is planned, whatever the values of its variables.
type fixed struct {
	plan     string            // the text that is planned
	remap    map[string]string // from the plan's variable names to the shape's
	literals []byte            // variables that stand for the shape's literals, a JSON object
}

// tools are what one preparation works with; they are expensive to make and not safe to share.
type tools struct {
	parser     *astparser.Parser
	doc        *ast.Document
	report     operationreport.Report
	normalizer *astnormalization.OperationNormalizer
	variables  *astnormalization.VariablesNormalizer
	mapper     *astnormalization.VariablesMapper
	printer    astprinter.Printer
	buf        bytes.Buffer
}

func newTools() any {
	return &tools{
		parser: astparser.NewParser(),
		doc:    ast.NewSmallDocument(),
		normalizer: astnormalization.NewWithOpts(
			astnormalization.WithRemoveNotMatchingOperationDefinitions(),
			astnormalization.WithInlineFragmentSpreads(),
			astnormalization.WithRemoveFragmentDefinitions(),
			astnormalization.WithRemoveUnusedVariables(),
		),
		variables: astnormalization.NewVariablesNormalizer(),
		mapper:    astnormalization.NewVariablesMapper(),
	}
}

// prepare finds or makes the plan of an operation and brings the variables (a JSON object or
// empty) into the plan's form.
func (e *Engine) prepare(ctx context.Context, op *operation.Operation, variables []byte) (*prepared, error) {
	if len(variables) == 0 {
		variables = []byte("{}")
	}
	t, _ := e.tools.Get().(*tools)
	defer e.tools.Put(t)
	t.report.Reset()

	id := variant{op.Text, op.Name, conditionValues(op.Conditions, variables)}
	s, ok := e.shapes.Get(id)
	if !ok {
		var err error
		if s, err = e.shape(t, op, variables); err != nil {
			return nil, err
		}
		e.shapes.Add(id, s, len(op.Text)+2*len(s.text))
	}
	f := s.fixed
	if f == nil {
		var err error
		if f, err = e.extract(t, s.text, variables); err != nil {
			return nil, err
		}
		variables = []byte("{}")
	}
	values, err := f.values(variables)
	if err != nil {
		return nil, err
	}
	p, err := e.planOf(ctx, f.plan)
	if err != nil {
		return nil, err
	}
	return &prepared{plan: p, variables: values, remap: f.remap}, nil
}

// shape finds out what a variant is for all values of its variables but those that @skip and @include
// read.
func (e *Engine) shape(t *tools, op *operation.Operation, variables []byte) (shape, error) {
	text, err := e.normalize(t, op, variables)
	if err != nil {
		return shape{}, err
	}
	s := shape{text: text}
	none := []byte("{}")
	if err := t.load(text, none); err != nil {
		return shape{}, err
	}
	if e.independent(t.doc) {
		s.fixed, err = e.extract(t, text, none)
	}
	return s, err
}

// independent reports whether values of variables have no part in how an operation is planned, and need no
// coercion: there are no defaults, no single values in the place of lists, no literals with variables inside.
func (e *Engine) independent(doc *ast.Document) bool {
	for _, v := range doc.VariableDefinitions {
		if v.DefaultValue.IsDefined || doc.TypeIsList(v.Type) || e.hasLists(doc.ResolveTypeNameString(v.Type), map[string]bool{}) {
			return false
		}
	}
	return !slices.ContainsFunc(doc.Arguments, func(a ast.Argument) bool {
		return a.Value.Kind != ast.ValueKindVariable && doc.ValueContainsVariable(a.Value)
	})
}

// hasLists reports whether an input type has a list at any depth; seen are those that are being looked at.
func (e *Engine) hasLists(name string, seen map[string]bool) bool {
	node, ok := e.client.Index.FirstNodeByNameStr(name)
	if !ok || node.Kind != ast.NodeKindInputObjectTypeDefinition || seen[name] {
		return false
	}
	seen[name] = true
	for _, field := range e.client.InputObjectTypeDefinitions[node.Ref].InputFieldsDefinition.Refs {
		typ := e.client.InputValueDefinitions[field].Type
		if e.client.TypeIsList(typ) || e.hasLists(e.client.ResolveTypeNameString(typ), seen) {
			return true
		}
	}
	return false
}

// extract turns literals into variables and gives these the names that equal operations have: "one
// operation, one plan". The result has all variables as literals, coerced.
func (e *Engine) extract(t *tools, text string, variables []byte) (*fixed, error) {
	if err := t.load(text, variables); err != nil {
		return nil, err
	}
	t.variables.NormalizeOperation(t.doc, e.client, &t.report)
	if t.report.HasErrors() {
		return nil, t.failure("extract variables")
	}
	f := &fixed{remap: t.mapper.NormalizeOperation(t.doc, e.client, &t.report)}
	if t.report.HasErrors() {
		return nil, t.failure("map variables")
	}
	f.literals = bytes.Clone(t.doc.Input.Variables)
	var err error
	f.plan, err = t.print()
	return f, err
}

// values returns the variables of a request together with those that stand for literals.
func (f *fixed) values(variables []byte) (*astjson.Value, error) {
	values, err := astjson.ParseBytes(variables)
	if err != nil {
		return nil, fmt.Errorf("parse variables: %w", err)
	}
	if string(f.literals) == "{}" {
		return values, nil
	}
	literals, err := astjson.ParseBytes(f.literals)
	if err != nil {
		return nil, fmt.Errorf("parse literals: %w", err)
	}
	members, err := literals.Object()
	if err != nil {
		return nil, fmt.Errorf("read literals: %w", err)
	}
	members.Visit(func(name []byte, value *astjson.Value) { values.Set(nil, string(name), value) })
	return values, nil
}

func (e *Engine) normalize(t *tools, op *operation.Operation, variables []byte) (string, error) {
	if err := t.load(op.Text, variables); err != nil {
		return "", err
	}
	name := op.Name
	if name == "" { // then it is the only one
		name = operationName
		t.rename(name)
	}
	t.normalizer.NormalizeNamedOperation(t.doc, e.client, []byte(name), &t.report)
	if t.report.HasErrors() {
		return "", t.failure("normalize")
	}
	t.rename(operationName)
	prune(t.doc, t.operation().SelectionSet)
	spread := e.spread(t.doc, t.operation().SelectionSet, e.root(t.operation()))
	if e.hoist(t.doc, t.operation().SelectionSet, true) || spread {
		text, err := t.print()
		if err != nil {
			return "", err
		}
		if err := t.load(text, variables); err != nil {
			return "", err
		}
		t.normalizer.NormalizeNamedOperation(t.doc, e.client, []byte(operationName), &t.report)
		if t.report.HasErrors() {
			return "", t.failure("normalize again")
		}
	}
	e.shiftAliases(t.doc)
	e.disguises.typesFirst(t.doc)
	return t.print()
}

// root returns the type that an operation begins with.
func (e *Engine) root(op *ast.OperationDefinition) ast.Node {
	names := map[ast.OperationType]ast.ByteSlice{
		ast.OperationTypeQuery: e.client.Index.QueryTypeName, ast.OperationTypeMutation: e.client.Index.MutationTypeName,
		ast.OperationTypeSubscription: e.client.Index.SubscriptionTypeName,
	}
	node, _ := e.client.Index.FirstNodeByNameBytes(names[op.OperationType])
	return node
}

// conditionValues tells apart the requests whose @skip and @include come out differently.
func conditionValues(names []string, variables []byte) string {
	if len(names) == 0 {
		return ""
	}
	parsed, err := astjson.ParseBytes(variables)
	if err != nil {
		return "?" // refused when the variables are validated
	}
	values := make([]byte, len(names))
	for i, name := range names {
		values[i] = '-' // not sent: the default decides
		if v := parsed.Get(name); v != nil {
			switch v.Type() {
			case astjson.TypeTrue:
				values[i] = 't'
			case astjson.TypeFalse:
				values[i] = 'f'
			default:
				values[i] = '?'
			}
		}
	}
	return string(values)
}

// planOf returns the plan of a normalized operation. Planning is the one expensive step, so equal
// operations are planned once and only a few at the same time.
func (e *Engine) planOf(ctx context.Context, text string) (plan.Plan, error) {
	if p, ok := e.plans.Get(text); ok {
		return p, nil
	}
	planned := e.planning.DoChan(text, func() (any, error) {
		e.planners <- struct{}{}
		defer func() { <-e.planners }()
		p, err := e.plan(text)
		if err == nil {
			e.plans.Add(text, p, len(text))
		}
		return p, err
	})
	select {
	case r := <-planned:
		if r.Err != nil {
			return nil, r.Err
		}
		p, _ := r.Val.(plan.Plan)
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Explain returns, for people, which subgraphs are asked what for an operation, and in which order. The
// text names the subgraphs.
func (e *Engine) Explain(ctx context.Context, op *operation.Operation, variables []byte) (string, error) {
	p, err := e.prepare(ctx, op, variables)
	if err != nil {
		return "", err
	}
	switch made := p.plan.(type) {
	case *plan.SynchronousResponsePlan:
		return made.Response.Fetches.QueryPlan().PrettyPrint(), nil
	case *plan.SubscriptionResponsePlan:
		return made.Response.Response.Fetches.QueryPlan().PrettyPrint(), nil
	default:
		return "", fmt.Errorf("explain: unexpected %T", p.plan)
	}
}

// plan makes a plan. The planner gives up on some operations by panicking.
func (e *Engine) plan(text string) (made plan.Plan, err error) {
	e.planned.Add(1)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("plan: panic: %v\n%s", r, debug.Stack())
		}
	}()
	doc, report := astparser.ParseGraphqlDocumentString(text)
	if report.HasErrors() {
		return nil, fmt.Errorf("parse normalized operation: %w", report)
	}
	planner, err := plan.NewPlanner(e.config)
	if err != nil {
		return nil, fmt.Errorf("make planner: %w", err)
	}
	p := planner.Plan(&doc, e.router, operationName, &report, e.explain...)
	if report.HasErrors() {
		return nil, fmt.Errorf("plan: %w", report)
	}
	postprocess.NewProcessor(postprocess.CollectDataSourceInfo(),
		postprocess.DisableOrderSequenceByDependencies(), postprocess.DisableCreateParallelNodes()).Process(p)
	if err := order(p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	e.repair(p)
	return p, nil
}

func (t *tools) load(text string, variables []byte) error {
	t.doc.Reset()
	t.doc.Input.ResetInputString(text)
	t.doc.Input.Variables = bytes.Clone(variables)
	t.parser.Parse(t.doc, &t.report)
	if t.report.HasErrors() {
		return t.failure("parse")
	}
	return nil
}

func (t *tools) print() (string, error) {
	t.buf.Reset()
	if err := t.printer.Print(t.doc, &t.buf); err != nil {
		return "", fmt.Errorf("print operation: %w", err)
	}
	return t.buf.String(), nil
}

// rename gives the first operation of the document a name.
func (t *tools) rename(name string) { t.operation().Name = t.doc.Input.AppendInputString(name) }

// operation returns the first operation of the document, which has one.
func (t *tools) operation() *ast.OperationDefinition {
	i := slices.IndexFunc(t.doc.RootNodes, func(n ast.Node) bool { return n.Kind == ast.NodeKindOperationDefinition })
	return &t.doc.OperationDefinitions[t.doc.RootNodes[i].Ref]
}

// failure turns what the engine reports into an error. The operation was valid and its variables
// fit, so this is a fault of ours.
func (t *tools) failure(doing string) error { return fmt.Errorf("%s: %w", doing, t.report) }
