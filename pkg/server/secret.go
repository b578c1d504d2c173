package server

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Secret is a credential from the environment: at least 32 characters. It prints as [secret].
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

// checkSecrets refuses, outside development, a configuration with a secret that everybody can read.
func checkSecrets(cfg Configured) error {
	if cfg.base().Development() {
		return nil
	}
	var faults []error
	fields := reflect.ValueOf(cfg)
	for i := range fields.NumField() {
		if s, ok := fields.Field(i).Interface().(Secret); ok && strings.HasPrefix(s.Reveal(), example) {
			faults = append(faults, fmt.Errorf("%s: this is an example from the repository; make one of your own or set ENVIRONMENT=development",
				strings.TrimSuffix(fields.Type().Field(i).Tag.Get("env"), ",required")))
		}
	}
	return errors.Join(faults...)
}
