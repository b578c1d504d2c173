package server

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Collect adds metrics of this service's own to those of the process. It panics when a name is taken.
func (s *Server) Collect(collectors ...prometheus.Collector) { s.registry.MustRegister(collectors...) }

// metrics answers with everything that is counted in this process. A metric that cannot be read at
// the moment is left out.
func (s *Server) metrics() http.Handler {
	all := prometheus.Gatherers{prometheus.DefaultGatherer, s.registry}
	return promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	})
}
