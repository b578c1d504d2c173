package identity

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"boxoffice.dev/pkg/id"
)

const (
	maxTokenBytes  = 8 << 10
	maxKeySetBytes = 64 << 10
	fetchTimeout   = 2 * time.Second

	// FreshFor is how long a fetched key set is used before it is fetched again. An issuer must publish a new key at
	// least this long before it signs with it.
	FreshFor = time.Minute
	// fetchEvery is the minimum time between two fetches, so that invalid tokens cannot cause more.
	fetchEvery = time.Second
	// leeway is the tolerated difference between the clocks of issuer and verifier.
	leeway = 5 * time.Second
)

// ErrInvalid means that a token is invalid.
var ErrInvalid = errors.New("invalid access token")

var (
	keyID      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	compactJWS = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
)

// VerifierConfig configures which tokens are accepted.
type VerifierConfig struct {
	JWKSURL  string           // where the issuer publishes its keys
	KeySet   KeySet           // source of the keys instead of JWKSURL when not nil
	Issuer   string           // Boxoffice when empty
	Audience string           // Boxoffice when empty
	Client   *http.Client     // fetches the keys; http.DefaultClient when nil; each fetch ends after 2 s
	Now      func() time.Time // time.Now when nil
}

// KeySet returns the issuer's published keys as a JSON Web Key Set.
type KeySet func(ctx context.Context) ([]byte, error)

// Verifier verifies access tokens with the issuer's published keys. It keeps the last key set while the issuer is
// down, and fetches at most once a second. It remembers verified tokens until they expire or their key is no longer
// published. It is safe for concurrent use.
type Verifier struct {
	keySet KeySet
	now    func() time.Time
	parser *jwt.Parser
	known  memory

	fetch   sync.Mutex   // held while fetching; guards triedAt
	triedAt time.Time    // when a fetch last began
	state   sync.RWMutex // guards keys and goodAt
	keys    map[string]ed25519.PublicKey
	goodAt  time.Time // when the keys were fetched
}

// NewVerifier returns a verifier. It fetches no keys before the first token.
func NewVerifier(cfg VerifierConfig) *Verifier {
	if cfg.Client == nil {
		cfg.Client = http.DefaultClient
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.KeySet == nil {
		cfg.KeySet = fetchFrom(cfg.JWKSURL, cfg.Client)
	}
	return &Verifier{
		keySet: cfg.KeySet, now: cfg.Now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{algorithm}),
			jwt.WithStrictDecoding(),
			jwt.WithIssuer(orDefault(cfg.Issuer)),
			jwt.WithAudience(orDefault(cfg.Audience)),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(cfg.Now),
		),
	}
}

// Bearer returns the token of an Authorization header. It reports false for any other scheme.
func Bearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", false
	}
	return token, true
}

// Verify returns the caller that the token was issued for. The error wraps ErrInvalid when the token is invalid. Any
// other error means that no key set could be fetched yet.
func (v *Verifier) Verify(ctx context.Context, token string) (Caller, error) {
	d := digest(sha256.Sum256([]byte(token)))
	known, found := v.known.get(d)
	kid := known.kid
	if !found {
		var err error
		if kid, err = inspect(token); err != nil {
			return Caller{}, invalid(err)
		}
	}
	key, err := v.key(ctx, kid)
	if err != nil {
		return Caller{}, err
	}
	if found && known.valid(key, v.now()) {
		return known.caller, nil
	}
	claims := jwt.MapClaims{}
	keyOf := func(*jwt.Token) (any, error) { return key, nil }
	if _, err := v.parser.ParseWithClaims(token, claims, keyOf); err != nil {
		return Caller{}, invalid(err)
	}
	c, err := caller(claims)
	if err == nil {
		v.known.put(d, verified{c, kid, key})
	}
	return c, err
}

func invalid(reason error) error { return fmt.Errorf("%w: %w", ErrInvalid, reason) }

