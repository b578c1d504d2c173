package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"boxoffice.dev/pkg/config"
	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/internal/gqlserver"
	"boxoffice.dev/subgraphs/payments/internal/graph"
)

func TestCardProcessorIsPublicButItsSecretsAreNot(t *testing.T) {
	t.Parallel()
	const token = "a-token-for-this-test-0123456789ab"
	for _, c := range []struct {
		name string
		cfg  processorConfig
		want string
	}{
		{"unset", processorConfig{}, `{"kind":"SIMULATOR","publishableKey":null}`},
		{"the simulator, with keys of Stripe", processorConfig{Name: "simulator", SecretKey: config.NewSecret("sk_test_1"), PublicKey: "pk_test_1"}, `{"kind":"SIMULATOR","publishableKey":null}`},
		{"Stripe", processorConfig{SecretKey: config.NewSecret("sk_test_1"), PublicKey: "pk_test_1"}, `{"kind":"STRIPE","publishableKey":"pk_test_1"}`},
		{"Stripe without a publishable key", processorConfig{SecretKey: config.NewSecret("sk_test_1")}, `{"kind":"STRIPE","publishableKey":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler := gqlserver.New(gqlserver.Config{
				Schema: graph.Schema(nil, c.cfg.public()), ServiceToken: token,
				Verify: func(context.Context, string) (identity.Caller, error) { return identity.Caller{}, identity.ErrInvalid },
			})
			r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader([]byte(`{"query":"{ cardProcessor { kind publishableKey } }"}`)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(gqlserver.ServiceTokenHeader, token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if got := strings.TrimSpace(w.Body.String()); got != `{"data":{"cardProcessor":`+c.want+`}}` {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestProcessorConfig(t *testing.T) {
	t.Parallel()
	complete := processorConfig{SecretKey: config.NewSecret("sk_test_1"), WebhookSecret: config.NewSecret("whsec_1"), PublicKey: "pk_test_1"}
	with := func(change func(*processorConfig)) processorConfig {
		c := complete
		change(&c)
		return c
	}
	for _, c := range []struct {
		name        string
		cfg         processorConfig
		development bool
		fault       string // the start of the error; empty for none
	}{
		{"Stripe", complete, false, ""},
		{"Stripe in development", complete, true, ""},
		{"a secret key as publishable key", with(func(c *processorConfig) { c.PublicKey = "sk_test_1" }), true, "STRIPE_PUBLISHABLE_KEY: "},
		{"Stripe without a secret key", with(func(c *processorConfig) { c.Name, c.SecretKey = "stripe", config.Secret{} }), true, "STRIPE_SECRET_KEY: "},
		{"Stripe without a webhook secret", with(func(c *processorConfig) { c.WebhookSecret = config.Secret{} }), true, "STRIPE_WEBHOOK_SECRET: "},
		{"the simulator in development", processorConfig{SimulatorKey: config.NewSecret("k")}, true, ""},
		{"the simulator without a key", processorConfig{}, true, "SIMULATOR_KEY: "},
		{"the simulator in production", processorConfig{SimulatorKey: config.NewSecret("k")}, false, "STRIPE_SECRET_KEY: "},
		{"the simulator by name in production", processorConfig{Name: "simulator", SimulatorKey: config.NewSecret("k")}, false, ""},
		{"the simulator by name without a key", processorConfig{Name: "simulator"}, false, "SIMULATOR_KEY: "},
	} {
		err := c.cfg.check(c.development)
		if err == nil && c.fault != "" || err != nil && (c.fault == "" || !strings.HasPrefix(err.Error(), c.fault)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.fault)
		}
	}
}

// Each processor gets its own credentials only.
func TestProcessorCredentials(t *testing.T) {
	t.Parallel()
	c := processorConfig{SecretKey: config.NewSecret("sk"), WebhookSecret: config.NewSecret("whsec"), SimulatorKey: config.NewSecret("sim"), SimulatorURL: "http://stripesim", ReturnURL: "http://shop"}
	if a := c.stripe(); a.SecretKey != "sk" || a.APIBase != "" || a.ReturnURL != "http://shop" || c.webhookSecret() != "whsec" {
		t.Errorf("Stripe: got %+v, %s", a, c.webhookSecret())
	}
	c.Name = "simulator"
	if a := c.stripe(); a.SecretKey != "sim" || a.APIBase != "http://stripesim" || a.ReturnURL != "http://shop" || c.webhookSecret() != "sim" {
		t.Errorf("simulator: got %+v, %s", a, c.webhookSecret())
	}
}
