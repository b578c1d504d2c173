package server

import (
	"fmt"
	"strings"
)

// Secret is a credential: at least 32 characters. It prints as [secret].
type Secret string

const (
	minSecret = 32
	example   = "development-" // how the secrets begin that stand in the repository
)

// UnmarshalText refuses a secret that is too short.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) < minSecret {
		return fmt.Errorf("a secret has at least %d characters, this one has %d", minSecret, len(text))
	}
	*s = Secret(text)
	return nil
}

// String hides the secret from logs and messages.
func (Secret) String() string { return "[secret]" }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// isExample reports whether everybody can read the secret.
func (s Secret) isExample() bool { return strings.HasPrefix(string(s), example) }
