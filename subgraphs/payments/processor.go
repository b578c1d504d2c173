package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/server"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/simulator"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

// processorConfig says who takes the cards: Stripe, or the simulator, which never charges anybody.
type processorConfig struct {
	Name          string         `env:"PROCESSOR" help:"stripe, or simulator, which never charges anybody; unset: Stripe when there is a key, else, in development, the simulator"`
	SecretKey     config.Secret  `env:"STRIPE_SECRET_KEY" help:"the key of the account at Stripe: sk_…"`
	PublicKey     string         `env:"STRIPE_PUBLISHABLE_KEY" help:"the key that pages load Stripe.js with, which everybody may know: pk_…"`
	WebhookSecret config.Secret  `env:"STRIPE_WEBHOOK_SECRET" help:"what Stripe signs its webhooks with: whsec_…"`
	ReturnURL     string         `env:"PAYMENT_RETURN_URL" help:"where the bank sends the buyer's browser after 3-D Secure"`
	PublicURL     string         `env:"PUBLIC_URL" envDefault:"http://127.0.0.1:4004" help:"where browsers find this service, for the simulator's bank"`
	Webhooks      simulator.Mode `env:"SIMULATOR_WEBHOOKS" envDefault:"prompt" help:"how the simulator sends webhooks: prompt, late, twice, shuffled or never"`
}

func (c processorConfig) simulated() bool {
	return c.Name == "simulator" || c.Name == "" && !c.SecretKey.IsSet()
}

// check returns what is wrong with the configuration. Outside development nobody gets the simulator
// by forgetting a key: it gives tickets away.
func (c processorConfig) check(development bool) error {
	var faults []error
	switch {
	case c.Name != "" && c.Name != "stripe" && c.Name != "simulator":
		return fmt.Errorf("PROCESSOR: want stripe or simulator, got %q", c.Name)
	case c.simulated() && c.Name == "" && !development:
		return errors.New("STRIPE_SECRET_KEY: it must be set; to go without, and give tickets away, set PROCESSOR=simulator")
	case c.simulated():
		return nil
	}
	if c.PublicKey != "" && !strings.HasPrefix(c.PublicKey, "pk_") {
		faults = append(faults, errors.New("STRIPE_PUBLISHABLE_KEY: want pk_…; no other key may reach a browser"))
	}
	if !c.SecretKey.IsSet() {
		faults = append(faults, errors.New("STRIPE_SECRET_KEY: it must be set for Stripe"))
	}
	if !c.WebhookSecret.IsSet() {
		faults = append(faults, errors.New("STRIPE_WEBHOOK_SECRET: it must be set for Stripe"))
	}
	return errors.Join(faults...)
}

// shown is what pages are told about the processor.
func (c processorConfig) shown() graph.Processor {
	if c.simulated() {
		return graph.Processor{Kind: graph.Simulator}
	}
	return graph.Processor{Kind: graph.Stripe, PublishableKey: c.PublicKey}
}

// open returns the way to the processor, and serves the webhooks that it sends to look.
func (c processorConfig) open(srv *server.Server, simulate func(simulator.Config) *simulator.Simulator) (processor payment.Processor, webhookSecret string) {
	if !c.simulated() {
		return stripe.New(stripe.Config{SecretKey: c.SecretKey.Reveal(), ReturnURL: c.ReturnURL}), c.WebhookSecret.Reveal()
	}
	key, webhookSecret := rand.Text(), rand.Text()
	sim := simulate(simulator.Config{
		SecretKey: key, URL: c.PublicURL + "/simulator",
		WebhookURL: srv.LocalURL() + "/webhooks/stripe", WebhookSecret: webhookSecret, Webhooks: c.Webhooks,
	})
	srv.Handle("/simulator/", http.StripPrefix("/simulator", sim.Handler()))
	srv.Go("simulator", sim.Run)
	return stripe.New(stripe.Config{
		SecretKey: key, APIBase: srv.LocalURL() + "/simulator", ReturnURL: cmp.Or(c.ReturnURL, c.PublicURL+"/simulator/"),
	}), webhookSecret
}
