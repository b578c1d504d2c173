package engine

import (
	"context"
	"fmt"
	"net/http"

	"github.com/buger/jsonparser"
	"github.com/jensneuse/abstractlogger"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/datasource/graphql_datasource"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/datasource/httpclient"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/plan"
	"github.com/wundergraph/graphql-go-tools/v2/pkg/engine/resolve"

	"boxoffice.dev/router/internal/upstream"
)

// planners makes the engine's planners of fetches from one subgraph, and sends these fetches our way: the
// engine's own client is neither bounded nor cheap.
type planners struct {
	*graphql_datasource.Factory[graphql_datasource.Configuration]
	subgraph *upstream.Subgraph
	disguise bool // it has an interface object
}

func (p planners) Planner(log abstractlogger.Logger) plan.DataSourcePlanner[graphql_datasource.Configuration] {
	made, ok := p.Factory.Planner(log).(*graphql_datasource.Planner[graphql_datasource.Configuration])
	if !ok { // the version is pinned
		panic("the engine's planners have another type")
	}
	return planner{made, p.subgraph, p.disguise}
}

type planner struct {
	*graphql_datasource.Planner[graphql_datasource.Configuration]
	subgraph *upstream.Subgraph
	disguise bool
}

func (p planner) ConfigureFetch() resolve.FetchConfiguration {
	fetch := p.Planner.ConfigureFetch()
	fetch.DataSource = &source{p.subgraph, fetch.RequiresEntityFetch || fetch.RequiresEntityBatchFetch, p.disguise}
	return fetch
}

// source asks a subgraph for one fetch of a plan.
type source struct {
	subgraph *upstream.Subgraph
	entities bool // it asks for entities
	disguise bool // it may ask for what is wanted of other types
}

// Load asks what the planner wrote: {"body": {"query": …, "variables": …}, …}.
func (s *source) Load(ctx context.Context, headers http.Header, input []byte) ([]byte, error) {
	t := transcriptOf(ctx)
	if t.again {
		return t.marked(s), nil
	}
	body, _, _, err := jsonparser.Get(input, "body")
	if err != nil {
		return nil, fmt.Errorf("read request to subgraph: %w", err)
	}
	for _, name := range httpclient.UndefinedVariables(input) { // what the client left out was written as null
		body = jsonparser.Delete(body, "variables", name)
	}
	answer, err := s.subgraph.Fetch(ctx, headers, body)
	if err != nil {
		return nil, err
	}
	if t.answered != nil {
		t.answered(s.subgraph.Name(), answer.Header)
	}
	return t.note(s, answer.Body), nil
}

func (s *source) LoadWithFiles(ctx context.Context, headers http.Header, input []byte, _ []*httpclient.FileUpload) ([]byte, error) {
	return s.Load(ctx, headers, input) // no request has files
}
