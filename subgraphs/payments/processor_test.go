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

// Everybody learns who takes the cards, and nothing that is secret.
func TestPagesLearnWhoTakesTheCards(t *testing.T) {
	t.Parallel()
	const token = "a-token-for-this-test-0123456789ab"
	for _, c := range []struct {
		name string
		cfg  processorConfig
		want string
	}{
		{"nobody configured", processorConfig{}, `{"kind":"SIMULATOR","publishableKey":null}`},
		{"the simulator, though there are keys", processorConfig{Name: "simulator", SecretKey: config.NewSecret("sk_test_1"), PublicKey: "pk_test_1"}, `{"kind":"SIMULATOR","publishableKey":null}`},
		{"Stripe", processorConfig{SecretKey: config.NewSecret("sk_test_1"), PublicKey: "pk_test_1"}, `{"kind":"STRIPE","publishableKey":"pk_test_1"}`},
		{"Stripe, for clients with a key of their own", processorConfig{SecretKey: config.NewSecret("sk_test_1")}, `{"kind":"STRIPE","publishableKey":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler := gqlserver.New(gqlserver.Config{
				Schema: graph.Schema(nil, c.cfg.shown()), ServiceToken: token,
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

func TestNoSecretKeyIsTakenForAPublicOne(t *testing.T) {
	t.Parallel()
	c := processorConfig{SecretKey: config.NewSecret("sk_test_1"), WebhookSecret: config.NewSecret("whsec_1"), PublicKey: "sk_test_1"}
	if err := c.check(true); err == nil || !strings.HasPrefix(err.Error(), "STRIPE_PUBLISHABLE_KEY: ") {
		t.Errorf("got %v", err)
	}
	c.PublicKey = "pk_test_1"
	if err := c.check(true); err != nil {
		t.Errorf("got %v", err)
	}
}
