package engine

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/wundergraph/graphql-go-tools/v2/pkg/ast"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/astparser"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/asttransform"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/datasource/graphql_datasource"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/router/internal/supergraph"
	"boxoffice.dev/router/internal/upstream"
)

// Config is what an Engine runs on.
type Config struct {
	Supergraph *supergraph.Supergraph
	Subgraphs  map[string]*upstream.Subgraph // by name
	Streams    *upstream.Streams
	Resume     time.Duration // for a subgraph's stream that breaks off to be taken up again
	Planning   int           // operations that are planned at the same time
	Explain    bool          // whether Explain has something to say
}

// planConfig tells the planner what the supergraph says.
func planConfig(ctx context.Context, cfg Config) (plan.Configuration, error) {
	var pc plan.Configuration
	for _, f := range cfg.Supergraph.Fields {
		fc := plan.FieldConfiguration{TypeName: f.Type, FieldName: f.Name, HasAuthorizationRule: len(f.Rules) > 0}
		for _, name := range f.Arguments {
			fc.Arguments = append(fc.Arguments, plan.ArgumentConfiguration{Name: name, SourceType: plan.FieldArgumentSource})
		}
		pc.Fields = append(pc.Fields, fc)
	}
	for _, s := range cfg.Supergraph.Subgraphs {
		source, err := dataSource(ctx, s, cfg.Subgraphs[s.Name])
		if err != nil {
			return pc, fmt.Errorf("configure subgraph %s: %w", s.Name, err)
		}
		pc.DataSources = append(pc.DataSources, source)
	}
	return pc, nil
}

func dataSource(ctx context.Context, s *supergraph.Subgraph, asked *upstream.Subgraph) (plan.DataSource, error) {
	schema, err := graphql_datasource.NewSchemaConfiguration(s.SDL,
		&graphql_datasource.FederationConfiguration{Enabled: true, ServiceSDL: s.SDL})
	if err != nil {
		return nil, err
	}
	custom, err := graphql_datasource.NewConfiguration(graphql_datasource.ConfigurationInput{
		Fetch:               &graphql_datasource.FetchConfiguration{URL: s.URL, Method: http.MethodPost},
		Subscription:        &graphql_datasource.SubscriptionConfiguration{URL: s.URL, UseSSE: true, SSEMethodPost: true},
		SchemaConfiguration: schema,
	})
	if err != nil {
		return nil, err
	}
	unused := &http.Client{} // neither fetches nor streams are the engine's
	factory, err := graphql_datasource.NewFactory(ctx, unused, graphql_datasource.NewGraphQLSubscriptionClient(ctx,
		graphql_datasource.WithUpgradeClient(unused), graphql_datasource.WithStreamingClient(unused)))
	if err != nil {
		return nil, err
	}
	disguise := slices.ContainsFunc(s.Types, func(t supergraph.Type) bool { return t.InterfaceObject })
	return plan.NewDataSourceConfigurationWithName[graphql_datasource.Configuration](s.Name, s.Name, planners{factory, asked, disguise}, metadata(s), custom)
}

// metadata says which fields a subgraph resolves and how its entities are reached.
func metadata(s *supergraph.Subgraph) *plan.DataSourceMetadata {
	m := &plan.DataSourceMetadata{Directives: &plan.DirectiveConfigurations{}, CostConfig: plan.NewDataSourceCostConfig()}
	for _, t := range s.Types {
		node := plan.TypeField{TypeName: t.Name, FieldNames: t.Fields, ExternalFieldNames: t.External}
		switch {
		case len(t.Fields)+len(t.External) == 0:
		case t.Entry:
			m.RootNodes = append(m.RootNodes, node)
		default:
			m.ChildNodes = append(m.ChildNodes, node)
		}
		m.Keys = append(m.Keys, keyConfigs(t.Name, t.Keys)...)
		m.Requires = append(m.Requires, fieldSets(t.Name, t.Requires)...)
		m.Provides = append(m.Provides, fieldSets(t.Name, t.Provides)...)
		if len(t.Implementations) == 0 {
			continue
		}
		entity := plan.EntityInterfaceConfiguration{InterfaceTypeName: t.Name, ConcreteTypeNames: t.Implementations}
		if !t.InterfaceObject {
			m.EntityInterfaces = append(m.EntityInterfaces, entity)
			continue
		}
		m.InterfaceObjects = append(m.InterfaceObjects, entity)
		for _, name := range t.Implementations { // the interface object stands for every implementation
			m.RootNodes = append(m.RootNodes, plan.TypeField{TypeName: name, FieldNames: t.Fields})
			m.Keys = append(m.Keys, keyConfigs(name, slices.DeleteFunc(slices.Clone(t.Keys), func(k supergraph.Key) bool { return !k.Resolvable }))...)
		}
	}
	return m
}

func keyConfigs(typ string, list []supergraph.Key) (configs plan.FederationFieldConfigurations) {
	for _, k := range list {
		configs = append(configs, plan.FederationFieldConfiguration{TypeName: typ, SelectionSet: k.Selection, DisableEntityResolver: !k.Resolvable})
	}
	return configs
}

func fieldSets(typ string, list []supergraph.FieldSet) (configs plan.FederationFieldConfigurations) {
	for _, f := range list {
		configs = append(configs, plan.FederationFieldConfiguration{TypeName: typ, FieldName: f.Field, SelectionSet: f.Selection})
	}
	return configs
}

func parseSchema(sdl string) (*ast.Document, error) {
	doc, report := astparser.ParseGraphqlDocumentString(sdl)
	if report.HasErrors() {
		return nil, report
	}
	if err := asttransform.MergeDefinitionWithBaseSchema(&doc); err != nil {
		return nil, err
	}
	return &doc, nil
}

func resolverOptions() resolve.ResolverOptions {
	return resolve.ResolverOptions{
		MaxConcurrency:                         1024,
		AsyncErrorWriter:                       asyncErrors{}, // it is called without a check for nil
		PropagateSubgraphErrors:                true,
		SubgraphErrorPropagationMode:           resolve.SubgraphErrorPropagationModePassThrough,
		RewriteSubgraphErrorPaths:              true,
		OmitSubgraphErrorLocations:             true,
		AllowedErrorExtensionFields:            []string{"code", "requestId"},
		DefaultErrorExtensionCode:              string(codeMissing),
		SetDeduplicationShardCountToGOMAXPROCS: true,
	}
}
