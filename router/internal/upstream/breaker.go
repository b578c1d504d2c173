package upstream

import (
	"errors"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Breaker says when a subgraph that does not answer is left alone. Each has a variable of its own in
// the environment.
type Breaker struct {
	Failures int           `env:"FAILURES" envDefault:"50" min:"0" max:"100" help:"failure rate in percent that opens the circuit breaker; 0 disables it"`
	Fetches  int           `env:"FETCHES" envDefault:"20" min:"1" help:"least number of fetches in the window before the failure rate counts"`
	Window   time.Duration `env:"WINDOW" envDefault:"10s" min:"1s" help:"time over which the failure rate is measured"`
	Pause    time.Duration `env:"PAUSE" envDefault:"2s" min:"1ms" help:"time that an open circuit breaker fails fetches, before one trial fetch decides whether it closes"`
}

// newBreaker returns what lets fetches fail at once while their subgraph does not answer, so that neither
// clients nor the subgraph's queue wait for nothing. Errors that a subgraph answers with are answers. So
// are those that the router does not take: what one client asks for must not shut out the others.
func newBreaker(cfg Breaker, subgraph string) *gobreaker.CircuitBreaker[Answer] {
	return gobreaker.NewCircuitBreaker[Answer](gobreaker.Settings{
		Name:         subgraph,
		Interval:     cfg.Window,
		BucketPeriod: cfg.Window / 10,
		Timeout:      cfg.Pause,
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errUnfit) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errGone) },
		ReadyToTrip: func(n gobreaker.Counts) bool {
			failed, ended := int(n.TotalFailures), int(n.TotalFailures+n.TotalSuccesses)
			return cfg.Failures > 0 && ended >= cfg.Fetches && failed*100 >= cfg.Failures*ended
		},
		OnStateChange: func(subgraph string, from, to gobreaker.State) {
			slog.Warn("breaker of subgraph changes", "subgraph", subgraph, "from", from.String(), "to", to.String())
		},
	})
}

// isOpen reports whether a fetch failed without having been sent.
func isOpen(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}
