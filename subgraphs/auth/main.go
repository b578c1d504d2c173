// Auth is the subgraph of accounts and sessions: it issues access tokens and publishes the keys that verify them.
package main

import (
	"context"
	"errors"
	"time"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph"
	"boxoffice.dev/subgraphs/auth/internal/password"
	"boxoffice.dev/subgraphs/auth/internal/signing"
	"boxoffice.dev/subgraphs/internal/gqlserver"
)

type settings struct {
	server.Config
	Database       service.Database
	ServiceToken   config.Secret   `env:"SERVICE_TOKEN,required" help:"credential that requests of the router must carry; the same value as the router's; at least 32 characters"`
	KeySecret      config.Secret   `env:"KEY_SECRET,required" help:"encrypts the signing keys in the database; at least 32 characters"`
	AccessTokenTTL time.Duration   `env:"ACCESS_TOKEN_TTL" envDefault:"5m" min:"1s" help:"lifetime of an access token"`
	Operators      []string        `env:"OPERATORS" help:"user ids of operators: usr_…,usr_…"`
	Password       password.Params `envPrefix:"PASSWORD_"`
	Limits         account.Limits
}

// Check returns errors that begin with the variable at fault. In development, passwords may be hashed cheaply.
func (c settings) Check() error {
	if c.Development() {
		return c.Config.Check()
	}
	return errors.Join(c.Config.Check(), c.Password.Check())
}

func main() {
	server.Main(config.Program{
		Name:     "auth",
		About:    "Auth is the subgraph of accounts and sessions: it issues access tokens and publishes their keys.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4001", "ADMIN_ADDR": "127.0.0.1:4011"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	pool, err := cfg.Database.Open(ctx, srv, account.Migrations(), signing.Migrations())
	if err != nil {
		return err
	}
	defer pool.Close()
	keys, err := signing.Open(ctx, pool, cfg.KeySecret.Reveal(), identity.Issuer{TTL: cfg.AccessTokenTTL}, time.Now)
	if err != nil {
		return err
	}
	accounts := account.NewService(pool, password.NewHasher(cfg.Password), cfg.Limits, cfg.KeySecret.Reveal(), time.Now)
	graphql := gqlserver.New(gqlserver.Config{
		Schema: graph.Schema(accounts, keys, cfg.Operators, time.Now), ServiceToken: cfg.ServiceToken.Reveal(),
		Verify: identity.NewVerifier(identity.VerifierConfig{KeySet: keys.KeySet}).Verify,
	})
	srv.Go("signing keys", keys.Run)
	srv.Go("expired sessions", accounts.Sweep)
	srv.Handle("/graphql", graph.WithSession(graphql, graph.Cookies{Development: cfg.Development()}))
	srv.Handle("GET /.well-known/jwks.json", graph.KeySet(keys.KeySet))
	return srv.Run(ctx)
}
