package main

import (
	"errors"
	"strings"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/subgraphs/payments/internal/graph"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

// processorConfig chooses the card processor: Stripe, or stripesim, which implements the same API.
type processorConfig struct {
	Name          string        `env:"PROCESSOR" enum:"stripe,simulator" help:"stripe, or simulator, which never charges a card; unset: Stripe when STRIPE_SECRET_KEY is set, else, in development, the simulator"`
	SecretKey     config.Secret `env:"STRIPE_SECRET_KEY" help:"the secret key of the account at Stripe: sk_…"`
	PublicKey     string        `env:"STRIPE_PUBLISHABLE_KEY" help:"the publishable key for Stripe.js, which every page may read: pk_…"`
	WebhookSecret config.Secret `env:"STRIPE_WEBHOOK_SECRET" help:"the signing secret of Stripe's webhooks: whsec_…"`
	ReturnURL     string        `env:"PAYMENT_RETURN_URL" help:"where the bank sends the buyer's browser after 3-D Secure"`
	SimulatorURL  string        `env:"SIMULATOR_URL" envDefault:"http://127.0.0.1:4006" help:"where stripesim listens, without a path"`
	SimulatorKey  config.Secret `env:"SIMULATOR_KEY" help:"the secret shared with stripesim, at least 32 characters"`
}

func (c processorConfig) simulated() bool {
	return c.Name == "simulator" || c.Name == "" && !c.SecretKey.IsSet()
}

// check returns what is wrong with the configuration. In production a missing key must not select
// the simulator, which would give the tickets away.
func (c processorConfig) check(development bool) error {
	var faults []error
	switch {
	case c.simulated() && c.Name == "" && !development:
		return errors.New("STRIPE_SECRET_KEY: it must be set; " +
			"PROCESSOR=simulator charges no card and gives tickets away")
	case c.simulated() && !c.SimulatorKey.IsSet():
		return errors.New("SIMULATOR_KEY: it must be set for the simulator")
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

// public returns what cardProcessor shows of the processor.
func (c processorConfig) public() graph.Processor {
	if c.simulated() {
		return graph.Processor{Kind: graph.Simulator}
	}
	return graph.Processor{Kind: graph.Stripe, PublishableKey: c.PublicKey}
}

// stripe returns the adapter's configuration.
func (c processorConfig) stripe() stripe.Config {
	if c.simulated() {
		return stripe.Config{SecretKey: c.SimulatorKey.Reveal(), APIBase: c.SimulatorURL, ReturnURL: c.ReturnURL}
	}
	return stripe.Config{SecretKey: c.SecretKey.Reveal(), ReturnURL: c.ReturnURL}
}

// webhookSecret returns the key that signs the processor's webhooks.
func (c processorConfig) webhookSecret() string {
	if c.simulated() {
		return c.SimulatorKey.Reveal()
	}
	return c.WebhookSecret.Reveal()
}
