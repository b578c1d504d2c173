// Stripesim simulates the card processor: it implements the part of Stripe's HTTP API that payments
// uses, and never charges a card.
package main

import (
	"context"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/pkg/service"
	"boxoffice.dev/subgraphs/stripesim/simulator"
)

type settings struct {
	server.Config
	Database   service.Database
	Key        config.Secret  `env:"SIMULATOR_KEY,required" help:"the secret shared with payments: the API's bearer token, and the key that signs webhooks; at least 32 characters"`
	WebhookURL string         `env:"WEBHOOK_URL,required" help:"URL that receives the webhooks: http://payments:4004/webhooks/stripe"`
	PublicURL  string         `env:"PUBLIC_URL" envDefault:"http://127.0.0.1:4006" help:"public URL of this program, for the bank's page"`
	Webhooks   simulator.Mode `env:"SIMULATOR_WEBHOOKS" envDefault:"prompt" help:"how webhooks are delivered: prompt, late, twice, shuffled or never"`
}

func main() {
	server.Main(config.Program{
		Name: "stripesim", About: "Stripesim simulates the card processor. It never charges a card.",
		Defaults: map[string]string{"LISTEN_ADDR": "127.0.0.1:4006", "ADMIN_ADDR": "127.0.0.1:4016"},
	}, run)
}

func run(ctx context.Context, cfg settings, srv *server.Server) error {
	pool, err := cfg.Database.Open(ctx, srv, simulator.Migrations())
	if err != nil {
		return err
	}
	defer pool.Close()
	sim := simulator.New(simulator.Config{
		SecretKey: cfg.Key.Reveal(), URL: cfg.PublicURL,
		WebhookURL: cfg.WebhookURL, WebhookSecret: cfg.Key.Reveal(), Webhooks: cfg.Webhooks,
	}, pool)
	srv.Go("simulator", sim.Run)
	srv.Handle("/", sim.Handler())
	return srv.Run(ctx)
}
