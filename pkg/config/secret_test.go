package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const credential = "my-own-service-token-0123456789-abcdef"

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	type nested struct {
		Token    Secret
		Pointer  *Secret
		List     []Secret
		ByName   map[string]Secret
		ByToken  map[Secret]string
		Any      any
		internal Secret
	}
	secret := NewSecret(credential)
	inside := nested{secret, &secret, []Secret{secret}, map[string]Secret{"a": secret}, map[Secret]string{secret: "a"}, secret, secret}
	for name, value := range map[string]any{"value": secret, "pointer": &secret, "struct": inside, "pointer to struct": &inside} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			expectRedacted(t, name+" "+verb, fmt.Sprintf(verb, value))
		}
		var out bytes.Buffer
		for format, handler := range map[string]slog.Handler{"JSON": slog.NewJSONHandler(&out, nil), "text": slog.NewTextHandler(&out, nil)} {
			out.Reset()
			log := slog.New(handler)
			log.Info("started", "config", value)
			log.With("config", value).WithGroup("group").Info("started", slog.Group("more", "config", value))
			expectRedacted(t, name+" in a log as "+format, out.String())
		}
		asJSON, err := json.Marshal(value)
		asYAML, err2 := yaml.Marshal(value)
		if err := errors.Join(err, err2); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		expectRedacted(t, name+" in JSON", string(asJSON))
		expectRedacted(t, name+" in YAML", string(asYAML))
	}
	expectRedacted(t, "String and GoString", secret.String()+secret.GoString())
	if secret.Reveal() != credential {
		t.Errorf("revealed %q", secret.Reveal())
	}
}

// expectRedacted fails if the text has the credential, plain or in hexadecimal.
func expectRedacted(t *testing.T, name, text string) {
	t.Helper()
	for _, form := range []string{credential, fmt.Sprintf("%x", credential), fmt.Sprintf("%X", credential)} {
		if strings.Contains(text, form) {
			t.Errorf("%s: printed %s", name, text)
		}
	}
}
