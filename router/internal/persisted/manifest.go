package persisted

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Manifest maps identifiers to documents. Each document is there under the SHA-256 of its text,
// too.
type Manifest map[string]string

// apolloFormat is how Apollo's manifests call themselves.
const apolloFormat = "apollo-persisted-query-manifest"

// Read adds the documents of a manifest file: what GraphQL Code Generator writes (an object of
// identifiers and documents) or what Apollo does
// (https://www.apollographql.com/docs/graphos/platform/security/persisted-queries#manifest-format).
// The error names every entry that is at fault.
func (m Manifest) Read(file []byte) error {
	var apollo struct {
		Format     string
		Version    int
		Operations []struct{ ID, Body string }
	}
	if err := json.Unmarshal(file, &apollo); err == nil && apollo.Format == apolloFormat {
		if apollo.Version != 1 {
			return fmt.Errorf("%s has version %d, want 1", apolloFormat, apollo.Version)
		}
		var errs []error
		for _, op := range apollo.Operations {
			errs = append(errs, m.add(op.ID, op.Body))
		}
		return errors.Join(errs...)
	}
	var documents map[string]string
	if err := json.Unmarshal(file, &documents); err != nil || documents == nil {
		return errors.New("not a manifest: want an object of identifiers and documents, or " + apolloFormat)
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(documents)) {
		errs = append(errs, m.add(id, documents[id]))
	}
	return errors.Join(errs...)
}

func (m Manifest) add(id, text string) error {
	sum := hash(text)
	switch {
	case id == "" || text == "":
		return fmt.Errorf("document %q: identifier or text is empty", id)
	case strings.HasPrefix(id, "sha256:") && canonical(id) != sum:
		return fmt.Errorf("document %q: its SHA-256 is %s", id, sum)
	}
	for _, name := range []string{canonical(id), sum} {
		if known, ok := m[name]; ok && known != text {
			return fmt.Errorf("document %q: another one has this identifier", name)
		}
		m[name] = text
	}
	return nil
}
