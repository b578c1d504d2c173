package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"

	"boxoffice.dev/pkg/metrics"
)

// check is a condition that /readyz reports by name.
type check func(context.Context) error

// Check makes readiness depend on check, which must honour its context.
func (s *Server) Check(name string, check func(context.Context) error) { s.required[name] = check }

// CheckDegraded makes /readyz report an error of check as degraded. The program stays ready: it can still serve
// requests, or all processes fail at the same time and load balancers would have none left. The check must
// honour its context.
func (s *Server) CheckDegraded(name string, check func(context.Context) error) {
	s.optional[name] = check
}

// CheckAny makes readiness depend on check, which returns an error or nil for each part by its name, and must
// honour its context. The program is ready while at least one part works, and degraded while another one fails.
func (s *Server) CheckAny(check func(context.Context) map[string]error) { s.anyOf = check }

// health is the response of /readyz.
type health struct {
	Status  string            `json:"status"`
	Failing map[string]string `json:"failing,omitempty"` // error by name of check
}

// readiness runs all checks.
func (s *Server) readiness(ctx context.Context) (status int, h health) {
	if !s.ready.Load() {
		return http.StatusServiceUnavailable, health{Status: "starting or stopping"}
	}
	failing := map[string]string{}
	collect := func(name string, err error) {
		if err != nil {
			failing[name] = err.Error()
		}
	}
	for name, check := range s.required {
		collect(name, check(ctx))
	}
	unready := len(failing) > 0
	if s.anyOf != nil {
		parts := s.anyOf(ctx)
		before := len(failing)
		for name, err := range parts {
			collect(name, err)
		}
		unready = unready || len(failing)-before == len(parts)
	}
	for name, check := range s.optional {
		collect(name, check(ctx))
	}
	switch {
	case unready:
		return http.StatusServiceUnavailable, health{"not ready", failing}
	case len(failing) > 0:
		return http.StatusOK, health{"degraded", failing}
	}
	return http.StatusOK, health{Status: "ready"}
}

// admin serves /healthz (the process runs), /readyz (it can do its work), /metrics and /debug/pprof/ beside
// what HandlePrivate has added.
func (s *Server) admin() http.Handler {
	mux := s.private
	mux.Handle("GET /metrics", metrics.Handler(s.registry))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, health{Status: "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		status, h := s.readiness(ctx)
		writeHealth(w, status, h)
	})
	return mux
}

func writeHealth(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(h) //nolint:errcheck // the client has disconnected
}
