package identity

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Boxoffice is the issuer and the audience of access tokens unless configured otherwise.
const Boxoffice = "boxoffice"

const (
	algorithm = "EdDSA"
	tokenType = "at+jwt" // RFC 9068
)

// Issuer signs access tokens.
type Issuer struct {
	Name     string        // the `iss` claim; Boxoffice when empty
	Audience string        // the `aud` claim; Boxoffice when empty
	TTL      time.Duration // how long a token is good for
}

// Issue returns a token for the caller, signed with the key, and when it expires.
func (i Issuer) Issue(key ed25519.PrivateKey, c Caller, now time.Time) (token string, expiresAt time.Time, err error) {
	now = now.UTC().Truncate(time.Second) // the claims have no finer grain
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
