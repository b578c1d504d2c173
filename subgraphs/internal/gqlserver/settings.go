package gqlserver

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/identity"
)

// Settings is the settings of a subgraph that verifies access tokens with the keys that auth publishes.
type Settings struct {
	JWKSURL      string        `env:"JWKS_URL" envDefault:"http://127.0.0.1:4001/.well-known/jwks.json" help:"URL of auth's public keys (JWKS), which verify access tokens"`
	ServiceToken config.Secret `env:"SERVICE_TOKEN,required" help:"credential that requests of the router must carry; the same value as the router's; at least 32 characters"`
}

// Handler returns the handler of /graphql. Subscriptions end with ctx.
func (s Settings) Handler(ctx context.Context, schema graphql.ExecutableSchema) http.Handler {
	return New(Config{
		Schema: schema, ServiceToken: s.ServiceToken.Reveal(), Stop: ctx.Done(),
		Verify: identity.NewVerifier(identity.VerifierConfig{JWKSURL: s.JWKSURL}).Verify,
	})
}
