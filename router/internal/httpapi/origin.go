package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"boxoffice.dev/router/internal/authn"
	"boxoffice.dev/router/internal/operation"
)

// preflightHeaders are headers that a browser sends to another origin only after a CORS preflight. So any of them
// proves that the page's origin is allowed.
var preflightHeaders = []string{"Apollo-Require-Preflight", "X-Requested-With", "Graphql-Preflight"}

const allowedHeaders = "Content-Type, Authorization, Accept, X-Request-Id, X-Refresh-Token, Traceparent, " +
	"Apollo-Require-Preflight, X-Requested-With, GraphQL-Preflight"

// Origin is a web origin, such as https://shop.example.
type Origin string

// UnmarshalText accepts exactly scheme://host, with an optional port.
func (o *Origin) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || string(text) != u.Scheme+"://"+u.Host || strings.Contains(u.Host, "*") {
		return fmt.Errorf("want an origin such as https://shop.example, got %q", text)
	}
	*o = Origin(text)
	return nil
}

// origins are the origins whose pages may use the API with cookies.
type origins struct {
	exact      map[Origin]bool
	protection *http.CrossOriginProtection
}

func newOrigins(list []Origin) (origins, error) {
	o := origins{exact: map[Origin]bool{}, protection: http.NewCrossOriginProtection()}
	for _, origin := range list {
		if err := o.protection.AddTrustedOrigin(string(origin)); err != nil {
			return o, fmt.Errorf("allow origin: %w", err)
		}
		o.exact[origin] = true
	}
	return o, nil
}

// allow sets the CORS headers for an allowed origin.
func (o origins) allow(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if !o.exact[Origin(origin)] {
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	w.Header().Set("Access-Control-Expose-Headers", "X-Request-Id")
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", allowedMethods)
		w.Header().Set("Access-Control-Allow-Headers", allowedHeaders)
		w.Header().Set("Access-Control-Max-Age", "600")
	}
}

// checkOrigin refuses requests that the page of another site may have sent with a visitor's cookies. Requests with a
// bearer token pass, because such a page does not have one.
func (h *Handler) checkOrigin(r *http.Request) error {
	if authn.HasBearer(r) {
		return nil
	}
	if err := h.origins.protection.Check(r); err != nil {
		return operation.Refuse(http.StatusForbidden, CrossOrigin, "this origin may not use the API")
	}
	if r.Method != http.MethodGet || !h.cfg.Sessions.HasCookies(r) {
		return nil
	}
	for _, name := range preflightHeaders {
		if r.Header.Get(name) != "" {
			return nil
		}
	}
	return operation.Refuse(http.StatusForbidden, CrossOrigin, "GET with cookies needs the header GraphQL-Preflight: 1")
}

// clientAddress returns the address of the client: the peer's, or, when the peer is a trusted
// proxy, the last one in X-Forwarded-For that is not.
func clientAddress(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	isTrusted := func(text string) bool {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return false
		}
		for _, p := range trusted {
			if p.Contains(addr.Unmap()) {
				return true
			}
		}
		return false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for isTrusted(host) && len(hops) > 0 {
		last := strings.TrimSpace(hops[len(hops)-1])
		hops = hops[:len(hops)-1]
		if _, err := netip.ParseAddr(last); err != nil {
			break
		}
		host = last
	}
	return host
}
