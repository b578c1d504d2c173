package identity

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// KeyID returns the id (`kid`) of a public key: its thumbprint (RFC 7638, RFC 8037).
func KeyID(key ed25519.PublicKey) string {
	x := base64.RawURLEncoding.EncodeToString(key)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// jwk is a public key (RFC 8037).
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Alg string `json:"alg"`
	Use string `json:"use"`
	Kid string `json:"kid"`
	X   string `json:"x"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// MarshalKeySet returns the JSON Web Key Set (RFC 7517) of the keys.
func MarshalKeySet(keys []ed25519.PublicKey) ([]byte, error) {
	set := jwks{Keys: []jwk{}}
	for _, key := range keys {
		set.Keys = append(set.Keys, jwk{
			Kty: "OKP", Crv: "Ed25519", Alg: algorithm, Use: "sig",
			Kid: KeyID(key), X: base64.RawURLEncoding.EncodeToString(key),
		})
	}
	return json.Marshal(set)
}

// parseKeySet returns the Ed25519 signing keys of a set by their id. It skips other keys. A set without usable key
// is an error.
func parseKeySet(data []byte) (map[string]ed25519.PublicKey, error) {
	var set jwks
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("parse key set: %w", err)
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.Strict().DecodeString(k.X)
		if err != nil || len(x) != ed25519.PublicKeySize ||
			k.Kty != "OKP" || k.Crv != "Ed25519" || k.Alg != algorithm || k.Use != "sig" || !keyID.MatchString(k.Kid) {
			continue
		}
		keys[k.Kid] = x
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("parse key set: no usable key among %d", len(set.Keys))
	}
	return keys, nil
}