// inspect rejects malformed tokens that golang-jwt accepts, and returns the id of the key. The header must have exactly
// the members that Issuer writes. This excludes jku, x5u, jwk, crit and b64.
func inspect(token string) (kid string, err error) {
	if len(token) > maxTokenBytes {
		return "", fmt.Errorf("%d bytes long", len(token))
	}
	if !compactJWS.MatchString(token) { // also excludes line breaks, which encoding/base64 skips
		return "", errors.New("not a compact JWS")
	}
	parts := strings.Split(token, ".")
	header, err := members(parts[0])
	if err != nil {
		return "", fmt.Errorf("header: %w", err)
	}
	if _, err := members(parts[1]); err != nil {
		return "", fmt.Errorf("claims: %w", err)
	}
	switch {
	case len(header) != 3:
		return "", errors.New("header has other members than alg, kid and typ")
	case header["alg"] != algorithm:
		return "", errors.New("unexpected alg")
	case header["typ"] != tokenType:
		return "", errors.New("unexpected typ")
	case !keyID.MatchString(header["kid"]):
		return "", errors.New("unexpected kid")
	}
	return header["kid"], nil
}

// members decodes a flat JSON object and returns its strings. Other values become "". Duplicate members are an error,
// because parsers disagree about which one counts.
func members(encoded string) (map[string]string, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	found := map[string]string{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := found[name]; twice {
			return nil, fmt.Errorf("duplicate member %q", name)
		}
		value, err := dec.Token()
		if err != nil {
			return nil, err
		}
		if _, nested := value.(json.Delim); nested {
			return nil, fmt.Errorf("member %q is not a plain value", name)
		}
		found[name], _ = value.(string)
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the object")
	}
	return found, nil
}

// caller returns the caller that the claims of a verified token describe.
func caller(claims jwt.MapClaims) (Caller, error) {
	if _, ok := claims["iat"]; !ok { // the parser does not require it
		return Caller{}, invalid(errors.New("no iat"))
	}
	userID, _ := claims["sub"].(string)
	sessionID, _ := claims["sid"].(string)
	scope, _ := claims["scope"].(string)
	if !id.Valid(id.User, userID) || !id.Valid(id.Session, sessionID) {
		return Caller{}, invalid(errors.New("sub or sid is not an id"))
	}
	expiry, err := claims.GetExpirationTime()
	if err != nil || expiry == nil { // the parser requires it
		return Caller{}, invalid(errors.New("no exp"))
	}
	return Caller{UserID: userID, SessionID: sessionID, Scopes: strings.Fields(scope), ExpiresAt: expiry.UTC()}, nil
}

// key returns the public key with the id. When the key set is outdated, one caller fetches it and the others use
// the old one meanwhile. Callers with an unknown key wait for the fetch.
func (v *Verifier) key(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	key, fresh := v.cached(kid)
	switch {
	case key != nil && fresh:
		return key, nil
	case key != nil:
		if v.fetch.TryLock() {
			v.refresh(ctx)
			v.fetch.Unlock()
		}
	default:
		v.fetch.Lock()
		if key, _ = v.cached(kid); key == nil { // not fetched while waiting for the lock
			v.refresh(ctx)
		}
		v.fetch.Unlock()
	}
	if key, _ = v.cached(kid); key != nil {
		return key, nil
	}
	v.state.RLock()
	defer v.state.RUnlock()
	if v.keys == nil {
		return nil, errors.New("verify access token: the issuer's keys could not be fetched yet")
	}
	return nil, invalid(errors.New("unknown kid"))
}

func (v *Verifier) cached(kid string) (key ed25519.PublicKey, fresh bool) {
	v.state.RLock()
	defer v.state.RUnlock()
	return v.keys[kid], v.now().Sub(v.goodAt) < FreshFor
}

// refresh fetches the key set, unless the last attempt was less than fetchEvery ago. After an error it keeps the
// old one. The caller holds v.fetch.
func (v *Verifier) refresh(ctx context.Context) {
	now := v.now()
	if now.Sub(v.triedAt) < fetchEvery {
		return
	}
	v.triedAt = now
	// All callers share the result, so the cancellation of this one must not end the fetch.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	keys, err := v.fetchKeys(ctx)
	if err != nil {
		slog.WarnContext(ctx, "fetching the key set failed", "error", err)
		return
	}
	v.state.Lock()
	defer v.state.Unlock()
	v.keys, v.goodAt = keys, v.now()
}

func (v *Verifier) fetchKeys(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	data, err := v.keySet(ctx)
	if err != nil {
		return nil, err
	}
	return parseKeySet(data)
}

func fetchFrom(url string, client *http.Client) KeySet {
	return func(ctx context.Context) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, fmt.Errorf("make key set request: %w", err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("fetch key set: %w", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("fetch key set from %s: %s", url, resp.Status)
		}
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySetBytes))
		if err != nil {
			return nil, fmt.Errorf("read key set: %w", err)
		}
		return data, nil
	}
}
