package config

import (
	"fmt"
	"log/slog"
	"strings"
)

// Secret is a credential of at least 32 characters. Every way to print, log or encode it writes
// [secret]; only Reveal returns the credential. It is behind a pointer because package fmt prints the
// unexported fields of a struct without calling their methods.
type Secret struct{ text *string }

const (
	minSecret     = 32
	redacted      = "[secret]"
	examplePrefix = "development-" // of the secrets in this repository
)

// NewSecret returns a credential of any length.
func NewSecret(text string) Secret { return Secret{&text} }

// UnmarshalText rejects a secret that is too short.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) < minSecret {
		return fmt.Errorf("a secret has at least %d characters, this one has %d", minSecret, len(text))
	}
	*s = NewSecret(string(text))
	return nil
}

// IsSet reports whether there is a credential.
func (s Secret) IsSet() bool { return s.text != nil }

// Reveal returns the credential, or an empty text if it is not set.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Format redacts the secret for every verb of package fmt.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// String redacts the secret where text is made without package fmt.
func (Secret) String() string { return redacted }

// GoString redacts the secret where Go syntax is made without package fmt.
func (Secret) GoString() string { return redacted }

// LogValue redacts the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts the secret in JSON, YAML and other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// isExample reports whether the secret is a published one, which protects nothing.
func (s Secret) isExample() bool { return strings.HasPrefix(s.Reveal(), examplePrefix) }
