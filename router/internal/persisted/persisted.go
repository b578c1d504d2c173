// Package persisted finds documents by their identifiers, so that clients need not send them: the
// trusted ones that manifests list, and those that a client has sent before (what Apollo calls
// automatic persisted queries). It can refuse everything that is not trusted.
package persisted

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/router/internal/cache"
	"boxoffice.dev/router/internal/operation"
)

// Codes of requests whose document is not executed. Apollo Client knows the first two.
const (
	NotFound     apperr.Code = "PERSISTED_QUERY_NOT_FOUND"
	NotSupported apperr.Code = "PERSISTED_QUERY_NOT_SUPPORTED"
	HashMismatch apperr.Code = "PERSISTED_QUERY_HASH_MISMATCH"
	NotTrusted   apperr.Code = "DOCUMENT_NOT_TRUSTED"
)

const (
	registeredEntries = 2_000
	registeredBytes   = 16 << 20
)

// Config says which documents can be named.
type Config struct {
	Trusted   Manifest
	Only      bool // refuse all others
	Automatic bool // remember documents that come with their hash
}

// Reference is how a request names its document: by its text, with or without its hash, or by an
// identifier alone.
type Reference struct {
	Text string // the document itself
	ID   string // documentId of GraphQL over HTTP
	Hash string // SHA-256 in hexadecimal: persistedQuery of Apollo
}

// Store knows documents. Safe for concurrent use.
type Store struct {
	trusted    Manifest
	allowed    map[string]bool // texts; nil when every text is
	registered *cache.Cache[string, string]
}

// New returns a Store. The error says that Only was asked for with nothing that is trusted.
func New(cfg Config) (*Store, error) {
	s := &Store{trusted: cfg.Trusted}
	switch {
	case cfg.Only && len(cfg.Trusted) == 0:
		return nil, errors.New("only trusted documents are allowed, and there are none")
	case cfg.Only:
		s.allowed = map[string]bool{}
		for _, text := range cfg.Trusted {
			s.allowed[text] = true
		}
	case cfg.Automatic:
		s.registered = cache.New[string, string]("persisted queries", registeredEntries, registeredBytes)
	}
	return s, nil
}

// Trusted returns the documents that manifests list, sorted.
func (s *Store) Trusted() []string {
	return slices.Compact(slices.Sorted(maps.Values(s.trusted)))
}

// Resolve returns the text of the document that a request names. The error is an operation.Refused.
func (s *Store) Resolve(ref Reference) (string, error) {
	text := ref.Text
	switch {
	case ref.ID != "":
		found, err := s.find(ref.ID)
		if err != nil {
			return "", err
		}
		text = found
	case ref.Hash != "" && ref.Text == "":
		found, err := s.find(ref.Hash)
		if err != nil {
			return "", err
		}
		text = found
	case ref.Hash != "" && ref.Hash != hash(ref.Text):
		return "", operation.Refuse(http.StatusBadRequest, HashMismatch, "provided sha does not match query")
	}
	if s.allowed != nil && !s.allowed[text] {
		return "", operation.Refuse(http.StatusForbidden, NotTrusted, "only trusted documents are executed")
	}
	return text, nil
}

// Keep remembers a valid document that came with its hash.
func (s *Store) Keep(ref Reference) {
	if s.registered != nil && ref.Hash != "" && ref.Text != "" {
		s.registered.Add(ref.Hash, ref.Text, len(ref.Text))
	}
}

func (s *Store) find(id string) (string, error) {
	id = canonical(id)
	if text, ok := s.trusted[id]; ok {
		return text, nil
	}
	if s.registered != nil {
		if text, ok := s.registered.Get(id); ok {
			return text, nil
		}
	}
	if s.registered == nil && len(s.trusted) == 0 {
		return "", operation.RefuseDocument(NotSupported, "PersistedQueryNotSupported")
	}
	return "", operation.RefuseDocument(NotFound, "PersistedQueryNotFound")
}

// canonical writes an identifier in one way: "sha256:abc…" and "abc…" are the same.
func canonical(id string) string { return strings.TrimPrefix(id, "sha256:") }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
