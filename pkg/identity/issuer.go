package identity

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Boxoffice is the default issuer and audience of access tokens.
const Boxoffice = "boxoffice"

const (
	algorithm = "EdDSA"
	tokenType = "at+jwt" // RFC 9068
)

// Issuer signs access tokens.
type Issuer struct {
	Name     string        // the `iss` claim; Boxoffice when empty
	Audience string        // the `aud` claim; Boxoffice when empty
	TTL      time.Duration // lifetime of a token
}

// Issue returns a token for the caller, signed with the key, and its expiry.
func (i Issuer) Issue(key ed25519.PrivateKey, c Caller, now time.Time) (token string, expiresAt time.Time, err error) {
	now = now.UTC().Truncate(time.Second) // the precision of the claims
	expiresAt = now.Add(i.TTL)
	claims := jwt.MapClaims{
		"iss": orDefault(i.Name), "aud": orDefault(i.Audience), "sub": c.UserID, "sid": c.SessionID,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expiresAt.Unix(),
	}
	if len(c.Scopes) > 0 {
		claims["scope"] = strings.Join(c.Scopes, " ")
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	unsigned.Header["typ"] = tokenType
	unsigned.Header["kid"] = KeyID(key.Public().(ed25519.PublicKey))
	token, err = unsigned.SignedString(key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign access token: %w", err)
	}
	return token, expiresAt, nil
}

func orDefault(name string) string {
	if name == "" {
		return Boxoffice
	}
	return name
}
