// Auth knows who has an account and who is asking: the auth subgraph and the keys of its tokens.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph"
	"boxoffice.dev/subgraphs/auth/internal/password"
	"boxoffice.dev/subgraphs/auth/internal/signing"
	"boxoffice.dev/subgraphs/internal/gqlserver"
)

type settings struct {
	server.Config
	DatabaseURL    string          `env:"DATABASE_URL,required" help:"its own database: postgres://user:password@host/name"`
	ServiceToken   config.Secret   `env:"SERVICE_TOKEN,required" help:"the credential that the router shows to subgraphs, at least 32 characters"`
	KeySecret      config.Secret   `env:"KEY_SECRET,required" help:"encrypts the signing keys at rest, at least 32 characters"`
	AccessTokenTTL time.Duration   `env:"ACCESS_TOKEN_TTL" envDefault:"5m" min:"1s" help:"how long an access token is good for"`
	Operators      []string        `env:"OPERATORS" help:"user ids of those who run the service: usr_…,usr_…"`
	Password       password.Params `envPrefix:"PASSWORD_"`
	Limits         account.Limits
}

// Check finds what the types of the settings do not.
func (c settings) Check() error {
	if c.Development() {
		return c.Config.Check()
	}
	return errors.Join(c.Config.Check(), c.Password.Check())
}

func main() {
	server.Main(config.Program{
		Name: "auth", About: "Auth knows who has an account and who is asking.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4001", "ADMIN_ADDR": "127.0.0.1:4011"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	pool, err := postgres.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, account.Migrations(), signing.Migrations()); err != nil {
		return err
	}
	keys, err := signing.Open(ctx, pool, cfg.KeySecret.Reveal(), identity.Issuer{TTL: cfg.AccessTokenTTL}, time.Now)
	if err != nil {
		return err
	}
	accounts := account.NewService(pool, password.NewHasher(cfg.Password), cfg.Limits, cfg.KeySecret.Reveal(), time.Now)
	graphql := gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(accounts, keys, cfg.Operators, time.Now), ServiceToken: cfg.ServiceToken.Reveal(),
		Verify: identity.NewVerifier(identity.VerifierConfig{KeySet: keys.KeySet}).Verify,
	})

	srv.Check("database", pool.Ping)
	srv.Collect(postgres.Metrics(pool))
	srv.Go("signing keys", keys.Run)
	srv.Go("expired sessions", accounts.Sweep)
	srv.Handle("/graphql", graph.WithSession(graphql, graph.Cookies{Development: cfg.Development()}))
	srv.Handle("GET /.well-known/jwks.json", graph.KeySet(keys.KeySet))
	return srv.Run(ctx)
}
