package upstream

import "net/http"

// Headers are what the router tells a subgraph about a request. Nothing that a client sent passes
// unless it is listed here.
type Headers struct {
	ServiceToken  string
	AccessToken   string // empty when signed out
	RequestID     string
	ClientAddress string

	AuthSubgraph  string // the one subgraph that is trusted with the following
	RefreshCookie string // a Cookie header, name=value
	RefreshToken  string // of a client without cookies
}

// For returns the headers for a fetch from the subgraph, a new map each time.
func (h Headers) For(subgraph string) http.Header {
	header := make(http.Header, 8) // the engine adds Accept and Content-Type
	set := func(name, value string) {
		if value != "" {
			header[name] = []string{value}
		}
	}
	set("X-Service-Token", h.ServiceToken)
	if h.AccessToken != "" {
		set("Authorization", "Bearer "+h.AccessToken)
	}
	set("X-Request-Id", h.RequestID)
	set("X-Forwarded-For", h.ClientAddress)
	if subgraph == h.AuthSubgraph {
		set("Cookie", h.RefreshCookie)
		set("X-Refresh-Token", h.RefreshToken)
	}
	return header
}
