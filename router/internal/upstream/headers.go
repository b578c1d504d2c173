package upstream

import "net/http"

// Headers are the headers of a fetch. Nothing else that a client sent is forwarded to subgraphs.
type Headers struct {
	ServiceToken  string
	AccessToken   string // empty when signed out
	RequestID     string
	ClientAddress string

	SessionSubgraph string // the only subgraph that receives the following
	RefreshCookie   string // name=value
	RefreshToken    string // of a client without cookies
}

// For returns the headers for a fetch from the subgraph, a new map each time.
func (h Headers) For(subgraph string) http.Header {
	header := make(http.Header, 8) // a fetch adds Accept and Content-Type
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
	if subgraph == h.SessionSubgraph {
		set("Cookie", h.RefreshCookie)
		set("X-Refresh-Token", h.RefreshToken)
	}
	return header
}
