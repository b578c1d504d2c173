package persisted

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Manifest maps identifiers to documents. The SHA-256 of its text always identifies a document, too.
type Manifest map[string]string

// apolloFormat is the format of Apollo's manifests.
const apolloFormat = "apollo-persisted-query-manifest"

// Read adds the documents of a manifest file, in the format of GraphQL Code Generator (an object of identifiers and
// documents) or of Apollo
// (https://www.apollographql.com/docs/graphos/platform/security/persisted-queries#manifest-format).
// The error names every invalid entry.
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
			return fmt.Errorf("document %q: another document has this identifier", name)
		}
		m[name] = text
	}
	return nil
}
