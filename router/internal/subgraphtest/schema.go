package subgraphtest

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// federation defines the directives that a service may use without a definition.
const federation = `
scalar FieldSet
directive @key(fields: FieldSet!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
directive @external on OBJECT | FIELD_DEFINITION
directive @requires(fields: FieldSet!) on FIELD_DEFINITION
directive @provides(fields: FieldSet!) on FIELD_DEFINITION
directive @shareable repeatable on OBJECT | FIELD_DEFINITION
directive @override(from: String!, label: String) on FIELD_DEFINITION
directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
directive @interfaceObject on OBJECT
directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
`

// serviceSchema returns the executable schema of a service: with _entities, and without the directives for composers.
func serviceSchema(sdl string) (*ast.Schema, error) {
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "service", Input: sdl})
	if err != nil {
		return nil, err
	}
	doc.SchemaExtension = slices.DeleteFunc(doc.SchemaExtension, func(s *ast.SchemaDefinition) bool { return len(s.OperationTypes) == 0 })
	given, err := parser.ParseSchema(&ast.Source{Name: "federation", Input: federation})
	if err != nil {
		return nil, err
	}
	for _, d := range given.Directives {
		if doc.Directives.ForName(d.Name) == nil {
			doc.Directives = append(doc.Directives, d)
		}
	}
	doc.Definitions = append(doc.Definitions, given.Definitions...)
	var entities []string
	for _, def := range slices.Concat(doc.Definitions, doc.Extensions) {
		if def.Kind == ast.Object && def.Directives.ForName("key") != nil && !slices.Contains(entities, def.Name) {
			entities = append(entities, def.Name)
		}
	}
	if len(entities) > 0 {
		query := queryType(doc)
		extra, err := parser.ParseSchema(&ast.Source{Name: "entities", Input: `
			scalar _Any
			union _Entity = ` + strings.Join(entities, " | ") + `
			extend type ` + query + ` { _entities(representations: [_Any!]!): [_Entity]! }`})
		if err != nil {
			return nil, err
		}
		if doc.Definitions.ForName(query) == nil && doc.Extensions.ForName(query) == nil {
			extra.Extensions[0].Kind = ast.Object
			extra.Definitions = append(extra.Definitions, extra.Extensions...)
			extra.Extensions = nil
		}
		doc.Merge(extra)
	}
	return validator.ValidateSchemaDocument(doc)
}

// queryType returns the name of the query type, which it adds to a schema without one.
func queryType(doc *ast.SchemaDocument) string {
	for _, s := range doc.Schema {
		for _, op := range s.OperationTypes {
			if op.Operation == ast.Query {
				return op.Type
			}
		}
	}
	for _, s := range doc.Schema {
		s.OperationTypes = append(s.OperationTypes, &ast.OperationTypeDefinition{Operation: ast.Query, Type: "Query", Position: s.Position})
	}
	return "Query"
}

func load(schema *ast.Schema, query string) (*ast.QueryDocument, gqlerror.List) {
	return gqlparser.LoadQueryWithRules(schema, query, nil)
}
