package graph

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/subgraphs/auth/internal/account"
	"boxoffice.dev/subgraphs/auth/internal/graph/generated"
)

// refreshTokenHeader carries the refresh token of clients that do not use cookies.
const refreshTokenHeader = "X-Refresh-Token"

// Cookies configures the cookies of a session. In development they have neither the prefix __Host- nor Secure, which
// browsers accept over HTTPS only.
type Cookies struct{ Development bool }

// exchange is the part of the HTTP request and response that resolvers use.
type exchange struct {
	cookies      Cookies
	header       http.Header // of the response
	from         netip.Addr  // the client's; the zero Addr when unknown
	refreshToken string      // empty when there is none
	delivery     generated.SessionDelivery
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// WithSession lets the resolvers of the schema read the refresh token and set cookies. It reads the client's address
// from X-Forwarded-For, so next must accept requests of the router only.
func WithSession(next http.Handler, cookies Cookies) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{cookies: cookies, header: w.Header(), delivery: generated.SessionDeliveryCookie}
		if from, err := netip.ParseAddr(r.Header.Get("X-Forwarded-For")); err == nil {
			x.from = from
		}
		if cookie, err := r.Cookie(cookies.name("refresh")); err == nil {
			x.refreshToken = cookie.Value
		}
		if token := r.Header.Get(refreshTokenHeader); token != "" { // has precedence, like a bearer token
			x.refreshToken, x.delivery = token, generated.SessionDeliveryBearer
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

// deliver issues an access token for a session and delivers both tokens, as cookies or as its result. It only returns
// err if err is not nil.
func (r *Resolver) deliver(
	ctx context.Context, g account.Grant, err error, how generated.SessionDelivery,
) (*generated.Viewer, *generated.SessionTokens, error) {
	if err != nil {
		return nil, nil, err
	}
	caller := identity.Caller{UserID: g.Viewer.User.ID, SessionID: g.Viewer.Session.ID}
	if slices.Contains(r.operators, caller.UserID) {
		caller.Scopes = []string{identity.Operator}
	}
	access, expiresAt, err := r.keys.Issue(caller)
	if err != nil {
		return nil, nil, err
	}
	if how == generated.SessionDeliveryBearer {
		return showViewer(g.Viewer), &generated.SessionTokens{
			AccessToken: access, AccessTokenExpiresAt: expiresAt, RefreshToken: g.RefreshToken,
		}, nil
	}
	now := r.now()
	exchangeOf(ctx).setCookies(access, expiresAt.Sub(now), g.RefreshToken, g.Viewer.Session.ExpiresAt.Sub(now))
	return showViewer(g.Viewer), nil, nil
}

// setCookies sets a cookie for each token with the token's lifetime; 0 removes the cookie. The lifetime is relative, so
// that a wrong clock of the browser does not matter.
func (x *exchange) setCookies(access string, accessFor time.Duration, refresh string, refreshFor time.Duration) {
	x.header.Del("Set-Cookie") // of an earlier mutation of the same request
	for _, c := range []struct {
		name, value string
		lifetime    time.Duration
	}{{"access", access, accessFor}, {"refresh", refresh, refreshFor}} {
		cookie := http.Cookie{ //nolint:gosec // not Secure in development only
			Name: x.cookies.name(c.name), Value: c.value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
			Secure: !x.cookies.Development, MaxAge: int(c.lifetime / time.Second),
		}
		if cookie.MaxAge <= 0 {
			cookie.MaxAge = -1 // net/http writes Max-Age=0 for it
		}
		x.header.Add("Set-Cookie", cookie.String())
	}
}

func (x *exchange) clearCookies() { x.setCookies("", 0, "", 0) }

func (c Cookies) name(base string) string {
	if c.Development {
		return base
	}
	return "__Host-" + base
}

// KeySet serves the public keys that verify access tokens.
func KeySet(keys identity.KeySet) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := keys(r.Context())
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Write(data) //nolint:errcheck // the client is gone then
	})
}
