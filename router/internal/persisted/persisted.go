// Package persisted looks up documents by identifiers, so that clients need not send them: trusted documents, which
// manifests list, and documents that a client has sent before (Apollo's automatic persisted queries). It can refuse
// all documents that are not trusted.
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

// Codes of requests whose document is not executed. Apollo Client handles the first two.
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

// Config configures a Store.
type Config struct {
	Trusted   Manifest
	Only      bool // refuse all others
	Automatic bool // remember documents that come with their hash
}

// Reference is a request's reference to a document: its text, with or without its hash, or an identifier alone.
type Reference struct {
	Text string // the document
	ID   string // documentId of GraphQL over HTTP
	Hash string // SHA-256 in hexadecimal: persistedQuery of Apollo
}

// Store holds documents. Safe for concurrent use.
type Store struct {
	trusted    Manifest
	allowed    map[string]bool // texts; nil allows every text
	registered *cache.Cache[string, string]
}

// New returns a Store. It fails when Only is set without any trusted document.
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

// Resolve returns the text of a document. The error is an operation.Refused.
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

// Keep stores a valid document that came with its hash.
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

// canonical returns an identifier without the optional prefix "sha256:".
func canonical(id string) string { return strings.TrimPrefix(id, "sha256:") }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
